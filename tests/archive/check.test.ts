import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ArchiveReport } from "#archive/check.ts";
import { NumberRanges } from "#archive/number-ranges.ts";
import { command } from "#commands/archive-check.ts";
import { UsageError } from "#commands/command.ts";
import { openingAt, temporaryDirectory } from "./setup.ts";

const session = "s";
const row = (sequence: number, ms = sequence, given: { readonly symbol?: string } = {}): string =>
  `${JSON.stringify({
    _schema: "qts.snapshot/1",
    meta: { at: openingAt + ms, session, run: "1", sequence, source: "x", latencyMs: 0 },
    context: { symbol: "SPY", market: "NYSE", stage: "scalp", ...given },
    observation: { inputs: { priceMinor: 1, quantity: 1, exchangeAt: openingAt + ms, sequence }, computed: {}, state: {} },
    _quality: [],
  })}\n`;
const gap = (fields: object): string =>
  `${JSON.stringify({
    _schema: "qts.system/1",
    meta: { at: openingAt, session, run: "1", sequence: 1 },
    type: "gap",
    stream: "scalp",
    symbol: "SPY",
    ...fields,
  })}\n`;
const scalp = "scalp/20131007/22_30_00.jsonl";
const system = "system/20131007.jsonl";

const check = async (
  files: { readonly [path: string]: string },
  ...args: readonly string[]
): Promise<{ exitCode: number; told: string; report: ArchiveReport }> => {
  const directory = temporaryDirectory();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  let told = "";
  const io = { out: (text: string) => (told += text), err: (text: string) => (told += text), env: {}, cwd: directory };
  const exitCode = await command.run([".", "--json", ...args], io);
  return { exitCode, told, report: told.startsWith("{") ? (JSON.parse(told) as ArchiveReport) : ({} as ArchiveReport) };
};

describe("a whole tree", () => {
  it("is whole, in any number of files, also below a home", async () => {
    const { exitCode, report } = await check(
      {
        [`config/observer/${scalp}`]: row(1) + row(2),
        "config/observer/scalp/20131007/22_31_00.jsonl": row(3, 9_000),
        [`config/observer/${system}`]: "",
        "config/observer/notes.txt": "mine",
      },
      "--expect",
      "SPY=3",
    );
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({ ok: true, files: 3, lines: 3, otherFiles: 1, missing: { declared: 0, silent: 0 } });
  });

  it("reads parts of a window in their order", async () => {
    const { report } = await check({
      [scalp]: row(1),
      "scalp/20131007/22_30_00.p2.jsonl": row(2),
      "scalp/20131007/22_30_00.p10.jsonl": row(3),
    });
    expect(report).toMatchObject({ ok: true, outOfOrder: 0 });
  });

  it("may be written by something else, as long as the paths are the contract's", async () => {
    const { report } = await check({ [scalp]: `${JSON.stringify({ symbol: "005930", price: 1 })}\n`.repeat(3) });
    expect(report).toMatchObject({ ok: true, lines: 3, duplicates: 0 });
  });
});

describe("silent loss ends with exit code 1", () => {
  it("numbers that are missing without a line that says so", async () => {
    const { exitCode, report } = await check({ [scalp]: row(1) + row(2) + row(5) });
    expect(exitCode).toBe(1);
    expect(report).toMatchObject({ ok: false, missing: { declared: 0, silent: 2 } });
    expect(report.problems).toEqual(["scalp SPY 3 to 4 of session s are missing and not declared"]);
  });

  it("and a gap line that names them makes them declared", async () => {
    const files = { [scalp]: row(1) + row(2) + row(5), [system]: gap({ reason: "hole", firstMissing: 3, lastMissing: 4 }) };
    expect(await check(files)).toMatchObject({ exitCode: 0, report: { missing: { declared: 2, silent: 0 }, gaps: { hole: 1 } } });
  });

  it("one that names too few does not", async () => {
    const files = { [scalp]: row(1) + row(5), [system]: gap({ reason: "lost", firstMissing: 2, lastMissing: 3 }) };
    expect(await check(files)).toMatchObject({ exitCode: 1, report: { missing: { declared: 2, silent: 1 } } });
  });

  it("nor one of another symbol", async () => {
    const files = { [scalp]: row(1) + row(3), [system]: gap({ symbol: "IBM", reason: "hole", firstMissing: 2, lastMissing: 2 }) };
    expect(await check(files)).toMatchObject({ exitCode: 1, report: { missing: { silent: 1 } } });
  });

  it("a beginning, an end, or a whole symbol that the source's own count says is missing", async () => {
    expect(await check({ [scalp]: row(3) + row(4) })).toMatchObject({ exitCode: 0 });
    expect(await check({ [scalp]: row(3) + row(4) }, "--expect", "SPY=6")).toMatchObject({
      exitCode: 1,
      report: { missing: { silent: 4 } },
    });
    expect(await check({ [scalp]: row(1) }, "--expect", "SPY=1", "--expect", "IBM=9")).toMatchObject({
      exitCode: 1,
      report: { missing: { silent: 9 } },
    });
  });

  it("a silence in session of rows without numbers, unless it is declared", async () => {
    const bare = (ms: number): string =>
      `${JSON.stringify({ meta: { at: openingAt + ms, session }, context: { symbol: "SPY", market: "NYSE" } })}\n`;
    expect(await check({ [scalp]: bare(0) + bare(20_000) })).toMatchObject({ exitCode: 1, report: { gaps: { undeclared: 1 } } });
    const declared = gap({ from: openingAt, to: openingAt + 20_000, reason: "quiet" });
    expect(await check({ [scalp]: bare(0) + bare(20_000), [system]: declared })).toMatchObject({ exitCode: 0 });
  });

  it("but a silence whose numbers go on is only counted: nobody traded", async () => {
    expect(await check({ [scalp]: row(1, 0) + row(2, 20_000) })).toMatchObject({
      exitCode: 0,
      report: { gaps: { undeclaredQuiet: 1 } },
    });
  });
});

describe("damage ends with exit code 1", () => {
  it.each([
    { what: "a torn last line", text: `${row(1)}{"half`, found: { tornFiles: 1 } },
    { what: "a bad line in the middle", text: `${row(1)}{"half\n${row(2)}`, found: { badLines: 1 } },
    { what: "a line that is no object", text: `${row(1)}7\n`, found: { badLines: 1 } },
    { what: "an empty line", text: `${row(1)}\n${row(2)}`, found: { badLines: 1 } },
    { what: "a row that is there twice", text: row(1) + row(2) + row(1), found: { duplicates: 1 } },
    { what: "a row of a later day", text: row(1) + row(2, 86_400_000), found: { misplaced: 1 } },
  ])("$what", async ({ text, found }) => {
    const { exitCode, report, told } = await check({ [scalp]: text });
    expect(exitCode, told).toBe(1);
    expect(report).toMatchObject({ ok: false, ...found });
    expect(report.problems[0]).toContain(scalp);
  });

  it("equal trades with different numbers are not doubles, and two sessions on one home do not disturb each other", async () => {
    const other = row(1).replace('"session":"s"', '"session":"t"');
    expect(await check({ [scalp]: row(1) + row(2, 1), "scalp/20131007/22_30_00.p2.jsonl": other })).toMatchObject({
      exitCode: 0,
    });
  });

  it("rows out of order are counted and are no damage", async () => {
    expect(await check({ [scalp]: row(1, 500) + row(2, 400) })).toMatchObject({ exitCode: 0, report: { outOfOrder: 1 } });
  });

  it("what lies behind the trusted end of a suspect segment is not read: it is repeated elsewhere", async () => {
    const suspect = `${JSON.stringify({ _schema: "qts.system/1", meta: { session }, type: "suspect", path: scalp, trustedBytes: row(1).length })}\n`;
    const files = { [scalp]: `${row(1)}${row(2)}{"ha`, "scalp/20131007/22_30_00.p2.jsonl": row(2) + row(3), [system]: suspect };
    expect(await check(files)).toMatchObject({ exitCode: 0, report: { suspectLines: 2, duplicates: 0 } });
  });
});

describe("the command", () => {
  it("says what it wants when it is called wrongly", async () => {
    await expect(check({ [scalp]: "" }, "--expect", "SPY")).rejects.toThrow(UsageError);
    await expect(check({ [scalp]: "" }, "--time-zone", "Seoul")).rejects.toThrow(/is not a time zone/);
  });

  it("refuses a place that is no archive in one sentence", async () => {
    expect(await check({ "a.txt": "x" })).toMatchObject({ exitCode: 1, told: expect.stringContaining("there is no archive at") });
    const io = { out: () => {}, err: () => {}, env: {}, cwd: "/" };
    expect(await command.run(["/no/such/place"], io)).toBe(1);
  });

  it("is readable without --json", async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, "scalp/20131007"), { recursive: true });
    writeFileSync(join(directory, scalp), row(1) + row(3));
    let told = "";
    await command.run([directory], { out: (text) => (told += text), err: () => {}, env: {}, cwd: "/" });
    expect(told).toContain("NOT whole");
    expect(told).toContain("! scalp SPY 2 to 2 of session s are missing and not declared");
  });
});

it("keeps numbers in ranges whatever order they come in", () => {
  const ranges = new NumberRanges();
  expect([5, 1, 3, 2, 4, 3, 9].map((value) => ranges.add(value))).toEqual([true, true, true, true, true, false, true]);
  expect(ranges.holes(0, 11)).toEqual([
    { first: 0, last: 0 },
    { first: 6, last: 8 },
    { first: 10, last: 11 },
  ]);
});
