/** Backups on a real disk: what is written, that it is the same every time, and that others can read it. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMaintenanceFiles } from "#adapters/host/backup/maintenance-files.ts";
import { createBackupThread } from "#adapters/host/backup/thread.ts";
import { parseManifest } from "#ops/maintenance/backup/manifest.ts";
import { readNewest } from "#ops/maintenance/backup/shelf.ts";
import type { StepProgress } from "#ops/maintenance/coordinator.ts";
import { createWorkshop, gnuTar, keepSevenDays, sha256Of, type Workshop } from "./workshop.ts";

let shop: Workshop;
beforeEach(() => {
  shop = createWorkshop();
});
afterEach(() => shop.dispose());

const keepAll = { ...keepSevenDays, days: 100_000 };
const archiveOf = (sequence: number): string => join(shop.backup, `backup-00000${sequence}.tar.gz`);
const manifestOf = (sequence: number) => {
  const manifest = parseManifest(readFileSync(join(shop.backup, `backup-00000${sequence}.manifest.json`), "utf8"));
  if (!manifest.ok) throw new Error(manifest.error);
  return manifest.value;
};
const writeVariety = (): string[] => {
  const paths = [
    "swing/20131007/22_00.jsonl",
    "empty.jsonl",
    ".hidden/.file",
    "with space/and 'quotes'.jsonl",
    "한글/가격.jsonl",
    `deep/${"a".repeat(90)}/${"b".repeat(90)}/${"c".repeat(120)}.jsonl`,
    "block/exactly-512.bin",
    "block/three-megabytes.bin",
  ];
  for (const path of paths) shop.write(path);
  shop.write("empty.jsonl", "");
  shop.write("block/exactly-512.bin", Buffer.alloc(512, 7));
  shop.write("block/three-megabytes.bin", Buffer.alloc(3 * 1024 * 1024 + 1, "QTS"));
  return paths.sort();
};

describe("the newest backup", () => {
  it("is told from one manifest, or from an older one where its archive is lost", async () => {
    const read: string[] = [];
    const host = createMaintenanceFiles();
    const files = {
      ...host,
      readText: (path: string) => {
        read.push(path);
        return host.readText(path);
      },
    };
    expect(await readNewest(files, shop.backup)).toBeUndefined();
    for (const name of ["a.jsonl", "b.jsonl", "c.jsonl"]) {
      shop.write(name);
      await shop.run({}, keepAll);
    }
    expect(await readNewest(files, shop.backup)).toEqual(manifestOf(3));
    expect(read).toHaveLength(1);
    rmSync(archiveOf(3));
    writeFileSync(join(shop.backup, "backup-000002.manifest.json"), "cut");
    expect(await readNewest(files, shop.backup)).toEqual(manifestOf(1));
  });
});

describe("a backup", () => {
  it("holds every file, whatever its name or size, with its hash in the manifest", async () => {
    const paths = writeVariety();
    const report = await shop.run({}, keepAll);
    expect(report.failure).toBeUndefined();
    expect(
      manifestOf(1)
        .files.map(({ path }) => path)
        .sort(),
    ).toEqual(paths);
    for (const { path, sha256, size } of manifestOf(1).files) {
      expect(sha256).toBe(sha256Of(join(shop.data, path)));
      expect(size).toBe(statSync(join(shop.data, path)).size);
    }
    expect(manifestOf(1)).toMatchObject({ sourceRoot: shop.data, runId: report.runId, archiveSha256: sha256Of(archiveOf(1)) });
  });

  it("can be listed, compared and extracted by GNU tar (M5)", async () => {
    const paths = writeVariety();
    await shop.run({}, keepAll);
    expect(gnuTar("--quoting-style=literal", "-tzf", archiveOf(1)).trimEnd().split("\n").sort()).toEqual(paths);
    gnuTar("--compare", "-zf", archiveOf(1), "-C", shop.data);
    const extracted = join(shop.root, "extracted");
    mkdirSync(extracted);
    gnuTar("-xzf", archiveOf(1), "-C", extracted);
    expect(shop.list(extracted)).toEqual(shop.list(shop.data));
  });

  it("is the same bytes for the same files, in whatever order the disk lists them (M4)", async () => {
    writeVariety();
    await shop.run({}, keepAll);
    const first = sha256Of(archiveOf(1));
    const second = createWorkshop();
    try {
      const other = join(second.root, "other");
      await second.run({}, keepAll);
      const { createMaintenanceEntries } = await import("#ops/maintenance/one-run.ts");
      const entries = createMaintenanceEntries(
        second.host({ logPath: join(other, "cleanup.log"), clock: { now: () => 1, monotonicMs: () => 0, hold: (work) => work } }),
      );
      await entries.runMaintenance(shop.data, other, keepAll);
      expect(sha256Of(join(other, "backup-000001.tar.gz"))).toBe(first);
    } finally {
      await second.dispose();
    }
  });

  it("is incremental: unchanged files are referred to, changed and new ones are archived (M4)", async () => {
    shop.writeDays(3);
    await shop.run({}, keepAll);
    const [first] = manifestOf(1).files;
    shop.write("swing/new.jsonl");
    writeFileSync(join(shop.data, first?.path ?? ""), "other content\n");
    const report = await shop.run({}, keepAll);
    expect(report).toMatchObject({ outcome: "done", unchanged: 2 });
    expect(manifestOf(2).files.map(({ path }) => path)).toEqual([first?.path, "swing/new.jsonl"]);
    expect(manifestOf(2).references.map(({ archive }) => archive)).toEqual(["backup-000001.tar.gz", "backup-000001.tar.gz"]);
  });

  it("adds nothing when nothing is new", async () => {
    shop.writeDays(3);
    await shop.run({}, keepAll);
    const before = readdirSync(shop.backup);
    expect(await shop.run({}, keepAll)).toMatchObject({ outcome: "done", unchanged: 3, backedUp: [] });
    expect(readdirSync(shop.backup)).toEqual(before);
  });

  it("does nothing, successfully, for an empty folder", async () => {
    expect(await shop.run({}, keepAll)).toMatchObject({ outcome: "done", backedUp: [] });
    expect(readdirSync(shop.backup)).toEqual([]);
  });

  it("holds only what an include glob matches, and then only that can be deleted", async () => {
    shop.writeDays(12, "swing");
    shop.writeDays(12, "scalp");
    const report = await shop.run({ includeGlobs: ["scalp/**"] });
    expect(report.backedUp).toHaveLength(12);
    expect(report.deleted).toHaveLength(4);
    expect(report.deleted.every(({ path }) => path.startsWith("scalp/"))).toBe(true);
    expect(shop.list(join(shop.data, "swing"))).toHaveLength(12);
  });

  it("leaves out, with the reason, what is still being written and what is not whole", async () => {
    shop.write("scalp/a.jsonl.open");
    shop.write("scalp/b.jsonl.torn.1");
    shop.write("scalp/c.jsonl");
    shop.write("scalp/d.jsonl");
    const report = await shop.run({ isOpen: (path) => path === "scalp/d.jsonl" }, keepAll);
    expect(report.backedUp.map(({ path }) => path)).toEqual(["scalp/c.jsonl"]);
    expect(report.skipped.map(({ path }) => path)).toEqual(["scalp/a.jsonl.open", "scalp/b.jsonl.torn.1", "scalp/d.jsonl"]);
  });

  it("does not follow a link that stays inside, and says so", async () => {
    shop.write("a.jsonl");
    symlinkSync("a.jsonl", join(shop.data, "link.jsonl"));
    symlinkSync("nothing", join(shop.data, "dangling.jsonl"));
    const report = await shop.run({}, keepAll);
    expect(report.backedUp.map(({ path }) => path)).toEqual(["a.jsonl"]);
    expect(report.skipped).toEqual([
      { path: "dangling.jsonl", reason: "a link to nothing" },
      { path: "link.jsonl", reason: "a link; its target is backed up under its own name" },
    ]);
  });

  it("tells its progress, up to the whole (M4)", async () => {
    for (let index = 0; index < 5; index += 1) shop.write(`big-${index}.bin`, Buffer.alloc(10 * 1024 * 1024, index));
    const seen: StepProgress[] = [];
    await shop.run({ onProgress: (progress) => void seen.push(progress) }, keepAll);
    const ofBackup = seen.filter(({ step }) => step === "backup");
    expect(ofBackup.length).toBeGreaterThanOrEqual(3);
    expect(ofBackup.every(({ bytes, bytesTotal }) => bytes <= bytesTotal && bytesTotal === 50 * 1024 * 1024)).toBe(true);
    expect(seen.some(({ step }) => step === "verify")).toBe(true);
  });

  it("archives again what an archive held that has gone missing, was cut, or was found damaged", async () => {
    shop.writeDays(3);
    await shop.run({}, keepAll);
    writeFileSync(archiveOf(1), "cut");
    const report = await shop.run({}, keepAll);
    expect(report).toMatchObject({ outcome: "done", unchanged: 0 });
    expect(report.backedUp).toHaveLength(3);
    expect(report.notes.join()).toMatch(/backup-000001.tar.gz: the archive has 3 bytes instead of/);
  });

  it("removes at its start what a killed run left half-written, and nothing else", async () => {
    shop.write("a.jsonl");
    mkdirSync(shop.backup);
    writeFileSync(join(shop.backup, ".partial-backup-000001.tar.gz"), "half");
    writeFileSync(join(shop.backup, "README"), "mine");
    await shop.run({}, keepAll);
    expect(existsSync(join(shop.backup, ".partial-backup-000001.tar.gz"))).toBe(false);
    expect(readFileSync(join(shop.backup, "README"), "utf8")).toBe("mine");
  });

  it("removes an archive without a manifest when everything in it is proven elsewhere, and adopts it otherwise", async () => {
    shop.writeDays(3);
    await shop.run({}, keepAll);
    const orphan = readFileSync(archiveOf(1));
    writeFileSync(archiveOf(7), orphan);
    shop.write("new.jsonl");
    expect((await shop.run({}, keepAll)).notes).toEqual([expect.stringMatching(/backup-000007.tar.gz removed/)]);

    const [first] = manifestOf(1).files;
    writeFileSync(archiveOf(9), orphan);
    writeFileSync(
      join(shop.backup, "backup-000001.manifest.json"),
      JSON.stringify({ ...manifestOf(1), files: manifestOf(1).files.slice(1) }),
    );
    shop.write("newer.jsonl");
    const stamp = statSync(join(shop.data, first?.path ?? "")).mtime;
    writeFileSync(join(shop.data, first?.path ?? ""), "changed since");
    utimesSync(join(shop.data, first?.path ?? ""), stamp, stamp);
    expect((await shop.run({}, keepAll)).notes).toEqual([expect.stringMatching(/backup-000009.tar.gz adopted: 3 files/)]);
    expect(manifestOf(9).files.find(({ path }) => path === first?.path)).toMatchObject({ sha256: first?.sha256, ctimeNs: "" });
  });
});

describe("an archive that a killed run left without a manifest on a disk that is full now", () => {
  const full = { ...createMaintenanceFiles(), freeBytes: async () => ({ ok: true, value: 1_000 }) as const };
  beforeEach(async () => {
    shop.writeDays(12);
    await shop.run({ deleteShareMax: 0 }, keepAll);
    rmSync(join(shop.backup, "backup-000001.manifest.json"));
  });

  it("is adopted before space is judged: its files are held already, and expired ones go on its proof", async () => {
    const report = await shop.run({ files: full, isClockTrusted: true });
    expect(report.failure).toBeUndefined();
    expect(report.notes).toEqual(["backup-000001.tar.gz adopted: 12 files, read back whole"]);
    expect([report.backedUp, report.unchanged]).toEqual([[], 12]);
    expect(report.deleted).toHaveLength(4);
  });

  it("is removed when there is no room even for its manifest and all of it is still in the source", async () => {
    let calls = 0;
    const files = {
      ...createMaintenanceFiles(),
      writeDurably: async (path: string, text: string) => {
        calls += 1;
        if (calls === 1) return { ok: false, error: { type: "failed", reason: "ENOSPC" } } as const;
        return createMaintenanceFiles().writeDurably(path, text);
      },
    };
    const report = await shop.run({ files, deleteShareMax: 0 });
    expect(report.notes).toEqual([expect.stringMatching(/backup-000001.tar.gz removed: there is no room for its manifest/)]);
    expect(report).toMatchObject({ outcome: "done", unchanged: 0 });
    expect(report.backedUp).toHaveLength(12);
  });

  it("is never removed when it holds what the source has no more, nor when it cannot be read (M4, M9)", async () => {
    rmSync(join(shop.data, "swing"), { recursive: true });
    shop.write("swing/new.jsonl");
    const failing = {
      ...createMaintenanceFiles(),
      writeDurably: async () => ({ ok: false, error: { type: "failed", reason: "ENOSPC" } }) as const,
    };
    writeFileSync(join(shop.backup, "backup-000002.tar.gz"), readFileSync(archiveOf(1)).subarray(0, 300));
    const report = await shop.run({ files: failing });
    expect(report).toMatchObject({ outcome: "failed", deleted: [] });
    expect([existsSync(archiveOf(1)), existsSync(archiveOf(2))]).toEqual([true, true]);
    const later = await shop.run();
    expect(later.notes).toContainEqual(expect.stringMatching(/backup-000002.tar.gz left: .* cannot be read/));
    expect([existsSync(archiveOf(1)), existsSync(archiveOf(2))]).toEqual([true, true]);
  });
});

describe("the backup thread", () => {
  const chrt = spawnSync("chrt", ["--version"]).status === 0;
  const needs = chrt ? "" : " (needs Linux with chrt: apt-get install util-linux)";
  it.skipIf(!chrt && !process.env.CI)(
    `runs only when nobody else wants the processor${needs}, so that no fill waits for a backup (M10)`,
    async () => {
      /** Scheduling policy of each thread of this process; 5 is SCHED_IDLE (proc(5), field 41). */
      const policies = (): Map<string, number> =>
        new Map(
          readdirSync("/proc/self/task").flatMap((thread) => {
            try {
              const fields = readFileSync(`/proc/self/task/${thread}/stat`, "utf8")
                .replace(/^.*\) /, "")
                .split(" ");
              return [[thread, Number(fields[38])] as const];
            } catch {
              // It ended between being listed and being read.
              return [];
            }
          }),
        );
      const before = policies();
      const thread = createBackupThread();
      shop.write("a.jsonl");
      expect(await thread.survey({ root: shop.data, globs: ["**"] })).toMatchObject({ ok: true });
      const idle = [...policies()].filter(([id, policy]) => policy === 5 && !before.has(id));
      expect(idle).toHaveLength(1);
      expect(policies().get(String(process.pid))).toBe(0);
      await thread.close();
    },
  );

  it("gives up work that makes no progress, and works again afterwards", async () => {
    shop.write("a.jsonl");
    const thread = createBackupThread({ stallMsMax: 1000 });
    // Nobody ever writes to it: reading waits for ever.
    execFileSync("mkfifo", [join(shop.root, "fifo")]);
    expect(await thread.readBack(join(shop.root, "fifo"))).toEqual({
      ok: false,
      error: { type: "failed", reason: "no progress for 1 s" },
    });
    expect((await thread.survey({ root: shop.data, globs: ["**"] })).ok).toBe(true);
    await thread.close();
    // Lets the hung system call of the given-up thread end, so that this process can.
    closeSync(openSync(join(shop.root, "fifo"), constants.O_RDWR | constants.O_NONBLOCK));
  });

  it("ends what is under way when it is closed", async () => {
    shop.write("big.bin", Buffer.alloc(64 * 1024 * 1024, 1));
    const thread = createBackupThread();
    const survey = await thread.survey({ root: shop.data, globs: ["**"] });
    if (!survey.ok) throw new Error(survey.error.reason);
    const archiving = thread.archive({
      root: shop.data,
      files: survey.value.files,
      destination: join(shop.root, "x.tar.gz"),
      gzipLevel: 9,
    });
    await thread.close();
    expect(await archiving).toEqual({ ok: false, error: { type: "failed", reason: "the backup was stopped" } });
    expect((await thread.survey({ root: shop.data, globs: ["**"] })).ok).toBe(true);
    await thread.close();
  });
});
