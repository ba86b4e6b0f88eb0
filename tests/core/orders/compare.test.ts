import { describe, expect, it } from "vitest";
import {
  type Answers,
  type ComparisonInput,
  compareWithVenue,
  isLookedFor,
  matchOrders,
  nothingSeen,
} from "#core/orders/compare.ts";
import { OrderDesk } from "#core/orders/order-desk.ts";
import type { BrokerExecution, BrokerOrder } from "#core/ports.ts";
import { deskInput } from "./rig.ts";

/** A desk with orders 1 (unknown since 20), 2 (accepted as B2). */
const createDesk = (): OrderDesk => {
  const desk = new OrderDesk(deskInput);
  const tell = (type: string, at: number, payload: object): void => {
    desk.handle({ type, at, ...payload } as never, () => {});
  };
  for (const [orderId, symbol] of [
    ["1", "SPY"],
    ["2", "IBM"],
  ] as const) {
    const wish = { symbol, side: "buy", orderType: "limit", quantity: 10, limitPriceMinor: 100, strategy: "s" };
    tell("order.intended", 10, { orderId, ...wish });
    tell("order.approved", 11, { orderId, epoch: 1 });
  }
  tell("order.submit.unknown", 20, { orderId: "1", reason: "no answer" });
  tell("order.submitted", 20, { orderId: "2", brokerOrderId: "B2" });
  tell("order.accepted", 21, { orderId: "2", brokerOrderId: "B2" });
  return desk;
};

const listed = (brokerOrderId: string, over: Partial<BrokerOrder> = {}): BrokerOrder => ({
  ...{ brokerOrderId, symbol: "SPY", side: "buy", orderType: "limit", quantity: 10, limitPriceMinor: 100 },
  ...{ status: "accepted", cumulativeQuantity: 0, leavesQuantity: 10, receivedAt: 15 },
  ...over,
});
const execution = (fillId: string, brokerOrderId: string, quantity: number): BrokerExecution => ({
  ...{ fillId, brokerOrderId, symbol: "IBM", side: "buy", quantity, priceMinor: 100, feeMinor: 1, at: 30 },
});
const ibm = listed("B2", { symbol: "IBM" });
const answersOf = (given: Partial<Answers> = {}): Answers => ({
  ...{ orders: [ibm], executions: [], account: { positions: [], cashMinor: 0 } },
  ...given,
});
const compare = (given: Partial<Answers>, over: Partial<ComparisonInput> & { readonly byContent?: boolean } = {}) => {
  const view = over.view ?? createDesk();
  const answers = answersOf(given);
  return compareWithVenue({
    ...{
      cause: "reconnect",
      answers,
      matched: matchOrders(view, answers.orders, { skewMs: 100, byContent: over.byContent ?? false }),
      view,
      last: nothingSeen,
    },
    ...{ isKnown: () => false, openingPositions: {}, hasLasted: false },
    ...over,
  });
};
const kinds = ({ facts }: ReturnType<typeof compare>): readonly string[] =>
  facts.map(({ type, correlationId }) => `${type} ${correlationId}`);

describe("comparing with the venue", () => {
  it("finds nothing when both sides say the same, but for the orders that no list has", () => {
    const found = compare({});
    expect(found).toMatchObject({ facts: [], remarks: [], orders: 0, fills: 0, mismatches: 0, unconfirmed: 0 });
    expect(found.absent.map(({ orderId }) => orderId)).toEqual(["1"]);
    expect(found.disagreement).toBeUndefined();
  });

  it("tells fills before what became of their order, and counts them into the positions it expects (O5, O6)", () => {
    const filled = { ...ibm, status: "filled", cumulativeQuantity: 10, leavesQuantity: 0 } as const;
    const found = compare({
      orders: [filled, listed("B1", { clientOrderId: "1" })],
      executions: [execution("f1", "B2", 10)],
      account: { positions: [{ symbol: "IBM", quantity: 10 }], cashMinor: 0 },
    });
    expect(kinds(found)).toEqual(["order.partially.filled 2", "order.reconciled 1"]);
    expect(found).toMatchObject({ fills: 1, orders: 1, absent: [], disagreement: undefined });
  });

  it("never makes a fill of a listed quantity: the order is told, and the positions differ", () => {
    const found = compare({
      orders: [{ ...ibm, status: "partiallyFilled", cumulativeQuantity: 4, leavesQuantity: 6 }],
      account: { positions: [{ symbol: "IBM", quantity: 4 }], cashMinor: 0 },
    });
    expect(kinds(found)).toEqual(["order.reconciled 2"]);
    expect(found.disagreement).toBe("IBM: ours 0, the venue's 4");
  });

  it("corrects a fill whose figures the executions have otherwise, and expects the position that follows", () => {
    const view = createDesk();
    view.handle({ type: "order.filled", at: 30, orderId: "2", fillId: "f1", quantity: 6, priceMinor: 100 }, () => {});
    const given = (lots: number) => ({
      orders: [{ ...ibm, status: "partiallyFilled", cumulativeQuantity: lots, leavesQuantity: 10 - lots } as const],
      executions: lots === 0 ? [] : [execution("f1", "B2", lots)],
      account: { positions: lots === 0 ? [] : [{ symbol: "IBM", quantity: lots }], cashMinor: 0 },
    });
    const first = compare(given(4), { view });
    expect(first).toMatchObject({ facts: [], unconfirmed: 1, disagreement: "IBM: ours 6, the venue's 4" });
    const second = compare(given(4), { view, last: first.seen });
    expect(second.facts.map(({ payload }) => payload)).toEqual([
      { orderId: "2", fillId: "f1", quantity: 4, priceMinor: 100, listed: true },
    ]);
    // What else the list says is looked at once the fill is right.
    expect(second).toMatchObject({ fills: 1, unconfirmed: 1, disagreement: undefined });
    // Gone altogether it may only be late, until that has lasted.
    expect(compare(given(0), { view, last: compare(given(0), { view }).seen }).facts).toEqual([]);
    expect(compare(given(0), { view, hasLasted: true })).toMatchObject({ fills: 1, disagreement: undefined });
  });

  it("reads the rows of one order as one, and no row of its former ids as a stranger's", () => {
    const view = createDesk();
    view.handle({ type: "order.replaced", at: 30, orderId: "2", quantity: 8, brokerOrderId: "B3" }, () => {});
    const rows = [
      listed("B3", { symbol: "IBM", status: "canceled", quantity: 8, leavesQuantity: 0 }),
      { ...ibm, status: "canceled", leavesQuantity: 0 } as const,
    ];
    for (const orders of [rows, rows.toReversed()]) {
      const found = compare({ orders }, { view });
      expect(found.facts.map(({ payload }) => payload)).toMatchObject([
        { orderId: "2", brokerOrderId: "B3", status: "canceled" },
      ]);
      expect(found.mismatches).toBe(0);
    }
  });

  it("leaves out what the stream has brought, also when it was seen missing before", () => {
    const given = { executions: [execution("f1", "B2", 4)] };
    expect(compare(given, { isKnown: (fillId) => fillId === "f1" })).toMatchObject({ facts: [], fills: 0, unconfirmed: 0 });
  });

  it("must see a difference twice on the timer's account, and does once what it does (O5, O6)", () => {
    const given = { executions: [execution("f1", "B2", 4)] };
    const view = createDesk();
    const first = compare(given, { cause: "timer", view });
    expect(first).toMatchObject({ facts: [], fills: 0, unconfirmed: 1 });
    const second = compare(given, { cause: "timer", view, last: first.seen });
    expect(second).toMatchObject({ fills: 1, unconfirmed: 0 });
    expect(compare(given, { cause: "reconnect", view, last: second.seen })).toMatchObject({ fills: 0, unconfirmed: 0 });
  });

  it("names every order that works there and is not ours once, and counts it as long as it does", () => {
    const given = { orders: [ibm, listed("H1"), listed("H2", { status: "canceled" })] };
    const first = compare(given);
    expect(first.remarks).toEqual(["the venue works order H1, buy 10 SPY, which is not among ours"]);
    expect(compare(given, { last: first.seen })).toMatchObject({ remarks: [], mismatches: 1 });
    const gone = compare({}, { last: first.seen });
    expect(compare(given, { last: gone.seen }).remarks).toHaveLength(1);
  });

  it("binds by content only what has one partner each way", () => {
    const content = { skewMs: 100, byContent: true };
    const view = createDesk();
    expect(matchOrders(view, [ibm, listed("X1")], content)).toMatchObject({
      bindings: [{ brokerOrderId: "X1", orderId: "1" }],
      ...{ unbound: [], undetermined: [], ambiguous: [] },
    });
    expect(matchOrders(view, [ibm, listed("X1")], { ...content, byContent: false })).toMatchObject({
      bindings: [],
      undetermined: [{ orderId: "1" }],
    });
    const two = compare({ orders: [ibm, listed("X1"), listed("X2")] }, { view, byContent: true });
    expect(two.remarks[0]).toBe("1 may be any of the venue's orders X1, X2; an operator must resolve it");
    expect(two.absent.map(({ orderId }) => orderId)).toEqual(["1"]);
  });

  it("denies wishes without an answer of the gates at a start, and only there", () => {
    const view = createDesk();
    const wish = { symbol: "SPY", side: "sell", orderType: "market", quantity: 1, strategy: "s" } as const;
    view.handle({ type: "order.intended", at: 40, orderId: "3", ...wish }, () => {});
    expect(kinds(compare({}, { cause: "start", view }))).toEqual(["order.denied 3"]);
    expect(kinds(compare({}, { cause: "reconnect", view }))).toEqual([]);
  });

  it("looks for orders without an outcome, without an answer in time, or with fills that nobody reported", () => {
    const [unknown, accepted] = [...createDesk().liveOrders()];
    if (unknown === undefined || accepted === undefined) throw new Error("the desk is empty");
    expect([unknown, accepted].map(isLookedFor)).toEqual([true, false]);
    expect(isLookedFor({ ...accepted, isOverdue: true })).toBe(true);
    expect(isLookedFor({ ...accepted, unattributed: 1 })).toBe(true);
  });
});
