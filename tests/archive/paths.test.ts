import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
  daySpan,
  readSegmentPath,
  type Stream,
  segmentEndsAt,
  segmentPath,
  segmentSpans,
  streams,
  windowOf,
} from "#archive/paths.ts";

const seoul = { timeZone: "Asia/Seoul", scalpWindowMs: 60_000 };
const at = (iso: string): number => Date.parse(iso);

describe("paths (A4)", () => {
  test.each([
    { stream: "scalp", when: "2024-08-08T09:30:59.999+09:00", path: "scalp/20240808/09_30_00.jsonl" },
    { stream: "scalp", when: "2024-08-08T09:31:00.000+09:00", path: "scalp/20240808/09_31_00.jsonl" },
    { stream: "scalp", when: "2024-08-08T23:59:59.999+09:00", path: "scalp/20240808/23_59_00.jsonl" },
    { stream: "scalp", when: "2024-08-09T00:00:00.000+09:00", path: "scalp/20240809/00_00_00.jsonl" },
    { stream: "swing", when: "2024-08-08T15:59:59.999+09:00", path: "swing/20240808/15_00.jsonl" },
    { stream: "swing", when: "2024-08-08T16:00:00.000+09:00", path: "swing/20240808/16_00.jsonl" },
    { stream: "system", when: "2024-08-08T14:59:59.999Z", path: "system/20240808.jsonl" },
    { stream: "system", when: "2024-08-08T15:00:00.000Z", path: "system/20240809.jsonl" },
  ] as const)("$stream at $when is $path", ({ stream, when, path }) => {
    expect(segmentPath(stream, at(when), 1, seoul)).toBe(path);
  });

  it("name parts after the first", () => {
    const when = at("2024-08-08T09:30:00+09:00");
    expect(segmentPath("scalp", when, 2, seoul)).toBe("scalp/20240808/09_30_00.p2.jsonl");
    expect(segmentPath("system", when, 12, seoul)).toBe("system/20240808.p12.jsonl");
  });

  it("follow the configured window and time zone", () => {
    const when = at("2024-08-08T09:30:44Z");
    expect(segmentPath("scalp", when, 1, { timeZone: "UTC", scalpWindowMs: 15_000 })).toBe("scalp/20240808/09_30_30.jsonl");
    expect(segmentPath("swing", when, 1, { timeZone: "America/New_York", scalpWindowMs: 60_000 })).toBe(
      "swing/20240808/05_00.jsonl",
    );
  });

  it("that are not segments are not read as such", () => {
    for (const path of [
      "scalp/20240808/09_30_00.jsonl.torn",
      "scalp/x/09_30_00.jsonl",
      "notes.txt",
      "system/20240808/00.jsonl",
      "swing/20240808/09_30.jsonl",
      "scalp/20130230/09_30_00.jsonl",
      "scalp/20240808/24_00_00.jsonl",
      "scalp/20240808/09_60_00.jsonl",
      "swing/20249999/09_00.jsonl",
      "system/20241301.jsonl",
      "system/20240808.p0.jsonl",
      "system/20240808.p1.jsonl",
      "system/20240808.p02.jsonl",
    ])
      expect(readSegmentPath(path)).toBeUndefined();
  });

  it("read back as what they were made from, and end where their window ends (A4, A9)", () => {
    const rules = fc.record({
      timeZone: fc.constantFrom("Asia/Seoul", "UTC", "Pacific/Auckland", "Pacific/Kiritimati", "Pacific/Pago_Pago"),
      scalpWindowMs: fc.constantFrom(1000, 15_000, 60_000, 3_600_000, 7_000),
    });
    const moment = fc.integer({ min: at("2024-05-01T00:00:00Z"), max: at("2024-08-30T00:00:00Z") });
    fc.assert(
      fc.property(
        rules,
        moment,
        fc.constantFrom<Stream>(...streams),
        fc.integer({ min: 1, max: 99 }),
        (given, when, stream, part) => {
          const path = segmentPath(stream, when, part, given);
          const { fromAt, untilAt } = windowOf(stream, when, given);
          expect(fromAt <= when && when < untilAt).toBe(true);
          expect(readSegmentPath(path)).toMatchObject({ stream, part });
          expect(segmentEndsAt(path, given)).toBe(untilAt);
          expect(segmentPath(stream, fromAt, part, given)).toBe(path);
          expect(segmentPath(stream, untilAt - 1, part, given)).toBe(path);
          expect(segmentPath(stream, untilAt, part, given)).not.toBe(path);
        },
      ),
    );
  });
});

describe("where the clocks are moved", () => {
  const rules = (timeZone: string) => ({ timeZone, scalpWindowMs: 60_000 });

  test.each([
    { timeZone: "America/New_York", when: "2026-03-08T06:59:59Z", stream: "system", path: "system/20260308.jsonl" },
    { timeZone: "America/New_York", when: "2026-03-08T07:00:00Z", stream: "system", path: "system/20260308.jsonl" },
    { timeZone: "America/New_York", when: "2026-03-09T03:59:59Z", stream: "system", path: "system/20260308.jsonl" },
    { timeZone: "America/New_York", when: "2026-03-08T07:00:00Z", stream: "swing", path: "swing/20260308/03_00.jsonl" },
    { timeZone: "America/New_York", when: "2026-11-01T05:30:00Z", stream: "swing", path: "swing/20261101/01_00.jsonl" },
    { timeZone: "America/New_York", when: "2026-11-01T06:30:00Z", stream: "swing", path: "swing/20261101/01_00.jsonl" },
    { timeZone: "Europe/London", when: "2026-03-29T01:00:00Z", stream: "system", path: "system/20260329.jsonl" },
    { timeZone: "Asia/Seoul", when: "2026-03-08T15:00:00Z", stream: "system", path: "system/20260309.jsonl" },
    // Half an hour is skipped; the day begins at 01:00; a day of the calendar is missing.
    { timeZone: "Australia/Lord_Howe", when: "2026-10-03T15:30:00Z", stream: "swing", path: "swing/20261004/02_00.jsonl" },
    { timeZone: "America/Sao_Paulo", when: "2018-11-04T03:00:00Z", stream: "swing", path: "swing/20181104/01_00.jsonl" },
    { timeZone: "Pacific/Apia", when: "2011-12-30T10:00:00Z", stream: "system", path: "system/20111231.jsonl" },
  ] as const)("$stream at $when in $timeZone is $path", ({ timeZone, when, stream, path }) => {
    expect(segmentPath(stream, at(when), 1, rules(timeZone))).toBe(path);
  });

  test.each([
    { timeZone: "America/New_York", path: "system/20260308.jsonl", ends: "2026-03-09T04:00:00Z" },
    { timeZone: "America/New_York", path: "system/20261101.jsonl", ends: "2026-11-02T05:00:00Z" },
    { timeZone: "America/New_York", path: "swing/20260308/03_00.jsonl", ends: "2026-03-08T08:00:00Z" },
    { timeZone: "America/New_York", path: "swing/20261101/01_00.jsonl", ends: "2026-11-01T07:00:00Z" },
    { timeZone: "America/New_York", path: "scalp/20261101/01_30_00.jsonl", ends: "2026-11-01T06:31:00Z" },
    // A name that no row can have ends where its hour would have been.
    { timeZone: "America/New_York", path: "swing/20260308/02_00.jsonl", ends: "2026-03-08T07:00:00Z" },
  ])("$path in $timeZone ends at $ends", ({ timeZone, path, ends }) => {
    expect(new Date(segmentEndsAt(path, rules(timeZone)) ?? 0).toISOString()).toBe(ends.replace("Z", ".000Z"));
  });

  it("an hour that comes twice is one window of an hour's stream and two windows of each minute (A4)", () => {
    const newYork = rules("America/New_York");
    const [first, second] = [at("2026-11-01T05:30:00Z"), at("2026-11-01T06:30:00Z")];
    expect(windowOf("swing", second, newYork)).toEqual(windowOf("swing", first, newYork));
    expect(windowOf("scalp", first, newYork)).toEqual({ fromAt: first, untilAt: first + 60_000 });
    expect(windowOf("scalp", second, newYork)).toEqual({ fromAt: second, untilAt: second + 60_000 });
    expect(segmentSpans("scalp/20261101/01_30_00.jsonl", newYork)).toHaveLength(2);
    expect(daySpan("20261101", "America/New_York")).toEqual({
      fromAt: at("2026-11-01T04:00:00Z"),
      untilAt: at("2026-11-02T05:00:00Z"),
    });
  });

  it("a window holds the moment it belongs to, has one name, and is over when its segment is (A4)", () => {
    const zones = [
      "America/New_York",
      "Europe/London",
      "Australia/Lord_Howe",
      "America/Sao_Paulo",
      "America/St_Johns",
      "America/Havana",
      "Africa/Cairo",
      "Asia/Beirut",
      "Pacific/Apia",
      "Pacific/Chatham",
      "Africa/Casablanca",
    ];
    const given = fc.record({
      timeZone: fc.constantFrom(...zones),
      scalpWindowMs: fc.constantFrom(1000, 60_000, 7_000, 3_600_000),
    });
    const moment = fc.integer({ min: at("2006-01-01T00:00:00Z"), max: at("2027-12-30T00:00:00Z") });
    // Most moments are far from any move of the clocks; the offset's own moves are found by bisection, and tried around.
    const near = fc.tuple(moment, fc.constantFrom(...zones), fc.integer({ min: -7_200_000, max: 7_200_000 }));
    const movedAfter = (start: number, timeZone: string): number => {
      const dayOf = (when: number): number =>
        daySpan(segmentPath("system", when, 1, rules(timeZone)).slice(7, 15), timeZone).fromAt;
      for (let when = start; when < start + 400 * 86_400_000; when += 86_400_000)
        if (Math.round((dayOf(when + 86_400_000) - dayOf(when)) / 900_000) !== 96) return when;
      return start;
    };
    const holds = (timeZone: string, scalpWindowMs: number, stream: Stream, when: number): void => {
      const all = { timeZone, scalpWindowMs };
      const { fromAt, untilAt } = windowOf(stream, when, all);
      const path = segmentPath(stream, when, 1, all);
      expect(fromAt <= when && when < untilAt).toBe(true);
      expect([segmentPath(stream, fromAt, 1, all), segmentPath(stream, untilAt - 1, 1, all)]).toEqual([path, path]);
      expect(segmentPath(stream, untilAt, 1, all)).not.toBe(path);
      expect(segmentPath(stream, fromAt - 1, 1, all)).not.toBe(path);
      expect(segmentEndsAt(path, all)).toBeGreaterThanOrEqual(untilAt);
      expect(segmentSpans(path, all)).toContainEqual({ fromAt, untilAt });
    };
    fc.assert(
      fc.property(given, moment, fc.constantFrom<Stream>(...streams), ({ timeZone, scalpWindowMs }, when, stream) =>
        holds(timeZone, scalpWindowMs, stream, when),
      ),
    );
    fc.assert(
      fc.property(near, given, fc.constantFrom<Stream>(...streams), ([start, timeZone, offset], { scalpWindowMs }, stream) =>
        holds(timeZone, scalpWindowMs, stream, movedAfter(start, timeZone) + offset),
      ),
      { numRuns: 60 },
    );
  });
});
