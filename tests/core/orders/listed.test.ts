import { describe, expect, it } from "vitest";
import { compareFills, hasOtherTerms, oneRow } from "#core/orders/listed.ts";
import type { BrokerExecution, BrokerOrder } from "#core/ports.ts";
import { type OrderFill, type OrderRecord, openRecord } from "#machines/order.rules.ts";

const terms = { symbol: "SPY", side: "buy", orderType: "limit" } as const;
const fill = (fillId: string, quantity: number, over: Partial<OrderFill> = {}): OrderFill => ({
  fillId,
  quantity,
  priceMinor: 100,
  feeMinor: 0,
  ...over,
});
const order = (over: Partial<OrderRecord> = {}): OrderRecord => ({
  ...openRecord({ ...terms, orderId: "1", quantity: 10, limitPriceMinor: 100, strategy: "s", at: 1 }),
  ...{ epoch: 1, approvedAt: 1_000, evidence: "accepted", brokerOrderId: "V2", brokerOrderIds: ["V1", "V2"] },
  ...over,
});
const row = (
  brokerOrderId: string,
  status: BrokerOrder["status"],
  cumulativeQuantity: number,
  leavesQuantity: number,
): BrokerOrder => ({
  ...terms,
  ...{
    brokerOrderId,
    status,
    cumulativeQuantity,
    leavesQuantity,
    quantity: cumulativeQuantity + leavesQuantity,
    receivedAt: 1_000,
  },
});
const execution = (fillId: string, quantity: number, priceMinor = 100): BrokerExecution => ({
  ...{ fillId, quantity, priceMinor, brokerOrderId: "V1", symbol: "SPY", side: "buy", feeMinor: 0, at: 1_000 },
});
const shown = (listed: BrokerOrder | undefined) =>
  listed && [listed.brokerOrderId, listed.status, listed.cumulativeQuantity, listed.leavesQuantity];

describe("the rows of one order (O13)", () => {
  it.each([
    ["the old row first", [row("V1", "canceled", 3, 0), row("V2", "accepted", 0, 5)]],
    ["the old row last", [row("V2", "accepted", 0, 5), row("V1", "canceled", 3, 0)]],
  ])("are one, whichever comes first: %s", (_name, rows) => {
    expect(shown(oneRow(order(), rows, 0))).toEqual(["V2", "partiallyFilled", 3, 5]);
  });

  it("end with the newest", () => {
    expect(shown(oneRow(order(), [row("V2", "filled", 8, 0), row("V1", "canceled", 0, 0)], 0))).toEqual(["V2", "filled", 8, 0]);
  });

  it("count what was filled under an id whose row has left the list", () => {
    const filled = order({ fills: [fill("a", 3), fill("b", 1, { under: "V2" })], cumulative: 4 });
    expect(shown(oneRow(filled, [row("V2", "canceled", 1, 0)], 0))).toEqual(["V2", "canceled", 4, 0]);
  });

  it("say nothing while the list is behind the change", () => {
    expect(oneRow(order(), [row("V1", "accepted", 0, 10)], 0)).toBeUndefined();
  });

  it("may name an id that no report told, but none from before the order was sent", () => {
    const known = order({ brokerOrderId: "V1", brokerOrderIds: ["V1"] });
    const rows = [row("V1", "canceled", 0, 0), row("V9", "accepted", 0, 8)];
    expect(shown(oneRow(known, rows, 0))).toEqual(["V9", "accepted", 0, 8]);
    const yesterday = rows.map((each) => (each.brokerOrderId === "V9" ? { ...each, receivedAt: 900 } : each));
    expect(shown(oneRow(known, yesterday, 99))).toEqual(["V1", "canceled", 0, 0]);
  });

  it("show another size only where both sides count the same lots", () => {
    expect(hasOtherTerms(order(), row("V2", "accepted", 0, 12))).toBe(true);
    expect(hasOtherTerms(order(), row("V2", "accepted", 0, 10))).toBe(false);
    expect(hasOtherTerms(order({ cumulative: 2 }), row("V2", "accepted", 0, 12))).toBe(false);
    expect(hasOtherTerms(order(), row("V2", "canceled", 0, 0))).toBe(false);
  });
});

describe("the executions of one order", () => {
  const counted = order({ fills: [fill("a", 3), fill("b", 2)], cumulative: 5 });
  const listed = (lots: number) => row("V2", "partiallyFilled", lots, 5);

  it("correct what we count", () => {
    expect(compareFills(counted, [execution("a", 3), execution("b", 1, 99)], listed(4), false)).toEqual([
      { fillId: "b", quantity: 1, priceMinor: 99, lots: -1 },
    ]);
  });

  it("show a bust by what is missing among as many lots as we count", () => {
    expect(compareFills(counted, [execution("a", 3), execution("c", 2)], listed(5), false)).toEqual([
      { fillId: "b", quantity: 0, priceMinor: 100, lots: -2 },
    ]);
  });

  it("show no bust while they may only be behind our reports", () => {
    expect(compareFills(counted, [execution("a", 3)], listed(3), false)).toEqual([]);
    expect(compareFills(counted, [execution("a", 3)], listed(5), true)).toEqual([]);
    expect(compareFills(counted, [execution("a", 3)], listed(3), true)).toHaveLength(1);
  });
});
