/** Files back from a backup: whole, in part, verified, and never over something else by accident. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RestoreRequest, restoreBackup } from "#ops/maintenance/backup/restore.ts";
import { contentOf, createWorkshop, gnuTar, type Workshop } from "./workshop.ts";

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

describe("a restore", () => {
  it("brings back everything that was ever backed up, deleted files included, byte by byte and with its time", async () => {
    const days = shop.writeDays(12);
    shop.write("한글/가격.jsonl");
    shop.write("empty.jsonl", "");
    const before = contentOf(shop, shop.data);
    expect((await shop.run()).deleted.length).toBeGreaterThan(0);
    expect(await restore()).toMatchObject({ ok: true, value: { unavailable: [] } });
    expect(contentOf(shop, to)).toEqual(before);
    expect(statSync(join(to, days[0] as string)).mtimeMs).toBe(1_381_000_000_000);
    gnuTar("--compare", "-zf", archiveOf(1), "-C", to);
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
    expect(await restore()).toMatchObject({
      ok: false,
      error: { type: "failed", reason: expect.stringMatching(/is not what the manifest says/) },
    });
    expect(shop.list(to).filter((path) => path.includes(".partial-"))).toEqual([]);
    expect(shop.list(to)).toEqual([]);
  });

  it("fails on a damaged archive and says how much it restored", async () => {
    shop.writeDays(3);
    await shop.run();
    const fd = openSync(archiveOf(1), "r+");
    writeSync(fd, Buffer.from([0xff, 0x00]), 0, 2, statSync(archiveOf(1)).size >> 1);
    closeSync(fd);
    expect(await restore()).toMatchObject({
      ok: false,
      error: { type: "failed", reason: expect.stringMatching(/0 of 3 files were restored/) },
    });
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
    expect(await restore()).toMatchObject({
      ok: false,
      error: { type: "failed", reason: expect.stringMatching(/is in the way and is no folder/) },
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
    expect((await restore()).ok).toBe(false);
    expect(shop.list(shop.root).filter((path) => path.includes("evil-landed"))).toEqual([]);
  });
});
