/** Nothing is deleted without proof: every way a backup can be wrong, and every way a file can differ from it. */
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { createMaintenanceFiles } from "#adapters/host/backup/maintenance-files.ts";
import { createBackupThread } from "#adapters/host/backup/thread.ts";
import { parseManifest } from "#ops/maintenance/backup/manifest.ts";
import type { VerifiedBackup } from "#ops/maintenance/backup/verifier.ts";
import { cleanUp } from "#ops/maintenance/cleanup/executor.ts";
import { createCleanupLog } from "#ops/maintenance/log.ts";
import { createMaintenanceEntries } from "#ops/maintenance/one-run.ts";
import type { BackupWorker } from "#ops/ports.ts";
import { contentOf, createWorkshop, gnuTar, sha256Of, type Workshop, watched } from "./workshop.ts";

let shop: Workshop;
let days: string[];
beforeEach(() => {
  shop = createWorkshop();
  days = shop.writeDays(12);
});
afterEach(() => shop.dispose());

const archive = (): string => join(shop.backup, "backup-000001.tar.gz");
/** Runs `tamper` right before the first call of a worker's or the files' method. */
const tampering = (method: string, tamper: () => void) => {
  let isDone = false;
  const before = (called: string): void => {
    if (called !== method || isDone) return;
    isDone = true;
    tamper();
  };
  return {
    worker: watched(createBackupThread({ stepsBehind: false }), { before }),
    files: watched(createMaintenanceFiles(), { before }),
  };
};
const oldest = (): string => days.at(-1) as string;

describe("an expired file", () => {
  it("is deleted once its backup is verified, and the log says why, with hash and manifest", async () => {
    const hashes = contentOf(shop, shop.data);
    const report = await shop.run();
    expect(report.deleted.map(({ path }) => path)).toEqual([days[11], days[10], days[9], days[8]].toSorted());
    expect(shop.list(shop.data)).toEqual(days.slice(0, 8).toSorted());
    const lines = shop.logLines();
    expect(lines).toHaveLength(12);
    expect(lines.filter(({ decision }) => decision === "deleted")).toHaveLength(4);
    expect(lines.find(({ path }) => path === oldest())).toMatchObject({
      decision: "deleted",
      reason: expect.stringMatching(/days old; 7 days are kept/),
      sha256: hashes[oldest()],
      manifest: "backup-000001.manifest.json",
    });
    expect(lines.filter(({ decision }) => decision === "kept").every(({ reason }) => reason.length > 0)).toBe(true);
  });

  it("is announced in the log, on disk, before it is unlinked (M8)", async () => {
    const announced: boolean[] = [];
    const worker = watched(createBackupThread({ stepsBehind: false }), {
      before: (method, args) => {
        if (method !== "remove") return;
        const lines = shop.logLines();
        for (const { path } of (args[0] as { readonly files: readonly { readonly path: string }[] }).files)
          announced.push(lines.some((line) => line.path === path && line.decision === "deleted"));
      },
    });
    await shop.run({ worker });
    expect(announced).toEqual([true, true, true, true]);
  });

  it("is on a line of its own in the log after a half line that a power cut left (M8)", async () => {
    await shop.run({ deleteShareMax: 0 });
    const [first] = readFileSync(shop.log, "utf8").split("\n");
    writeFileSync(shop.log, `${first}\n{"at":1381752000000,"runId":"ru`);
    await shop.run();
    const [whole, torn, ...later] = readFileSync(shop.log, "utf8").trimEnd().split("\n");
    expect([whole, torn]).toEqual([first, '{"at":1381752000000,"runId":"ru']);
    expect(later).toHaveLength(12);
    for (const line of later) expect(JSON.parse(line)).toHaveProperty("decision");
  });

  it("is deleted once: running again deletes nothing more (M9)", async () => {
    await shop.run();
    const left = contentOf(shop, shop.data);
    expect((await shop.run()).deleted).toEqual([]);
    expect(contentOf(shop, shop.data)).toEqual(left);
  });

  it("is deleted within the day's share only, and running again that day deletes nothing more", async () => {
    expect((await shop.run({ deleteShareMax: 0.25 })).deleted).toHaveLength(3);
    expect((await shop.run({ deleteShareMax: 0.25 })).deleted).toHaveLength(0);
  });

  it("is deleted on the proof of an earlier archive only after that archive was read back again", async () => {
    await shop.run({ deleteShareMax: 0 });
    const read: unknown[] = [];
    const worker = watched(createBackupThread({ stepsBehind: false }), {
      before: (method, args) => void (method === "readBack" && read.push(args[0])),
    });
    expect((await shop.run({ worker })).deleted).toHaveLength(4);
    expect(read).toEqual([archive()]);
  });
});

describe("nothing is deleted when", () => {
  const untouched = async (run: ReturnType<Workshop["run"]>, step: string, reason: RegExp): Promise<void> => {
    const before = contentOf(shop, shop.data);
    const report = await run;
    expect(report.outcome).toBe("failed");
    expect(report.failure).toEqual({ step, reason: expect.stringMatching(reason) });
    expect(report.deleted).toEqual([]);
    expect(contentOf(shop, shop.data)).toEqual(before);
  };

  test.each([
    {
      damage: "one bit of the archive is flipped",
      tamper: (bytes: Buffer) => bytes.fill((bytes[bytes.length >> 1] as number) ^ 1, bytes.length >> 1, (bytes.length >> 1) + 1),
    },
    { damage: "the archive is cut", tamper: (bytes: Buffer) => bytes.subarray(0, bytes.length - 20) },
    { damage: "the archive is empty", tamper: () => Buffer.alloc(0) },
  ])("$damage before verification", async ({ tamper }) => {
    const hooks = tampering("readBack", () => writeFileSync(archive(), tamper(readFileSync(archive()))));
    await untouched(shop.run(hooks), "verify", /cannot be read back|is not what was archived/);
    expect(existsSync(join(shop.backup, "backup-000001.manifest.json"))).toBe(false);
  });

  it("a member is missing from the archive, which gzip -t and tar -t do not notice", async () => {
    const hooks = tampering("readBack", () => {
      const members = gnuTar("-tzf", archive()).trimEnd().split("\n");
      gnuTar("-czf", archive(), "-C", shop.data, ...members.slice(1));
      gnuTar("-tzf", archive());
    });
    await untouched(shop.run(hooks), "verify", /is missing/);
  });

  it("a member of the archive has other content", async () => {
    const hooks = tampering("readBack", () => {
      const copy = createWorkshop();
      for (const path of days) copy.write(path, readFileSync(join(shop.data, path), "utf8").replace("swing", "swink"));
      gnuTar("-czf", archive(), "-C", copy.data, ...days);
      void copy.dispose();
    });
    await untouched(shop.run(hooks), "verify", /has other content/);
  });

  it("the archive holds something nobody asked for", async () => {
    const hooks = tampering("readBack", () => {
      writeFileSync(join(shop.root, "extra"), "x");
      gnuTar("-czf", archive(), "-C", shop.data, ...days, "-C", shop.root, "extra");
    });
    await untouched(shop.run(hooks), "verify", /1 members are not in the manifest/);
  });

  it("the manifest cannot be made durable", async () => {
    const failing = {
      ...createMaintenanceFiles(),
      writeDurably: async () => ({ ok: false, error: { type: "failed", reason: "EIO: fsync" } }) as const,
    };
    await untouched(shop.run({ files: failing }), "verify", /EIO/);
  });

  it("the log of decisions cannot be written", async () => {
    await untouched(shop.run({ logPath: "/proc/no/such/place/cleanup.log" }), "scan", /writing \/proc/);
  });

  it("the log fails in the middle: what was not announced stays", async () => {
    const files = createMaintenanceFiles();
    let calls = 0;
    const failing = {
      ...files,
      appendDurably: async (path: string, text: string) => {
        calls += 1;
        if (calls > 1) return { ok: false, error: { type: "failed", reason: "ENOSPC" } } as const;
        return files.appendDurably(path, text);
      },
    };
    await untouched(shop.run({ files: failing }), "cleanup", /ENOSPC/);
  });

  it("a method of a port throws, which it should not", async () => {
    const files = watched(createMaintenanceFiles(), {
      before: (method) => {
        if (method === "freeBytes") throw new Error("a bug");
      },
    });
    await untouched(shop.run({ files }), "backup", /unexpected: a bug/);
  });

  it("an earlier archive turns out damaged; it is marked, and the next run archives again what is left", async () => {
    await shop.run({ deleteShareMax: 0 });
    rmSync(join(shop.backup, "maintenance.memory.json"));
    const fd = openSync(archive(), "r+");
    writeSync(fd, Buffer.from([0xff, 0xff]), 0, 2, statSync(archive()).size >> 1);
    closeSync(fd);
    await untouched(shop.run(), "verify", /the earlier archive backup-000001.tar.gz is damaged/);
    const healed = await shop.run();
    expect(healed.backedUp).toHaveLength(12);
    expect(healed.deleted).toHaveLength(4);
  });

  it("the clock went back or jumped since the last run", async () => {
    await shop.run({ deleteShareMax: 0 });
    for (const shiftH of [-1, 27]) {
      const clock = {
        now: () => shop.host().clock.now() + shiftH * 3_600_000,
        monotonicMs: () => 0,
        hold: <T>(work: Promise<T>) => work,
      };
      const report = await shop.run({ clock });
      expect(report.deleted).toEqual([]);
      expect(report.kept.map(({ reason }) => reason).join()).toMatch(/the clock went back|more than 26 h|in doubt/);
    }
  });
});

describe("a file is kept, with the reason, when after the backup it was", () => {
  const inData = (path: string): string => join(shop.data, path);
  test.each([
    ["grown", () => appendFileSync(inData(oldest()), "one more\n")],
    ["touched", () => utimesSync(inData(oldest()), 1_500_000_000, 1_500_000_000)],
    [
      "replaced by another with the same size, time and content",
      () => {
        const { mtime } = statSync(inData(oldest()));
        copyFileSync(inData(oldest()), inData("copy"));
        utimesSync(inData("copy"), mtime, mtime);
        renameSync(inData("copy"), inData(oldest()));
      },
    ],
    [
      "rewritten in place, with its time set back",
      () => {
        const { mtime, size } = statSync(inData(oldest()));
        writeFileSync(inData(oldest()), "x".repeat(size));
        utimesSync(inData(oldest()), mtime, mtime);
      },
    ],
    [
      "shortened",
      () => {
        const fd = openSync(inData(oldest()), "r+");
        ftruncateSync(fd, 3);
        closeSync(fd);
      },
    ],
  ])("%s", async (_, change) => {
    const report = await shop.run(tampering("inspect", change));
    expect(report.outcome).toBe("done");
    expect(report.deleted).toHaveLength(3);
    expect(report.kept).toContainEqual({
      path: oldest(),
      reason: expect.stringMatching(/after the backup|not what was backed up/),
    });
    expect(existsSync(inData(oldest()))).toBe(true);
  });

  it("changed in the very moment between the check and the deletion", async () => {
    const report = await shop.run(tampering("remove", () => appendFileSync(inData(days[11] as string), "late\n")));
    expect(report.kept).toContainEqual({ path: oldest(), reason: "it was changed in the last moment" });
    expect(existsSync(inData(oldest()))).toBe(true);
    expect(shop.logLines().at(-1)).toMatchObject({ decision: "kept", path: oldest() });
  });

  it("created", async () => {
    const late = "swing/20130101/09_00.jsonl";
    const report = await shop.run(tampering("readBack", () => shop.write(late)));
    expect(report.deleted).toHaveLength(4);
    expect(existsSync(inData(late))).toBe(true);
  });

  it("deleted by somebody else: that is no failure", async () => {
    const report = await shop.run(tampering("inspect", () => unlinkSync(inData(oldest()))));
    expect(report).toMatchObject({ outcome: "done", failedDeletes: [] });
    expect(report.kept).toContainEqual({ path: oldest(), reason: "it is gone already" });
  });

  it("changed while it was listed: then it is not even backed up", async () => {
    const report = await shop.run(tampering("archive", () => appendFileSync(inData(oldest()), "more\n")));
    expect(report.skipped).toContainEqual({
      path: oldest(),
      reason: "it changed after it was listed; somebody is writing to it",
    });
    expect(report.deleted).toHaveLength(3);
  });

  it("impossible to unlink: a warning, not a failed run", async () => {
    const worker: BackupWorker = {
      ...createBackupThread({ stepsBehind: false }),
      remove: async ({ files }) => ({ ok: true, value: files.map(() => ({ type: "failed", reason: "EPERM" })) }),
    };
    const report = await shop.run({ worker });
    expect(report.outcome).toBe("done");
    expect(report.failedDeletes).toHaveLength(4);
    expect(shop.list(shop.data)).toHaveLength(12);
  });
});

describe("the proof", () => {
  it("cannot be made by anybody but the verifier: it does not compile, and it does not run (M1)", async () => {
    const { files, worker } = shop.host();
    const stat = statSync(join(shop.data, oldest()), { bigint: true });
    const sha256 = sha256Of(join(shop.data, oldest()));
    const item = {
      path: oldest(),
      dev: `${stat.dev}`,
      ino: `${stat.ino}`,
      size: Number(stat.size),
      mtimeNs: `${stat.mtimeNs}`,
      ctimeNs: `${stat.ctimeNs}`,
      sha256,
      reason: "forged",
    };
    const forged = {
      manifestPath: "x",
      manifestSha256: "y",
      entries: [],
      entryFor: () => ({ ...item, archive: "a", manifest: "m", newestRecordAt: null }),
    };
    const host = { worker, log: createCleanupLog(files, shop.log), dataRoot: shop.data, runId: "r", at: 0 };
    // @ts-expect-error only the verifier can construct a VerifiedBackup
    await expect(cleanUp(forged, { files: [item] }, host)).rejects.toThrow("without the verifier's proof");
    await expect(cleanUp(Object.create(null) as VerifiedBackup, { files: [item] }, host)).rejects.toThrow(
      "without the verifier's proof",
    );
    expect(existsSync(join(shop.data, oldest()))).toBe(true);
  });

  it("holds for one state of a file: the manifest names device, inode, size, time and hash", async () => {
    const stat = statSync(join(shop.data, oldest()), { bigint: true });
    const sha256 = sha256Of(join(shop.data, oldest()));
    await shop.run();
    const manifest = parseManifest(readFileSync(join(shop.backup, "backup-000001.manifest.json"), "utf8"));
    expect(manifest.ok && manifest.value.files.find(({ path }) => path === oldest())).toMatchObject({
      dev: `${stat.dev}`,
      ino: `${stat.ino}`,
      size: Number(stat.size),
      mtimeNs: `${stat.mtimeNs}`,
      sha256,
    });
  });

  it("is asked for by both entries alike (M7)", async () => {
    const entries = createMaintenanceEntries(shop.host());
    const report = await entries.runMaintenanceAutomation(shop.data, shop.backup, {
      type: "data",
      rawSnapshotDays: 7,
      patternRecordDays: 30,
      decisionSnapshotDays: "never",
      filesKeptMin: 1,
    });
    expect(report.deleted).toHaveLength(4);
    expect(report.deleted[0]?.reason).toMatch(/rawSnapshot 7 days are kept/);
  });
});
