import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { leanDay, readLeanTrades } from "#adapters/replay/convert.ts";
import { decodeDay, encodeDay, type RecordedDay } from "#adapters/replay/day-format.ts";
import { openRecordedDay, recordedDays } from "#adapters/replay/recorded-days.ts";

const shipped = join(import.meta.dirname, "../../../src/adapters/replay/days/us-equity-20131007.qtsday");
const shared = join(import.meta.dirname, "../../../../shared/data");
const hasShared = existsSync(join(shared, "lean_spy_tick_20131007_trade.zip"));

const open = (): RecordedDay => {
  const opened = openRecordedDay("us-equity-20131007");
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
};

describe("the day that ships with QTS", () => {
  it("holds 250,601 trades of SPY and 24,293 of IBM, numbered per symbol and in order of time", () => {
    const day = open();
    expect(day.header.symbols).toEqual([
      { symbol: "SPY", trades: 250_601 },
      { symbol: "IBM", trades: 24_293 },
    ]);
    const last = [0, 0];
    for (let row = 0; row < day.rows; row++) {
      const which = day.symbol[row] as number;
      last[which] = (last[which] as number) + 1;
      if (day.sequence[row] !== last[which]) expect.fail(`row ${row} has number ${day.sequence[row]}`);
      if (row > 0 && (day.exchangeAt[row] as number) < (day.exchangeAt[row - 1] as number))
        expect.fail(`row ${row} is out of order`);
    }
    expect(last).toEqual([250_601, 24_293]);
    expect(new Date(day.exchangeAt[0] as number).toISOString()).toBe("2013-10-07T08:00:00.464Z");
  });

  it("is read with less than 300 ms of a processor", () => {
    open();
    // Of this thread, not of the wall's clock: others may want the processor too.
    const before = process.threadCpuUsage();
    open();
    const { user, system } = process.threadCpuUsage(before);
    expect(user + system).toBeLessThan(300_000);
  });

  it.skipIf(!hasShared)("is its source row by row (skipped when ../shared/data is not there)", () => {
    const day = open();
    for (const [which, { symbol }] of day.header.symbols.entries()) {
      const source = readLeanTrades(join(shared, `lean_${symbol.toLowerCase()}_tick_20131007_trade.zip`), symbol);
      let next = 0;
      for (let row = 0; row < day.rows; row++) {
        if (day.symbol[row] !== which) continue;
        const trade = source[next++];
        const same =
          trade !== undefined &&
          day.exchangeAt[row] === day.header.midnightAt + trade.ms &&
          day.priceMinor[row] === trade.priceMinor &&
          day.quantity[row] === trade.quantity &&
          day.header.venues[day.venue[row] as number] === trade.venue &&
          day.header.conditions[day.condition[row] as number] === trade.condition &&
          (day.suspicious[row] === 1) === trade.suspicious;
        if (!same) expect.fail(`${symbol} ${next} is not ${JSON.stringify(trade)}`);
      }
      expect(next).toBe(source.length);
    }
  });

  it.skipIf(!hasShared)("is what the documented conversion makes (skipped when ../shared/data is not there)", () => {
    expect(leanDay(shared).equals(readFileSync(shipped))).toBe(true);
  });
});

describe("a file that is not whole is refused with one sentence before anything begins", () => {
  const withFile = (content: Uint8Array | undefined): string => {
    const directory = mkdtempSync(join(tmpdir(), "qts-day-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    if (content !== undefined) writeFileSync(join(directory, "broken.qtsday"), content);
    const opened = openRecordedDay("broken", directory);
    return opened.ok ? "opened" : opened.error;
  };
  const bytes = readFileSync(shipped);

  it("missing: names the path and the days there are", () => {
    expect(withFile(undefined)).toMatch(
      /^the recorded day broken is missing: there is no .*broken\.qtsday; import it again with `qts import --replace`/,
    );
    const other = openRecordedDay("us-equity-20131008");
    expect(other).toMatchObject({ ok: false, error: expect.stringContaining("choose one of us-equity-20131007") });
    expect(recordedDays()).toEqual(["us-equity-20131007"]);
  });

  it("cut short: says how much is there", () => {
    expect(withFile(bytes.subarray(0, bytes.length - 1000))).toContain(
      `is cut short: ${bytes.length - 1000} of ${bytes.length} bytes are there; import it again`,
    );
    expect(withFile(new Uint8Array())).toContain("is cut short: only 0 bytes are left");
    expect(withFile(bytes.subarray(0, 40))).toContain("is cut short");
  });

  it("garbled in the middle", () => {
    const garbled = Buffer.from(bytes);
    garbled.writeUInt8(garbled.readUInt8(200_000) ^ 0xff, 200_000);
    expect(withFile(garbled)).toContain("is damaged: its content does not match its checksum; import it again");
  });

  it("something else altogether", () => {
    expect(withFile(Buffer.from("a,b,c\n".repeat(100)))).toContain("is not a recorded day of QTS (version 1 or 2)");
  });

  it("any single changed byte, anywhere", () => {
    const small = encodeDay(
      {
        name: "small",
        source: "test",
        licence: "none",
        timeZone: "UTC",
        midnightAt: 0,
        regularMs: [0, 86_400_000],
        priceScale: 0,
      },
      [{ ms: 1, symbol: "A", priceMinor: 5, quantity: 1, venue: "X", condition: "0", suspicious: false }],
    );
    for (let index = 0; index < small.length; index++) {
      const changed = Buffer.from(small);
      changed.writeUInt8(changed.readUInt8(index) ^ 0x01, index);
      expect(decodeDay(changed).ok, `byte ${index}`).toBe(false);
    }
    for (let length = 0; length < small.length; length++)
      expect(decodeDay(small.subarray(0, length)).ok, `${length} bytes`).toBe(false);
  });
});

it("gives back what was written, whatever the trades", () => {
  const trades = fc.array(
    fc.record({
      ms: fc.nat({ max: 86_399_999 }),
      symbol: fc.constantFrom("A", "B", "C"),
      priceMinor: fc.maxSafeInteger().map((value) => Math.abs(value) + (value === 0 ? 1 : 0)),
      quantity: fc.maxSafeNat(),
      venue: fc.constantFrom("X", "Y"),
      condition: fc.constantFrom("0", "20"),
      suspicious: fc.boolean(),
    }),
    { minLength: 1, maxLength: 50 },
  );
  fc.assert(
    fc.property(trades, (unordered) => {
      const ordered = [...unordered].sort((a, b) => a.ms - b.ms);
      const about = { name: "any", source: "-", licence: "-", timeZone: "UTC", midnightAt: 1_000_000, priceScale: 0 };
      const decoded = decodeDay(encodeDay({ ...about, regularMs: [0, 1] }, ordered));
      if (!decoded.ok) throw new Error(decoded.error);
      const day = decoded.value;
      const back = ordered.map((_, row) => ({
        ms: (day.exchangeAt[row] as number) - 1_000_000,
        symbol: day.header.symbols[day.symbol[row] as number]?.symbol,
        priceMinor: day.priceMinor[row],
        quantity: day.quantity[row],
        venue: day.header.venues[day.venue[row] as number],
        condition: day.header.conditions[day.condition[row] as number],
        suspicious: day.suspicious[row] === 1,
      }));
      expect(back).toEqual(ordered);
    }),
    { numRuns: 50 },
  );
});
