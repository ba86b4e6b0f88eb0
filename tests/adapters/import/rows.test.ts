import { describe, expect, it, test } from "vitest";
import { cellsOf, createCsvReader } from "#adapters/import/csv.ts";
import { createJsonlReader } from "#adapters/import/jsonl.ts";
import { createLeanReader, leanNameOf } from "#adapters/import/lean.ts";
import type { ReadLine, RowOptions } from "#adapters/import/rows.ts";
import { createTimeReader } from "#adapters/import/times.ts";

const options: RowOptions = {
  columns: {},
  readTime: createTimeReader("UTC"),
  priceScale: 2,
  quantityScale: 0,
  symbol: "ABC",
  bars: undefined,
};
const all = (read: ReadLine, ...lines: readonly string[]): unknown => {
  const trades = [];
  for (const [index, line] of lines.entries()) {
    const result = read(line, index + 1);
    if (!result.ok) return `${index + 1}: ${result.error}`;
    trades.push(...result.value);
  }
  return trades;
};
const csv = (lines: readonly string[], over: Partial<RowOptions> = {}): unknown =>
  all(createCsvReader({ ...options, ...over }).read, ...lines);
const jsonl = (lines: readonly string[], over: Partial<RowOptions> = {}): unknown =>
  all(createJsonlReader({ ...options, ...over }).read, ...lines);

const trade = {
  at: 1_700_000_000_000,
  symbol: "ABC",
  priceMinor: 1234,
  quantity: 5,
  venue: "",
  condition: "",
  suspicious: false,
};

describe("CSV", () => {
  it("is read by its header, by names that are given, and by numbers, with or without a header", () => {
    expect(csv(["timestamp,price,size", "1700000000000,12.34,5", ""])).toEqual([trade]);
    expect(csv(["T;P;Q", "1700000000;12.34;5"], { columns: { time: "t", price: "p", quantity: "q" } })).toEqual([trade]);
    const numbered = { columns: { time: "3", price: "1", quantity: "2" } };
    expect(csv(["12.34\t5\t1700000000"], numbered)).toEqual([trade]);
    expect(csv(["preis\tmenge\tzeit", "12.34\t5\t1700000000"], numbered)).toEqual([trade]);
  });

  it("takes symbol, side, venue, condition and the source's number where there are columns of them", () => {
    const header = "time,price,qty,symbol,side,venue,sequence";
    expect(csv([header, "1700000000,12.34,5,ABC,buy,X,7"])).toEqual([{ ...trade, venue: "X", condition: "buy", number: 7 }]);
    expect(csv([header, "1700000000,12.34,5,OTHER,buy,X,7"])).toEqual([]);
    expect(csv([header, "1700000000,12.34,5,OTHER,buy,X,7"], { symbol: undefined })).toMatchObject([{ symbol: "OTHER" }]);
  });

  it("reads a date and a clock of two columns", () => {
    expect(csv(["date,time,price,qty", "20231114,22:13:20,12.34,5"])).toEqual([trade]);
  });

  it("reads quotes as RFC 4180 has them", () => {
    expect(cellsOf('a,"b, ""c""",,d', ",")).toEqual(["a", 'b, "c"', "", "d"]);
    expect(cellsOf('"a', ",")).toBeUndefined();
    expect(cellsOf('"a"b', ",")).toBeUndefined();
    expect(csv(["time,price,qty", '"1700000000","12.34","5"'])).toEqual([trade]);
  });

  test.each([
    ["12.345,5", '2: price is "12.345" and has more than 2 digits after the point: give --price-scale 3'],
    ["12.34,5.5", '2: quantity is "5.5" and has more than 0 digits after the point: give --quantity-scale 1'],
    ["-12.34,5", '2: price is "-12.34", which is negative'],
    ["12.34,-5", '2: quantity is "-5", which is negative'],
    ["0,5", "2: price is 0"],
    ["NaN,5", '2: price is "NaN", which is not a decimal number'],
    ["1e400,5", '2: price is "1e400", which has an exponent that no price has'],
    ["99999999999999999,5", '2: price is "99999999999999999", which is beyond 2^53'],
    [",5", "2: price is empty; name the right column with --columns"],
    ["12.34", "2: has 2 columns and the first line has 3"],
    ["1,234.5,5", "2: has 4 columns and the first line has 3: a field is missing, or a number has a comma in it"],
  ])("says what is wrong with %s", (cells, expected) => {
    expect(csv(["time,price,qty", `1700000000,${cells}`])).toContain(expected);
  });

  it("says which columns it has when one is missing, and when a name or a number is wrong", () => {
    expect(csv(["when,price,qty"])).toMatch(
      /^1: has the columns when, price, qty, and no time among them; say which .*--columns/,
    );
    expect(csv(["time,price,qty"], { columns: { price: "last" } })).toMatch(/^1: has no column "last" for price; it has time/);
    expect(csv(["1,2,3"], { columns: { time: "1", price: "2", quantity: "4" } })).toMatch(
      /^1: has 3 columns, and --columns names number 4 for quantity/,
    );
    expect(csv(["time,price,qty", "1700000000,12.34,5"], { symbol: undefined })).toMatch(/^2: has no symbol; give --symbol/);
    expect(csv(["time,price,qty,symbol", "1700000000,12.34,5,a b"], { symbol: undefined })).toMatch(/^2: has the symbol "a b"/);
  });
});

describe("bars", () => {
  const header = "time,open,high,low,close,volume";
  const bars = { bars: { type: "end" } as const };

  it("become open, high, low, close in the last millisecond, in this order whatever the bar", () => {
    const read = csv([header, "1700000040,10,12,9,11,10", "1700000100,11,12,9,10,3"], bars);
    expect(read).toMatchObject([
      { at: 1_700_000_039_999, priceMinor: 1000, quantity: 2, condition: "bar.open" },
      { at: 1_700_000_039_999, priceMinor: 1200, quantity: 2, condition: "bar.high" },
      { at: 1_700_000_039_999, priceMinor: 900, quantity: 2, condition: "bar.low" },
      { at: 1_700_000_039_999, priceMinor: 1100, quantity: 4, condition: "bar.close" },
      { priceMinor: 1100, quantity: 0 },
      { priceMinor: 1200, quantity: 0 },
      { priceMinor: 900, quantity: 0 },
      { priceMinor: 1000, quantity: 3 },
    ]);
  });

  it("whose time is their beginning are told at their end; one without volume is no trade", () => {
    const oneMinute = { bars: { type: "start", lengthMs: 60_000 } as const };
    expect(csv([header, "1700000040,10,12,9,11,10"], oneMinute)).toMatchObject([{ at: 1_700_000_099_999 }, {}, {}, {}]);
    expect(csv([header, "1700000040,10,10,10,10,0"], oneMinute)).toEqual([]);
  });

  it("are refused when nobody says what their time is, and when the high is not the highest", () => {
    expect(csv([header, "1700000040,10,12,9,11,10"])).toMatch(/^2: is a bar; give --bars end, or --bars 1m/);
    expect(csv([header, "1700000040,10,10.5,9,11,10"], bars)).toMatch(/^2: has open 10, high 10.5, .*name the right columns/);
  });
});

describe("JSON lines", () => {
  it("are read from the text of their numbers, fields within fields with a dot", () => {
    expect(jsonl(['{"ts":1700000000000,"price":12.34,"qty":5}'])).toEqual([trade]);
    const columns = { time: "d.T", price: "d.p", quantity: "d.q" };
    expect(jsonl(['{"d":{"T":"1700000000","p":"12.34","q":5}}'], { columns })).toEqual([trade]);
    const exact = { priceScale: 8, quantityScale: 8 };
    expect(jsonl(['{"time":1700000000,"price":90071992.54740991,"qty":1e-8}'], exact)).toMatchObject([
      { priceMinor: 9_007_199_254_740_991, quantity: 1 },
    ]);
  });

  it("are refused when a line is none, or a field is missing", () => {
    expect(jsonl(["[1]"])).toMatch(/^1: is no JSON object: "\[1\]"/);
    expect(jsonl(["{"])).toMatch(/^1: is no JSON object/);
    expect(jsonl(['{"t":1}'])).toMatch(/^1: has the fields t, and no time, no price, no quantity among them/);
    expect(jsonl(['{"time":1700000000,"price":12.34,"qty":5}', '{"time":1700000000,"qty":5}'])).toMatch(/^2: price is empty/);
  });
});

describe("Lean's trade ticks", () => {
  const name = leanNameOf("20131007_spy_Trade_Tick.csv");
  const read = createLeanReader({ day: "2013-10-07", symbol: "SPY", timeZone: "America/New_York" });

  it("say day and symbol with the name of their file", () => {
    expect(name).toEqual({ day: "2013-10-07", symbol: "SPY" });
    expect(leanNameOf("20131007_spy_Quote_Tick.csv")).toBeUndefined();
    expect(leanNameOf("20131331_spy_Trade_Tick.csv")).toBeUndefined();
  });

  it("count from the exchange's midnight", () => {
    expect(all(read, "14400464,1674100,100,P,20002000,0")).toEqual([
      {
        at: Date.parse("2013-10-07T08:00:00.464Z"),
        symbol: "SPY",
        priceMinor: 1_674_100,
        quantity: 100,
        venue: "P",
        condition: "20002000",
        suspicious: false,
      },
    ]);
  });

  it.each([
    ["14400464,1674100,100,P,20002000", "has 5 columns"],
    ["86400000,1674100,100,P,20002000,0", "is no ms since midnight"],
    ["14400464,-1,100,P,20002000,0", 'has the price "-1"'],
    ["14400464,1674100,x,P,20002000,0", 'has the quantity "x"'],
  ])("are refused when a line is none: %s", (line, expected) => {
    expect(all(read, line)).toContain(expected);
  });
});
