import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { readLedger } from "#adapters/paper/oracle.ts";
import type { OrderRequest, RiskApproved } from "#core/ports.ts";
import {
  createPaperWorld,
  newYorkMorning,
  order,
  paperConfig,
  patiently,
  samsung,
  spy,
  type World,
  waysToTheVenue,
} from "./world.ts";

const price = 1_680_000;
const answerOf = async (world: World, fields: Partial<OrderRequest>): Promise<unknown> => {
  const answer = world.broker.submit(order(fields));
  await world.pass(200);
  return answer;
};
const marketOrder = (orderId: string): RiskApproved<OrderRequest> => {
  const { limitPriceMinor: _, ...rest } = order({ orderType: "market", orderId });
  return rest as RiskApproved<OrderRequest>;
};
const refusedWith = (code: string): object => ({ ok: false, error: { type: "order.refused", code } });

describe("a row of days", () => {
  const dayMs = 86_400_000;

  it("leaves no order in the book overnight: it expires before the next day's first trade can fill it (O12)", async () => {
    const world = await createPaperWorld();
    await world.buy("o-1", price, 10);
    await world.trade(price + 100, 100);
    await world.pass(dayMs);
    await world.trade(price - 100, 1_000);
    await world.pass(200);
    expect(world.reports.map(({ type }) => type)).toEqual(["connected", "accepted", "expired"]);
    await world.buy("o-2", price, 10);
    await world.trade(price - 100, 1_000);
    await world.pass(200);
    expect(world.reports.at(-1)).toMatchObject({ type: "filled", clientOrderId: "o-2" });
    await world.broker.close();
    expect(readLedger(world.ledgerPath)).toMatchObject({ orders: [{ status: "expired" }, { status: "filled" }] });
  });

  it.each(waysToTheVenue)(
    "tells of it at the end of the day, also when nobody trades or asks then, $way (O12)",
    async ({ createWorld }) => {
      const world = await createWorld();
      await world.buy("o-1", price, 10);
      const closesAt = Date.UTC(2013, 9, 7, 20, 0, 0);
      await world.pass(closesAt - 1 - world.clock.now());
      expect(world.reports.map(({ type }) => type)).toEqual(["connected", "accepted"]);
      await world.pass(200);
      await expect.poll(() => world.reports.at(-1), patiently).toMatchObject({ type: "expired", at: closesAt });
    },
  );

  it("writes no base price on a day without trading, and one on the first with it", async () => {
    const saturday = Date.UTC(2026, 7, 1, 1, 0, 0);
    const config = paperConfig({ basePriceMinor: { "005930": 60_000 } });
    const world = await createPaperWorld({ instruments: [samsung], startAt: saturday, config });
    for (const orderId of ["a", "b"])
      expect(await answerOf(world, { orderId, symbol: "005930", limitPriceMinor: 60_000 })).toMatchObject(
        refusedWith("session.closed"),
      );
    await world.pass(2 * dayMs);
    expect(await answerOf(world, { orderId: "c", symbol: "005930", limitPriceMinor: 60_000 })).toMatchObject({ ok: true });
    await world.broker.close();
    const kinds = readFileSync(world.ledgerPath, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line).type);
    expect(kinds).toEqual(["opened", "refused", "refused", "based", "accepted"]);
  });

  it("takes the closing auction's print for the close, some seconds after the market has shut", async () => {
    const world = await createPaperWorld({ instruments: [samsung], startAt: Date.UTC(2026, 7, 3, 6, 29, 0) });
    await world.trade(60_000, 1);
    await world.pass(72_000);
    await world.trade(70_000, 1);
    await world.pass(dayMs - 3_600_000);
    expect(await answerOf(world, { symbol: "005930", limitPriceMinor: 91_000, quantity: 1 })).toMatchObject({ ok: true });
  });

  it("that was left open by a process which died is expired by the next one, before a change or a cancel of it is looked at", async () => {
    const first = await createPaperWorld();
    await first.buy("o-1", price, 10);
    await first.broker.close();
    const next = await createPaperWorld({ ledgerPath: first.ledgerPath, startAt: newYorkMorning + dayMs });
    const answer = next.broker.cancel({ orderId: "o-1", brokerOrderId: "P00000001", symbol: "SPY" });
    await next.pass(200);
    expect(await answer).toMatchObject({ ok: false, error: { code: "order.closed" } });
    expect(next.reports.map(({ type }) => type)).toEqual(["connected", "expired"]);
  });

  it("keeps orders of a market that never closes", async () => {
    const world = await createPaperWorld({ instruments: [{ ...spy, market: "ALWAYS" }] });
    await world.buy("o-1", price, 10);
    await world.pass(3 * dayMs);
    await world.trade(price - 100, 1_000);
    await world.pass(200);
    expect(world.reports.at(-1)).toMatchObject({ type: "filled", clientOrderId: "o-1" });
  });

  it("has on KRX the price limits of each day: 30 % around the close of the day before, or around the first trade when it is not known", async () => {
    const morning = Date.UTC(2026, 7, 3, 1, 0, 0);
    const world = await createPaperWorld({ instruments: [samsung], startAt: morning });
    const limitOf = (orderId: string, limitPriceMinor: number) =>
      answerOf(world, { orderId, symbol: "005930", limitPriceMinor, quantity: 1 });
    await world.trade(60_000, 1);
    expect(await limitOf("first day", 78_100)).toMatchObject(refusedWith("price.limit"));
    await world.trade(70_000, 1);
    await world.pass(dayMs);
    expect(await limitOf("next day, before its first trade", 91_000)).toMatchObject({ ok: true });
    expect(await limitOf("beyond", 91_100)).toMatchObject(refusedWith("price.limit"));
    await world.trade(75_000, 1);
    expect(await limitOf("its own trades do not move them", 91_100)).toMatchObject(refusedWith("price.limit"));
    await world.broker.close();
    const later = await createPaperWorld({
      instruments: [samsung],
      ledgerPath: world.ledgerPath,
      startAt: morning + 2 * dayMs,
    });
    await later.trade(80_000, 1);
    expect(
      await answerOf(later, { orderId: "third day", symbol: "005930", limitPriceMinor: 104_000, quantity: 1 }),
    ).toMatchObject({
      ok: true,
    });
  });
});

describe("what the venue demands of an order", () => {
  test.each<{ demand: string; fields: Partial<OrderRequest>; code: string }>([
    { demand: "a symbol it knows", fields: { symbol: "AAPL" }, code: "symbol.unknown" },
    { demand: "a whole number of lots", fields: { quantity: 0.5 }, code: "quantity.invalid" },
    { demand: "at least one lot", fields: { quantity: 0 }, code: "quantity.invalid" },
    { demand: "a price on the tick", fields: { limitPriceMinor: price + 1 }, code: "price.tick" },
    { demand: "a price that is a number", fields: { limitPriceMinor: Number.NaN }, code: "price.invalid" },
    { demand: "lots to sell", fields: { side: "sell" }, code: "position.short" },
    { demand: "cash to buy with", fields: { quantity: 5_952 }, code: "cash.short" },
    { demand: "a value that integers hold", fields: { quantity: 9_000_000_000 }, code: "quantity.invalid" },
  ])("is $demand, else $code; the refusal is in the ledger", async ({ fields, code }) => {
    const world = await createPaperWorld();
    expect(await answerOf(world, fields)).toMatchObject(refusedWith(code));
    await world.broker.close();
    expect(readLedger(world.ledgerPath)).toMatchObject({ orders: [{ orderId: "o-1", status: "rejected" }], damage: undefined });
    expect(world.reports.filter(({ type }) => type === "rejected")).toEqual([]);
  });

  it("is cash for the fee too: exactly enough is accepted, one unit less is not", async () => {
    // 10 × 1,680,000 and 0.015 % of it, and a unit per lot for the rounding.
    const enough = 16_800_000 + 2_520 + 10;
    const rich = await createPaperWorld({ config: paperConfig({ cashMinor: enough }) });
    expect(await answerOf(rich, {})).toMatchObject({ ok: true });
    const poor = await createPaperWorld({ config: paperConfig({ cashMinor: enough - 1 }) });
    expect(await answerOf(poor, {})).toMatchObject(refusedWith("cash.short"));
    await rich.broker.close();
    await poor.broker.close();
  });

  it("counts what open orders hold of cash and lots, and gives it back when they end", async () => {
    const world = await createPaperWorld({
      config: paperConfig({ cashMinor: 20_000_000 }),
      openingPositions: { SPY: 10 },
    });
    expect(await answerOf(world, { orderId: "buy" })).toMatchObject({ ok: true });
    expect(await answerOf(world, { orderId: "buy again" })).toMatchObject(refusedWith("cash.short"));
    expect(await answerOf(world, { orderId: "sell", side: "sell", limitPriceMinor: price * 2 })).toMatchObject({ ok: true });
    expect(await answerOf(world, { orderId: "sell again", side: "sell" })).toMatchObject(refusedWith("position.short"));
    void world.broker.cancel({ orderId: "buy", brokerOrderId: "P00000001", symbol: "SPY" });
    void world.broker.cancel({ orderId: "sell", brokerOrderId: "P00000003", symbol: "SPY" });
    await world.pass(200);
    expect(await answerOf(world, { orderId: "buy third" })).toMatchObject({ ok: true });
    expect(await answerOf(world, { orderId: "sell third", side: "sell" })).toMatchObject({ ok: true });
    await world.broker.close();
  });

  it("is an order within the session: a minute too early and the closing moment are refused", async () => {
    const open = newYorkMorning - 30 * 60_000;
    for (const [startAt, expected] of [
      [open - 60_000, refusedWith("session.closed")],
      [open, { ok: true }],
      [newYorkMorning + 6 * 3_600_000 - 300, { ok: true }],
      [newYorkMorning + 6 * 3_600_000, refusedWith("session.closed")],
    ] as const) {
      const world = await createPaperWorld({ startAt });
      expect(await answerOf(world, {})).toMatchObject(expected);
      await world.broker.close();
    }
  });

  it("is a price within the day's limits on KRX, from the base price or else from the day's first trade", async () => {
    const startAt = Date.UTC(2026, 9, 7, 1);
    const instruments = [samsung];
    const fields = (orderId: string, limitPriceMinor: number) => ({ orderId, symbol: "005930", limitPriceMinor, quantity: 1 });
    const given = await createPaperWorld({
      startAt,
      instruments,
      config: paperConfig({ basePriceMinor: { "005930": 100_000 } }),
    });
    expect(await answerOf(given, fields("at the limit", 130_000))).toMatchObject({ ok: true });
    expect(await answerOf(given, fields("beyond", 130_100))).toMatchObject(refusedWith("price.limit"));

    const traded = await createPaperWorld({ startAt, instruments });
    await traded.trade(60_000, 5);
    await traded.trade(77_000, 5);
    expect(await answerOf(traded, fields("at the limit", 78_000))).toMatchObject({ ok: true });
    expect(await answerOf(traded, fields("beyond", 78_100))).toMatchObject(refusedWith("price.limit"));
    await traded.broker.close();
    expect(readLedger(traded.ledgerPath).records.filter(({ type }) => type === "based")).toMatchObject([{ priceMinor: 60_000 }]);
  });

  it("is a trade to hold a market buy against; without one it is refused, and a market that ran away cancels the rest", async () => {
    const world = await createPaperWorld();
    const submit = async (orderId: string): Promise<unknown> => {
      const answer = world.broker.submit(marketOrder(orderId));
      await world.pass(200);
      return answer;
    };
    expect(await submit("blind")).toMatchObject(refusedWith("price.unknown"));
    await world.trade(price, 4);
    expect(await submit("seeing")).toMatchObject({ ok: true });
    await world.trade(price * 1.3, 4);
    await world.trade(price * 1.3 + 100, 4);
    await world.pass(200);
    expect(world.reports.map(({ type }) => type)).toEqual(["connected", "accepted", "filled", "canceled"]);
    await world.broker.close();
    expect(readLedger(world.ledgerPath).orders[1]).toMatchObject({ status: "canceled", filledQuantity: 1 });
  });
});

describe("a change of an order", () => {
  it("keeps what was filled, loses its place in the queue, and is checked like a new order", async () => {
    const world = await createPaperWorld({ config: paperConfig({ cashMinor: 40_000_000, participationShare: 1 }) });
    await world.buy("first", price, 10);
    await world.buy("second", price, 10);
    await world.trade(price, 4);
    const change = async (quantity: number, limitPriceMinor?: number): Promise<unknown> => {
      const named = { orderId: "first", brokerOrderId: "P00000001", symbol: "SPY", quantity };
      const answer = world.broker.replace(limitPriceMinor === undefined ? named : { ...named, limitPriceMinor });
      await world.pass(200);
      return answer;
    };
    expect(await change(4)).toMatchObject(refusedWith("quantity.filled"));
    expect(await change(10, price + 1)).toMatchObject(refusedWith("price.tick"));
    expect(await change(100)).toMatchObject(refusedWith("cash.short"));
    expect(await change(12)).toMatchObject({ ok: true });
    await world.trade(price, 10);
    await world.pass(200);
    const orders = await world.broker.orders();
    expect(orders.ok && orders.value).toMatchObject([
      { quantity: 12, cumulativeQuantity: 4, leavesQuantity: 8 },
      { quantity: 10, cumulativeQuantity: 10, status: "filled" },
    ]);
    await world.broker.close();
  });
});

describe("a change of a sell", () => {
  it("may offer what the order itself holds, and no more", async () => {
    const world = await createPaperWorld({ openingPositions: { SPY: 10 } });
    await world.sell("offer", price, 8);
    const change = async (quantity: number): Promise<unknown> => {
      const answer = world.broker.replace({ orderId: "offer", brokerOrderId: "P00000001", symbol: "SPY", quantity });
      await world.pass(200);
      return answer;
    };
    expect(await change(11)).toMatchObject(refusedWith("position.short"));
    expect(await change(10)).toMatchObject({ ok: true });
  });

  it("is not filled by a trade from before the change", async () => {
    const world = await createPaperWorld({ openingPositions: { SPY: 10 } });
    await world.sell("offer", price + 100, 8);
    const stale = { symbol: "SPY", priceMinor: price, quantity: 100, at: world.clock.now(), sequence: 1 };
    const named = { orderId: "offer", brokerOrderId: "P00000001", symbol: "SPY" };
    void world.broker.replace({ ...named, quantity: 8, limitPriceMinor: price });
    await world.pass(200);
    world.broker.onTrade(stale);
    await world.pass(200);
    expect(readLedger(world.ledgerPath).fills).toEqual([]);
    await world.trade(price, 100);
    expect(readLedger(world.ledgerPath).fills).toHaveLength(1);
  });
});

describe("the end of the session", () => {
  it("fills nothing by a trade after the hours, also when nobody has closed the session", async () => {
    const world = await createPaperWorld({ startAt: newYorkMorning + 6 * 3_600_000 - 300 });
    await world.buy("open", price, 10);
    await world.trade(price, 4);
    await world.pass(200);
    await world.trade(price, 4);
    expect(readLedger(world.ledgerPath).fills).toHaveLength(1);
  });

  it("expires what is open, tells everything that was on its way, and takes no more orders", async () => {
    const world = await createPaperWorld({ config: paperConfig({ latencyMs: [50, 50] }) });
    await world.buy("open", price, 10);
    const onItsWay = world.broker.submit(order({ orderId: "on its way" }));
    await world.broker.endOfSession();
    expect(await onItsWay).toMatchObject(refusedWith("session.closed"));
    expect(world.reports.at(-1)).toMatchObject({ type: "expired", brokerOrderId: "P00000001" });
    await world.trade(price, 1000);
    expect(await answerOf(world, { orderId: "next" })).toMatchObject(refusedWith("session.closed"));
    await world.broker.close();
    const summary = readLedger(world.ledgerPath);
    expect(summary.ended).toBe(true);
    expect(summary.fills).toEqual([]);
    expect(summary.orders.map(({ status }) => status)).toEqual(["expired", "rejected", "rejected"]);
  });
});

describe("cash and positions", () => {
  const act = fc.oneof(
    fc.record({
      act: fc.constant("submit" as const),
      side: fc.constantFrom<"buy" | "sell">("buy", "sell"),
      steps: fc.integer({ min: -3, max: 3 }),
      quantity: fc.integer({ min: 1, max: 30 }),
    }),
    fc.record({
      act: fc.constant("trade" as const),
      steps: fc.integer({ min: -3, max: 3 }),
      quantity: fc.integer({ min: 1, max: 90 }),
    }),
    fc.record({ act: fc.constant("cancel" as const), which: fc.nat({ max: 20 }) }),
  );

  it("equal the sum of the fills after any session, and neither is ever negative (O12)", () =>
    fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
        const cashMinor = 60_000_000;
        const world = await createPaperWorld({ config: paperConfig({ cashMinor, latencyMs: [0, 3] }), instruments: [spy] });
        for (const [index, one] of acts.entries()) {
          if (one.act === "submit") {
            const { side, quantity } = one;
            void world.broker.submit(order({ orderId: `o-${index}`, side, quantity, limitPriceMinor: price + one.steps * 100 }));
          } else if (one.act === "trade") await world.trade(price + one.steps * 100, one.quantity);
          else void world.broker.cancel({ orderId: "", brokerOrderId: `P0000000${one.which}`, symbol: "SPY" });
          await world.pass(3);
          const account = await world.broker.account();
          if (!account.ok) throw new Error(account.error.reason);
          expect(account.value.cashMinor).toBeGreaterThanOrEqual(0);
          for (const { quantity } of account.value.positions) expect(quantity).toBeGreaterThanOrEqual(0);
        }
        await world.pass(100);
        const account = await world.broker.account();
        const executions = await world.broker.executions();
        await world.broker.close();
        if (!account.ok || !executions.ok) throw new Error("the broker was asked while connected");
        const ledger = readLedger(world.ledgerPath);
        const lots = executions.value.reduce((sum, { side, quantity }) => sum + (side === "buy" ? quantity : -quantity), 0);
        const paid = executions.value.reduce(
          (sum, fill) => sum + (fill.side === "buy" ? 1 : -1) * fill.priceMinor * fill.quantity + fill.feeMinor,
          0,
        );
        expect(account.value).toEqual({
          cashMinor: cashMinor - paid,
          positions: lots === 0 ? [] : [{ symbol: "SPY", quantity: lots }],
        });
        expect(ledger.cashMinor).toBe(account.value.cashMinor);
        expect(ledger.positions).toEqual(lots === 0 ? {} : { SPY: lots });
        for (const one of ledger.orders) expect(one.filledQuantity).toBeLessThanOrEqual(one.quantity);
      }),
      { numRuns: 40 },
    ));

  it("charge a fee on both sides and the tax on the sale alone, each fill rounded half up (O11)", async () => {
    const startAt = Date.UTC(2026, 9, 7, 1);
    const config = paperConfig({ participationShare: 1, feeRate: 0.00014, sellTaxRate: 0.002 });
    const world = await createPaperWorld({ startAt, instruments: [samsung], config });
    await world.buy("bought", 75_000, 3);
    await world.trade(75_000, 3);
    await world.sell("sold", 75_000, 3);
    await world.trade(75_000, 1);
    await world.trade(75_000, 2);
    await world.broker.close();
    // 225,000 × 0.014 % = 31.5; 75,000 × 0.014 % = 10.5; 150,000 × 0.014 % = 21.
    expect(readLedger(world.ledgerPath).fills.map(({ feeMinor, taxMinor }) => [feeMinor, taxMinor])).toEqual([
      [32, 0],
      [11, 150],
      [21, 300],
    ]);
  });
});
