import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { NotOurs } from "#adapters/host/own-files.ts";
import type { RecordedDay } from "#adapters/replay/day-format.ts";
import { openRecordedDay } from "#adapters/replay/recorded-days.ts";
import { systemLine } from "#archive/system-record.ts";
import { writeProblem } from "#commands/import.ts";
import { snapshotLine } from "#market/snapshot.ts";
import { type Ran, runLine } from "./console.ts";

const shared = join(import.meta.dirname, "../../../shared/data");
const hasShared = existsSync(join(shared, "samsung_1min_asc.csv"));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qts-import-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return name;
};
const qts = (...argv: readonly string[]): Promise<Ran> => runLine(argv, { cwd: folder });
const dayFiles = (): string[] => (existsSync(join(folder, "days")) ? readdirSync(join(folder, "days")).sort() : []);
const open = (name: string): RecordedDay => {
  const day = openRecordedDay(name, join(folder, "days"));
  if (!day.ok) throw new Error(day.error);
  return day.value;
};
const rowsOf = (day: RecordedDay): unknown[] =>
  Array.from({ length: day.rows }, (_, row) => [
    new Date(day.exchangeAt[row] as number).toISOString(),
    day.header.symbols[day.symbol[row] as number]?.symbol,
    day.priceMinor[row],
    day.quantity[row],
    day.sequence[row],
  ]);
const trades = `time,price,qty
2024-01-02T10:00:00Z,12.34,5
2024-01-02T10:00:00Z,12.35,6
2024-01-03T00:00:00Z,12.36,7
`;

describe("qts import", () => {
  it("makes a day for each trading day of the market, which qts days lists", async () => {
    write("a.csv", trades);
    expect(await qts("import", "a.csv", "--symbol", "ABC")).toMatchObject({
      exitCode: 0,
      err: "",
      out: `3 trades of ABC on 2 days: abc-20240102 … abc-20240103 in ${folder}/days\nPlay them: qts run --days abc-20240102..20240103 --speed max\n`,
    });
    expect(dayFiles()).toEqual(["abc-20240102.qtsday", "abc-20240103.qtsday"]);
    const day = open("abc-20240102");
    expect(rowsOf(day)).toEqual([
      ["2024-01-02T10:00:00.000Z", "ABC", 1234, 5, 1],
      ["2024-01-02T10:00:00.000Z", "ABC", 1235, 6, 2],
    ]);
    expect(day.header.instruments).toEqual([
      { symbol: "ABC", market: "ALWAYS", currency: "USD", priceScale: 2, tickSize: 1, lotSize: 1 },
    ]);
    const listed = await qts("days");
    expect(listed.out).toMatch(
      /us-equity-20131007 +2013-10-07 .* 274,894 {2}ships with QTS\nabc-20240102 +2024-01-02 +ALWAYS +ABC +2 {2}a\.csv\n/,
    );
    const { days } = JSON.parse((await qts("days", "--json")).out) as { readonly days: readonly object[] };
    expect(days).toHaveLength(3);
    expect(days[2]).toEqual({
      name: "abc-20240103",
      date: "2024-01-03",
      market: "ALWAYS",
      symbols: ["ABC"],
      trades: 1,
      source: "a.csv",
      isShipped: false,
    });
  });

  it("takes days by the market's own clocks, and its hours for the regular session", async () => {
    write("a.csv", "time,price,qty\n2018-01-18 08:35:00,100,1\n2018-01-18 09:00:00,100,1\n2018-01-18 15:30:01,101,1\n");
    const ran = await qts("import", "a.csv", "--symbol", "X", "--market", "KRX", "--time-zone", "Asia/Seoul");
    expect(ran).toMatchObject({ exitCode: 0, err: "" });
    const { header } = open("x-20180118");
    expect(header.regularMs).toEqual([9 * 3_600_000, 15.5 * 3_600_000]);
    expect(new Date(header.midnightAt).toISOString()).toBe("2018-01-17T15:00:00.000Z");
  });

  it("merges the files of several symbols by time", async () => {
    write("a.csv", "time,price,qty,symbol\n1700000000,1,1,A\n1700000002,2,1,A\n");
    write("b.csv", "time,price,qty,symbol\n1700000001,3,1,B\n");
    expect((await qts("import", "a.csv", "b.csv")).err).toContain("There are 2 symbols in it, and their days need a name");
    expect((await qts("import", "a.csv", "b.csv", "--name", "two")).exitCode).toBe(0);
    expect(rowsOf(open("two-20231114")).map((row) => (row as unknown[])[1])).toEqual(["A", "B", "A"]);
  });

  it("unpacks gzip, and prints one document with --json", async () => {
    write("a.csv.gz", gzipSync(trades));
    const ran = await qts("import", "a.csv.gz", "--symbol", "ABC", "--json", "--days-dir", "mine");
    expect(JSON.parse(ran.out)).toEqual({
      directory: join(folder, "mine"),
      symbols: ["ABC"],
      days: [
        { name: "abc-20240102", date: "2024-01-02", trades: 2, inSession: 2 },
        { name: "abc-20240103", date: "2024-01-03", trades: 1, inSession: 1 },
      ],
      gaps: 0,
      missing: 0,
      notes: [],
    });
  });

  it("keeps numbers up to 2^53, and more than 256 symbols and conditions on a day", async () => {
    const row = (index: number): string => `${1_700_000_000 + index},90071992.54740991,90071992.54740990,S${index},C${index}`;
    write("a.csv", `time,price,qty,symbol,condition\n${Array.from({ length: 300 }, (_, index) => row(index)).join("\n")}\n`);
    const scales = ["--price-scale", "8", "--quantity-scale", "8"];
    expect((await qts("import", "a.csv", "--name", "many", ...scales)).err).toContain("are more than 12 together");
    const text = readFileSync(join(folder, "a.csv"), "utf8").replaceAll("90071992.54740991", "9007199254740991");
    write("a.csv", text);
    expect(await qts("import", "a.csv", "--name", "many", "--quantity-scale", "8", "--price-scale", "0")).toMatchObject({
      exitCode: 0,
    });
    const day = open("many-20231114");
    expect(day.header.symbols).toHaveLength(300);
    expect(day.header.conditions[day.condition[299] as number]).toBe("C299");
    expect([day.symbol[299], day.priceMinor[299], day.quantity[299]]).toEqual([
      299, 9_007_199_254_740_991, 9_007_199_254_740_990,
    ]);
  });
});

describe("what is wrong is said with its place, and nothing is imported", () => {
  const refusal = async (content: string | Uint8Array, ...options: readonly string[]): Promise<string> => {
    write("a.csv", content);
    const { exitCode, out, err } = await qts("import", "a.csv", "--symbol", "ABC", ...options);
    expect({ exitCode, out, files: dayFiles() }).toEqual({ exitCode: 1, out: "", files: [] });
    expect(err).toMatch(/\nNothing was imported\.\n$/);
    return err;
  };
  const rows = (...lines: readonly string[]): string => `time,price,qty,number\n${lines.join("\n")}\n`;

  test.each<[what: string, content: string | Uint8Array, options: readonly string[], expected: string]>([
    ["nothing in it", "", [], "There is no trade in a.csv of ABC."],
    ["a header only", "time,price,qty\r\n", [], "There is no trade in a.csv of ABC."],
    ["a byte-order mark alone", "\uFEFF", [], "There is no trade in a.csv of ABC."],
    ["a wrong column", "time,bid,qty\n", [], "a.csv:1: the line has the columns time, bid, qty, and no price among them"],
    ["a price off its scale", rows("1700000000,1.005,1,1"), [], 'a.csv:2: price is "1.005" and has more than 2 digits'],
    [
      "a time that goes back",
      rows("1700000001,1,1,1", "1700000000,1,1,2"),
      [],
      "a.csv:3: the line is of 2023-11-14T22:13:20.000Z, before 2023-11-14T22:13:21.000Z of a.csv:2",
    ],
    [
      "a number that skips",
      rows("1700000000,1,1,1", "1700000001,1,1,4"),
      [],
      "a.csv:3: the line has the number 4 after 1 of a.csv:2: 2 trades of ABC are missing; bring them, or give --keep-gaps",
    ],
    [
      "a number that is there twice",
      rows("1700000000,1,1,1", "1700000001,1,1,1"),
      [],
      "a.csv:3: the line has the number 1 after 1 of a.csv:2: it is there twice",
    ],
    ["a local time of nowhere", rows("2024-01-02 10:00,1,1,1"), [], "nobody says where; give --time-zone"],
    [
      "a Sunday",
      rows("2024-01-07T15:00:00Z,1,1,1"),
      ["--market", "NYSE"],
      "is of 2024-01-07, on which NYSE does not trade; are --market and --time-zone right?",
    ],
    ["NUL bytes", "time,price,qty\n\0\0\0\n", [], "a.csv:2: the line has a NUL byte"],
    ["a line of a megabyte", `time,price,qty\n${"x".repeat(1_048_576)}\n`, [], "a.csv:2: the line is longer than 65536 bytes"],
    ["what is no text", new Uint8Array([0xff, 0xfe, 0x41, 0]), [], "a.csv:1: the line is UTF-16"],
    ["a name that leads elsewhere", rows("1700000000,1,1,1"), ["--format", "archive"], "is no directory"],
  ])("%s", async (_, content, options, expected) => {
    expect(await refusal(content, ...options)).toContain(expected);
  });

  it("a gzip that is none, or is cut short", async () => {
    write("a.csv.gz", "garbage");
    expect((await qts("import", "a.csv.gz", "--symbol", "A")).err).toBe(
      "a.csv.gz cannot be unpacked: it is damaged, or no gzip; fetch it again.\nNothing was imported.\n",
    );
    write("a.csv.gz", gzipSync(`${trades}${"2024-01-03T00:00:00Z,12.36,7\n".repeat(1000)}`).subarray(0, -20));
    expect((await qts("import", "a.csv.gz", "--symbol", "A")).err).toContain("a.csv.gz cannot be unpacked: it is cut short");
    expect(dayFiles()).toEqual([]);
  });

  it("a file that is not there, and options that cannot be", async () => {
    expect(await qts("import", "a.csv")).toMatchObject({
      exitCode: 1,
      err: `${folder}/a.csv cannot be read: there is no such file.\nNothing was imported.\n`,
    });
    write("a.csv", trades);
    for (const [option, value, expected] of [
      ["--market", "LSE", "of which no calendar is known; known are KRX"],
      ["--columns", "zeit=1", "wants NAME=COLUMN with one of time"],
      ["--time-zone", "Mars/Olympus", "is no time zone"],
      ["--name", "../x", "must be letters, digits"],
      ["--tick", "0.001", "must be a price of at most 2 digits"],
      ["--bars", "1", "must be a time with its unit"],
      ["--currency", "usd", "must be three capital letters"],
    ] as const) {
      const ran = await qts("import", "a.csv", "--symbol", "ABC", option, value);
      expect(ran).toMatchObject({ exitCode: 2 });
      expect(ran.err).toContain(expected);
    }
    expect((await qts("import")).exitCode).toBe(2);
  });

  it("a day that is there already, unless it may be replaced, and a name that ships with QTS", async () => {
    write("a.csv", trades);
    await qts("import", "a.csv", "--symbol", "ABC");
    expect((await qts("import", "a.csv", "--symbol", "ABC")).err).toContain("There is a day called abc-20240102 in");
    expect((await qts("import", "a.csv", "--symbol", "ABC", "--replace")).exitCode).toBe(0);
    write("b.csv", "time,price,qty\n2013-10-07T15:00:00Z,1,1\n");
    expect((await qts("import", "b.csv", "--symbol", "A", "--name", "us-equity")).err).toContain(
      "ships with QTS; give another --name",
    );
  });

  it("a damaged day is said by qts days, and does not hide the others", async () => {
    write("a.csv", trades);
    await qts("import", "a.csv", "--symbol", "ABC");
    writeFileSync(join(folder, "days/abc-20240102.qtsday"), "something else");
    const ran = await qts("days");
    expect(ran.exitCode).toBe(1);
    expect(ran.err).toContain("abc-20240102.qtsday is not a recorded day of QTS (version 1 or 2); import it again");
    expect(ran.out).toContain("abc-20240103");
  });
});

describe("qts run", () => {
  it.each<[args: readonly string[], exitCode: number, expected: string]>([
    [["--day", "a", "--days", "a-20240101..20240102"], 2, "--day is one day and --days a row of them; give one of both."],
    [["--day", "a", "--feed", "upbit"], 2, "--day is for recorded days, and --feed upbit is live; give one of both."],
    [["--days", "a-20240101"], 2, "must be FROM..TO, like 005930-20180118..20180226; one day is --day a-20240101."],
    [
      ["--day", "a"],
      78,
      'session.day is "a": there is no such recorded day; choose one of us-equity-20131007, abc-20240102, abc-20240103.',
    ],
    [["--days", "a..b"], 78, "is no range of days; write NAME-20240102..20240131"],
    [["--days", "abc-20240103..20240102"], 78, "ends before it begins"],
    [["--days", "abc-20240102..xyz-20240103"], 78, "begins with abc and ends with xyz: give one name"],
    [["--days", "abc-20250101..20250102"], 78, "has no day of abc in it; `qts days` lists them"],
    [
      ["--days", "20240102..20240103"],
      78,
      "names no data set; write one of us-equity-20240102..20240103, abc-20240102..20240103",
    ],
  ])("refuses %s before it makes a home", async (args, exitCode, expected) => {
    write("a.csv", trades);
    await qts("import", "a.csv", "--symbol", "ABC");
    const ran = await qts("run", ...args, "--home", join(folder, "home"));
    expect(ran).toMatchObject({ exitCode, out: "" });
    expect(ran.err).toContain(expected);
    expect(existsSync(join(folder, "home"))).toBe(false);
  });
});

describe("what cannot be had straight", () => {
  it("is sorted when somebody asks for it, each time in the order of the file", async () => {
    write("a.csv", "time,price,qty,number\n1700000001,1,1,5\n1700000000,2,1,9\n1700000001,3,1,2\n");
    expect((await qts("import", "a.csv", "--symbol", "A", "--sort")).exitCode).toBe(0);
    expect(rowsOf(open("a-20231114")).map((row) => (row as unknown[])[2])).toEqual([200, 100, 300]);
  });

  it("keeps a hole of the source's numbers when somebody asks for it, also from one day to the next", async () => {
    write("a.csv", "time,price,qty,number\n1700000000,1,1,11\n1700000001,1,1,14\n1700090000,1,1,16\n");
    const ran = await qts("import", "a.csv", "--symbol", "A", "--keep-gaps");
    expect(ran.out).toContain("3 trades are missing in 2 holes of the source's numbers");
    expect([...open("a-20231114").sequence]).toEqual([1, 4]);
    expect([...open("a-20231115").sequence]).toEqual([2]);
  });

  it("leaves nothing of an import that was stopped", async () => {
    write("a.csv", trades);
    const ran = await runLine(["import", "a.csv", "--symbol", "ABC"], { cwd: folder, signal: AbortSignal.abort("SIGINT") });
    expect(ran).toMatchObject({ exitCode: 130, out: "", err: "Stopped. Nothing was imported.\n" });
    expect(dayFiles()).toEqual([]);
  });

  it("says that the days are imported when only their names are taken, and qts days names them once that is mended", async () => {
    write("a.csv", trades);
    const taken = join(folder, "days/abc-20240102.qtsday");
    mkdirSync(taken, { recursive: true });
    const ran = await qts("import", "a.csv", "--symbol", "ABC", "--replace");
    expect(ran.exitCode).toBe(1);
    expect(ran.err).toContain("the days are imported");
    expect(ran.err).not.toContain("Nothing was imported");
    rmSync(taken, { recursive: true });
    expect((await qts("days")).out).toContain("abc-20240102");
    expect(dayFiles()).toEqual(["abc-20240102.qtsday", "abc-20240103.qtsday"]);
  });

  it("names the remedy where a disk keeps no owner and mode, and leaves faults of its own alone", () => {
    const others = new NotOurs("/mnt/c/days/.import-1/spool may be written by others (mode 0777): chmod -R go-w it");
    expect(writeProblem(others, "/mnt/c/days")).toContain("give a --days-dir on another disk");
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    expect(writeProblem(full, "/days")).toContain("/days cannot be written (ENOSPC");
    expect(writeProblem(new TypeError("x is undefined"), "/days")).toBeUndefined();
  });
});

/** A zip as Lean's are, with sizes in the zip64 field when `long`. */
const zipOf = (name: string, content: string, { long = false, crc = crc32(content) } = {}): Buffer => {
  const packed = deflateRawSync(content);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50);
  local.writeUInt16LE(name.length, 26);
  const extra = Buffer.alloc(long ? 20 : 0);
  if (long) {
    extra.writeUInt16LE(1);
    extra.writeUInt16LE(16, 2);
    extra.writeBigUInt64LE(BigInt(content.length), 4);
    extra.writeBigUInt64LE(BigInt(packed.length), 12);
  }
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50);
  central.writeUInt16LE(8, 10);
  central.writeUInt32LE(crc, 16);
  central.writeUInt32LE(long ? 0xffffffff : packed.length, 20);
  central.writeUInt32LE(long ? 0xffffffff : content.length, 24);
  central.writeUInt16LE(name.length, 28);
  central.writeUInt16LE(extra.length, 30);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(46 + name.length + extra.length, 12);
  end.writeUInt32LE(30 + name.length + packed.length, 16);
  return Buffer.concat([local, Buffer.from(name), packed, central, Buffer.from(name), extra, end]);
};

describe("Lean's zips", () => {
  const lines = "34200000,1674100,100,P,0,0\n34200001,1674200,200,Q,20,1\n";
  const entry = "20131007_spy_Trade_Tick.csv";

  it.each([false, true])("bring their symbol, day, scale and market (sizes of 64 bits: %s)", async (long) => {
    write("spy.zip", zipOf(entry, lines, { long }));
    expect(await qts("import", "spy.zip")).toMatchObject({ exitCode: 0, err: "" });
    const day = open("spy-20131007");
    expect(rowsOf(day)).toEqual([
      ["2013-10-07T13:30:00.000Z", "SPY", 1_674_100, 100, 1],
      ["2013-10-07T13:30:00.001Z", "SPY", 1_674_200, 200, 2],
    ]);
    expect(day.header.instruments).toEqual([
      { symbol: "SPY", market: "NYSE", currency: "USD", priceScale: 4, tickSize: 1, lotSize: 1 },
    ]);
    expect([...day.suspicious]).toEqual([0, 1]);
  });

  it("are refused when they are damaged, cut short, none, or of something else", async () => {
    const whole = zipOf(entry, lines);
    const said = async (content: Uint8Array): Promise<string> => {
      write("spy.zip", content);
      return (await qts("import", "spy.zip")).err;
    };
    expect(await said(zipOf(entry, lines, { crc: 1 }))).toContain("does not match its checksum");
    expect(await said(whole.subarray(0, -10))).toContain("spy.zip is no zip, or is cut short");
    expect(await said(whole.subarray(40))).toContain("spy.zip is a zip whose directory is damaged");
    expect(await said(Buffer.from("PK"))).toContain("is no zip");
    expect(await said(zipOf("readme.txt", lines))).toContain("is no tick file of Lean's trades");
    expect(dayFiles()).toEqual([]);
  });

  it.skipIf(!hasShared)("of the shipped day give its trades (skipped when ../shared/data is not there)", async () => {
    const zips = ["spy", "ibm"].map((symbol) => join(shared, `lean_${symbol}_tick_20131007_trade.zip`));
    expect((await qts("import", ...zips, "--name", "lean")).exitCode).toBe(0);
    const shipped = openRecordedDay("us-equity-20131007");
    if (!shipped.ok) throw new Error(shipped.error);
    const day = open("lean-20131007");
    for (const column of ["exchangeAt", "priceMinor", "quantity", "suspicious", "sequence", "symbol"] as const)
      expect(Buffer.from(day[column].buffer).equals(Buffer.from(shipped.value[column].buffer)), column).toBe(true);
  });
});

describe("an archive of QTS", () => {
  const row = (over: { symbol?: string; session?: string; market?: string; sequence: number }): string =>
    snapshotLine({
      _schema: "qts.snapshot/1",
      meta: {
        at: 1_516_233_600_000,
        session: over.session ?? "0001",
        run: "1",
        sequence: over.sequence,
        source: "x",
        latencyMs: 0,
      },
      context: { symbol: over.symbol ?? "A", market: over.market ?? "KRX", stage: "scalp" },
      observation: {
        inputs: { priceMinor: 5000, quantity: 3, exchangeAt: 1_516_233_600_000 + over.sequence, sequence: over.sequence },
        computed: { cumulativeVolume: 1, changeMinor: 0 },
        state: { phase: "regular" },
      },
      _quality: [],
    });
  const tree = (...lines: readonly string[]): void => {
    mkdirSync(join(folder, "home/config/observer/scalp/20180118"), { recursive: true });
    write("home/config/observer/scalp/20180118/09_00_00.jsonl", lines.join(""));
  };

  it("hears Ctrl-C while its market is looked for", async () => {
    tree(row({ sequence: 1 }));
    const ran = await runLine(["import", "home"], { cwd: folder, signal: AbortSignal.abort("SIGINT") });
    expect(ran).toMatchObject({ exitCode: 130, err: "Stopped. Nothing was imported.\n" });
  });

  it("brings market and symbols, and says what is missing", async () => {
    tree(row({ sequence: 1 }), row({ sequence: 2 }));
    expect((await qts("import", "home")).exitCode).toBe(0);
    expect(rowsOf(open("a-20180118"))).toEqual([
      ["2018-01-18T00:00:00.001Z", "A", 5000, 3, 1],
      ["2018-01-18T00:00:00.002Z", "A", 5000, 3, 2],
    ]);
    expect(open("a-20180118").header.instruments).toMatchObject([
      { market: "KRX", currency: "KRW", priceScale: 0, tickSize: 10 },
    ]);
    tree(row({ sequence: 1 }), row({ sequence: 5 }));
    expect((await qts("import", "home", "--replace")).err).toContain("3 trades of A are missing");
  });

  it("of a source whose numbers are not consecutive has no holes, and says what its scales are", async () => {
    tree(row({ sequence: 100, market: "UPBIT" }), row({ sequence: 900, market: "UPBIT" }));
    mkdirSync(join(folder, "home/config/observer/system"));
    const meta = { at: 1, session: "0001", run: "1", sequence: 1 };
    write(
      "home/config/observer/system/20180118.jsonl",
      systemLine(meta, { type: "opened", tornFiles: 0, tornBytes: 0, numbers: "sparse" }),
    );
    expect(await qts("import", "home")).toMatchObject({ exitCode: 2, err: expect.stringContaining("give --quantity-scale") });
    expect(await qts("import", "home", "--market", "NYSE")).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining("give --price-scale"),
    });
    expect(await qts("import", "home", "--quantity-scale", "8")).toMatchObject({ exitCode: 0, err: "" });
    expect([...open("a-20180118").sequence]).toEqual([1, 2]);
    expect(open("a-20180118").header.instruments).toMatchObject([
      { market: "UPBIT", currency: "KRW", priceScale: 0, quantityScale: 8 },
    ]);
  });

  it("is refused with two sessions or markets in it until one is named, and when it is none", async () => {
    tree(row({ sequence: 1 }), row({ sequence: 2, session: "0002" }));
    expect((await qts("import", "home")).err).toContain('there were rows of "0001": import one at a time, with --session');
    expect((await qts("import", "home", "--session", "0002")).exitCode).toBe(0);
    tree(row({ sequence: 1 }), row({ sequence: 2, market: "NYSE" }));
    expect((await qts("import", "home")).err).toContain('there were rows of "KRX": import one at a time, with --market');
    tree("{}\n");
    expect((await qts("import", "home")).err).toContain("09_00_00.jsonl:1: the line is of the schema");
    expect((await qts("import", ".")).err).toContain("there is no archive at .");
  });
});

it.skipIf(!hasShared)(
  "makes 27 trading days of Samsung's minute bars, four trades each (skipped when ../shared/data is not there)",
  async () => {
    const ran = await qts("import", join(shared, "samsung_1min_asc.csv"), "--symbol", "005930");
    expect(ran).toMatchObject({ exitCode: 0, err: "" });
    expect(ran.out).toContain("40,000 trades of 005930 on 27 days: 005930-20180117 … 005930-20180226");
    const day = open("005930-20180118");
    expect(day.rows).toBe(381 * 4);
    expect(new Date(day.exchangeAt.at(-1) as number).toISOString()).toBe("2018-01-18T06:29:59.999Z");
    expect(day.header.instruments).toMatchObject([{ market: "KRX", currency: "KRW", priceScale: 0, tickSize: 1000 }]);
  },
);
