/** Faults on a real file system (spec A5): a disk that is full, one without inodes, one that is read-only, a directory that is not ours. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openingAt, temporaryDirectory, testSink, tree } from "./setup.ts";

const canMount = ((): boolean => {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();
// In CI these tests must run: skipping there would look like passing.
const mustSkip = !canMount && process.env.CI === undefined;

const tmpfs = (options: string): string => {
  const directory = temporaryDirectory();
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory]);
  onTestFinished(() => {
    execFileSync("umount", ["-l", directory]);
  });
  return directory;
};

const padding = "x".repeat(200);
const row = (number: number): string => `{"row":${number},"padding":"${padding}"}\n`;
const rowsOnDisk = (directory: string): number[] =>
  Object.entries(tree(directory))
    .filter(([path]) => path.startsWith("scalp/"))
    .flatMap(([, text]) => text.split("\n").slice(0, -1))
    .map((line) => (JSON.parse(line) as { row: number }).row);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe.skipIf(mustSkip)("a disk that does not take more (skipped without the right to mount; CI must have it)", () => {
  it("full: rows wait, and all of them are there once and whole when there is room again (A5)", async () => {
    const directory = tmpfs("size=256k");
    const filler = join(directory, "filler");
    writeFileSync(filler, Buffer.alloc(200 * 1024));
    const { sink, offered, beat } = testSink(directory, { bufferRowsMax: 5000 });
    await sink.open();
    for (let number = 1; number <= 1000; number++) {
      sink.append("scalp", openingAt + number, row(number));
      if (number % 50 === 0) await beat();
    }
    expect(offered.find(({ type }) => type === "archive.write.failed")).toMatchObject({ payload: { code: "ENOSPC" } });
    const { persisted, pending } = sink.figures().scalp;
    expect(persisted).toBeGreaterThan(0);
    expect(pending).toBeGreaterThan(0);
    expect(rowsOnDisk(directory)).toEqual(upTo(persisted));
    rmSync(filler);
    execFileSync("mount", ["-o", "remount,size=4m", directory]);
    await beat(2000);
    await sink.close();
    expect(rowsOnDisk(directory)).toEqual(upTo(1000));
    expect(offered.map(({ type }) => type)).toEqual([
      "archive.opened",
      "archive.write.failed",
      "archive.write.resumed",
      "archive.closed",
    ]);
  });

  it("full to the end: what was accepted and could not be written is counted as lost, and nothing is half there", async () => {
    const directory = tmpfs("size=64k");
    const { sink, beat } = testSink(directory, { bufferRowsMax: 5000 });
    await sink.open();
    for (let number = 1; number <= 1000; number++) {
      sink.append("scalp", openingAt + number, row(number));
      if (number % 50 === 0) await beat();
    }
    await sink.close();
    const { accepted, persisted, pending, lost } = sink.figures().scalp;
    expect({ accepted, pending, sum: persisted + lost }).toEqual({ accepted: 1000, pending: 0, sum: 1000 });
    expect(lost).toBeGreaterThan(0);
    expect(rowsOnDisk(directory)).toEqual(upTo(persisted));
  });

  it("out of inodes at a roll: the next segment waits, and the rows are not lost", async () => {
    const directory = tmpfs("size=1m,nr_inodes=7");
    const { sink, offered, beat } = testSink(directory);
    await sink.open();
    for (let window = 0; window < 5; window++) {
      sink.append("scalp", openingAt + window * 60_000, row(window + 1));
      await beat(2000);
    }
    expect(offered.find(({ type }) => type === "archive.write.failed")).toMatchObject({ payload: { code: "ENOSPC" } });
    execFileSync("mount", ["-o", "remount,nr_inodes=100", directory]);
    await beat(2000);
    await sink.close();
    expect(rowsOnDisk(directory)).toEqual(upTo(5));
  });

  it("read-only at opening: told at once, and rows that waited are written when it can be opened", async () => {
    const directory = tmpfs("size=1m");
    execFileSync("mount", ["-o", "remount,ro", directory]);
    const { sink, offered } = testSink(directory);
    sink.append("scalp", openingAt, row(1));
    expect(await sink.open()).toMatchObject({ ok: false, error: { code: "EROFS" } });
    expect(offered).toMatchObject([{ type: "archive.write.failed", payload: { code: "EROFS", bufferedRows: 1 } }]);
    execFileSync("mount", ["-o", "remount,rw", directory]);
    expect(await sink.open()).toMatchObject({ ok: true });
    await sink.close();
    expect(rowsOnDisk(directory)).toEqual([1]);
  });
});

describe("a segment that somebody deletes while it is written", () => {
  it("is told, and its rows since the last fsync are written to a new one", async () => {
    const directory = temporaryDirectory();
    const { sink, offered, beat } = testSink(directory);
    await sink.open();
    sink.append("scalp", openingAt, row(1));
    await beat(2000);
    expect(rowsOnDisk(directory)).toEqual([1]);
    rmSync(join(directory, "scalp"), { recursive: true });
    sink.append("scalp", openingAt + 1, row(2));
    await beat(2000);
    expect(offered.at(-1)).toMatchObject({
      type: "archive.write.failed",
      payload: { code: "ENOENT", reason: expect.stringContaining("deleted while it was being written") },
    });
    await beat(2000);
    sink.append("scalp", openingAt + 2, row(3));
    await beat(2000);
    await sink.close();
    expect(rowsOnDisk(directory)).toEqual([1, 2, 3]);
    expect(offered.map(({ type }) => type)).toEqual([
      "archive.opened",
      "archive.write.failed",
      "archive.write.resumed",
      "archive.closed",
    ]);
  });
});

describe("a directory that is not ours", () => {
  /** Runs without the rights of root, so that modes mean something. */
  const asNobody = async (work: () => Promise<void>): Promise<void> => {
    if (process.getuid?.() !== 0) return work();
    process.seteuid?.(65_534);
    try {
      await work();
    } finally {
      process.seteuid?.(0);
    }
  };

  it("is reported with its owner and mode and with who we are, and written as soon as it may be (A4)", async () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o755);
    const archive = join(directory, "observer");
    mkdirSync(archive, { mode: 0o555 });
    const { sink, offered } = testSink(archive);
    const before = process.umask(0);
    sink.append("scalp", openingAt, row(1));
    await asNobody(async () => {
      const opened = await sink.open();
      expect(opened).toMatchObject({ ok: false, error: { code: "EACCES" } });
    });
    const [failed] = offered;
    expect(failed).toMatchObject({ type: "archive.write.failed", payload: { code: "EACCES" } });
    expect((failed as { payload: { reason: string } }).payload.reason).toMatch(
      new RegExp(`${archive} belongs to \\d+:\\d+ with mode 555, and we are \\d+:\\d+`),
    );
    chmodSync(archive, 0o777);
    await asNobody(async () => {
      expect(await sink.open()).toMatchObject({ ok: true });
      await sink.close();
    });
    process.umask(before);
    expect(rowsOnDisk(archive)).toEqual([1]);
  });

  it("at a roll costs no row: the next window waits for the right to be made", async () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o777);
    const { sink, offered, beat } = testSink(directory);
    const before = process.umask(0);
    await asNobody(async () => {
      await sink.open();
      sink.append("scalp", openingAt, row(1));
      await beat();
    });
    const day = join(directory, "scalp/20131007");
    chmodSync(day, 0o555);
    await asNobody(async () => {
      sink.append("scalp", openingAt + 60_000, row(2));
      await beat();
      if (process.getuid?.() === 0) process.seteuid?.(0);
      expect(offered.at(-1)).toMatchObject({ type: "archive.write.failed", payload: { code: "EACCES" } });
    });
    // Given to everybody, and with it to the process that could not write.
    chmodSync(day, 0o777);
    await asNobody(async () => {
      await beat(2000);
      await sink.close();
    });
    process.umask(before);
    expect(rowsOnDisk(directory)).toEqual([1, 2]);
  });
});
