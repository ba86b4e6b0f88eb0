/** The account's metrics follow the desk, whatever the venue makes of a fill later. */
import { describe, expect, it } from "vitest";
import type { Fact } from "#core/event/catalog.ts";
import { OrderDesk } from "#core/orders/order-desk.ts";
import { createAccountMetrics } from "#core/state/account-metrics.ts";
import { deskInput } from "../orders/rig.ts";

const start = Date.UTC(2013, 9, 7, 13, 30);
const create = () => {
  const desk = new OrderDesk(deskInput);
  const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
  const account = createAccountMetrics({ startingCashMinor: 1_000_000, highWaterDays: 252, targetCagr: 0.15, dayOf }, () => desk);
  let at = start;
  const tell = (type: string, payload: object): void => {
    at += 1000;
    desk.handle({ type, at, ...payload } as never, () => {});
    account.take({ type, at, payload } as unknown as Fact);
  };
  const order = (orderId: string, side: "buy" | "sell", quantity: number): void => {
    tell("order.intended", { orderId, symbol: "SPY", side, orderType: "market", quantity, strategy: "t" });
    tell("order.approved", { orderId, epoch: 1 });
    tell("order.submitted", { orderId, brokerOrderId: `B${orderId}` });
  };
  const fill = (orderId: string, quantity: number, priceMinor: number): void =>
    tell("order.filled", { orderId, fillId: `f-${orderId}`, quantity, priceMinor, feeMinor: 10 });
  const figures = () => {
    const { cashMinor, equityMinor, trades, lossStreak } = account.metrics().state();
    return { cashMinor, equityMinor, trades: trades.length, lossStreak };
  };
  return { desk, tell, order, fill, figures };
};

describe("the account's metrics", () => {
  it("take a fill back that the venue takes back, which was no trade (S21)", () => {
    const { tell, order, fill, figures } = create();
    order("a", "buy", 10);
    fill("a", 10, 1_000);
    expect(figures()).toEqual({ cashMinor: 989_990, equityMinor: 999_990, trades: 0, lossStreak: 0 });
    tell("order.fill.busted", { orderId: "a", fillId: "f-a" });
    expect(figures()).toEqual({ cashMinor: 1_000_000, equityMinor: 1_000_000, trades: 0, lossStreak: 0 });
  });

  it("have a correction's price (S21)", () => {
    const { tell, order, fill, figures } = create();
    order("a", "buy", 10);
    fill("a", 10, 1_000);
    tell("order.fill.corrected", { orderId: "a", fillId: "f-a", quantity: 10, priceMinor: 1_100 });
    // Bought for 100 a share more than the last price.
    expect(figures()).toEqual({ cashMinor: 988_990, equityMinor: 998_990, trades: 0, lossStreak: 0 });
  });

  it("count a fill that waited for room with the fact that makes room, and the trade that it ends (S21)", () => {
    const { desk, tell, order, fill, figures } = create();
    order("a", "buy", 10);
    fill("a", 10, 1_000);
    order("b", "sell", 6);
    fill("b", 10, 900);
    expect(figures()).toMatchObject({ cashMinor: 989_990, trades: 0 });
    tell("order.replace.requested", { orderId: "b", quantity: 10 });
    expect(figures()).toEqual({ cashMinor: 998_980, equityMinor: 998_980, trades: 1, lossStreak: 1 });
    expect(desk.totals().cashMinor).toBe(-1_020);
  });
});
