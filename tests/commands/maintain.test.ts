/** `qts maintain` and `qts restore` as a person calls them: what they print, and their exit codes. */
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { spawnMortal } from "../mortal.ts";
import { contentOf, createWorkshop, type Workshop } from "../ops/maintenance/workshop.ts";
import { runLine } from "./console.ts";

let shop: Workshop;
beforeEach(() => {
  shop = createWorkshop();
});
afterEach(() => shop.dispose());

const maintain = (...args: string[]) =>
  runLine(["maintain", "--data", "data", "--backup", "backup", ...args], { cwd: shop.root });
const restore = (...args: string[]) => runLine(["restore", "--backup", "backup", ...args], { cwd: shop.root });

describe("qts maintain (M7)", () => {
  it("says file by file what it did and why, and ends with 0", async () => {
    const days = shop.writeDays(12);
    const { exitCode, out, err } = await maintain("--days", "7", "--share", "1");
    expect([exitCode, err]).toEqual([0, ""]);
    expect(out).toContain(`backed up  ${days[0]} (`);
    expect(out).toMatch(new RegExp(`deleted  ${days[11]}: its newest data is 11.0 days old; 7 days are kept`));
    expect(out).toMatch(new RegExp(`kept  ${days[0]}: its newest data is 0.0 days old; 7 days are kept`));
    expect(out).toMatch(/12 files \(.*\) backed up in .*backup-000001.tar.gz, 0 held already, 4 deleted, 8 kept\.\n$/);
    expect(shop.list(shop.data)).toHaveLength(8);
    expect(existsSync(shop.log)).toBe(true);
  });

  it("deletes at most a quarter unless a share is given", async () => {
    shop.writeDays(12);
    const { out } = await maintain("--days", "1");
    expect(out).toMatch(/3 deleted, 9 kept/);
    expect(out).toContain("the share that may be deleted without an operator is used up");
  });

  it("writes nothing at all in a dry run, and says what the real run then does", async () => {
    shop.writeDays(12);
    const before = contentOf(shop, shop.root);
    const planned = JSON.parse((await maintain("--days", "7", "--share", "1", "--dry-run", "--json")).out);
    expect(contentOf(shop, shop.root)).toEqual(before);
    expect(existsSync(shop.backup)).toBe(false);
    const done = JSON.parse((await maintain("--days", "7", "--share", "1", "--json")).out);
    expect(planned).toMatchObject({ dryRun: true, outcome: "done", backedUp: done.backedUp });
    const paths = (files: readonly { readonly path: string }[]) => files.map(({ path }) => path).toSorted();
    expect(paths(planned.deleted)).toEqual(paths(done.deleted));
    expect(paths(planned.kept)).toEqual(paths(done.kept));
    expect((await maintain("--days", "7", "--dry-run")).out).toMatch(
      /0 files \(0 B\) would be backed up, 8 held already, 0 would be deleted, 8 kept/,
    );
  });

  it("tells category by folder with --policy data, and keeps decisions and what it does not know", async () => {
    for (const folder of ["swing", "patterns", "decisions", "other"])
      for (const stream of shop.writeDays(12, folder)) expect(stream).toBeTruthy();
    const { out } = await maintain("--policy", "data", "--share", "1", "--json");
    const { deleted, kept } = JSON.parse(out);
    expect(deleted).toHaveLength(4);
    expect(deleted.every(({ path }: { path: string }) => path.startsWith("swing/"))).toBe(true);
    expect(kept).toContainEqual(expect.objectContaining({ reason: "decisionSnapshot never expires" }));
    expect(kept).toContainEqual(expect.objectContaining({ reason: "its category is unknown, and unknown never expires" }));
  });

  it("refuses a --time-zone that is none, before it looks at anything", async () => {
    shop.writeDays(3);
    const { exitCode, err } = await maintain("--days", "0", "--time-zone", "Seoul");
    expect([exitCode, err]).toEqual([2, expect.stringContaining('--time-zone is "Seoul" and is no time zone')]);
    expect(existsSync(shop.backup)).toBe(false);
  });

  it("backs up, and so deletes, only what --include matches, and logs where --log says", async () => {
    shop.writeDays(12, "swing");
    shop.writeDays(12, "scalp");
    const { out } = await maintain(
      "--days",
      "7",
      "--share",
      "1",
      "--include",
      "scalp/**",
      "--include",
      "*.csv",
      "--log",
      "my.log",
    );
    expect(out).toMatch(/12 files .* 4 deleted, 8 kept/);
    expect(readFileSync(join(shop.root, "my.log"), "utf8").trimEnd().split("\n")).toHaveLength(12);
    expect(existsSync(shop.log)).toBe(false);
  });

  it("ends with 4 and touches nothing when it is refused, also in JSON", async () => {
    shop.writeDays(3);
    symlinkSync("/etc/passwd", join(shop.data, "link"));
    for (const args of [["--json"], ["--json", "--dry-run"]]) {
      const { exitCode, out, err } = await maintain("--days", "7", ...args);
      expect(exitCode).toBe(4);
      expect(JSON.parse(out)).toMatchObject({ outcome: "refused", failure: { step: "plan" }, deleted: [] });
      expect(err).toMatch(/refused at plan: link is a link that leads outside, to \/etc\/passwd/);
    }
  });

  it("ends with 1 when the run failed", async () => {
    shop.writeDays(3);
    mkdirSync(shop.backup);
    writeFileSync(join(shop.backup, "backup-000001.manifest.json"), "{");
    const { exitCode, err } = await maintain("--days", "0");
    expect([exitCode, err]).toEqual([
      1,
      expect.stringMatching(/failed at plan: the manifest backup-000001.manifest.json is not JSON/),
    ]);
    expect(shop.list(shop.data)).toHaveLength(3);
  });

  it("keeps the newest of a symbol that has gone quiet, in a folder where others go on", async () => {
    for (const day of [1, 2, 3]) shop.write(`ticks/AAA_2026110${day}.jsonl`);
    for (let day = 20; day <= 28; day += 1) shop.write(`ticks/BBB_202611${day}.jsonl`);
    const { out } = await maintain("--days", "7", "--share", "1");
    expect(out).toContain("kept  ticks/AAA_20261103.jsonl: it is among the newest of its stream\n");
    expect(shop.list(shop.data)).toContain("ticks/AAA_20261103.jsonl");
    expect(shop.list(shop.data)).not.toContain("ticks/AAA_20261102.jsonl");
  });

  it("says of a file larger than the share how it is let go, and that lets it go", async () => {
    for (let day = 1; day <= 25; day += 1) {
      const path = `raw/202611${String(day).padStart(2, "0")}.jsonl`;
      shop.write(path, "x".repeat(day === 1 ? 100_000 : 100));
    }
    const { out } = await maintain("--days", "7");
    const share = /note {2}raw\/20261101.jsonl stays for good: .* --share (\S+) .*lets it go\n/.exec(out)?.[1];
    expect(share).toBe("0.98");
    expect((await maintain("--days", "7", "--share", share as string)).out).toMatch(/^deleted {2}raw\/20261101.jsonl/m);
  });

  it("backs up a name that is not UTF-8, prints it so that it can be read, and gives it back byte for byte (M4)", async () => {
    const name = Buffer.from("caf\xe9_20261101.jsonl", "latin1");
    mkdirSync(join(shop.data, "raw"));
    writeFileSync(Buffer.concat([Buffer.from(`${shop.data}/raw/`), name]), "of the café\n");
    shop.write("raw/20261120.jsonl");
    const { exitCode, out } = await maintain("--days", "7", "--share", "1");
    expect(exitCode).toBe(0);
    expect(out).toContain("backed up  raw/caf\\xe9_20261101.jsonl (");
    expect(out).not.toContain("skipped");
    expect((await restore()).exitCode).toBe(0);
    expect(readdirSync(join(shop.root, "restored/raw"), "buffer")).toContainEqual(name);
  });

  it("prints one line for one decision, whatever the name (M4)", async () => {
    shop.write("raw/20261101.jsonl\ndeleted  raw/20261120.jsonl: by hand");
    shop.write("raw/20261120.jsonl");
    const { out } = await maintain("--days", "7");
    expect(out).not.toMatch(/^deleted/m);
    expect(out).toContain("kept  raw/20261101.jsonl\\ndeleted  raw/20261120.jsonl: by hand: ");
    expect((await restore()).out).toContain("restored  raw/20261101.jsonl\\ndeleted  raw/20261120.jsonl: by hand from");
  });

  it("says that nothing is in the backup when no file is included", async () => {
    shop.writeDays(3);
    for (const args of [[], ["--dry-run"]])
      expect((await maintain("--days", "7", "--include", "*.csv", ...args)).out).toContain(
        "nothing is in the backup: --include matches none of 3 files\n",
      );
  });

  it("stops when it is told to, without having deleted anything", async () => {
    shop.writeDays(12);
    for (let index = 0; index < 20; index += 1) shop.write(`big/${index}.bin`, Buffer.alloc(4 * 1024 * 1024, index));
    const stopping = new AbortController();
    const running = runLine(["maintain", "--data", shop.data, "--backup", shop.backup, "--days", "1", "--gzip-level", "9"], {
      signal: stopping.signal,
    });
    setImmediate(() => stopping.abort());
    expect(await running).toMatchObject({ exitCode: 1, err: expect.stringMatching(/the backup was stopped/) });
    expect(shop.list(shop.data)).toHaveLength(32);
  });

  it("stops when its terminal is closed, and leaves neither its lock nor half an archive (M9)", async () => {
    for (let index = 0; index < 20; index += 1) shop.write(`big/${index}.bin`, Buffer.alloc(4 * 1024 * 1024, index));
    const child = spawnMortal(
      process.execPath,
      [
        join(import.meta.dirname, "../../src/main.ts"),
        "maintain",
        "--data",
        shop.data,
        "--backup",
        shop.backup,
        "--days",
        "1",
        "--gzip-level",
        "9",
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    let said = "";
    child.stderr.on("data", (piece: Buffer) => {
      said += piece;
    });
    const ended = once(child, "close");
    const begun = watch(shop.root, { recursive: true, signal: AbortSignal.timeout(300_000) });
    for await (const { filename } of begun) if (/(^|\/)\.partial-\w+-backup/.test(filename ?? "")) break;
    child.kill("SIGHUP");
    expect(await ended).toEqual([1, null]);
    expect(said).toMatch(/the backup was stopped/);
    expect(shop.list(shop.backup)).toEqual([]);
    expect(shop.list(shop.data)).toHaveLength(20);
  });

  test.each([
    [["--days", "seven"], /--days is "seven" and must be a whole number of days/],
    [["--days", "-1"], /--days/],
    [[], /needs --days/],
    [["--days", "7", "--policy", "none"], /must be file or data/],
    [["--days", "7", "--share", "25"], /must be a share between 0 and 1/],
    [["--days", "7", "--gzip-level", "0"], /must be 1 to 9/],
    [["--days", "7", "--include", ""], /--include is empty/],
    [["--days", "7", "--include", "*.jsonl", "--include", " "], /--include is empty/],
    [["--days", "7", "--days-ago", "3"], /--days-ago is not an option/],
  ])("ends with 2 and a sentence for %j", async (args, sentence) => {
    const { exitCode, err } = await maintain(...args);
    expect([exitCode, err]).toEqual([2, expect.stringMatching(sentence)]);
    expect(existsSync(shop.backup)).toBe(false);
  });
});

describe("qts restore", () => {
  it("brings everything back to a new place and says from where", async () => {
    const days = shop.writeDays(12);
    const before = contentOf(shop, shop.data);
    await maintain("--days", "7", "--share", "1");
    const { exitCode, out } = await restore();
    expect(exitCode).toBe(0);
    expect(out).toContain(`restored  ${days[11]} from backup-000001.tar.gz`);
    expect(contentOf(shop, join(shop.root, "restored"))).toEqual(before);
  });

  it("ends with 4 rather than write over a file, unless forced", async () => {
    shop.writeDays(2);
    await maintain("--days", "7");
    await restore("--to", "there");
    expect(await restore("--to", "there")).toMatchObject({ exitCode: 4, err: expect.stringMatching(/--force replaces them/) });
    expect(await restore("--to", "there", "--force")).toMatchObject({ exitCode: 0 });
  });

  it("ends with 2 for a glob that is empty, with 0 for one of the folders that share a backup", async () => {
    shop.write("a.jsonl");
    await maintain("--days", "7");
    expect(await restore("--glob", "")).toMatchObject({ exitCode: 2, err: expect.stringMatching(/--glob is empty/) });
    expect((await restore("--source", "data")).exitCode).toBe(0);
    expect(await restore("--source", "elsewhere")).toMatchObject({ exitCode: 4, err: expect.stringMatching(/it holds .*data/) });
  });

  it("restores by glob, reports in JSON, and refuses a place without a backup with 4", async () => {
    shop.writeDays(3);
    await maintain("--days", "7");
    const { out } = await restore("--glob", "**/20131020/*", "--json");
    expect(JSON.parse(out)).toMatchObject({ outcome: "done", files: [{ path: "swing/20131020/09_00.jsonl" }] });
    const refused = await runLine(["restore", "--backup", "nowhere", "--json"], { cwd: shop.root });
    expect(refused.exitCode).toBe(4);
    expect(JSON.parse(refused.out)).toMatchObject({ outcome: "refused" });
  });

  it("ends with 1 when an archive is gone, and restores the others", async () => {
    shop.write("a.jsonl");
    await maintain("--days", "7");
    shop.write("b.jsonl");
    await maintain("--days", "7");
    writeFileSync(join(shop.backup, "backup-000001.tar.gz"), "");
    const { exitCode, err } = await restore("--json");
    expect([exitCode, err]).toEqual([1, expect.stringMatching(/not restored: a.jsonl/)]);
    expect(shop.list(join(shop.root, "restored"))).toEqual(["b.jsonl"]);
  });
});
