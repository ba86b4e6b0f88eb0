import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Failure, openingAt, temporaryDirectory, testSink, tree } from "./setup.ts";

const row = (number: number): string => `{"row":${number}}\n`;
const rowsIn = (text: string | undefined): number[] =>
  (text ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { row: number }).row);
/** The scalp stream's rows in the order of the files. */
const scalpRows = (directory: string): number[] =>
  Object.entries(tree(directory))
    .filter(([path]) => path.startsWith("scalp/") && path.endsWith(".jsonl"))
    .flatMap(([, text]) => rowsIn(text));
const system = (directory: string): { type: string; [field: string]: unknown }[] =>
  Object.entries(tree(directory))
    .filter(([path]) => path.startsWith("system/"))
    .flatMap(([, text]) => text.split("\n"))
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { type: string });

const upTo = (count: number, first = 1): number[] => Array.from({ length: count }, (_, index) => first + index);

describe("rows on disk", () => {
  it("are where the contract says: scalp by window, swing by hour, system by day, in Seoul's time", async () => {
    const directory = temporaryDirectory();
    const { sink } = testSink(directory);
    await sink.open();
    sink.append("scalp", openingAt + 59_999, row(1));
    sink.append("scalp", openingAt + 60_000, row(2));
    sink.append("swing", openingAt, row(3));
    sink.append("scalp", openingAt + 5_400_000, row(4));
    await sink.close();
    expect(Object.keys(tree(directory))).toEqual([
      "scalp/20131007/22_30_00.jsonl",
      "scalp/20131007/22_31_00.jsonl",
      "scalp/20131008/00_00_00.jsonl",
      "swing/20131007/22_00.jsonl",
      "system/20131007.jsonl",
    ]);
  });

  it("are counted as persisted only after their fsync", async () => {
    const { sink, beat } = testSink(temporaryDirectory());
    await sink.open();
    sink.append("scalp", openingAt, row(1));
    expect(sink.figures().scalp).toMatchObject({ accepted: 1, persisted: 0, pending: 1 });
    await beat();
    expect(sink.figures().scalp).toMatchObject({ accepted: 1, persisted: 0, pending: 1 });
    await beat(1000);
    expect(sink.figures().scalp).toMatchObject({ accepted: 1, persisted: 1, pending: 0 });
    await sink.close();
  });

  it("go out in one write per batch (A5)", async () => {
    let writes = 0;
    const { sink, beat } = testSink(temporaryDirectory(), {
      failure: (call, path) => {
        if (call === "append" && path.includes("/scalp/")) writes += 1;
        return undefined;
      },
    });
    await sink.open();
    for (const number of upTo(500)) sink.append("scalp", openingAt, row(number));
    await beat();
    expect(writes).toBe(1);
    await sink.close();
  });

  it("are fsynced by interval and on roll (A5)", async () => {
    const synced: string[] = [];
    const { sink, beat } = testSink(temporaryDirectory(), {
      failure: (call, path) => {
        if (call === "datasync" && path.includes("/scalp/")) synced.push(path.slice(-14));
        return undefined;
      },
    });
    await sink.open();
    sink.append("scalp", openingAt, row(1));
    await beat(200);
    expect(synced).toEqual([]);
    await beat(1000);
    expect(synced).toEqual(["22_30_00.jsonl"]);
    sink.append("scalp", openingAt + 1, row(2));
    sink.append("scalp", openingAt + 60_000, row(3));
    await beat(10);
    expect(synced).toEqual(["22_30_00.jsonl", "22_30_00.jsonl"]);
    await sink.close();
    expect(synced.at(-1)).toBe("22_31_00.jsonl");
  });

  it("are never on disk before the system line that was noted before them, whenever both come (A7)", async () => {
    const directory = temporaryDirectory();
    let noted = 0;
    const checked: boolean[] = [];
    const declare = (): void => {
      noted += 1;
      sink.note(openingAt, { type: "suspect", path: String(noted), trustedBytes: noted, reason: "x" });
      sink.append("scalp", openingAt, row(noted));
    };
    const { sink, beat } = testSink(directory, {
      failure: (call, path) => {
        if (call !== "append") return undefined;
        // While a line of the system stream is being written, the next hole comes.
        if (path.includes("/system/") && noted > 0 && noted < 5) declare();
        if (path.includes("/scalp/"))
          checked.push(system(directory).filter(({ type }) => type === "suspect").length > scalpRows(directory).length);
        return undefined;
      },
    });
    await sink.open();
    declare();
    for (let beats = 0; beats < 8; beats++) await beat();
    await sink.close();
    expect(scalpRows(directory)).toEqual(upTo(5));
    expect(checked.length).toBeGreaterThan(3);
    expect(checked).not.toContain(false);
  });

  it("wait while the line that was noted before them cannot be made certain, and then follow it (A5, A7)", async () => {
    for (const call of ["append", "datasync"] as const) {
      const directory = temporaryDirectory();
      let isFailing = false;
      const { sink, offered, beat } = testSink(directory, {
        failure: (asked, path) =>
          isFailing && asked === call && path.includes("/system/") ? { code: "EIO", reason: "no" } : undefined,
      });
      await sink.open();
      sink.append("scalp", openingAt, row(1));
      await beat();
      isFailing = true;
      sink.note(openingAt, { type: "suspect", path: "2", trustedBytes: 2, reason: "x" });
      sink.append("scalp", openingAt, row(3));
      await beat(10);
      expect(scalpRows(directory)).toEqual([1]);
      for (let beats = 0; beats < 5; beats++) await beat(1200);
      expect(scalpRows(directory)).toEqual([1]);
      expect(offered.map(({ type }) => type)).toEqual(["archive.opened", "archive.write.failed"]);
      isFailing = false;
      await beat(1200);
      expect(scalpRows(directory)).toEqual([1, 3]);
      expect(offered.at(-1)).toMatchObject({ type: "archive.write.resumed" });
      await sink.close();
      expect(sink.figures().scalp).toMatchObject({ persisted: 2, lost: 0 });
    }
  });

  it("that come late go where the stream is, because a sealed segment is never opened again", async () => {
    const directory = temporaryDirectory();
    const { sink } = testSink(directory);
    await sink.open();
    sink.append("scalp", openingAt + 60_000, row(1));
    sink.append("scalp", openingAt, row(2));
    await sink.close();
    expect(Object.keys(tree(directory)).filter((path) => path.startsWith("scalp"))).toEqual(["scalp/20131007/22_31_00.jsonl"]);
  });
});

describe("a restart", () => {
  it("starts a new part within the same minute and overwrites nothing (A5)", async () => {
    const directory = temporaryDirectory();
    for (const run of [1, 2, 3]) {
      const { sink } = testSink(directory, { run: String(run) });
      await sink.open();
      sink.append("scalp", openingAt, row(run));
      await sink.close();
    }
    const files = tree(directory);
    expect(rowsIn(files["scalp/20131007/22_30_00.jsonl"])).toEqual([1]);
    expect(rowsIn(files["scalp/20131007/22_30_00.p2.jsonl"])).toEqual([2]);
    expect(rowsIn(files["scalp/20131007/22_30_00.p3.jsonl"])).toEqual([3]);
  });

  it("says in its first line when the source's numbers are not consecutive", async () => {
    const directory = temporaryDirectory();
    const { sink } = testSink(directory, { numbers: "sparse" });
    await sink.open();
    await sink.close();
    expect(system(directory)[0]).toMatchObject({ type: "opened", numbers: "sparse" });
  });

  it("cuts a torn last line back to the last newline, counts it and keeps it aside", async () => {
    const directory = temporaryDirectory();
    const torn = join(directory, "scalp/20131007/22_30_00.jsonl");
    mkdirSync(dirname(torn), { recursive: true });
    writeFileSync(torn, `${row(1)}${row(2)}{"row":3`);
    const { sink, offered } = testSink(directory);
    expect(await sink.open()).toEqual({ ok: true, value: { tornFiles: 1, tornBytes: 8 } });
    await sink.close();
    expect(readFileSync(torn, "utf8")).toBe(`${row(1)}${row(2)}`);
    expect(readFileSync(`${torn}.torn`, "utf8")).toBe('{"row":3');
    expect(offered[0]).toMatchObject({ type: "archive.opened", payload: { recoveredBytes: 8 } });
    expect(system(directory)[0]).toMatchObject({ type: "opened", tornFiles: 1, tornBytes: 8 });
  });

  it("finds the last newline of a tail of any length, property: what is whole stays", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 5 }), fc.nat({ max: 200_000 }), async (whole, tail) => {
        const directory = temporaryDirectory();
        const path = join(directory, "system/20131007.jsonl");
        mkdirSync(dirname(path), { recursive: true });
        const kept = upTo(whole).map(row).join("");
        writeFileSync(path, kept + "x".repeat(tail));
        const { sink } = testSink(directory);
        const opened = await sink.open();
        await sink.close();
        expect(opened).toMatchObject({ ok: true, value: { tornBytes: tail } });
        expect(readFileSync(path, "utf8")).toBe(kept);
      }),
      { numRuns: 20 },
    );
  });
});

describe("a disk that fails", () => {
  const failing = { is: false };
  const onScalp =
    (call: string, problem: ReturnType<Failure>): Failure =>
    (name, path) =>
      failing.is && name === call && path.includes("/scalp/") ? problem : undefined;

  /** Its first row is certain, and from now on no fsync succeeds. */
  const withFailingFsync = async (directory: string) => {
    failing.is = false;
    const made = testSink(directory, { failure: onScalp("datasync", { code: "EIO", reason: "lost" }) });
    await made.sink.open();
    made.sink.append("scalp", openingAt, row(1));
    await made.beat(200);
    await made.beat(1000);
    failing.is = true;
    return made;
  };

  it("is told once; rows wait, and go on in order without a half line when it writes again", async () => {
    const directory = temporaryDirectory();
    const { sink, offered, beat } = testSink(directory, { failure: onScalp("append", "short") });
    await sink.open();
    sink.append("scalp", openingAt, row(1));
    await beat();
    failing.is = true;
    sink.append("scalp", openingAt, row(2));
    await beat();
    sink.append("scalp", openingAt, row(3));
    await beat(2000);
    await beat(2000);
    expect(sink.figures().scalp).toMatchObject({ persisted: 1, pending: 2 });
    failing.is = false;
    await beat(2000);
    await beat(1000);
    expect(sink.figures().scalp).toMatchObject({ persisted: 3, pending: 0 });
    await sink.close();
    expect(scalpRows(directory)).toEqual([1, 2, 3]);
    expect(offered.map(({ type }) => type)).toEqual([
      "archive.opened",
      "archive.write.failed",
      "archive.write.resumed",
      "archive.closed",
    ]);
    expect(offered[1]).toMatchObject({ payload: { code: "ENOSPC", bufferedRows: 1 } });
    expect(offered[2]).toMatchObject({ payload: { replayedRows: 2, lostRows: 0 } });
  });

  it("bounds what waits: rows beyond the buffer are turned away, and that is counted and told", async () => {
    failing.is = true;
    const directory = temporaryDirectory();
    const { sink, offered, beat } = testSink(directory, {
      bufferRowsMax: 10,
      failure: onScalp("append", { code: "EIO", reason: "broken" }),
    });
    await sink.open();
    sink.append("scalp", openingAt, row(1));
    await beat();
    const taken = upTo(20, 2).filter((number) => sink.append("scalp", openingAt, row(number)));
    expect(taken).toEqual(upTo(9, 2));
    expect(sink.figures().scalp).toMatchObject({ accepted: 10, pending: 10, turnedAway: 11 });
    failing.is = false;
    await beat(2000);
    await sink.close();
    expect(scalpRows(directory)).toEqual(upTo(10));
    expect(offered.find(({ type }) => type === "archive.write.resumed")).toMatchObject({
      payload: { replayedRows: 10, lostRows: 11 },
    });
  });

  it("does not resume because another stream can still be written", async () => {
    failing.is = true;
    const { sink, offered, beat } = testSink(temporaryDirectory(), {
      failure: onScalp("create", { code: "EACCES", reason: "no" }),
    });
    await sink.open();
    sink.append("scalp", openingAt, row(1));
    await beat();
    for (const number of upTo(3)) {
      sink.append("swing", openingAt, row(number));
      await beat(2000);
    }
    expect(sink.figures().swing.persisted).toBe(3);
    expect(offered.map(({ type }) => type)).toEqual(["archive.opened", "archive.write.failed"]);
    await sink.close();
    expect(sink.figures().scalp).toMatchObject({ accepted: 1, persisted: 0, pending: 0, lost: 1 });
  });

  it("whose fsync fails has its segment cut back and abandoned; nothing of it is acknowledged, its rows go elsewhere (A5)", async () => {
    const directory = temporaryDirectory();
    const { sink, offered, beat } = await withFailingFsync(directory);
    sink.append("scalp", openingAt, row(2));
    sink.append("scalp", openingAt, row(3));
    await beat(200);
    expect(sink.figures().scalp).toMatchObject({ persisted: 1, pending: 2 });
    await beat(1000);
    expect(sink.figures().scalp).toMatchObject({ persisted: 1, pending: 2 });
    expect(offered.at(-1)).toMatchObject({ type: "archive.write.failed", payload: { code: "EIO" } });
    failing.is = false;
    await beat(2000);
    await sink.close();
    const files = tree(directory);
    expect(rowsIn(files["scalp/20131007/22_30_00.jsonl"])).toEqual([1]);
    expect(rowsIn(files["scalp/20131007/22_30_00.p2.jsonl"])).toEqual([2, 3]);
    expect(system(directory).find(({ type }) => type === "suspect")).toMatchObject({
      path: "scalp/20131007/22_30_00.jsonl",
      trustedBytes: row(1).length,
    });
  });

  it("whose fsync fails for 25 s is told once, and once more when an fsync succeeds; what is persisted never goes back (A5)", async () => {
    const directory = temporaryDirectory();
    const { sink, offered, beat } = await withFailingFsync(directory);
    const persisted: number[] = [];
    for (let number = 2; number <= 126; number++) {
      sink.append("scalp", openingAt, row(number));
      await beat(200);
      persisted.push(sink.figures().scalp.persisted);
    }
    expect(new Set(persisted)).toEqual(new Set([1]));
    failing.is = false;
    await beat(1200);
    expect(offered.map(({ type }) => type)).toEqual(["archive.opened", "archive.write.failed", "archive.write.resumed"]);
    await sink.close();
    expect(sink.figures().scalp).toMatchObject({ accepted: 126, persisted: 126, pending: 0, lost: 0 });
    const trusted = new Map(
      system(directory).flatMap((line) => (line.type === "suspect" ? [[line.path as string, line.trustedBytes as number]] : [])),
    );
    const rows = Object.entries(tree(directory))
      .filter(([path]) => path.startsWith("scalp"))
      .flatMap(([path, text]) => rowsIn(text.slice(0, trusted.get(path) ?? text.length)));
    expect(rows.sort((a, b) => a - b)).toEqual(upTo(126));
  });

  it("that cannot even cut a half line back gets a new segment, and the half line is cut as soon as it can be", async () => {
    failing.is = true;
    const directory = temporaryDirectory();
    const { sink, beat } = testSink(directory, {
      failure: (call, path) => {
        if (!failing.is || !path.includes("/scalp/")) return undefined;
        return call === "append" ? "short" : call === "truncate" || call === "cutTo" ? { code: "EIO", reason: "no" } : undefined;
      },
    });
    await sink.open();
    sink.append("scalp", openingAt, row(1));
    await beat();
    failing.is = false;
    await beat(2000);
    await sink.close();
    expect(scalpRows(directory)).toEqual([1]);
    for (const text of Object.values(tree(directory))) expect(text === "" || text.endsWith("}\n")).toBe(true);
  });

  it("that fails at opening is told, rows wait, and opening can be tried again", async () => {
    const directory = temporaryDirectory();
    let blocked = true;
    const { sink, offered } = testSink(directory, {
      failure: (call) => (blocked && call === "create" ? { code: "EROFS", reason: "read-only" } : undefined),
    });
    sink.append("scalp", openingAt, row(1));
    expect(await sink.open()).toMatchObject({ ok: false, error: { code: "EROFS" } });
    blocked = false;
    expect(await sink.open()).toMatchObject({ ok: true });
    await sink.close();
    expect(scalpRows(directory)).toEqual([1]);
    expect(system(directory).map(({ type }) => type)).toEqual(["opened", "closed"]);
    expect(offered.map(({ type }) => type)).toEqual(["archive.write.failed", "archive.opened", "archive.closed"]);
  });
});

it("answers a second opening, as a restarted machine asks for it, and cuts nothing of what is being written", async () => {
  const directory = temporaryDirectory();
  const { sink, offered, beat } = testSink(directory);
  await sink.open();
  sink.append("scalp", openingAt, row(1));
  await beat();
  expect(await sink.open()).toEqual({ ok: true, value: { tornFiles: 0, tornBytes: 0 } });
  expect(offered.map(({ type }) => type)).toEqual(["archive.opened", "archive.opened"]);
  await sink.close();
  expect(scalpRows(directory)).toEqual([1]);
});

describe("a source that can wait", () => {
  it("is asked to while the disk is behind, and let go when it has caught up", async () => {
    const { sink, beat } = testSink(temporaryDirectory(), { bufferRowsMax: 100 });
    await sink.open();
    for (const number of upTo(50)) sink.append("scalp", openingAt, row(number));
    expect(sink.room()).toBeUndefined();
    sink.append("scalp", openingAt, row(51));
    const room = sink.room();
    expect(room).toBeInstanceOf(Promise);
    await beat();
    await room;
    expect(sink.room()).toBeUndefined();
    await sink.close();
  });

  it("is not held by a disk that fails: a halted replay would hide the failure and never end", async () => {
    const { sink, beat } = testSink(temporaryDirectory(), {
      bufferRowsMax: 10,
      failure: (call, path) => (call === "append" && path.includes("/scalp/") ? { code: "ENOSPC", reason: "full" } : undefined),
    });
    await sink.open();
    for (const number of upTo(9)) sink.append("scalp", openingAt, row(number));
    const room = sink.room();
    expect(room).toBeInstanceOf(Promise);
    await beat();
    await room;
    expect(sink.room()).toBeUndefined();
    await sink.close();
  });
});

it("conserves rows under any mix of faults: what was accepted is on disk once and in order, or counted as lost (A5)", async () => {
  const step = fc.constantFrom(
    "row",
    "row",
    "row",
    "next window",
    "beat",
    "fail append",
    "short",
    "fail sync",
    "fail create",
    "heal",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const directory = temporaryDirectory();
      let fault = "heal";
      const { sink, beat } = testSink(directory, {
        bufferRowsMax: 20,
        failure: (call, path) => {
          if (!path.includes("/scalp/")) return undefined;
          if (fault === "fail append" && call === "append") return { code: "EIO", reason: fault };
          if (fault === "short" && call === "append") return "short";
          if (fault === "fail sync" && call === "datasync") return { code: "EIO", reason: fault };
          return fault === "fail create" && call === "create" ? { code: "EACCES", reason: fault } : undefined;
        },
      });
      await sink.open();
      const accepted: number[] = [];
      let [number, at] = [0, openingAt];
      for (const todo of steps) {
        if (todo === "row") {
          number += 1;
          if (sink.append("scalp", at, row(number))) accepted.push(number);
        } else if (todo === "next window") at += 60_000;
        else if (todo === "beat") await beat(1100);
        else fault = todo;
        const { accepted: taken, persisted, pending, lost, turnedAway } = sink.figures().scalp;
        expect(taken).toBe(persisted + pending + lost);
        expect(taken + turnedAway).toBe(number);
      }
      await sink.close();
      const { persisted, lost, pending } = sink.figures().scalp;
      const onDisk = scalpRows(directory);
      expect(pending).toBe(0);
      expect(onDisk.length).toBe(persisted);
      expect(accepted.length).toBe(persisted + lost);
      expect(new Set(onDisk).size, "no row is there twice").toBe(onDisk.length);
      const kept = new Set(onDisk);
      expect(onDisk).toEqual(accepted.filter((one) => kept.has(one)));
    }),
    { numRuns: 60 },
  );
});

it("leaves files that are not its own alone", async () => {
  const directory = temporaryDirectory();
  appendFileSync(join(directory, "notes.txt"), "no newline");
  const { sink } = testSink(directory);
  await sink.open();
  await sink.close();
  expect(tree(directory)["notes.txt"]).toBe("no newline");
});
