import { describe, expect, it } from "vitest";
import type { NewFact } from "#core/event/catalog.ts";
import { createReportIntake } from "#core/execution/broker-reports.ts";
import type { DeskView } from "#core/orders/order-desk.ts";
import type { BrokerReport } from "#core/ports.ts";

const create = (known: Record<string, string> = {}) => {
  const facts: NewFact[] = [];
  let connections = 0;
  const desk = { orderIdOf: (brokerOrderId: string) => known[brokerOrderId] } as unknown as DeskView;
  const intake = createReportIntake({
    brokerName: "venue",
    desk: () => desk,
    offer: (fact) => facts.push(fact),
    onConnected: () => {
      connections += 1;
    },
  });
  return { intake, facts, types: () => facts.map(({ type }) => type), connections: () => connections };
};
const execution = (fillId: string, over: object = {}) => ({
  ...{ fillId, brokerOrderId: "B1", symbol: "SPY", side: "buy" as const, quantity: 2, priceMinor: 100, feeMinor: 1, at: 5 },
  ...over,
});
const filled = (fillId: string, over: object = {}): BrokerReport => ({
  type: "filled",
  ...execution(fillId, over),
  leavesQuantity: 3,
});

describe("broker reports", () => {
  it("become facts about our order, found by client order id or by what the desk has bound", () => {
    const { intake, facts } = create({ B1: "mine" });
    intake.take(filled("f1"));
    intake.take(filled("f2", { clientOrderId: "named", leavesQuantity: 0 }));
    expect(facts).toEqual([
      {
        type: "order.partially.filled",
        payload: { orderId: "mine", fillId: "f1", quantity: 2, priceMinor: 100, feeMinor: 1, brokerOrderId: "B1" },
        source: "venue",
        correlationId: "mine",
      },
      expect.objectContaining({ type: "order.partially.filled", correlationId: "named" }),
    ]);
  });

  it("wait, in their order, until the response has named their order (kis.md §0.3)", () => {
    const { intake, types } = create();
    intake.take({ type: "accepted", brokerOrderId: "B1", at: 1 });
    intake.take(filled("f1"));
    expect(types()).toEqual([]);
    expect(intake.waiting()).toBe(2);
    intake.bind("B1", "mine");
    expect(types()).toEqual(["order.accepted", "order.partially.filled"]);
    intake.take(filled("f2"));
    expect(types()).toHaveLength(3);
  });

  it("are given up beyond a bound, the oldest first", () => {
    const { intake, facts } = create();
    for (let n = 0; n < 1_005; n += 1) intake.take(filled(`f${n}`));
    expect([intake.waiting(), intake.dropped()]).toEqual([1_000, 5]);
    intake.bind("B1", "mine");
    expect(facts[0]).toMatchObject({ payload: { fillId: "f5" } });
  });

  it("and reconciliation never bring the same fill twice, whoever is first", () => {
    const { intake, types } = create({ B1: "mine" });
    intake.take(filled("f1"));
    expect(intake.offerFound(execution("f1"), "mine")).toBe(false);
    expect(intake.offerFound(execution("f2"), "mine")).toBe(true);
    expect(intake.offerFound(execution("f2"), "mine")).toBe(false);
    intake.take(filled("f2"));
    expect(types()).toEqual(["order.partially.filled", "order.partially.filled"]);
    // A second report of the stream is the venue's own duplicate and goes on, to be refused.
    intake.take(filled("f2"));
    expect(types()).toHaveLength(3);
  });

  it.each([
    [{ type: "rejected", code: "c", reason: "r" }, "order.rejected", { code: "c", reason: "r", brokerOrderId: "B1" }],
    [{ type: "canceled" }, "order.canceled", { brokerOrderId: "B1" }],
    [{ type: "expired" }, "order.expired", { brokerOrderId: "B1" }],
    [{ type: "cancelRejected", code: "c", reason: "r" }, "order.cancel.rejected", { code: "c", reason: "r" }],
    [
      { type: "replaced", quantity: 4, limitPriceMinor: 9 },
      "order.replaced",
      { quantity: 4, limitPriceMinor: 9, brokerOrderId: "B1" },
    ],
    [{ type: "replaceRejected", code: "c", reason: "r" }, "order.replace.rejected", { code: "c", reason: "r" }],
    [{ type: "busted", fillId: "f" }, "order.fill.busted", { fillId: "f" }],
    [
      { type: "corrected", fillId: "f", quantity: 1, priceMinor: 2 },
      "order.fill.corrected",
      { fillId: "f", quantity: 1, priceMinor: 2 },
    ],
  ] as const)("%o is %s", (report, type, payload) => {
    const { intake, facts } = create({ B1: "mine" });
    intake.take({ ...report, brokerOrderId: "B1", at: 1 } as BrokerReport);
    expect(facts).toEqual([{ type, payload: { orderId: "mine", ...payload }, source: "venue", correlationId: "mine" }]);
  });

  it("of the connection are facts, and a new connection asks for reconciliation", () => {
    const { intake, types, connections } = create();
    intake.take({ type: "disconnected", reason: "gone", at: 1 });
    expect(connections()).toBe(0);
    intake.take({ type: "connected", at: 2 });
    expect(connections()).toBe(1);
    expect(types()).toEqual(["broker.disconnected", "broker.connected"]);
  });
});
