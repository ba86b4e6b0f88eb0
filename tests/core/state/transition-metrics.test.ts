import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTransitionMetrics, type MeteredFill } from "#core/state/transition-metrics.ts";

const dayMs = 86_400_000;
const start = Date.UTC(2024, 0, 2);
const options = {
  startingCashMinor: 1_000_000,
  highWaterDays: 252,
  targetCagr: 0.15,
  dayOf: (at: number) => new Date(at).toISOString().slice(0, 10),
};
const buy: MeteredFill = {
  at: start,
  symbol: "SPY",
  side: "buy",
  quantity: 100,
  priceMinor: 10_000,
  feeMinor: 0,
  lotSize: 1,
  scalp: true,
};

/** An account that is fully invested, so that its equity follows the mark; one mark a day. */
const daily = (prices: readonly number[], given: Partial<typeof options> = {}) => {
  const metrics = createTransitionMetrics({ ...options, ...given });
  metrics.fill(buy);
  prices.forEach((price, day) => {
    metrics.mark("SPY", price, start + day * dayMs);
  });
  return metrics;
};

describe("metrics of the operating state, from fills and marks (S21)", () => {
  it("measures the drawdown from the high-water mark of account equity", () => {
    expect(daily([10_000, 12_000, 9_000]).measure().drawdown?.value).toBeCloseTo(0.25, 12);
  });

  it("forgets a peak that is older than the configured number of trading days (S21)", () => {
    const prices = [20_000, ...Array.from({ length: 10 }, () => 10_000)];
    expect(daily(prices, { highWaterDays: 11 }).measure().drawdown?.value).toBeCloseTo(0.5, 12);
    expect(daily(prices, { highWaterDays: 10 }).measure().drawdown?.value).toBe(0);
  });

  it("counts a peak within the day, not only at its close", () => {
    const metrics = daily([10_000]);
    metrics.mark("SPY", 20_000, start + 1000);
    metrics.mark("SPY", 10_000, start + 2000);
    expect(metrics.measure().drawdown?.value).toBeCloseTo(0.5, 12);
  });

  it("counts a day with profit, ignores a flat one and starts over after a losing one (S21)", () => {
    // The last day has not ended, so it does not count yet.
    expect(daily([10_000, 10_100, 10_200, 10_300]).measure().profitableDays?.value).toBe(2);
    expect(daily([10_000, 10_100, 10_100, 10_200, 10_300]).measure().profitableDays?.value).toBe(2);
    expect(daily([10_000, 10_100, 10_000, 10_100, 10_200]).measure().profitableDays?.value).toBe(1);
  });

  it("measures the daily loss from the previous day's close", () => {
    expect(daily([10_000, 9_700]).measure().dailyLoss?.value).toBeCloseTo(0.03, 12);
    expect(daily([10_000, 10_500]).measure().dailyLoss?.value).toBe(0);
  });

  it("gives no CAGR before a quarter of a year, then the annualised rate", () => {
    const young = daily([10_000, 20_000]).measure();
    expect(young.cagr).toBeNull();
    expect(young.notYet?.cagr).toBe("an annual rate needs 90 days of marks, 1 so far");
    expect(daily(Array.from({ length: 91 }, () => 10_000)).measure().notYet).not.toHaveProperty("cagr");
    const year = Array.from({ length: 366 }, (_, day) => 10_000 + day * 10);
    const { cagr, growth } = daily(year).measure();
    expect(cagr?.value).toBeCloseTo((13_650 / 10_000) ** (365.25 / 365) - 1, 10);
    // Growth is that of the last 252 trading days: from the close of the day before them.
    expect(growth?.value).toBeCloseTo(13_650 / (10_000 + 113 * 10) - 1, 10);
  });

  it("says of what cannot exist yet what it waits for: a price, a trade that has ended", () => {
    const metrics = createTransitionMetrics(options);
    const { vix: _, notYet, ...others } = metrics.measure();
    expect(others).toEqual({});
    expect(Object.keys(notYet ?? {})).toHaveLength(8);
    expect(notYet?.drawdown).toBe("no price has come yet, and nothing is held");
    metrics.mark("SPY", 10_000, start);
    expect(metrics.measure().notYet).toMatchObject({ winRate: "no trade has ended in the last 30 days" });
    expect(metrics.measure().drawdown?.value).toBe(0);
    metrics.fill(buy);
    metrics.fill({ ...buy, side: "sell" });
    expect(metrics.measure().notYet).not.toHaveProperty("winRate");
    expect(metrics.measure().winRate?.value).toBe(0);
  });

  it("does not take a deposit for profit", () => {
    const metrics = daily([10_000, 10_000]);
    metrics.pay(5_000_000, start + dayMs + 1);
    metrics.mark("SPY", 10_000, start + 2 * dayMs);
    const { growth, profitableDays, drawdown } = metrics.measure();
    expect([growth?.value, profitableDays?.value, drawdown?.value]).toEqual([0, 0, 0]);
  });

  it("does not take a withdrawal for a drawdown", () => {
    const metrics = daily([10_000]);
    metrics.pay(-400_000, start + 1);
    expect(metrics.measure().drawdown?.value).toBe(0);
    expect(metrics.measure().dailyLoss?.value).toBe(0);
  });

  it("counts lost scalp round trips in a row, fees included, and no other strategy's", () => {
    const metrics = createTransitionMetrics(options);
    const trip = (exit: number, feeMinor: number, scalp: boolean): void => {
      metrics.fill({ ...buy, scalp });
      metrics.fill({ ...buy, side: "sell", priceMinor: exit, feeMinor, scalp });
    };
    trip(9_900, 0, true);
    trip(10_001, 200, true);
    expect(metrics.measure().consecutiveScalpLosses?.value).toBe(2);
    trip(12_000, 0, false);
    expect(metrics.measure().consecutiveScalpLosses?.value).toBe(2);
    trip(10_000, 0, true);
    expect(metrics.measure().consecutiveScalpLosses?.value).toBe(2);
    trip(10_100, 0, true);
    expect(metrics.measure().consecutiveScalpLosses?.value).toBe(0);
  });

  it("counts a round trip once, however many fills close it", () => {
    const metrics = createTransitionMetrics(options);
    metrics.fill(buy);
    for (let lot = 0; lot < 10; lot += 1) metrics.fill({ ...buy, side: "sell", quantity: 10, priceMinor: 9_000 });
    expect(metrics.measure().consecutiveScalpLosses?.value).toBe(1);
    expect(metrics.measure().winRate?.value).toBe(0);
  });

  it("keeps the win rate of 30 days, and none without a trade", () => {
    const metrics = createTransitionMetrics(options);
    metrics.mark("SPY", 10_000, start);
    expect(metrics.measure().winRate).toBeNull();
    const trip = (exit: number, at: number): void => {
      metrics.fill({ ...buy, at });
      metrics.fill({ ...buy, side: "sell", priceMinor: exit, at });
    };
    trip(11_000, start);
    trip(9_000, start + 10 * dayMs);
    expect(metrics.measure().winRate?.value).toBe(0.5);
    metrics.mark("SPY", 10_000, start + 30 * dayMs);
    expect(metrics.measure().winRate?.value).toBe(0);
  });

  it("gives each metric its own time: the VIX is as old as it is", () => {
    const metrics = daily([10_000, 10_100]);
    metrics.vix(17.5, start - dayMs);
    const { vix, drawdown } = metrics.measure();
    expect(vix).toEqual({ value: 17.5, at: start - dayMs });
    expect(drawdown?.at).toBe(start + dayMs);
  });

  it("goes on after a restart as if nothing had happened", () => {
    const price = fc.integer({ min: 5_000, max: 20_000 });
    fc.assert(
      fc.property(fc.array(price, { minLength: 2, maxLength: 60 }), fc.nat(), (prices, cut) => {
        const whole = daily(prices);
        const first = createTransitionMetrics(options);
        first.fill(buy);
        const at = cut % prices.length;
        prices.slice(0, at).forEach((value, day) => {
          first.mark("SPY", value, start + day * dayMs);
        });
        const second = createTransitionMetrics(options, JSON.parse(JSON.stringify(first.state())));
        prices.slice(at).forEach((value, day) => {
          second.mark("SPY", value, start + (at + day) * dayMs);
        });
        expect(second.measure()).toEqual(whole.measure());
      }),
    );
  });

  it("agrees with the definition on any series: highest index of the window against the last", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50_000 }), { minLength: 1, maxLength: 40 }), (prices) => {
        const window = prices.slice(-5);
        const high = Math.max(...window);
        const { drawdown } = daily([10_000, ...prices], { highWaterDays: 5 }).measure();
        const expected = prices.length < 5 ? Math.max(high, 10_000) : high;
        expect(drawdown?.value).toBeCloseTo((expected - (prices.at(-1) as number)) / expected, 10);
      }),
    );
  });
});
