/** What a run refuses before it touches anything, and what it does not survive: real faults where this machine allows them. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { createMaintenanceFiles } from "#adapters/host/backup/maintenance-files.ts";
import { createMaintenanceEntries } from "#ops/maintenance/one-run.ts";
import { spawnMortal } from "../../mortal.ts";
import { contentOf, createWorkshop, keepSevenDays, type Workshop } from "./workshop.ts";

let shop: Workshop;
beforeEach(() => {
  shop = createWorkshop();
  shop.writeDays(12);
});
afterEach(() => shop.dispose());

const isRoot = userInfo().uid === 0;
const expectUntouched = async (
  work: () => ReturnType<Workshop["run"]>,
  outcome: "refused" | "failed",
  reason: RegExp,
): Promise<void> => {
  const before = contentOf(shop, shop.data);
  const report = await work();
  expect(report).toMatchObject({ outcome, deleted: [], failure: { reason: expect.stringMatching(reason) } });
  expect(contentOf(shop, shop.data)).toEqual(before);
};

describe("a run is refused when (M4)", () => {
  const between = (data: string, backup: string) =>
    createMaintenanceEntries(shop.host({ logPath: join(shop.root, "log") })).runMaintenance(data, backup, keepSevenDays);

  it("the backup would lie inside the data, also by way of a link", async () => {
    await expectUntouched(() => between(shop.data, join(shop.data, "backup")), "refused", /lies inside the data root/);
    symlinkSync(shop.data, join(shop.root, "link"));
    await expectUntouched(() => between(shop.data, join(shop.root, "link", "backup")), "refused", /lies inside the data root/);
    await expectUntouched(() => between(shop.data, shop.data), "refused", /lies inside the data root/);
  });

  it("the data lies inside the backup, or is not there, or is no folder", async () => {
    await expectUntouched(() => between(shop.data, shop.root), "refused", /lies inside the backup root/);
    await expectUntouched(() => between(join(shop.root, "nowhere"), shop.backup), "refused", /ENOENT/);
    writeFileSync(join(shop.root, "file"), "");
    await expectUntouched(() => between(join(shop.root, "file"), shop.backup), "refused", /is no folder/);
  });

  it("the backup root cannot be made", async () => {
    writeFileSync(join(shop.root, "file"), "");
    await expectUntouched(() => between(shop.data, join(shop.root, "file", "backup")), "refused", /ENOTDIR/);
  });

  it("a link leads outside, to a file, to a folder, or to nothing", async () => {
    for (const target of ["/etc/passwd", "/etc", "../../nowhere"]) {
      symlinkSync(target, join(shop.data, "link"));
      await expectUntouched(() => shop.run(), "refused", /is a link that leads outside/);
      rmSync(join(shop.data, "link"));
    }
  });

  it("there is not enough space, before a byte is written", async () => {
    const files = { ...createMaintenanceFiles(), freeBytes: async () => ({ ok: true, value: 1_000 }) as const };
    await expectUntouched(() => shop.run({ files }), "refused", /needs about \d+ bytes and .* has 1000 free/);
    expect(readdirSync(shop.backup)).toEqual([]);
  });
});

describe("the lock (M4)", () => {
  const lock = (): string => join(shop.backup, "maintenance.lock");
  const bootId = existsSync("/proc/sys/kernel/random/boot_id")
    ? readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
    : "";
  const leave = (holder: object): void => {
    mkdirSync(shop.backup, { recursive: true });
    writeFileSync(
      lock(),
      JSON.stringify({ host: hostname(), bootId, pid: process.pid, started: "1", runId: "other", ...holder }),
    );
  };
  let sleeper: ChildProcess | undefined;
  afterEach(() => {
    sleeper?.kill("SIGKILL");
    sleeper = undefined;
  });

  it("lets one of two runs at the same time go on and refuses the other", async () => {
    const [one, other] = await Promise.all([shop.run(), shop.run()]);
    expect([one.outcome, other.outcome].sort()).toEqual(["done", "refused"]);
    expect(existsSync(lock())).toBe(false);
  });

  it("refuses while another process that holds it lives", async () => {
    sleeper = spawnMortal("sleep", ["60"], {});
    const stat = readFileSync(`/proc/${sleeper.pid}/stat`, "utf8");
    leave({ pid: sleeper.pid, started: stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] });
    await expectUntouched(() => shop.run(), "refused", /another maintenance run holds .* process \d+ .* run other/);
  });

  test.each([
    ["whose process is dead", { pid: 4_194_304 }],
    ["whose process number was given to another process", {}],
    ["of an earlier boot", { bootId: "00000000-0000-0000-0000-000000000000" }],
  ])("takes over a lock %s", async (_, holder) => {
    leave(holder);
    expect((await shop.run()).outcome).toBe("done");
    expect(readdirSync(shop.backup).filter((name) => name.includes("lock"))).toEqual([]);
  });

  test.each([
    ["of another host, which cannot be judged from here", { host: "elsewhere", pid: 4_194_304 }],
    ["that cannot be read", { host: 5 }],
  ])("respects a lock %s", async (_, holder) => {
    leave(holder);
    await expectUntouched(() => shop.run(), "refused", /another maintenance run holds/);
  });
});

describe("a run fails, and nothing is deleted, when", () => {
  it("a manifest cannot be read: it may be all that protects an archive", async () => {
    await shop.run({ deleteShareMax: 0 });
    const manifest = join(shop.backup, "backup-000001.manifest.json");
    const whole = readFileSync(manifest, "utf8");
    for (const text of [
      whole.slice(0, 200),
      "",
      "[]",
      whole.replace("qts-backup/1", "qts-backup/9"),
      whole.replace('"swing/', '"../swing/'),
    ]) {
      writeFileSync(manifest, text);
      await expectUntouched(() => shop.run(), "failed", /the manifest backup-000001.manifest.json/);
      expect(existsSync(join(shop.backup, "backup-000001.tar.gz"))).toBe(true);
    }
  });

  it.skipIf(!isRoot)("the disk fills up while the archive is written (a small tmpfs; needs root)", async () => {
    mkdirSync(shop.backup);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", shop.backup]);
    try {
      shop.write("swing/20131001/noise.jsonl", randomBytes(3_000_000));
      const files = { ...createMaintenanceFiles(), freeBytes: async () => ({ ok: true, value: 1e12 }) as const };
      await expectUntouched(() => shop.run({ files, logPath: join(shop.root, "log") }), "failed", /ENOSPC/);
      expect(readdirSync(shop.backup)).toEqual([]);
    } finally {
      execFileSync("umount", [shop.backup]);
    }
  });

  it("a file cannot be read (the run is a process without the right to read everything)", async () => {
    shop.write("swing/20131019/secret.jsonl");
    execFileSync("chmod", ["000", join(shop.data, "swing/20131019/secret.jsonl")]);
    const before = contentOf(shop, shop.data);
    const script = join(import.meta.dirname, "maintain-child.ts");
    const unprivileged = isRoot
      ? [
          "setpriv",
          "--bounding-set=-dac_override,-dac_read_search",
          "--inh-caps=-dac_override,-dac_read_search",
          process.execPath,
        ]
      : [process.execPath];
    const [command, ...args] = [...unprivileged, script, shop.data, shop.backup];
    const report = JSON.parse(execFileSync(command as string, args, { encoding: "utf8" }));
    expect(report).toMatchObject({
      outcome: "failed",
      deleted: [],
      failure: { step: "backup", reason: expect.stringMatching(/secret.jsonl cannot be read: EACCES/) },
    });
    if (isRoot) expect(contentOf(shop, shop.data)).toEqual(before);
    expect(shop.list(shop.backup)).toEqual([]);
  });
});
