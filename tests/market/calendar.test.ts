import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { decodeDay } from "#adapters/replay/day-format.ts";
import { markets } from "#config/schema.ts";
import { dayAfter, weekdayOf } from "#core/zoned-time.ts";
import { calendarOf, createPhaseLookup, type MarketCalendar, phaseSpan, regularSpans, tradingDayOf } from "#market/calendar.ts";

const of = (market: string): MarketCalendar => {
  const calendar = calendarOf(market);
  if (calendar === undefined) throw new Error(`no calendar for ${market}`);
  return calendar;
};
const at = (iso: string): number => Date.parse(iso);
const iso = (when: number | undefined): string => (when === undefined ? "never" : new Date(when).toISOString().slice(0, 16));
const daysFrom = (from: string, until: string): string[] => {
  const days: string[] = [];
  for (let day = from; day <= until; day = dayAfter(day)) days.push(day);
  return days;
};

describe("the phase of a market", () => {
  test.each([
    { market: "NYSE", when: "2013-10-07T09:29:59.999-04:00", phase: "pre", until: "2013-10-07T13:30" },
    { market: "NYSE", when: "2013-10-07T09:30:00.000-04:00", phase: "regular", until: "2013-10-07T20:00" },
    { market: "NASDAQ", when: "2013-12-09T15:59:59.999-05:00", phase: "regular", until: "2013-12-09T21:00" },
    { market: "NYSE", when: "2013-10-07T16:00:00.000-04:00", phase: "after", until: "2013-10-08T00:00" },
    { market: "NYSE", when: "2013-10-07T20:00:00.000-04:00", phase: "closed", until: "2013-10-08T04:00" },
    { market: "NYSE", when: "2013-10-05T12:00:00.000-04:00", phase: "closed", until: "2013-10-06T04:00" },
    // The day before Christmas ends early, and so does what comes after.
    { market: "NYSE", when: "2026-12-24T12:59:00-05:00", phase: "regular", until: "2026-12-24T18:00" },
    { market: "NYSE", when: "2026-12-24T13:00:00-05:00", phase: "after", until: "2026-12-24T22:00" },
    { market: "NYSE", when: "2025-01-09T12:00:00-05:00", phase: "closed", until: "2025-01-10T05:00" },
    { market: "KRX", when: "2024-08-08T08:29:59+09:00", phase: "closed", until: "2024-08-07T23:30" },
    { market: "KRX", when: "2024-08-08T08:30:00+09:00", phase: "openingAuction", until: "2024-08-08T00:00" },
    { market: "KRX", when: "2024-08-08T09:00:00+09:00", phase: "regular", until: "2024-08-08T06:20" },
    { market: "KRX", when: "2024-08-08T15:20:00+09:00", phase: "closingAuction", until: "2024-08-08T06:30" },
    { market: "KRX", when: "2024-08-08T15:30:00+09:00", phase: "closePrice", until: "2024-08-08T07:00" },
    { market: "KRX", when: "2024-08-08T16:00:00+09:00", phase: "after", until: "2024-08-08T09:00" },
    // The after-market goes on until 20:00 from the day it exists.
    { market: "KRX", when: "2026-09-11T18:30:00+09:00", phase: "closed", until: "2026-09-11T15:00" },
    { market: "KRX", when: "2026-09-14T18:30:00+09:00", phase: "after", until: "2026-09-14T11:00" },
    // Trading ended at 15:00 until the summer of 2016, and the auction began at 08:00 until the spring of 2019.
    { market: "KRX", when: "2016-07-29T14:55:00+09:00", phase: "closingAuction", until: "2016-07-29T06:00" },
    { market: "KRX", when: "2016-08-01T14:55:00+09:00", phase: "regular", until: "2016-08-01T06:20" },
    { market: "KRX", when: "2019-04-26T08:15:00+09:00", phase: "openingAuction", until: "2019-04-26T00:00" },
    { market: "KRX", when: "2019-04-26T07:45:00+09:00", phase: "pre", until: "2019-04-25T23:00" },
    { market: "KRX", when: "2019-04-29T08:15:00+09:00", phase: "closed", until: "2019-04-28T23:30" },
    // The examination moves both ends, the first trading day of a year only the opening.
    { market: "KRX", when: "2025-11-13T09:30:00+09:00", phase: "openingAuction", until: "2025-11-13T01:00" },
    { market: "KRX", when: "2025-11-13T15:25:00+09:00", phase: "regular", until: "2025-11-13T07:20" },
    { market: "KRX", when: "2025-11-13T16:25:00+09:00", phase: "closingAuction", until: "2025-11-13T07:30" },
    { market: "KRX", when: "2026-01-02T09:30:00+09:00", phase: "openingAuction", until: "2026-01-02T01:00" },
    { market: "KRX", when: "2026-01-02T15:25:00+09:00", phase: "closingAuction", until: "2026-01-02T06:30" },
    { market: "KRX", when: "2018-02-15T11:00:00+09:00", phase: "closed", until: "2018-02-15T15:00" },
    { market: "KRX", when: "2026-12-31T11:00:00+09:00", phase: "closed", until: "2026-12-31T15:00" },
    { market: "NXT", when: "2025-08-08T08:10:00+09:00", phase: "pre", until: "2025-08-07T23:50" },
    { market: "NXT", when: "2025-08-08T08:55:00+09:00", phase: "closed", until: "2025-08-08T00:00" },
    { market: "NXT", when: "2025-08-08T15:35:00+09:00", phase: "openingAuction", until: "2025-08-08T06:40" },
    { market: "NXT", when: "2025-08-08T19:59:00+09:00", phase: "after", until: "2025-08-08T11:00" },
  ])("of $market at $when is $phase until $until (M11)", ({ market, when, phase, until }) => {
    const span = phaseSpan(market, at(when));
    expect([span.phase, iso(span.untilAt), span.isKnown]).toEqual([phase, until, true]);
  });

  it("of one that never closes is regular for ever, and so is that of one that nobody knows: its silence is noticed", () => {
    for (const market of ["UPBIT", "BINANCE", "nobody's"])
      expect(phaseSpan(market, 0)).toMatchObject({ phase: "regular", untilAt: Number.POSITIVE_INFINITY });
    expect(calendarOf("nobody's")).toBeUndefined();
    expect(calendarOf("__proto__")).toBeUndefined();
  });

  it("is the same when it is remembered", () => {
    const lookup = createPhaseLookup();
    const moment = fc.integer({ min: at("2013-01-01T00:00:00Z"), max: at("2027-12-31T00:00:00Z") });
    fc.assert(
      fc.property(fc.constantFrom(...markets), moment, (market, when) => {
        const span = phaseSpan(market, when);
        expect(lookup(market, when)).toBe(span.phase);
        expect(span.fromAt <= when && when < span.untilAt).toBe(true);
      }),
    );
  });
});

describe("the days of a market", () => {
  test.each([
    // As the exchanges count them.
    { market: "KRX", days: [247, 245, 248, 246, 243, 244, 246, 248, 248, 246, 245, 244, 242] },
    { market: "NYSE", days: [252, 252, 252, 252, 251, 251, 252, 253, 252, 251, 250, 252, 250] },
  ])("with trading on $market from 2013 are $days", ({ market, days }) => {
    const counted = days.map(
      (_, index) => daysFrom(`${2013 + index}-01-01`, `${2013 + index}-12-31`).filter(of(market).isTradingDay).length,
    );
    expect(counted).toEqual(days);
  });

  const closes = join(import.meta.dirname, "../../../shared/data/kr_daily_1999_2024.csv");
  it.skipIf(!existsSync(closes))("on KRX are those with a close (skipped when ../shared/data is not there) (M11)", () => {
    const traded = new Set(
      readFileSync(closes, "utf8")
        .split("\n")
        .map((line) => line.slice(0, 10)),
    );
    const wrong = daysFrom("2013-01-01", "2024-12-16").filter((day) => of("KRX").isTradingDay(day) !== traded.has(day));
    expect(wrong).toEqual([]);
  });

  it("are none at a weekend, whatever the year", () => {
    for (const market of ["KRX", "NXT", "NYSE", "NASDAQ"])
      expect(
        daysFrom("2012-01-01", "2029-12-31").filter((day) => weekdayOf(day) % 6 === 0 && of(market).isTradingDay(day)),
      ).toEqual([]);
  });

  it("are the market's own: Seoul's while it is still yesterday in UTC, New York's while Seoul has tomorrow", () => {
    const moment = at("2026-10-06T22:00:00Z");
    expect([of("KRX").dayOf(moment), of("NYSE").dayOf(moment), of("UPBIT").dayOf(moment)]).toEqual([
      "2026-10-07",
      "2026-10-06",
      "2026-10-06",
    ]);
    expect(tradingDayOf([{ market: "KRX" }, { market: "NYSE" }])(moment)).toBe("2026-10-07");
  });

  it("outside the years of the table are said not to be known, and have the hours of a weekday (M11)", () => {
    const friday = at("2029-06-08T03:00:00Z");
    expect(phaseSpan("KRX", friday)).toMatchObject({ phase: "regular", isKnown: false });
    expect(of("KRX").unknownProblem(friday)).toBe(
      "the calendar of KRX is known from 2013-01-01 to 2027-12-31, and 2029-06-08 is not in it: a holiday would not be noticed; install a newer QTS",
    );
    expect(of("KRX").unknownProblem(at("2027-12-31T03:00:00Z"))).toBeUndefined();
    expect(of("KRX").unknownProblem(at("2012-12-31T03:00:00Z"))).toMatch(/known from 2013-01-01/);
    expect(of("BINANCE").unknownProblem(friday)).toBeUndefined();
  });

  it("agree with the recorded day that ships with QTS", () => {
    const file = join(import.meta.dirname, "../../src/adapters/replay/days/us-equity-20131007.qtsday");
    const day = decodeDay(readFileSync(file));
    if (!day.ok) throw new Error(day.error);
    const { midnightAt, regularMs } = day.value.header;
    expect(of("NYSE").sessionOf("2013-10-07")).toEqual({
      fromAt: midnightAt + regularMs[0],
      untilAt: midnightAt + regularMs[1],
    });
  });
});

describe("the next opening and closing", () => {
  test.each([
    // From before the session, within it, and over Chuseok, a weekend and a substitute holiday.
    { market: "KRX", when: "2026-09-22T20:00:00Z", opens: "2026-09-23T00:00", closes: "2026-09-23T06:30" },
    { market: "KRX", when: "2026-09-23T00:00:00Z", opens: "2026-09-28T00:00", closes: "2026-09-23T06:30" },
    { market: "KRX", when: "2026-09-23T06:30:00Z", opens: "2026-09-28T00:00", closes: "2026-09-28T06:30" },
    { market: "KRX", when: "2025-10-02T07:00:00Z", opens: "2025-10-10T00:00", closes: "2025-10-10T06:30" },
    { market: "NYSE", when: "2026-11-25T22:00:00Z", opens: "2026-11-27T14:30", closes: "2026-11-27T18:00" },
    { market: "UPBIT", when: "2026-11-25T22:00:00Z", opens: "never", closes: "never" },
  ])("of $market after $when are $opens and $closes", ({ market, when, opens, closes }) => {
    expect([iso(of(market).nextOpenAt(at(when))), iso(of(market).nextCloseAt(at(when)))]).toEqual([opens, closes]);
  });
});

describe("the spans of continuous trading", () => {
  it("leave out nights, weekends, holidays and auctions", () => {
    // Lunar New Year 2018: Thursday and Friday, then a weekend.
    const spans = regularSpans("KRX", at("2018-02-14T06:00:00Z"), at("2018-02-19T01:00:00Z"));
    expect(spans.map(({ fromAt, untilAt }) => [iso(fromAt), iso(untilAt)])).toEqual([
      ["2018-02-14T06:00", "2018-02-14T06:20"],
      ["2018-02-19T00:00", "2018-02-19T01:00"],
    ]);
  });

  it("are those of every moment's phase", () => {
    const from = at("2025-12-20T00:00:00Z");
    const hour = fc.integer({ min: 0, max: 30 * 24 });
    fc.assert(
      fc.property(fc.constantFrom(...markets), hour, fc.integer({ min: 1, max: 200 }), (market, start, length) => {
        const [fromAt, toAt] = [from + start * 3_600_000, from + (start + length) * 3_600_000];
        const spans = regularSpans(market, fromAt, toAt);
        for (let when = fromAt; when < toAt; when += 600_000) {
          const isIn = spans.some((span) => span.fromAt <= when && when < span.untilAt);
          expect(isIn).toBe(phaseSpan(market, when).phase === "regular");
        }
      }),
      { numRuns: 40 },
    );
  });

  it("are none of times that are none, and end within ten years of their beginning", () => {
    expect(regularSpans("KRX", 0, Number.MAX_SAFE_INTEGER)).toEqual([]);
    expect(regularSpans("KRX", Number.NaN, 1)).toEqual([]);
    expect(regularSpans("KRX", 5, 5)).toEqual([]);
    const last = regularSpans("KRX", 0, at("9000-01-01T00:00:00Z")).at(-1);
    expect(iso(last?.untilAt)).toBe("1980-01-01T05:50");
  });
});
