import { describe, expect, it } from "vitest";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import type { Fact, NewFact } from "#core/event/catalog.ts";
import type { Instrument } from "#core/instrument.ts";
import { createCycle } from "#core/strategy/cycle.ts";
import { createStrategy } from "#core/strategy/moving-average-cross.ts";
import type { OpenOrder, Proposal, Strategy, StrategyView } from "#core/strategy/strategy.ts";

const spy: Instrument = { symbol: "SPY", market: "NYSE", currency: "USD", priceScale: 4, tickSize: 100, lotSize: 1 };
const minute = 60_000;

const view = (over: Partial<StrategyView> = {}): StrategyView => ({
  now: 0,
  instruments: [spy],
  position: () => 0,
  mark: () => undefined,
  openOrders: [],
  entrySignalMin: 0.7,
  newEntry: true,
  ...over,
});

/** Feeds one trade per minute and collects what is proposed after each. */
const play = (prices: readonly number[], views: (index: number) => Partial<StrategyView> = () => ({})): Proposal[] => {
  const strategy = createStrategy({ instruments: [spy], seed: 1 });
  return prices.flatMap((priceMinor, index) => {
    strategy.onTrade?.({ symbol: "SPY", priceMinor, quantity: 100, at: index * minute });
    return [...strategy.evaluate(view({ now: index * minute, ...views(index) }))];
  });
};

const falling = Array.from({ length: 25 }, (_, i) => 2_000_000 - i * 1000);
const rising = Array.from({ length: 15 }, (_, i) => 1_976_000 + i * 4000);

describe("the sample strategy", () => {
  it("proposes nothing before it has twenty minutes of market", () => {
    expect(play(rising)).toEqual([]);
  });

  it("buys once, one tick through the last trade, when the short mean rises above the long one", () => {
    const [proposal, ...more] = play([...falling, ...rising]);
    expect(more).toEqual([]);
    expect(proposal).toMatchObject({ type: "order", side: "buy", quantity: 200, orderType: "limit" });
    if (proposal?.type !== "order") throw new Error("an order was expected");
    expect(rising.map((price) => price + spy.tickSize)).toContain(proposal.limitPriceMinor);
    expect(proposal.signal).toBeGreaterThanOrEqual(0.75);
    expect(proposal.signal).toBeLessThanOrEqual(1);
  });

  it("sells what it holds when the short mean falls below, and never sells short", () => {
    const prices = [...falling, ...rising, ...falling];
    expect(play(prices, (index) => ({ position: () => (index > 40 ? 150 : 0) })).at(-1)).toMatchObject({
      side: "sell",
      quantity: 150,
    });
    expect(play(prices).filter((proposal) => proposal.type === "order" && proposal.side === "sell")).toEqual([]);
  });

  it("asks once for the cancel of an order that is not filled within 30 s", () => {
    const strategy = createStrategy({ instruments: [spy], seed: 1 });
    const order: OpenOrder = {
      orderId: "1-1",
      symbol: "SPY",
      side: "buy",
      leavesQuantity: 100,
      createdAt: 0,
      isCancelPending: false,
    };
    const at = (now: number, over: Partial<OpenOrder> = {}) =>
      strategy.evaluate(view({ now, openOrders: [{ ...order, ...over }] }));
    expect(at(29_999)).toEqual([]);
    expect(at(30_000)).toEqual([{ type: "cancel", orderId: "1-1", reason: "not filled within 30 s" }]);
    expect(at(31_000, { isCancelPending: true })).toEqual([]);
  });
});

describe("an evaluation cycle", () => {
  const createSetup = (evaluate: Strategy["evaluate"]) => {
    const offered: NewFact[] = [];
    const clock = createSimulatedClock({ startAt: 0 });
    let ids = 0;
    const cycle = createCycle({
      strategy: { name: "test", evaluate },
      view: () => view(),
      clock,
      offer: (fact) => offered.push(fact),
      signalMsMax: 2000,
      nextOrderId: () => `1-${++ids}`,
    });
    return { clock, cycle, offered, types: () => offered.map(({ type }) => type) };
  };
  const buy: Proposal = {
    type: "order",
    symbol: "SPY",
    side: "buy",
    orderType: "limit",
    quantity: 10,
    limitPriceMinor: 100,
    signal: 0.8,
    reason: "test",
  };

  it("makes a signal of every order that is proposed, and no intent yet", () => {
    const { cycle, types } = createSetup(() => [buy, { type: "cancel", orderId: "1-1", reason: "old" }]);
    cycle.run(1);
    expect(types()).toEqual(["cycle.started", "signal.generated", "order.cancel.requested", "cycle.completed"]);
  });

  it("counts a strategy that throws as a failed cycle, and throws nothing itself", () => {
    const { cycle, offered } = createSetup(() => {
      throw new Error("divided by zero");
    });
    cycle.run(7);
    expect(offered.at(-1)).toMatchObject({ type: "cycle.failed", payload: { cycle: 7, reason: "Error: divided by zero" } });
  });

  it.each([
    [{ ...buy, quantity: "ten" }, 'test proposed what is no order: quantity is "ten" and must be a whole number ≥ 0'],
    [{ ...buy, side: "hodl" }, 'test proposed what is no order: side is "hodl" and must be one of buy, sell'],
    [{ ...buy, limitPriceMinor: 100.5 }, "test proposed what is no order: limitPriceMinor is 100.5 and must be a whole number"],
    [{ ...buy, signal: Number.NaN }, "test proposed what is no order: signal is NaN and must be a finite number"],
    [{ type: "cancel", reason: "old" }, "test proposed what is no cancel: orderId is missing"],
    [{ type: "hold" }, 'test proposed "hold"; a proposal is an order or a cancel'],
  ])("refuses a whole cycle for a proposal that is none, and says which field: %o (E1)", (proposal, reason) => {
    const { cycle, offered, types } = createSetup(() => [buy, proposal as Proposal]);
    cycle.run(7);
    expect(types()).toEqual(["cycle.started", "cycle.failed"]);
    expect(offered.at(-1)).toMatchObject({ payload: { cycle: 7, reason: `Error: ${reason}` } });
  });

  it("acts on a fresh signal and drops one that waited too long, for example in FAIL (S5)", async () => {
    const { clock, cycle, offered } = createSetup(() => []);
    const signal = {
      at: 0,
      payload: {
        symbol: "SPY",
        strategy: "test",
        side: "buy",
        orderType: "limit",
        quantity: 10,
        limitPriceMinor: 100,
        strength: 0.8,
        reason: "test",
      },
    } as Fact<"signal.generated">;
    await clock.advanceTo(2000);
    cycle.actOnSignal(signal);
    expect(offered).toMatchObject([{ type: "order.intended", payload: { orderId: "1-1", symbol: "SPY", signal: 0.8 } }]);
    await clock.advanceTo(2001);
    cycle.actOnSignal(signal);
    expect(offered).toHaveLength(1);
    expect(cycle.droppedSignals()).toBe(1);
  });
});
