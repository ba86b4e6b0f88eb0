/** The figures of a session from its facts, worked out by hand. */
import { describe, expect, it } from "vitest";
import type { ActorEvent } from "#core/event/catalog.ts";
import { createPerformance } from "#core/performance.ts";
import { deskInput } from "./orders/rig.ts";

const start = Date.UTC(2013, 9, 7, 13, 30);
const minute = 60_000;
const create = () => {
  const performance = createPerformance({
    startingCashMinor: 1_000_000,
    desk: deskInput,
    safety: { quietPeriodMs: 10 * minute, brokerGraceMs: minute },
    operating: "BALANCED",
    dayOf: (at) => new Date(at).toISOString().slice(0, 10),
  });
  const tell = (at: number, type: string, payload: object = {}): void =>
    performance.take({ type, at: start + at, ...payload } as ActorEvent);
  const order = (at: number, orderId: string, side: "buy" | "sell", quantity: number, limitPriceMinor: number): void => {
    tell(at, "order.intended", { orderId, symbol: "SPY", side, orderType: "limit", quantity, limitPriceMinor, strategy: "test" });
    tell(at, "order.approved", { orderId, epoch: 1 });
    tell(at, "order.submitted", { orderId, brokerOrderId: `B${orderId}` });
  };
  const fill = (at: number, orderId: string, type: "filled" | "partially.filled", quantity: number, priceMinor: number, n = 1) =>
    tell(at, `order.${type}`, { orderId, fillId: `${orderId}-${n}`, quantity, priceMinor, feeMinor: 10 });
  tell(0, "reconciliation.completed", { cause: "start", orders: 0, fills: 0, mismatches: 0 });
  return { performance, tell, order, fill };
};

describe("how a session went", () => {
  it("is its equity after every fill and every mark, less fees, with the deepest fall from a high", () => {
    const { performance, tell, order, fill } = create();
    order(0, "a", "buy", 10, 1_000);
    fill(minute, "a", "filled", 10, 1_000);
    tell(2 * minute, "account.marked", { marks: { SPY: { priceMinor: 1_500, at: start } } });
    tell(3 * minute, "account.marked", { marks: { SPY: { priceMinor: 500, at: start } } });
    const { curve, endMinor, feesMinor, drawdown, positions } = performance.shown();
    expect(curve.map(({ at, equityMinor }) => [(at - start) / minute, equityMinor])).toEqual([
      [1, 999_990],
      [2, 1_004_990],
      [3, 994_990],
    ]);
    expect({ endMinor, feesMinor }).toEqual({ endMinor: 994_990, feesMinor: 10 });
    expect(drawdown?.share).toBeCloseTo(10_000 / 1_004_990, 12);
    expect([drawdown?.high.at, drawdown?.low.at]).toEqual([start + 2 * minute, start + 3 * minute]);
    expect(positions).toEqual([{ symbol: "SPY", quantity: 10, costMinor: 10_000, markMinor: 500 }]);
  });

  it("counts a trade when its position is closed, with its fees, and another when one fill turns it round", () => {
    const { performance, order, fill } = create();
    order(0, "a", "buy", 10, 1_000);
    fill(1, "a", "filled", 10, 1_000);
    order(2, "b", "sell", 10, 900);
    fill(3, "b", "filled", 10, 1_100);
    order(4, "c", "buy", 10, 1_000);
    fill(5, "c", "filled", 10, 1_000);
    order(6, "d", "sell", 15, 900);
    fill(7, "d", "filled", 15, 990);
    const { trades, endMinor } = performance.shown();
    // 10 × 100 less two fees; 10 × -10 less two fees.
    expect(trades).toEqual({ count: 2, won: 1, lost: 1, bestMinor: 980, worstMinor: -120, wonMinor: 980, lostMinor: -120 });
    expect(endMinor).toBe(1_000_000 + 980 - 120);
  });

  it("takes a fill that the venue takes back out again, and counts one that comes twice once", () => {
    const { performance, tell, order, fill } = create();
    order(0, "a", "buy", 10, 1_000);
    fill(1, "a", "partially.filled", 5, 1_000);
    fill(2, "a", "partially.filled", 5, 1_000);
    expect(performance.shown()).toMatchObject({ endMinor: 999_990, fillCount: 1, orders: { lotsFilled: 5 } });
    tell(3, "order.fill.busted", { orderId: "a", fillId: "a-1" });
    expect(performance.shown()).toMatchObject({ endMinor: 1_000_000, positions: [], trades: { count: 0, lost: 0 } });
  });

  it("says how orders were filled, and names each reason of a denial once with its count", () => {
    const { performance, tell, order, fill } = create();
    order(0, "a", "buy", 10, 1_000);
    order(0, "b", "buy", 10, 1_000);
    order(0, "c", "buy", 10, 1_000);
    fill(2_000, "a", "filled", 10, 990);
    fill(4_000, "b", "partially.filled", 4, 1_000);
    for (const n of [1, 2, 3]) {
      tell(5_000, "order.intended", {
        ...{ orderId: `d${n}`, symbol: "SPY", side: "buy", orderType: "limit", quantity: 1, limitPriceMinor: 1, strategy: "t" },
      });
      tell(5_000, "order.denied", { orderId: `d${n}`, code: n === 1 ? "PRICE_COLLAR" : "DAILY_ENTRIES", reason: `reason ${n}` });
    }
    expect(performance.shown().orders).toMatchObject({
      ...{ intended: 6, sent: 3, denied: 3, filled: 1, partlyFilled: 1, unfilled: 1, lotsSent: 30, lotsFilled: 14 },
      betterThanLimitMinor: 100,
      denials: [
        { code: "DAILY_ENTRIES", count: 2, reason: "reason 3" },
        { code: "PRICE_COLLAR", count: 1, reason: "reason 1" },
      ],
    });
    expect(performance.shown().orders.firstFillMs).toEqual({ p50: 2_000, p95: 4_000 });
  });

  it("calls sent what left the house: not an order that the fence stopped, nor one that the venue never had", () => {
    const { performance, tell, order, fill } = create();
    order(0, "a", "buy", 10, 1_000);
    fill(1, "a", "filled", 10, 1_000);
    for (const orderId of ["b", "c"]) {
      tell(2, "order.intended", { orderId, symbol: "SPY", side: "buy", orderType: "market", quantity: 7, strategy: "t" });
      tell(2, "order.approved", { orderId, epoch: 1 });
    }
    expect(performance.shown().orders).toMatchObject({ sent: 3, lotsSent: 24, unfilled: 2 });
    tell(3, "order.denied", { orderId: "b", code: "FENCED", reason: "the session ends" });
    tell(4, "order.submit.unknown", { orderId: "c", reason: "no answer" });
    tell(5, "order.reconciled", { orderId: "c", found: false, status: "absent" });
    const { orders, days } = performance.shown();
    expect(orders).toMatchObject({ intended: 3, sent: 1, denied: 1, filled: 1, unfilled: 0, lotsSent: 10, lotsFilled: 10 });
    expect(days).toMatchObject([{ orders: 1, denied: 1 }]);
  });

  it("counts a fill that waited for room as soon as there is room, with its fee and the trade it ends", () => {
    const { performance, tell, order, fill } = create();
    order(0, "a", "buy", 10, 1_000);
    fill(1, "a", "filled", 10, 1_000);
    order(2, "b", "sell", 6, 900);
    // The venue made the order larger before it said so.
    fill(3, "b", "filled", 10, 1_100);
    expect(performance.shown()).toMatchObject({ fillCount: 1, orders: { lotsFilled: 10, unfilled: 1 } });
    tell(4, "order.replace.requested", { orderId: "b", quantity: 10, limitPriceMinor: 900 });
    const { fillCount, trades, positions, orders, days, feesMinor } = performance.shown();
    expect({ fillCount, feesMinor, positions }).toEqual({ fillCount: 2, feesMinor: 20, positions: [] });
    expect(trades).toMatchObject({ count: 1, won: 1, wonMinor: 980 });
    expect(orders).toMatchObject({ filled: 2, lotsSent: 20, lotsFilled: 20, betterThanLimitMinor: 2_000 });
    expect(days).toMatchObject([{ fills: 2, feesMinor: 20, trades: 1 }]);
  });

  it("takes what the venue took back or corrected later out of lots, fills and fees, and moves no other figure", () => {
    const { performance, tell, order, fill } = create();
    const day = 24 * 60 * minute;
    order(0, "a", "buy", 10, 1_000);
    fill(1, "a", "partially.filled", 4, 990, 1);
    fill(2, "a", "partially.filled", 6, 1_000, 2);
    tell(day, "order.fill.busted", { orderId: "a", fillId: "a-1" });
    tell(day + 1, "order.fill.corrected", { orderId: "a", fillId: "a-2", quantity: 5, priceMinor: 980 });
    const { orders, fills, fillCount, days, feesMinor } = performance.shown();
    expect(orders).toMatchObject({ sent: 1, filled: 0, partlyFilled: 1, lotsSent: 10, lotsFilled: 5, betterThanLimitMinor: 100 });
    expect({ fills, fillCount }).toEqual({
      fills: [{ at: start + 2, symbol: "SPY", side: "buy", quantity: 5, priceMinor: 980 }],
      fillCount: 1,
    });
    expect(days.map(({ fills: count, feesMinor: fees }) => [count, fees])).toEqual([
      [1, 20],
      [0, feesMinor - 20],
    ]);
  });

  it("says after which time orders were filled first, also when it was hours", () => {
    const { performance, order, fill } = create();
    const hours = [1, 2, 3, 5];
    for (const hour of hours) order(0, `o${hour}`, "buy", 1, 1_000);
    for (const hour of hours) fill(hour * 60 * minute, `o${hour}`, "filled", 1, 1_000);
    expect(performance.shown().orders.firstFillMs).toEqual({ p50: 2 * 60 * minute, p95: 5 * 60 * minute });
  });

  it("knows how long safety and the operating state were in each state, and why they moved", () => {
    const { performance, tell } = create();
    tell(minute, "anomaly.raised", { code: "AN060", reason: "no data" });
    // The quiet period ends at the deadline that the machine asked for; an older one that fires late leads to nothing.
    tell(5 * minute, "timer.due", { id: "safety.quiet", dueAt: start + 5 * minute });
    const { changes } = performance.shown().safety;
    expect(changes).toEqual([{ at: start + minute, from: "NORMAL", to: "WARNING", why: "AN060: no data" }]);
    tell(6 * minute, "operating.moved", { entry: { to: "DEFENSIVE", rule: "B_TO_D", reason: "drawdown 0.2" } });
    tell(7 * minute, "operating.moved", { entry: { to: "AGGRESSIVE", rule: "OVERRIDE_REFUSED", reason: "not allowed" } });
    tell(10 * minute, "market.closed", {});
    const { safety, operating } = performance.shown();
    expect(safety.lasted).toEqual({ NORMAL: minute, WARNING: 9 * minute });
    expect(operating.lasted).toEqual({ BALANCED: 6 * minute, DEFENSIVE: 4 * minute });
    expect(operating.changeCount).toBe(1);
  });

  it("has one row per trading day, each beginning where the one before ended", () => {
    const { performance, tell, order, fill } = create();
    order(0, "a", "buy", 10, 1_000);
    fill(1, "a", "filled", 10, 1_000);
    const day = 24 * 60 * minute;
    tell(day, "account.marked", { marks: { SPY: { priceMinor: 1_200, at: start } } });
    const { days } = performance.shown();
    expect(
      days.map(({ day: name, openMinor, closeMinor, orders, fills, feesMinor }) => [
        name,
        openMinor,
        closeMinor,
        orders,
        fills,
        feesMinor,
      ]),
    ).toEqual([
      ["2013-10-07", 1_000_000, 999_990, 1, 1, 10],
      ["2013-10-08", 999_990, 1_001_990, 0, 0, 0],
    ]);
  });

  it("keeps a bounded curve, list of fills and list of days, however long the session was", () => {
    const { performance, tell } = create();
    for (let n = 0; n < 20_000; n += 1)
      tell(n * 60 * minute, "account.marked", { marks: { SPY: { priceMinor: 1_000 + n, at: start } } });
    const { curve, days } = performance.shown();
    expect(curve.length).toBeLessThanOrEqual(4_001);
    expect(curve.length).toBeGreaterThan(2_000);
    expect(curve.at(-1)?.at).toBe(start + 19_999 * 60 * minute);
    expect(days.length).toBeLessThanOrEqual(400);
  });
});
