/** Facts of orders, positions and the broker connection. `orderId` is ours; `brokerOrderId` is the venue's. */
import { factTable } from "./fact.ts";

export const sides = ["buy", "sell"] as const;
export type Side = (typeof sides)[number];

export const orderTypes = ["limit", "market"] as const;
export type OrderType = (typeof orderTypes)[number];

/** What a venue's list says of an order it has. */
export const listedStatuses = ["accepted", "partiallyFilled", "filled", "canceled", "rejected", "expired"] as const;
export type ListedStatus = (typeof listedStatuses)[number];

/** What a person may find of an order whose submit has no outcome. */
export const orderOutcomes = ["absent", "bound", "canceled"] as const;
export type OrderOutcome = (typeof orderOutcomes)[number];

const fill = {
  orderId: "text",
  fillId: "text",
  quantity: "natural",
  priceMinor: "integer",
  feeMinor: "integer?",
  brokerOrderId: "text?",
} as const;

export const orderFacts = factTable({
  "order.filled": {
    seedName: "FILL_CONFIRMED",
    priority: "P0",
    journaled: true,
    payload: fill,
    says: "The venue filled the rest of an order.",
  },
  "order.partially.filled": {
    seedName: "FILL_PARTIAL",
    priority: "P0",
    journaled: true,
    payload: fill,
    says: "The venue filled a part of an order.",
  },
  "order.rejected": {
    seedName: "ORDER_REJECTED",
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", code: "text", reason: "text", brokerOrderId: "text?" },
    says: "The venue refused an order.",
  },
  "order.canceled": {
    seedName: "ORDER_CANCELLED",
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", reason: "text?", brokerOrderId: "text?", isRepeat: "flag?" },
    says: "The venue canceled what was left of an order, asked or unasked.",
  },
  "position.updated": {
    seedName: "POSITION_UPDATE",
    priority: "P0",
    journaled: false,
    readBy: "people",
    payload: { symbol: "text", quantity: "integer", averagePriceMinor: "number", realizedMinor: "integer", feesMinor: "integer" },
    says: "A fill changed a position. Derived from fills, so not journaled again.",
  },
  "order.intended": {
    priority: "P0",
    journaled: true,
    payload: {
      orderId: "text",
      symbol: "text",
      side: { oneOf: sides },
      orderType: { oneOf: orderTypes },
      quantity: "natural",
      limitPriceMinor: "integer?",
      strategy: "text",
      signal: "number?",
      reason: "text?",
    },
    says: "A strategy or an operator wants an order; nothing has left the process.",
  },
  "order.approved": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", epoch: "natural" },
    says: "The risk gates allowed the order; once durable it is submitted.",
  },
  "order.denied": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", code: "text", reason: "text" },
    says: "We refused the order; it never reached the venue.",
  },
  "order.submitted": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", brokerOrderId: "text" },
    says: "The venue answered the submit and gave the order its id.",
  },
  "order.submit.unknown": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", reason: "text" },
    says: "The submit's outcome cannot be known: the order may live.",
  },
  "order.accepted": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", brokerOrderId: "text?" },
    says: "The order works at the venue.",
  },
  "order.cancel.requested": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", reason: "text?" },
    says: "Somebody wants the order canceled.",
  },
  "order.cancel.rejected": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", code: "text", reason: "text", isRepeat: "flag?" },
    says: "The venue refused to cancel.",
  },
  "order.replace.requested": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", quantity: "natural", limitPriceMinor: "integer?" },
    says: "Somebody wants the order's total quantity or price changed.",
  },
  "order.replaced": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", quantity: "natural", limitPriceMinor: "integer?", brokerOrderId: "text?", isRepeat: "flag?" },
    says: "The venue changed the order; quantity is the new total.",
  },
  "order.replace.rejected": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", code: "text", reason: "text", isRepeat: "flag?" },
    says: "The venue refused to change the order.",
  },
  "order.expired": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", brokerOrderId: "text?", isRepeat: "flag?" },
    says: "The order ended with its session.",
  },
  "order.fill.busted": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", fillId: "text", listed: "flag?" },
    says: "The venue took a fill back; listed: it is gone from the venue's lists.",
  },
  "order.fill.corrected": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", fillId: "text", quantity: "natural", priceMinor: "integer", listed: "flag?" },
    says: "The venue corrected a fill; listed: its list of executions says so, which outranks late reports.",
  },
  "order.reconciled": {
    priority: "P0",
    journaled: true,
    payload: {
      orderId: "text",
      found: "flag",
      brokerOrderId: "text?",
      cumulativeQuantity: "natural?",
      leavesQuantity: "natural?",
      status: { oneOf: [...listedStatuses, "absent"] },
    },
    says: "The broker was asked about the order and answered; absent: it answered authoritatively that there is none.",
  },
  "order.resolved": {
    priority: "P0",
    journaled: true,
    payload: {
      orderId: "text",
      outcome: { oneOf: orderOutcomes },
      brokerOrderId: "text?",
      operator: "text",
      reason: "text",
    },
    says: "An operator looked at the venue and says what became of the order; bound: it is the order brokerOrderId.",
  },
  "broker.connected": {
    priority: "P0",
    journaled: true,
    payload: { broker: "text" },
    says: "The broker can be reached.",
  },
  "broker.disconnected": {
    seedName: "BROKER_DISCONNECT",
    priority: "P0",
    journaled: true,
    payload: { broker: "text", reason: "text" },
    says: "The broker cannot be reached; orders in flight become unknown.",
  },
  "broker.connect.requested": {
    priority: "P0",
    journaled: true,
    readBy: "handlers",
    payload: { cause: "text" },
    says: "The session wants the broker's connection; whoever keeps it opens it.",
  },
  "reconciliation.started": {
    priority: "P0",
    journaled: true,
    payload: { cause: "text" },
    says: "The broker is being asked for orders, executions and positions.",
  },
  "reconciliation.completed": {
    priority: "P0",
    journaled: true,
    payload: { cause: "text", orders: "natural", fills: "natural", mismatches: "natural", lookups: "natural?" },
    says: "Our orders and positions agree with the broker's; trading may open.",
  },
  "reconciliation.failed": {
    priority: "P0",
    journaled: true,
    payload: { cause: "text", reason: "text" },
    says: "The broker could not be asked; trading stays closed.",
  },

  // What the reconciliation machine is asked and answered. No list of the venue's is among it: what a list had to say beyond
  // our records has become facts of its own (docs/architecture/decisions/0013-reconciliation-is-a-machine.md).
  "reconciliation.requested": {
    priority: "P0",
    journaled: true,
    payload: { cause: { oneOf: ["operator", "end"] } },
    says: "A person, or the end of the day, wants the broker to be asked now.",
  },
  "reconciliation.compared": {
    priority: "P0",
    journaled: true,
    payload: {
      asked: "natural",
      orders: "natural",
      fills: "natural",
      mismatches: "natural",
      unconfirmed: "natural",
      disagreement: "text?",
      tripped: "flag",
    },
    says: "The broker has answered question number `asked`: how much was found and told, how much must be seen again before it counts, and which positions disagree; tripped: safety stands at FS070.",
  },
  "reconciliation.unanswered": {
    priority: "P0",
    journaled: true,
    payload: { asked: "natural", reason: "text" },
    says: "The broker could not be asked.",
  },
  "order.lookup.requested": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text" },
    says: "An order waits for an outcome, an answer or fills that no report has told; the broker is to be asked soon.",
  },
  "order.not.listed": {
    priority: "P0",
    journaled: true,
    payload: { orderId: "text", approvedAt: "at", asked: "natural" },
    says: "A complete list of the broker does not have an order whose submit has no outcome.",
  },
});
