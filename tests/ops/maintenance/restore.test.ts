/** Files back from a backup: whole, in part, verified, and never over something else by accident. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRandom } from "#core/random.ts";
import { type RestoreRequest, restoreBackup } from "#ops/maintenance/backup/restore.ts";
import { createMaintenanceEntries } from "#ops/maintenance/one-run.ts";
import { contentOf, createWorkshop, gnuTar, keepSevenDays, type Workshop } from "./workshop.ts";

let shop: Workshop;
let to: string;
beforeEach(() => {
  shop = createWorkshop();
  to = join(shop.root, "restored");
});
afterEach(() => shop.dispose());

const restore = (request: Partial<RestoreRequest> = {}) => {
  const { files, worker } = shop.host();
  return restoreBackup(files, worker, { backupRoot: shop.backup, to, globs: [], overwrite: false, ...request });
};
const archiveOf = (sequence: number): string => join(shop.backup, `backup-00000${sequence}.tar.gz`);

describe("a restore (M5)", () => {
  it("brings back everything that was ever backed up, deleted files included, byte by byte and with its time", async () => {
    const days = shop.writeDays(12);
    shop.write("한글/가격.jsonl");
    shop.write("empty.jsonl", "");
    const before = contentOf(shop, shop.data);
    expect((await shop.run()).deleted.length).toBeGreaterThan(0);
    expect(await restore()).toMatchObject({ ok: true, value: { unavailable: [] } });
    expect(contentOf(shop, to)).toEqual(before);
    expect(statSync(join(to, days[0] as string)).mtimeMs).toBe(1_381_000_000_000);
    for (const path of shop.list(to)) chmodSync(join(to, path), statSync(join(shop.data, days[0] as string)).mode);
    gnuTar("--compare", "-zf", archiveOf(1), "-C", to);
  });

  it("gives what it brings back to its user alone, whatever the archive says of modes", async () => {
    shop.write("a/b.jsonl");
    chmodSync(join(shop.data, "a/b.jsonl"), 0o777);
    await shop.run();
    const umask = process.umask(0);
    await restore().finally(() => process.umask(umask));
    expect(["a/b.jsonl", "a", "."].map((path) => (statSync(join(to, path)).mode & 0o777).toString(8))).toEqual([
      "600",
      "700",
      "700",
    ]);
  });

  it("goes to no place that others may write, and through no folder of it", async () => {
    shop.write("a/b.jsonl");
    await shop.run();
    mkdirSync(join(to, "a"), { recursive: true });
    chmodSync(join(to, "a"), 0o777);
    expect(await restore()).toMatchObject({
      ok: true,
      value: {
        files: [],
        unavailable: [{ path: "a/b.jsonl", reason: expect.stringContaining("may be written by others (mode 0777)") }],
      },
    });
    chmodSync(to, 0o1777);
    expect(await restore()).toMatchObject({
      ok: false,
      error: { reason: expect.stringContaining("may be written by others (mode 1777)") },
    });
  });

  it("brings back what a glob matches and nothing else", async () => {
    shop.writeDays(3, "swing");
    shop.writeDays(3, "scalp");
    await shop.run();
    await restore({ globs: ["scalp/**"] });
    expect(shop.list(to)).toEqual(shop.list(shop.data).filter((path) => path.startsWith("scalp/")));
    expect(await restore({ globs: ["nothing/**"] })).toMatchObject({ ok: false, error: { type: "refused" } });
  });

  it("takes the newest version of each file, wherever it lies", async () => {
    shop.write("a.jsonl", "first\n");
    shop.write("b.jsonl", "first\n");
    await shop.run();
    writeFileSync(join(shop.data, "a.jsonl"), "second, longer\n");
    await shop.run();
    await restore();
    expect(readFileSync(join(to, "a.jsonl"), "utf8")).toBe("second, longer\n");
    expect(readFileSync(join(to, "b.jsonl"), "utf8")).toBe("first\n");
  });

  it("refuses to write over anything, before writing anything, and does so with overwrite", async () => {
    shop.writeDays(3);
    await shop.run();
    const target = join(to, shop.list(shop.data).at(-1) as string);
    mkdirSync(join(target, ".."), { recursive: true });
    writeFileSync(target, "mine\n");
    expect(await restore()).toMatchObject({
      ok: false,
      error: { type: "refused", reason: expect.stringMatching(/there already/) },
    });
    expect(shop.list(to)).toHaveLength(1);
    expect(readFileSync(target, "utf8")).toBe("mine\n");
    expect((await restore({ overwrite: true })).ok).toBe(true);
    expect(contentOf(shop, to)).toEqual(contentOf(shop, shop.data));
  });

  it("gives no name to a file whose bytes are not what the manifest says", async () => {
    shop.writeDays(2);
    await shop.run();
    const manifest = join(shop.backup, "backup-000001.manifest.json");
    writeFileSync(
      manifest,
      readFileSync(manifest, "utf8").replace(/"sha256":\s*"[0-9a-f]{64}"/, `"sha256": "${"0".repeat(64)}"`),
    );
    const [first, second] = shop.list(shop.data);
    expect(await restore()).toMatchObject({
      ok: true,
      value: {
        files: [{ path: second }],
        unavailable: [{ path: first, reason: expect.stringMatching(/is not what the manifest says/) }],
      },
    });
    expect(shop.list(to)).toEqual([second]);
  });

  it("gives of a damaged archive at least what GNU tar gives of the same bytes, and names the rest (M5)", async () => {
    const random = createRandom(20131020);
    for (let index = 10; index < 40; index += 1)
      shop.write(`noise/${index}.bin`, Buffer.from(Array.from({ length: 9_000 }, () => Math.floor(random() * 64))));
    shop.write("second.jsonl");
    await shop.run({ includeGlobs: ["noise/**"] });
    await shop.run();
    const before = contentOf(shop, shop.data);
    const whole = readFileSync(archiveOf(1));
    for (const share of [0.1, 0.5, 0.85, 0.99]) {
      const damaged = Buffer.from(whole);
      damaged.fill(0xff, Math.floor(damaged.length * share), Math.floor(damaged.length * share) + 16);
      writeFileSync(archiveOf(1), damaged);
      const theirs = join(shop.root, `theirs-${share}`);
      mkdirSync(theirs);
      spawnSync("tar", ["-xzf", archiveOf(1), "-C", theirs]);
      const isWhole = ([path, hash]: [string, string]): boolean => hash === before[path];
      const byTar = Object.entries(contentOf(shop, theirs)).filter(isWhole);
      const ours = `${to}-${share}`;
      const restored = await restore({ to: ours });
      const given = contentOf(shop, ours);
      expect(Object.entries(given).every(isWhole)).toBe(true);
      expect(given).toMatchObject(Object.fromEntries(byTar));
      expect(given).toHaveProperty(["second.jsonl"]);
      const named = restored.ok ? restored.value.unavailable.map(({ path }) => path) : [];
      expect([...Object.keys(given), ...named].toSorted()).toEqual(Object.keys(before));
      expect(named.length).toBeGreaterThan(0);
    }
  });

  it("reads an archive that was found damaged, and gives an older version, named as such, for one that is lost", async () => {
    shop.write("a.jsonl", "first\n");
    await shop.run();
    shop.write("a.jsonl", "second, longer\n");
    shop.write("b.jsonl");
    await shop.run();
    writeFileSync(join(shop.backup, "backup-000002.damaged.json"), "{}");
    expect(await restore({ to: `${to}-marked` })).toMatchObject({ ok: true, value: { unavailable: [] } });
    rmSync(archiveOf(2));
    const restored = await restore();
    expect(restored.ok && restored.value.unavailable).toEqual([
      { path: "b.jsonl", reason: expect.stringMatching(/the archive is missing/) },
      { path: "a.jsonl", reason: expect.stringMatching(/the older version of backup-000001.tar.gz was restored/) },
    ]);
    expect(readFileSync(join(to, "a.jsonl"), "utf8")).toBe("first\n");
  });

  it("takes what an archive holds whose manifest is gone or cannot be read, and says so (M5)", async () => {
    for (const name of ["a", "b", "c"]) {
      shop.write(`${name}.jsonl`);
      await shop.run();
    }
    rmSync(join(shop.backup, "backup-000001.manifest.json"));
    writeFileSync(join(shop.backup, "backup-000002.manifest.json"), "{");
    const restored = await restore();
    expect(restored.ok && restored.value.notes).toEqual([
      expect.stringMatching(/^backup-000002.tar.gz: its manifest is not JSON/),
      expect.stringMatching(/^backup-000001.tar.gz: it has no manifest/),
    ]);
    expect(contentOf(shop, to)).toEqual(contentOf(shop, shop.data));
  });

  it("gives the files of two data roots that share a backup, each to its own folder, or of one when it is named (M5)", async () => {
    const other = createWorkshop();
    try {
      shop.write("same/name.jsonl", "of one\n");
      other.write("same/name.jsonl", "of the other\n");
      await shop.run();
      const entries = createMaintenanceEntries(other.host());
      expect(await entries.runMaintenance(other.data, shop.backup, keepSevenDays)).toMatchObject({
        outcome: "done",
        unchanged: 0,
      });
      expect(await shop.run()).toMatchObject({ outcome: "done", unchanged: 1, backedUp: [] });
      const both = await restore();
      expect(both.ok && both.value.files).toHaveLength(2);
      expect(contentOf(shop, join(to, shop.data))).toEqual(contentOf(shop, shop.data));
      expect(contentOf(shop, join(to, other.data))).toEqual(contentOf(other, other.data));
      const one = `${to}-one`;
      await restore({ to: one, source: other.data });
      expect(readFileSync(join(one, "same/name.jsonl"), "utf8")).toBe("of the other\n");
      expect(await restore({ to: one, source: "/nowhere" })).toMatchObject({
        ok: false,
        error: { type: "refused", reason: expect.stringContaining(`it holds ${[shop.data, other.data].toSorted().join(", ")}`) },
      });
    } finally {
      await other.dispose();
    }
  });

  it("leaves holes where a file had them (M5)", async () => {
    const fd = openSync(join(shop.data, "holes.bin"), "w");
    writeSync(fd, "begin", 0);
    writeSync(fd, "middle", 32 * 1024 * 1024 + 7);
    ftruncateSync(fd, 64 * 1024 * 1024);
    closeSync(fd);
    await shop.run();
    await restore();
    expect(contentOf(shop, to)).toEqual(contentOf(shop, shop.data));
    expect(statSync(join(to, "holes.bin")).blocks * 512).toBeLessThan(1024 * 1024);
  });

  it("names what only a lost archive held, and restores the rest", async () => {
    shop.write("a.jsonl");
    await shop.run();
    shop.write("b.jsonl");
    await shop.run();
    rmSync(archiveOf(1));
    const restored = await restore();
    expect(restored).toMatchObject({ ok: true, value: { unavailable: [{ path: "a.jsonl" }] } });
    expect(shop.list(to)).toEqual(["b.jsonl"]);
  });

  it("refuses an empty backup, and writes nothing outside its place: no upward path, no way through a link", async () => {
    expect(await restore()).toMatchObject({
      ok: false,
      error: { type: "refused", reason: expect.stringMatching(/there is no backup/) },
    });
    shop.writeDays(1);
    await shop.run();
    mkdirSync(to);
    mkdirSync(join(shop.root, "outside"));
    symlinkSync(join(shop.root, "outside"), join(to, "swing"));
    const restored = await restore();
    expect(restored.ok && restored.value).toMatchObject({
      files: [],
      unavailable: [{ reason: expect.stringMatching(/is in the way and is no folder/) }],
    });
    expect(shop.list(join(shop.root, "outside"))).toEqual([]);
  });

  it("ignores members that climb out of an archive somebody tampered with", async () => {
    shop.write("a.jsonl");
    await shop.run();
    writeFileSync(join(shop.root, "evil"), "evil");
    const { size } = statSync(archiveOf(1));
    execFileSync("tar", ["-czPf", archiveOf(1), "--transform", "s|.*/evil|../evil-landed|", join(shop.root, "evil")]);
    const manifest = join(shop.backup, "backup-000001.manifest.json");
    writeFileSync(
      manifest,
      readFileSync(manifest, "utf8").replace(`"archiveBytes": ${size}`, `"archiveBytes": ${statSync(archiveOf(1)).size}`),
    );
    const restored = await restore();
    expect(restored.ok && restored.value).toMatchObject({ files: [], unavailable: [{ path: "a.jsonl" }] });
    expect(shop.list(shop.root).filter((path) => path.includes("evil-landed"))).toEqual([]);
  });
});
