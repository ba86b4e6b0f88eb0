import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { chargeMinor, rulesFor } from "#adapters/paper/market-rules.ts";
import { samsung, spy } from "./world.ts";

const krx = rulesFor(samsung, "regular");

describe("the tick table of KRX (O11)", () => {
  test.each([
    [1, 1],
    [1_999, 1],
    [2_000, 5],
    [4_995, 5],
    [5_000, 10],
    [19_990, 10],
    [20_000, 50],
    [49_950, 50],
    [50_000, 100],
    [199_900, 100],
    [200_000, 500],
    [499_500, 500],
    [500_000, 1_000],
    [2_500_000, 1_000],
  ])("at %i KRW a step is %i", (price, tick) => expect(krx.tickAt(price)).toBe(tick));

  test.each([
    { price: 1_999, fits: true },
    { price: 2_001, fits: false },
    { price: 2_005, fits: true },
    { price: 5_005, fits: false },
    { price: 49_950, fits: true },
    { price: 50_050, fits: false },
    { price: 500_500, fits: false },
  ])("a price of $price is on the grid: $fits", ({ price, fits }) =>
    expect(krx.priceProblem(price, undefined)?.code).toBe(fits ? undefined : "price.tick"),
  );

  it("is not used elsewhere: the US sample steps by a cent at every price", () => {
    const us = rulesFor(spy, "regular");
    expect(us.tickAt(1)).toBe(100);
    expect(us.priceProblem(1_680_000, undefined)).toBeUndefined();
    expect(us.priceProblem(1_680_050, undefined)?.code).toBe("price.tick");
    expect(us.limits(1_680_000)).toBeUndefined();
  });
});

describe("the price limit of KRX (O11)", () => {
  test.each([
    // The day's limits that KIS itself printed for a base of 128,500 (kis.md §11).
    { base: 128_500, lowerMinor: 90_000, upperMinor: 167_000 },
    { base: 100_000, lowerMinor: 70_000, upperMinor: 130_000 },
    { base: 10_050, lowerMinor: 7_040, upperMinor: 13_060 },
    // The upper limit enters a coarser band and is moved down onto its grid.
    { base: 1_990, lowerMinor: 1_393, upperMinor: 2_585 },
    { base: 160_000, lowerMinor: 112_000, upperMinor: 208_000 },
    { base: 190_100, lowerMinor: 133_100, upperMinor: 247_000 },
  ])("of a base of $base is $lowerMinor to $upperMinor", ({ base, ...limits }) => expect(krx.limits(base)).toEqual(limits));

  it("admits exactly the limits and refuses a tick beyond them", () => {
    expect(krx.priceProblem(130_000, 100_000)).toBeUndefined();
    expect(krx.priceProblem(130_100, 100_000)?.code).toBe("price.limit");
    expect(krx.priceProblem(70_000, 100_000)).toBeUndefined();
    expect(krx.priceProblem(69_900, 100_000)?.code).toBe("price.limit");
  });

  it("stays on the grid and within 30 % of any base", () =>
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 2_000_000 }), (around) => {
        const base = around - (around % krx.tickAt(around));
        const limits = krx.limits(base);
        if (limits === undefined) throw new Error("KRX has limits");
        expect(krx.priceProblem(limits.upperMinor, base)).toBeUndefined();
        expect(krx.priceProblem(limits.lowerMinor, base)).toBeUndefined();
        expect(limits.upperMinor).toBeLessThanOrEqual(base * 1.3);
        expect(limits.lowerMinor).toBeGreaterThanOrEqual(base * 0.7);
      }),
    ));

  test.each([0, -5, 0.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses %d as a price", (price) =>
    expect(krx.priceProblem(price, undefined)?.code).toBe("price.invalid"),
  );
});

describe("the hours (O11)", () => {
  it("of KRX are 09:00 to 15:30 in Seoul, the closing minute excluded", () => {
    // 2026-10-07 is a Wednesday; Seoul is UTC+9 all year.
    const day = krx.tradingDay(Date.UTC(2026, 9, 7, 3));
    expect(day).toEqual({ openAt: Date.UTC(2026, 9, 7, 0), closeAt: Date.UTC(2026, 9, 7, 6, 30) });
  });

  it("of New York move with its summer time", () => {
    const us = rulesFor(spy, "regular");
    expect(us.tradingDay(Date.UTC(2013, 9, 7, 20))?.openAt).toBe(Date.UTC(2013, 9, 7, 13, 30));
    expect(us.tradingDay(Date.UTC(2013, 11, 9, 20))?.openAt).toBe(Date.UTC(2013, 11, 9, 14, 30));
  });

  it("of the whole day in New York are 04:00 to 20:00", () => {
    const day = rulesFor(spy, "all").tradingDay(Date.UTC(2013, 9, 7, 20));
    expect(day).toEqual({ openAt: Date.UTC(2013, 9, 7, 8), closeAt: Date.UTC(2013, 9, 8, 0) });
  });

  it("belong to the local day of the moment, also just after local midnight", () => {
    expect(krx.tradingDay(Date.UTC(2026, 9, 6, 15))?.openAt).toBe(Date.UTC(2026, 9, 7, 0));
    expect(krx.tradingDay(Date.UTC(2026, 9, 6, 14, 59))?.openAt).toBe(Date.UTC(2026, 9, 6, 0));
  });

  it("are none on a holiday and end early on a half day (M11)", () => {
    // 2026-10-09 is Hangul Day; on 2026-11-27, after Thanksgiving, New York closes at 13:00.
    expect(krx.tradingDay(Date.UTC(2026, 9, 9, 3))).toBeUndefined();
    const us = rulesFor(spy, "regular");
    expect(us.tradingDay(Date.UTC(2026, 10, 27, 15))?.closeAt).toBe(Date.UTC(2026, 10, 27, 18));
    expect(us.tradingDay(Date.UTC(2026, 10, 26, 15))).toBeUndefined();
  });

  it("of a market that never closes never end", () => {
    const upbit = rulesFor({ ...samsung, market: "UPBIT" }, "regular");
    expect(upbit.tradingDay(Date.UTC(2026, 0, 1))?.closeAt).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe("a charge", () => {
  test.each([
    { amount: 0, rate: 0.00015, charge: 0 },
    { amount: 3_333, rate: 0.00015, charge: 0 },
    // 0.5 exactly rounds up.
    { amount: 10_000, rate: 0.00005, charge: 1 },
    { amount: 9_999, rate: 0.00005, charge: 0 },
    { amount: 10_000, rate: 0.00015, charge: 2 },
    { amount: 1_000_000, rate: 0.0018, charge: 1_800 },
    { amount: 9_007_199_254_740_991, rate: 0.0018, charge: 16_212_958_658_534 },
  ])("of $rate on $amount is $charge, half up", ({ amount, rate, charge }) => expect(chargeMinor(amount, rate)).toBe(charge));

  it("is within half a minor unit of the exact figure, in integers alone", () =>
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 50n }), fc.integer({ min: 0, max: 10_000_000 }), (amount, ppb) => {
        const charge = BigInt(chargeMinor(Number(amount), ppb / 1e9));
        const twiceError = 2n * (charge * 1_000_000_000n - amount * BigInt(ppb));
        expect(twiceError > -1_000_000_000n && twiceError <= 1_000_000_000n).toBe(true);
      }),
    ));
});
