import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ArchiveReport } from "#archive/check.ts";
import { NumberRanges } from "#archive/number-ranges.ts";
import { command } from "#commands/archive-check.ts";
import { UsageError } from "#commands/command.ts";
import { openingAt, temporaryDirectory } from "./setup.ts";

const session = "s";
type Parts = { readonly [part in "meta" | "context" | "inputs" | "computed" | "state" | "row"]?: object };
/** A row of SPY that the contract allows: of 1 lot at 1, `ms` after the opening. */
const row = (sequence: number, ms = sequence, given: Parts = {}): string =>
  `${JSON.stringify({
    _schema: "qts.snapshot/1",
    meta: { at: openingAt + ms, session, run: "1", sequence, source: "x", latencyMs: 0, ...given.meta },
    context: { symbol: "SPY", market: "NYSE", stage: "scalp", ...given.context },
    observation: {
      inputs: { priceMinor: 1, quantity: 1, exchangeAt: openingAt + ms, sequence, ...given.inputs },
      computed: { cumulativeVolume: sequence, changeMinor: 0, ...given.computed },
      state: { phase: "regular", ...given.state },
    },
    _quality: [],
    ...given.row,
  })}\n`;
const system = "system/20131007.jsonl";
const systemRow = (type: string, fields: object, sequence = 1, run = "1"): string =>
  `${JSON.stringify({ _schema: "qts.system/1", meta: { at: openingAt + 60_000, session, run, sequence }, type, ...fields })}\n`;
/** A gap line that the contract allows, of the first minute. */
const gap = (fields: object, sequence = 1, run = "1"): string =>
  systemRow(
    "gap",
    {
      stream: "scalp",
      symbol: "SPY",
      from: openingAt,
      to: openingAt + 60_000,
      seconds: 60,
      severity: "major",
      reason: "hole",
      ...fields,
    },
    sequence,
    run,
  );
const scalp = "scalp/20131007/22_30_00.jsonl";

const check = async (
  files: { readonly [path: string]: string | Uint8Array },
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

  it("may be written by something else, when it says where its rows have what must be known", async () => {
    const files = { [scalp]: `${JSON.stringify({ t: openingAt, what: { symbol: "005930" }, on: "KRX", price: 1 })}\n` };
    expect(await check(files)).toMatchObject({ exitCode: 1, report: { ok: false, unjudged: 1 } });
    const { exitCode, report } = await check(files, "--map", "at=t", "--map", "symbol=what.symbol", "--map", "market=on");
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({ ok: true, lines: 1, unjudged: 0 });
  });
});

describe("silent loss ends with exit code 1 (A14)", () => {
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
    const declared = gap({ to: openingAt + 20_000, seconds: 20, reason: "quiet" });
    expect(await check({ [scalp]: bare(0) + bare(20_000), [system]: declared })).toMatchObject({ exitCode: 0 });
  });

  it("but a silence whose numbers go on is only counted: nobody traded", async () => {
    expect(await check({ [scalp]: row(1, 0) + row(2, 20_000) })).toMatchObject({
      exitCode: 0,
      report: { gaps: { undeclaredQuiet: 1 } },
    });
  });
});

describe("damage ends with exit code 1 (A14)", () => {
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
    const other = row(1, 1, { meta: { session: "t" } });
    expect(await check({ [scalp]: row(1) + row(2, 1), "scalp/20131007/22_30_00.p2.jsonl": other })).toMatchObject({
      exitCode: 0,
    });
  });

  it("a row out of order is damage unless it says that it is", async () => {
    const late = { row: { _quality: ["OUT_OF_ORDER"] } };
    expect(await check({ [scalp]: row(1, 500) + row(2, 400, late) })).toMatchObject({ exitCode: 0, report: { outOfOrder: 1 } });
    expect(await check({ [scalp]: row(1, 500) + row(2, 400) })).toMatchObject({ exitCode: 1, report: { unordered: 1 } });
    // Numbers that go back are damage whatever the times say.
    expect(await check({ [scalp]: row(2, 400) + row(1, 500) })).toMatchObject({ exitCode: 1, report: { unordered: 2 } });
  });

  it("what lies behind the trusted end of a suspect segment is not read: it is repeated elsewhere", async () => {
    const suspect = systemRow("suspect", { path: scalp, trustedBytes: row(1).length, reason: "EIO: failed" });
    const files = { [scalp]: `${row(1)}${row(2)}{"ha`, "scalp/20131007/22_30_00.p2.jsonl": row(2) + row(3), [system]: suspect };
    expect(await check(files)).toMatchObject({ exitCode: 0, report: { suspectLines: 2, duplicates: 0 } });
  });

  it("nor is that of a segment of the system stream, which only a later part names", async () => {
    const first = gap({ reason: "quiet" });
    const suspect = systemRow("suspect", { path: system, trustedBytes: first.length, reason: "EIO: failed" }, 2);
    const files = { [system]: `${first}{"ha`, "system/20131007.p2.jsonl": suspect, [scalp]: row(1, 60_000) };
    expect(await check(files)).toMatchObject({ exitCode: 0, report: { suspectLines: 1, tornFiles: 0 } });
  });

  it("a segment that a suspect line names and that is not there, or is shorter than the line says", async () => {
    const suspect = (trustedBytes: number) => systemRow("suspect", { path: scalp, trustedBytes, reason: "EIO: failed" });
    const before = "scalp/20131007/22_29_00.jsonl";
    const early = row(1, -30_000);
    expect(await check({ [before]: early, [system]: suspect(9) })).toMatchObject({ exitCode: 1, report: { lostFiles: 1 } });
    expect(await check({ [before]: early, [scalp]: row(2), [system]: suspect(9999) })).toMatchObject({
      exitCode: 1,
      report: { lostFiles: 1 },
    });
    // Retention removes the oldest first, and leaves the day's system file until the day is over.
    expect(await check({ "scalp/20131007/22_31_00.jsonl": row(1, 60_000), [system]: suspect(9) })).toMatchObject({ exitCode: 0 });
  });
});

describe("a line that cannot be ends with exit code 1 and its place (A14)", () => {
  const without = (name: string) => JSON.parse(row(1), (key, value) => (key === name ? undefined : value)) as object;
  const names = [
    ...["_schema", "meta", "context", "observation", "_quality", "at", "session", "run", "source", "latencyMs", "symbol"],
    ...["market", "stage", "inputs", "computed", "state", "priceMinor", "quantity", "exchangeAt", "cumulativeVolume"],
    ...["changeMinor", "phase", "sequence"],
  ];
  it.each(names)("without its field %s", async (name) => {
    const { exitCode, report } = await check({ [scalp]: `${JSON.stringify(without(name))}\n` });
    expect(exitCode).toBe(1);
    expect(report.impossible + report.unjudged).toBe(1);
    expect(report.problems[0]).toMatch(new RegExp(`^${scalp}:1: .*${name} is missing`));
  });

  const nanoseconds = (openingAt + 1) * 1_000_000;
  it.each<{ readonly what: string; readonly given: Parts; readonly says: RegExp }>([
    { what: "a time in nanoseconds", given: { inputs: { exchangeAt: nanoseconds } }, says: /exchangeAt is \d+ and is no time/ },
    { what: "a time in seconds", given: { meta: { at: 1.5 } }, says: /meta\.at is 1\.5 and is no time/ },
    { what: "another schema", given: { row: { _schema: "qts.snapshot/99" } }, says: /_schema is "qts\.snapshot\/99"/ },
    { what: "no schema that is a text", given: { row: { _schema: 1 } }, says: /_schema is 1/ },
    {
      what: "a price below zero",
      given: { inputs: { priceMinor: -1 } },
      says: /priceMinor is -1 and must be a whole number above 0/,
    },
    { what: "a price of zero", given: { inputs: { priceMinor: 0 } }, says: /priceMinor is 0/ },
    { what: "a price that is a text", given: { inputs: { priceMinor: "1" } }, says: /priceMinor is "1"/ },
    { what: "a broken price", given: { inputs: { priceMinor: 1.5 } }, says: /priceMinor is 1\.5/ },
    { what: "a quantity below zero", given: { inputs: { quantity: -1 } }, says: /quantity is -1/ },
    { what: "a number beyond exact integers", given: { inputs: { sequence: 2 ** 53 } }, says: /sequence is 9007199254740992/ },
    { what: "a row number of zero", given: { meta: { sequence: 0 } }, says: /meta\.sequence is 0/ },
    { what: "an ask below the bid", given: { inputs: { bidPriceMinor: 3, askPriceMinor: 2 } }, says: /ask 2 is below the bid 3/ },
    { what: "half a bar", given: { inputs: { openPriceMinor: 3 } }, says: /the bar has not all of/ },
    {
      what: "an impossible bar",
      given: { inputs: { openPriceMinor: 3, highPriceMinor: 2, lowPriceMinor: 1, closePriceMinor: 1, volume: 1 } },
      says: /the bar is impossible/,
    },
    { what: "another stream's stage", given: { context: { stage: "swing" } }, says: /stage is "swing" in the stream scalp/ },
    { what: "a phase that is none", given: { state: { phase: "lunch" } }, says: /phase is "lunch"/ },
    { what: "a flag that is none", given: { row: { _quality: ["MAYBE"] } }, says: /_quality is \["MAYBE"\]/ },
    { what: "a flag twice", given: { row: { _quality: ["STALE", "STALE"] } }, says: /each once/ },
    { what: "a latency that is another", given: { meta: { latencyMs: 7 } }, says: /latencyMs is 7, and .* is 0/ },
    { what: "a field of its own", given: { inputs: { price: 1 } }, says: /inputs\.price is no field of this schema/ },
    { what: "no group where one must be", given: { row: { context: [] } }, says: /context is \[\] and must be a group/ },
    { what: "a volume that does not begin with its trade", given: { computed: { cumulativeVolume: 5 } }, says: /make 1/ },
    { what: "a change before there was a price", given: { computed: { changeMinor: 5 } }, says: /changeMinor is 5/ },
  ])("with $what", async ({ given, says }) => {
    const { exitCode, report } = await check({ [scalp]: row(1, 1, given) });
    expect(exitCode).toBe(1);
    expect(report.ok).toBe(false);
    expect(report.problems[0]).toMatch(new RegExp(`^${scalp}:1: `));
    expect(report.problems[0]).toMatch(says);
  });

  it("that is not UTF-8, although a lenient reader would take it", async () => {
    const bytes = new TextEncoder().encode(row(1).replace('"x"', '"??"'));
    bytes.set([0xc7, 0xd1], bytes.indexOf(0x3f));
    expect(await check({ [scalp]: bytes })).toMatchObject({
      exitCode: 1,
      report: { badLines: 1, problems: [`${scalp}:1: is not UTF-8`] },
    });
  });

  it("whose volume or change does not follow from the row before, but nothing is asked across rows that are missing", async () => {
    const two = (computed: object, sequence = 2) => check({ [scalp]: row(1) + row(sequence, 2, { computed }) });
    expect(await two({ cumulativeVolume: 4 })).toMatchObject({ exitCode: 1, report: { impossible: 1 } });
    expect(await two({ changeMinor: 1 })).toMatchObject({ exitCode: 1, report: { impossible: 1 } });
    expect(await two({ cumulativeVolume: 9, changeMinor: 1 }, 3)).toMatchObject({
      report: { impossible: 0, missing: { silent: 1 } },
    });
    expect(await two({ cumulativeVolume: 1 }, 3)).toMatchObject({ report: { impossible: 1 } });
  });

  it("with a row number that was there", async () => {
    const twice = row(2, 2, { meta: { sequence: 1 } });
    expect(await check({ [scalp]: row(1) + twice })).toMatchObject({ exitCode: 1, report: { duplicates: 1 } });
  });

  it("of a day long before its file's", async () => {
    expect(await check({ [scalp]: row(1, -3 * 86_400_000) })).toMatchObject({ exitCode: 1, report: { misplaced: 1 } });
  });

  it.each([
    { what: "of another schema", line: gap({ reason: "quiet" }).replace("qts.system/1", "qts.system/7"), says: /_schema is/ },
    { what: "of a type that is none", line: systemRow("shrug", {}), says: /type is "shrug"/ },
    { what: "of a type that every object has", line: systemRow("constructor", {}), says: /type is "constructor"/ },
    { what: "without a stream", line: gap({ reason: "quiet", stream: undefined }), says: /stream is missing/ },
    { what: "of a reason that is none", line: gap({ reason: "bored" }), says: /reason is "bored"/ },
    {
      what: "that ends before it begins",
      line: gap({ reason: "quiet", from: openingAt + 50_000, to: openingAt }),
      says: /before it begins/,
    },
    { what: "of other seconds than its times", line: gap({ reason: "quiet", seconds: 5 }), says: /is of 5 s/ },
    {
      what: "that ends after it was written",
      line: gap({ reason: "quiet", to: openingAt + 90_000, seconds: 90 }),
      says: /after the line was written/,
    },
    {
      what: "until the end of all numbers",
      line: gap({ reason: "quiet", to: 2 ** 53 - 1 }),
      says: /to is 9007199254740991 and is no time/,
    },
    {
      what: "that is quiet and misses rows",
      line: gap({ reason: "quiet", firstMissing: 1, lastMissing: 2 }),
      says: /misses no rows/,
    },
    { what: "that misses rows and names none", line: gap({}), says: /must name firstMissing/ },
    { what: "whose rows go back", line: gap({ firstMissing: 3, lastMissing: 2 }), says: /lies behind/ },
    { what: "that counts no rows", line: systemRow("closed", { persisted: -1 }), says: /persisted is -1/ },
  ])("of the system stream $what", async ({ line, says }) => {
    const { exitCode, report } = await check({ [scalp]: row(1), [system]: line });
    expect(exitCode).toBe(1);
    expect(report.impossible).toBe(1);
    expect(report.problems[0]).toMatch(new RegExp(`^${system}:1: `));
    expect(report.problems[0]).toMatch(says);
  });
});

describe("a gap line declares no more than is missing (A14)", () => {
  it("and may leave out how many rows were lost only where nobody was connected to say", async () => {
    const unconnected = await check({ [scalp]: row(1), [system]: gap({ reason: "lost", detail: "not.connected" }) });
    expect(unconnected.report).toMatchObject({ impossible: 0, gaps: { lost: 1 } });
    const full = await check({ [scalp]: row(1), [system]: gap({ reason: "lost", detail: "buffer.full" }) });
    expect(full.report.problems[0]).toMatch(/must name firstMissing/);
  });

  it("of numbers whose rows are there, up to the largest there is, without looking at each", async () => {
    const blanket = gap({ firstMissing: 1, lastMissing: 2 ** 53 - 1 });
    const { exitCode, report } = await check({ [scalp]: row(1) + row(2) + row(9), [system]: blanket });
    expect(exitCode).toBe(1);
    expect(report).toMatchObject({ gaps: { wrong: 1 }, missing: { declared: 6, silent: 0 } });
    expect(report.problems).toEqual([`${system}:1: declares SPY 1 to 9007199254740991 as missing, and 3 of them are there`]);
  });

  it("but a later run may bring what an earlier one missed", async () => {
    const second = (sequence: number) => row(sequence, sequence, { meta: { run: "2" } });
    const files = { [scalp]: row(1) + second(2) + second(3), [system]: gap({ firstMissing: 2, lastMissing: 2 }) };
    expect(await check(files)).toMatchObject({ exitCode: 0, report: { gaps: { wrong: 0 } } });
  });

  it("nor silence in which rows came", async () => {
    const files = { [scalp]: row(1) + row(2, 30_000), [system]: gap({ reason: "quiet" }) };
    expect(await check(files)).toMatchObject({ exitCode: 1, report: { gaps: { wrong: 1 } } });
  });

  it("and a line of half a silence does not declare the other half", async () => {
    const bare = (ms: number): string =>
      `${JSON.stringify({ meta: { at: openingAt + ms, session }, context: { symbol: "SPY", market: "NYSE" } })}\n`;
    const half = gap({ reason: "quiet", to: openingAt + 30_000, seconds: 30 });
    const { report } = await check({ [scalp]: bare(0) + bare(60_000), [system]: half });
    expect(report.problems).toEqual(["scalp SPY: 30 s of silence from 2013-10-07T13:30:30.000Z is not declared"]);
  });

  it("a hole to the largest number is answered with its place at once", async () => {
    const { report } = await check({ [scalp]: row(1) + row(2 ** 53 - 1, 2) });
    expect(report.missing.silent).toBe(2 ** 53 - 3);
    expect(report.problems).toContain("scalp SPY 2 to 9007199254740990 of session s are missing and not declared");
  });
});

describe("rows that are gone without a row after them (A14)", () => {
  const closed = (persisted: number) => systemRow("closed", { persisted });
  const [first, second] = [row(1) + row(2), row(3, 61_000) + row(4, 62_000)];
  const next = "scalp/20131007/22_31_00.jsonl";

  it("are found at the end by what the run says it wrote", async () => {
    expect(await check({ [scalp]: first, [next]: second, [system]: closed(4) })).toMatchObject({ exitCode: 0 });
    const { exitCode, report } = await check({ [scalp]: first, [system]: closed(4) });
    expect(exitCode).toBe(1);
    expect(report.missing.silent).toBe(2);
  });

  it("are counted at the beginning, which retention may have removed, and are silent loss if it did not", async () => {
    expect(await check({ [next]: second, [system]: closed(4) })).toMatchObject({
      exitCode: 0,
      report: { missing: { silent: 0, beginning: 2 } },
    });
    expect(await check({ [next]: second, [system]: closed(4) }, "--complete")).toMatchObject({
      exitCode: 1,
      report: { missing: { silent: 2, beginning: 0 } },
    });
  });

  it("and those of a symbol of which nothing is left by the numbers of the rows", async () => {
    const lone = row(1, 3, { meta: { sequence: 5 }, context: { symbol: "IBM" } });
    expect(await check({ [scalp]: first + lone })).toMatchObject({ exitCode: 1, report: { missing: { silent: 2 } } });
  });
});

describe("a source whose numbers are not consecutive (A14)", () => {
  const sparse = (index: number, ms: number): string =>
    row(index, ms, { inputs: { sequence: 1_618_678_262_000_000 + 10 ** index } });
  const opened = systemRow("opened", { tornFiles: 0, tornBytes: 0, numbers: "sparse" });

  it("is judged by silence, when its session says so or the caller does", async () => {
    const files = { [scalp]: sparse(1, 0) + sparse(2, 1000) + sparse(3, 2000) };
    expect(await check(files)).toMatchObject({ exitCode: 1, report: { missing: { silent: 988 } } });
    expect(await check(files, "--sparse")).toMatchObject({ exitCode: 0, report: { missing: { silent: 0 } } });
    expect(await check({ ...files, [system]: opened })).toMatchObject({ exitCode: 0 });
  });

  it("has lost something when it is silent, a number comes twice, or a row number is skipped", async () => {
    const of = (text: string) => check({ [scalp]: text, [system]: opened });
    expect(await of(sparse(1, 0) + sparse(2, 30_000))).toMatchObject({ exitCode: 1, report: { gaps: { undeclared: 1 } } });
    expect(await of(sparse(1, 0) + sparse(1, 1000))).toMatchObject({ exitCode: 1, report: { duplicates: 1 } });
    expect(await of(sparse(1, 0) + sparse(3, 1000))).toMatchObject({ exitCode: 1, report: { missing: { silent: 1 } } });
  });
});

describe("the calendar of the row's market (A14)", () => {
  const at = (market: string, iso: string): string =>
    `${JSON.stringify({ meta: { timestamp_ms: Date.parse(iso) }, context: { symbol: "X", market } })}\n`;
  const overnight = (market: string, from: string, to: string) =>
    check({
      [`swing/${from.slice(0, 10).replaceAll("-", "")}/15_00.jsonl`]: at(market, from),
      [`swing/${to.slice(0, 10).replaceAll("-", "")}/09_00.jsonl`]: at(market, to),
    });

  it("says that a holiday between two days is no gap, and a day without a row is one", async () => {
    // Lunar New Year 2018, Thursday and Friday; the same days a week later were days of trading.
    expect(await overnight("KRX", "2018-02-14T15:20:00+09:00", "2018-02-19T09:00:00+09:00")).toMatchObject({ exitCode: 0 });
    expect(await overnight("KRX", "2018-02-21T15:20:00+09:00", "2018-02-26T09:00:00+09:00")).toMatchObject({
      exitCode: 1,
      report: { gaps: { undeclared: 2 } },
    });
  });

  it("must be known: a market or a year without one cannot be judged by silence", async () => {
    expect(await overnight("MOON", "2018-02-21T15:20:00+09:00", "2018-02-22T09:00:00+09:00")).toMatchObject({
      exitCode: 1,
      report: { unjudged: 1, problems: [expect.stringContaining("the market MOON has no calendar")] },
    });
    expect(await overnight("KRX", "2031-02-05T15:20:00+09:00", "2031-02-06T09:00:00+09:00")).toMatchObject({
      exitCode: 1,
      report: { unjudged: 1, problems: [expect.stringContaining("2031-02-06 is not in it")] },
    });
  });
});

describe("files (A14)", () => {
  it.each([`${scalp}.gz`, "scalp/20131007/notes.txt", "scalp/20130230/09_00_00.jsonl", "swing/20131007/25_00.jsonl"])(
    "like %s are no segments: what they hold is not read, and that is said",
    async (path) => {
      expect(await check({ [scalp]: row(1), [path]: row(2) })).toMatchObject({
        exitCode: 1,
        report: { foreignFiles: 1, problems: [expect.stringContaining(`${path}: is no segment`)] },
      });
    },
  );

  it("that are torn tails kept aside, or lie beside the streams, are no damage", async () => {
    const files = { [scalp]: row(1), [`${scalp}.torn`]: '{"ha', "notes.txt": "mine" };
    expect(await check(files)).toMatchObject({ exitCode: 0, report: { otherFiles: 2, foreignFiles: 0 } });
  });

  it("that are empty make no archive whole", async () => {
    expect(await check({ [scalp]: "", [system]: "" })).toMatchObject({
      exitCode: 1,
      report: { ok: false, problems: ["there is no row in any file"] },
    });
  });

  it("of an hour that came twice are read in the order of their rows", async () => {
    const at = Date.UTC(2026, 10, 1, 5, 30) - openingAt;
    const files = {
      "scalp/20261101/01_30_00.jsonl": row(1, at),
      "scalp/20261101/01_45_00.jsonl": row(2, at + 900_000),
      "scalp/20261101/01_30_00.p2.jsonl": row(3, at + 3_600_000),
    };
    const { exitCode, report } = await check(files, "--time-zone", "America/New_York");
    expect(report.problems).toEqual([]);
    expect(exitCode).toBe(0);
  });
});

describe("the command (A14)", () => {
  it("says what it wants when it is called wrongly", async () => {
    await expect(check({ [scalp]: "" }, "--expect", "SPY")).rejects.toThrow(UsageError);
    await expect(check({ [scalp]: "" }, "--time-zone", "Seoul")).rejects.toThrow(/is no time zone/);
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

it("knows the same numbers whether they come one by one or as ranges, in any order", () => {
  const range = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 12 }));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 12 }), (given) => {
      const [ranges, single, all] = [new NumberRanges(), new NumberRanges(), new Set<number>()];
      for (const [first, length] of given) {
        ranges.addRange(first, first + length);
        for (let value = first; value <= first + length; value++) {
          expect(single.add(value)).toBe(!all.has(value));
          all.add(value);
        }
      }
      expect(ranges.holes(0, 80)).toEqual(single.holes(0, 80));
      for (let value = 0; value <= 80; value++) expect(ranges.has(value)).toBe(all.has(value));
      expect(ranges.first).toBe(all.size === 0 ? undefined : Math.min(...all));
    }),
  );
});
