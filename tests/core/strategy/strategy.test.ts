import { describe, expect, it } from "vitest";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import type { Fact, NewFact } from "#core/event/catalog.ts";
import { createKinds } from "#core/event/kinds.ts";
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
    expect(offered.at(-1)).toMatchObject({
      type: "cycle.failed",
      payload: { cycle: 7, reason: expect.stringMatching(/^Error: divided by zero \(strategy\.test\.ts:\d+:\d+\)$/) },
    });
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

  const signalsOf = (offered: readonly NewFact[]) =>
    offered.flatMap((fact) =>
      fact.type === "signal.generated" ? [{ ...fact, at: 0 } as unknown as Fact<"signal.generated">] : [],
    );
  const lines = (offered: readonly NewFact[]): readonly string[] =>
    offered.flatMap((fact) => (fact.type === "log.written" ? [fact.payload.text] : []));

  it("acts on a fresh signal, and says so when one waited too long, for example in FAIL (S5)", async () => {
    const { clock, cycle, offered } = createSetup(() => [buy]);
    cycle.run(1);
    await clock.advanceTo(2000);
    for (const signal of signalsOf(offered)) cycle.actOnSignal(signal);
    expect(offered.at(-1)).toMatchObject({
      type: "order.intended",
      payload: { orderId: "1-1", symbol: "SPY", signal: 0.8 },
    });
    offered.length = 0;
    cycle.run(2);
    await clock.advanceTo(2001);
    for (const signal of signalsOf(offered)) cycle.actOnSignal(signal);
    expect(lines(offered)).toEqual(["cycle 2's proposal to buy 10 SPY waited 2001 ms and is out of date; it is not acted on"]);
    expect(offered.some(({ type }) => type === "order.intended")).toBe(false);
    expect(cycle.droppedSignals()).toBe(1);
  });

  it("keeps three proposals of one symbol in one cycle apart: three signals of three keys, three intents (E5, O8)", () => {
    const levels = [1, 2, 3].map((level): Proposal => ({ ...buy, quantity: 10 * level, reason: `level ${level}` }));
    const { cycle, offered } = createSetup(() => [...levels, { ...buy, symbol: "IBM" }]);
    cycle.run(5);
    const signals = signalsOf(offered);
    const kind = createKinds().get("signal.generated");
    expect(new Set(signals.map(({ payload }) => kind?.keyOf(payload))).size).toBe(4);
    for (const signal of signals) cycle.actOnSignal(signal);
    expect(
      offered.flatMap((fact) => (fact.type === "order.intended" ? [[fact.payload.symbol, fact.payload.quantity]] : [])),
    ).toEqual([
      ["SPY", 10],
      ["SPY", 20],
      ["SPY", 30],
      ["IBM", 10],
    ]);
  });

  it("acts on the newest cycle's proposals for a symbol only, and says which it leaves", () => {
    let proposals: readonly Proposal[] = [buy, { ...buy, quantity: 20 }, { ...buy, symbol: "IBM" }];
    const { cycle, offered } = createSetup(() => proposals);
    cycle.run(1);
    proposals = [{ ...buy, side: "sell", quantity: 5 }];
    cycle.run(2);
    for (const signal of signalsOf(offered)) cycle.actOnSignal(signal);
    const intents = offered.flatMap((fact) => (fact.type === "order.intended" ? [fact.payload] : []));
    expect(intents.map(({ symbol, side, quantity }) => [symbol, side, quantity])).toEqual([
      ["IBM", "buy", 10],
      ["SPY", "sell", 5],
    ]);
    expect(lines(offered)).toEqual([
      "2 of cycle 1's proposals for SPY still waited when cycle 2 proposed anew; they are not acted on",
    ]);
    expect(cycle.droppedSignals()).toBe(2);
    // What was acted on is not said to have waited.
    cycle.run(3);
    expect(cycle.droppedSignals()).toBe(2);
  });

  it("takes no place for the orders of a cycle that failed", () => {
    let proposals: readonly Proposal[] = [buy, { ...buy, quantity: 2.5 }];
    const { cycle, offered } = createSetup(() => proposals);
    cycle.run(1);
    proposals = [buy];
    cycle.run(2);
    expect(signalsOf(offered).map(({ payload }) => [payload.cycle, payload.place])).toEqual([[2, 1]]);
    expect(cycle.droppedSignals()).toBe(0);
  });
});
