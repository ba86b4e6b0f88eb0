/**
 * The chart proposes ways through an order's life; the desk, the route, the gate and a venue live them. Each fact of a path
 * is caused in the world, not offered: the venue answers, reports, fills and fails. At the end the house is given time and a
 * healthy venue, and then both sides must agree.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { getShortestPaths } from "xstate/graph";
import { orderMachine } from "#machines/order.machine.ts";
import { isTerminal, leavesOf, type OrderFact, type OrderRecord, statusOf } from "#machines/order.rules.ts";
import { keyOf } from "../../machines/order.explore.ts";
import { createRig, type Rig } from "./rig.ts";

const orderId = "1";
const lots = 2;
const about = { at: 1, orderId };
const venue = { ...about, brokerOrderId: "B1" };

/** What the world can do next; the venue's own rules decide what is possible, not the machine. */
const worldFacts = (order: OrderRecord): readonly OrderFact[] => {
  if (order.epoch === null) return [{ type: "order.approved", ...about, epoch: 1_000_000 }];
  const facts: OrderFact[] = [];
  const isOpen = order.ended === null && order.cumulative < order.ordered;
  const isRoom = order.ended === "canceled" || order.ended === "expired" ? order.cumulative < order.ordered : isOpen;
  if (!order.isAnswered) facts.push({ type: "order.submitted", ...venue });
  if (!order.isAnswered && !order.isUndetermined && order.evidence === "none")
    facts.push({ type: "order.submit.unknown", ...about, reason: "time-out" });
  if (!order.isAcknowledged && order.ended !== "rejected") facts.push({ type: "order.accepted", ...venue });
  if (order.ended === null && order.cumulative === 0 && order.fills.length === 0)
    facts.push({ type: "order.rejected", ...venue, code: "V3", reason: "after all no" });
  if (isRoom && order.fills.length < 2)
    facts.push({
      type: "order.partially.filled",
      ...venue,
      fillId: `F${order.fills.length + 1}`,
      quantity: 1,
      priceMinor: 100,
      feeMinor: 1,
    });
  if (isOpen) facts.push({ type: "order.canceled", ...venue }, { type: "order.expired", ...venue });
  if (isOpen && !order.isCancelPending) facts.push({ type: "order.cancel.requested", ...about });
  if (order.isCancelPending && order.brokerOrderId !== null)
    facts.push({ type: "order.cancel.rejected", ...about, code: "V2", reason: "too late" });
  if (isOpen && order.replaces.length === 0 && !order.isCancelPending && !order.isUndetermined && order.ordered === lots)
    facts.push({ type: "order.replace.requested", ...about, quantity: lots + 1 });
  if (order.replaces.length > 0 && order.brokerOrderId !== null && order.ended === null) {
    facts.push({ type: "order.replaced", ...venue, quantity: lots + 1 });
    facts.push({ type: "order.replace.rejected", ...about, code: "V2", reason: "too late" });
  }
  if (order.fills[0]?.quantity === 1) facts.push({ type: "order.fill.busted", ...about, fillId: "F1" });
  return facts;
};

const paths = getShortestPaths(orderMachine, {
  input: { orderId, symbol: "SPY", side: "buy", orderType: "limit", quantity: lots, limitPriceMinor: 100, strategy: "s", at: 1 },
  events: (snapshot) => [...worldFacts(snapshot.context)] as never,
  serializeState: ({ context }) => keyOf(context as OrderRecord) as never,
  limit: 20_000,
}).filter(({ steps }) => steps.length > 1);

type Cause = (rig: Rig, fact: { readonly quantity?: number; readonly fillId?: string }) => void;
const named = { brokerOrderId: "B1", clientOrderId: orderId, at: 1 };
const refusal = { code: "V2", reason: "too late" };

/** What makes each fact happen in the world. */
const causes: Readonly<Record<string, Cause>> = {
  "order.approved": (rig) => rig.buy(orderId, lots),
  "order.submitted": ({ broker }) => broker.answerLate(),
  "order.submit.unknown": ({ broker }) => broker.answerLate("unknown"),
  "order.accepted": ({ broker }) => broker.report({ type: "accepted", ...named }),
  "order.partially.filled": ({ broker }, { quantity = 0 }) => void broker.fill(orderId, quantity, 100),
  "order.canceled": ({ broker }) => broker.end(orderId, "canceled"),
  "order.expired": ({ broker }) => broker.end(orderId, "expired"),
  "order.rejected": ({ broker }) => broker.end(orderId, "rejected"),
  "order.cancel.rejected": ({ broker }) => broker.report({ type: "cancelRejected", ...named, ...refusal }),
  "order.replaced": ({ broker }, { quantity = 0 }) => broker.change(orderId, quantity),
  "order.replace.rejected": ({ broker }) => broker.report({ type: "replaceRejected", ...named, ...refusal }),
  "order.fill.busted": ({ broker }, { fillId = "" }) => broker.bust(fillId),
  "order.cancel.requested": (rig) => rig.offer({ type: "order.cancel.requested", payload: { orderId }, source: "model" }),
  "order.replace.requested": (rig, { quantity = 0 }) =>
    rig.offer({ type: "order.replace.requested", payload: { orderId, quantity }, source: "model" }),
};
const cause = (rig: Rig, fact: OrderFact): void => causes[fact.type]?.(rig, fact as Parameters<Cause>[1]);

/** `order.submitted` after the answer was lost cannot happen in one process: the promise has settled. */
const isPossible = (facts: readonly OrderFact[]): boolean => {
  const lost = facts.findIndex(({ type }) => type === "order.submit.unknown");
  return lost < 0 || !facts.slice(lost).some(({ type }) => type === "order.submitted");
};

describe("every way through an order's life", () => {
  const lived = new Set<string>();
  const possible = paths
    .map(({ steps }) => ({ steps: steps.slice(1), facts: steps.slice(1).map(({ event }) => event as OrderFact) }))
    .filter(({ facts }) => isPossible(facts));

  beforeAll(() => {
    expect(possible.length).toBeGreaterThan(200);
  });

  it("is lived by desk, route and venue as the chart says, and ends in agreement (O14)", async () => {
    for (const { steps, facts } of possible) {
      const name = facts.map(({ type }) => type).join(" ");
      const rig = createRig();
      rig.broker.script("hold");
      rig.broker.setRequests("lose");
      for (const { event, state } of steps) {
        cause(rig, event as OrderFact);
        await rig.settle();
        // Everything here can happen at a venue, so nothing of it may be refused.
        expect(
          rig.outcomes.filter(({ refusal }) => refusal !== null),
          name,
        ).toEqual([]);
        const order = rig.desk().order(orderId) as OrderRecord;
        const expected = state.context as OrderRecord;
        expect([statusOf(order), order.ordered, order.cumulative, leavesOf(order)], name).toEqual([
          statusOf(expected),
          expected.ordered,
          expected.cumulative,
          leavesOf(expected),
        ]);
        lived.add(statusOf(order));
      }
      expect(rig.broker.submits, name).toHaveLength(1);

      rig.broker.setRequests("accept");
      await rig.pass(40_000);
      const order = rig.desk().order(orderId) as OrderRecord;
      const listed = rig.broker.book.get(orderId);
      const isOpenThere = listed?.status === "accepted" || listed?.status === "partiallyFilled";
      expect(isTerminal(statusOf(order)), `${name}: ${statusOf(order)}, the venue has ${listed?.status}`).toBe(!isOpenThere);
      expect(order.cumulative, name).toBe(listed?.cumulativeQuantity);
      const account = await rig.broker.account();
      const held = account.ok ? account.value : undefined;
      expect(held?.positions, name).toEqual(order.cumulative === 0 ? [] : [{ symbol: "SPY", quantity: order.cumulative }]);
      expect(rig.desk().totals().cashMinor, name).toBe(held?.cashMinor);
      expect(rig.broker.submits, name).toHaveLength(1);
    }
  });

  it("has visited every state that a venue can bring about", () => {
    expect([...lived].sort()).toEqual([
      ...["accepted", "canceled", "expired", "filled", "partiallyFilled", "pendingCancel", "pendingReplace"],
      ...["rejected", "submitted", "submitting", "unknown"],
    ]);
  });
});
