/** What of a figure's age is the market's rest. */
import { describe, expect, it } from "vitest";
import { closedMs, restDaysMs } from "#market/rests.ts";

const hour = 3_600_000;
const at = (text: string): number => Date.parse(text);
const hours = (ms: number): number => ms / hour;

describe("a market's rest", () => {
  it("is of whole days by its own clocks: a weekend begins at midnight in Seoul, not in Greenwich (S13)", () => {
    // 2026-10-30 is a Friday; in Seoul Saturday begins at 15:00 UTC.
    expect(hours(restDaysMs("KRX", at("2026-10-30T06:30:00Z"), at("2026-11-02T06:30:00Z")))).toBe(48);
    expect(hours(restDaysMs("KRX", at("2026-10-30T06:30:00Z"), at("2026-10-30T16:00:00Z")))).toBe(1);
    expect(hours(restDaysMs("NYSE", at("2026-10-30T06:30:00Z"), at("2026-10-30T16:00:00Z")))).toBe(0);
    // The night of 1 November 2026 is an hour longer in New York.
    expect(hours(restDaysMs("NYSE", at("2026-10-30T20:00:00Z"), at("2026-11-02T20:00:00Z")))).toBe(49);
  });

  it("knows holidays, and a market that never closes has none (S13)", () => {
    // Thanksgiving, 2026-11-26.
    expect(hours(restDaysMs("NYSE", at("2026-11-25T21:00:00Z"), at("2026-11-27T15:00:00Z")))).toBe(24);
    expect(restDaysMs("UPBIT", at("2026-10-30T06:30:00Z"), at("2026-11-02T06:30:00Z"))).toBe(0);
    expect(closedMs(["UPBIT"], at("2026-10-30T06:30:00Z"), at("2026-11-02T06:30:00Z"))).toBe(0);
  });

  it("is the time in which none of several markets trades (S13)", () => {
    // New York from 14:30 to 21:00 UTC, Seoul from 00:00 to 06:20 UTC without its closing auction.
    const [from, to] = [at("2026-12-01T21:00:00Z"), at("2026-12-02T15:30:00Z")];
    expect(hours(closedMs(["NYSE"], from, to))).toBe(17.5);
    expect(hours(closedMs(["NASDAQ", "NYSE"], from, to))).toBe(17.5);
    expect(hours(closedMs(["NYSE", "KRX"], from, to))).toBeCloseTo(17.5 - 6 - 1 / 3, 9);
    expect(closedMs([], from, to)).toBe(to - from);
  });

  it("is nothing where time does not go on, and nothing that is worth its computing after 40 days", () => {
    const from = at("2026-12-01T21:00:00Z");
    for (const to of [from, from - hour, from + 41 * 24 * hour]) {
      expect(restDaysMs("NYSE", from, to)).toBe(0);
      expect(closedMs(["NYSE"], from, to)).toBe(0);
    }
  });
});
