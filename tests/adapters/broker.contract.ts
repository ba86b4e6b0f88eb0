/** What every Broker keeps its word about, whatever it is made of. Orders are of `symbol`, whose tick divides the prices used. */
import type { Subscription } from "rxjs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createValve } from "#core/event/valve.ts";
import type { Broker, BrokerReport, OrderRequest, RiskApproved, Valve } from "#core/ports.ts";
import type { Result } from "#core/result.ts";

export interface BrokerUnderTest {
  readonly broker: Broker;
  readonly symbol: string;
  /** A price that the market may have, in minor units; half and double of it stay valid limit prices. */
  readonly priceMinor: number;
  /** Market time passes, and everything that became due has happened and was told. */
  readonly pass: (ms: number) => Promise<void>;
  /** The market trades once; enough quantity for every order of the suite to be filled by it. */
  readonly trade: (priceMinor: number) => Promise<void>;
  readonly dispose: () => Promise<void>;
}

/** Long enough for a request and its reports to arrive. */
const aWhileMs = 1000;

export const approved = (order: OrderRequest): RiskApproved<OrderRequest> =>
  ({ ...order, epoch: 1 }) as unknown as RiskApproved<OrderRequest>;

export const brokerContract = (create: () => Promise<BrokerUnderTest>): void => {
  let under: BrokerUnderTest;
  let broker: Broker;
  let reports: BrokerReport[];
  let lost: string[];
  let connection: Subscription | undefined;
  let open: Valve;
  let holdUntil: (room: Promise<void>) => void;
  beforeEach(async () => {
    under = await create();
    broker = under.broker;
    reports = [];
    lost = [];
    const { valve, closeUntil } = createValve({
      clock: { monotonicMs: () => 0, yieldToIo: async () => undefined },
      timeSliceMs: 1,
    });
    open = valve;
    holdUntil = closeUntil;
  });
  afterEach(async () => {
    await broker.close();
    await under.dispose();
  });

  const connect = async (): Promise<void> => {
    connection = broker.reports(open).subscribe({
      next: (report) => reports.push(report),
      error: (error: Error) => lost.push(error.message),
    });
    await under.pass(aWhileMs);
  };
  const limit = (orderId: string, fields: Partial<OrderRequest> = {}): RiskApproved<OrderRequest> =>
    approved({
      orderId,
      symbol: under.symbol,
      side: "buy",
      orderType: "limit",
      quantity: 10,
      limitPriceMinor: under.priceMinor,
      ...fields,
    });
  const after = async <T>(work: Promise<T>): Promise<T> => {
    await under.pass(aWhileMs);
    return work;
  };
  const value = <T, E>(result: Result<T, E>): T => {
    if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error)}`);
    return result.value;
  };
  const submitted = async (order: RiskApproved<OrderRequest>): Promise<string> =>
    value(await after(broker.submit(order))).brokerOrderId;
  const told = (type: BrokerReport["type"]): BrokerReport[] => reports.filter((report) => report.type === type);
  const buyTen = async (): Promise<void> => {
    await submitted(limit("bought"));
    await under.trade(under.priceMinor);
    await under.pass(aWhileMs);
  };

  it("sends nothing and answers nothing before it is connected", async () => {
    expect(await after(broker.submit(limit("early")))).toMatchObject({ ok: false, error: { type: "not.sent" } });
    expect(await after(broker.orders())).toMatchObject({ ok: false, error: { type: "broker.unavailable" } });
    await connect();
    expect(value(await after(broker.orders()))).toEqual([]);
  });

  it("is connected by whoever subscribes to its reports, says so first, and hangs up when nobody listens", async () => {
    await connect();
    expect(reports.map(({ type }) => type)).toEqual(["connected"]);
    connection?.unsubscribe();
    await under.pass(aWhileMs);
    expect(await after(broker.submit(limit("late")))).toMatchObject({ ok: false, error: { type: "not.sent" } });
    await connect();
    expect(reports.map(({ type }) => type)).toEqual(["connected", "connected"]);
    expect(value(await after(broker.orders()))).toEqual([]);
  });

  it("gives a newer connection the older one's place, and says so where it is taken away", async () => {
    await connect();
    const newer: string[] = [];
    const second = broker.reports(open).subscribe(({ type }) => newer.push(type));
    await under.pass(aWhileMs);
    await expect.poll(() => lost, { timeout: 20_000 }).toEqual([expect.stringContaining("newer connection")]);
    await submitted(limit("o-1"));
    expect(newer).toEqual(["connected", "accepted"]);
    expect(told("accepted")).toEqual([]);
    second.unsubscribe();
  });

  it("holds its reports back while the valve is closed, and loses none of them and not their order (E3)", async () => {
    await connect();
    const room = Promise.withResolvers<void>();
    holdUntil(room.promise);
    const answers = ["a", "b", "c"].map((orderId) => broker.submit(limit(orderId, { quantity: 1 })));
    // A venue behind a socket holds market time meanwhile: its answers are not read either.
    const passing = under.pass(aWhileMs);
    for (let turn = 0; turn < 500; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(told("accepted")).toEqual([]);
    room.resolve();
    await passing;
    await under.pass(aWhileMs);
    for (const answer of answers) value(await answer);
    await under.trade(under.priceMinor);
    await under.pass(aWhileMs);
    const ids = told("accepted").map((report) => "brokerOrderId" in report && report.brokerOrderId);
    expect(ids).toHaveLength(3);
    expect(ids).toEqual([...ids].sort());
    expect(told("filled")).toHaveLength(3);
    expect(lost).toEqual([]);
  });

  it("answers a submit with the venue's id and reports the order as accepted, but never inside the call", async () => {
    await connect();
    const answer = broker.submit(limit("o-1"));
    expect(told("accepted")).toEqual([]);
    const { brokerOrderId } = value(await after(answer));
    expect(told("accepted")).toMatchObject([{ brokerOrderId }]);
    expect(value(await after(broker.orders()))).toMatchObject([
      { brokerOrderId, status: "accepted", quantity: 10, cumulativeQuantity: 0, leavesQuantity: 10 },
    ]);
  });

  it("fills a buy at or below its limit, at the market's price, and settles cash and position by the fill", async () => {
    await connect();
    const before = value(await after(broker.account()));
    const brokerOrderId = await submitted(limit("o-1"));
    await under.trade(under.priceMinor / 2);
    await under.pass(aWhileMs);
    const fills = value(await after(broker.executions()));
    expect(fills.reduce((sum, { quantity }) => sum + quantity, 0)).toBe(10);
    expect(new Set(fills.map(({ fillId }) => fillId)).size).toBe(fills.length);
    expect(fills.every((fill) => fill.brokerOrderId === brokerOrderId && fill.priceMinor === under.priceMinor / 2)).toBe(true);
    expect(told("filled").at(-1)).toMatchObject({ brokerOrderId, leavesQuantity: 0 });
    const paid = fills.reduce((sum, fill) => sum + fill.priceMinor * fill.quantity + fill.feeMinor, 0);
    const afterwards = value(await after(broker.account()));
    expect(afterwards).toEqual({
      positions: [{ symbol: under.symbol, quantity: 10 }],
      cashMinor: before.cashMinor - paid,
    });
    expect(value(await after(broker.orders()))).toMatchObject([{ status: "filled", cumulativeQuantity: 10, leavesQuantity: 0 }]);
  });

  it("leaves an order alone while the market is beyond its limit", async () => {
    await connect();
    await submitted(limit("o-1"));
    await under.trade(under.priceMinor * 2);
    await under.pass(aWhileMs);
    expect(told("filled")).toEqual([]);
  });

  it("fills a market order at the next trade", async () => {
    await connect();
    await under.trade(under.priceMinor);
    const { limitPriceMinor: _, ...market } = limit("o-1", { orderType: "market" });
    await submitted(approved(market as OrderRequest));
    expect(told("filled")).toEqual([]);
    await under.trade(under.priceMinor);
    await under.pass(aWhileMs);
    expect(told("filled").at(-1)).toMatchObject({ leavesQuantity: 0, priceMinor: under.priceMinor });
  });

  it("cancels an open order once; a second cancel is refused and a later trade fills nothing", async () => {
    await connect();
    const brokerOrderId = await submitted(limit("o-1"));
    const named = { orderId: "o-1", brokerOrderId, symbol: under.symbol };
    expect(await after(broker.cancel(named))).toEqual({ ok: true, value: undefined });
    expect(told("canceled")).toMatchObject([{ brokerOrderId }]);
    expect(await after(broker.cancel(named))).toMatchObject({ ok: false, error: { type: "order.refused" } });
    await under.trade(under.priceMinor);
    await under.pass(aWhileMs);
    expect(told("filled")).toEqual([]);
    expect(value(await after(broker.orders()))).toMatchObject([{ status: "canceled", cumulativeQuantity: 0, leavesQuantity: 0 }]);
  });

  it("replaces quantity and price of an open order, keeping its name", async () => {
    await connect();
    const brokerOrderId = await submitted(limit("o-1", { limitPriceMinor: under.priceMinor / 2 }));
    const change = { orderId: "o-1", brokerOrderId, symbol: under.symbol, quantity: 4, limitPriceMinor: under.priceMinor };
    expect(await after(broker.replace(change))).toEqual({ ok: true, value: undefined });
    expect(told("replaced")).toMatchObject([{ brokerOrderId, quantity: 4, limitPriceMinor: under.priceMinor }]);
    await under.trade(under.priceMinor);
    await under.pass(aWhileMs);
    expect(value(await after(broker.orders()))).toMatchObject([{ status: "filled", quantity: 4, cumulativeQuantity: 4 }]);
    expect(await after(broker.replace(change))).toMatchObject({ ok: false, error: { type: "order.refused" } });
  });

  it("refuses to sell what is not there, and sells what is", async () => {
    await connect();
    const short = await after(broker.submit(limit("short", { side: "sell" })));
    expect(short).toMatchObject({ ok: false, error: { type: "order.refused" } });
    await buyTen();
    await submitted(limit("sold", { side: "sell", quantity: 4 }));
    await under.trade(under.priceMinor);
    await under.pass(aWhileMs);
    expect(value(await after(broker.account())).positions).toEqual([{ symbol: under.symbol, quantity: 6 }]);
    expect(value(await after(broker.orders())).map(({ status }) => status)).toEqual(["rejected", "filled", "filled"]);
  });

  it("takes an order id once: the second submit is refused and there is one order", async () => {
    await connect();
    const brokerOrderId = await submitted(limit("o-1"));
    expect(await after(broker.submit(limit("o-1")))).toMatchObject({ ok: false, error: { type: "order.refused" } });
    expect(value(await after(broker.orders()))).toMatchObject([{ brokerOrderId, quantity: 10 }]);
  });

  it("sends nothing after it was closed", async () => {
    await connect();
    await broker.close();
    expect(await after(broker.submit(limit("late")))).toMatchObject({ ok: false, error: { type: "not.sent" } });
  });
};
