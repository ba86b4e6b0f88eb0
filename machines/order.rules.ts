/**
 * What a fact does to an order, as pure arithmetic: quantities, pending requests and the status they imply.
 *
 * The status is a function of (ordered, cumulative, pending requests, how it ended), with the precedence of FIX 4.4 tag 39:
 * a pending request outranks filled, filled outranks canceled. The chart in order.machine.ts says which state may follow
 * which; these rules say by how much, and refuse what cannot be true.
 */
import type { EventOf, FactType } from "./facts/catalog.ts";
import type { OrderType, Side } from "./facts/orders.ts";

export const orderStatuses = [
  "initialized",
  "denied",
  "submitting",
  "unknown",
  "submitted",
  "accepted",
  "partiallyFilled",
  "pendingCancel",
  "pendingReplace",
  "filled",
  "canceled",
  "rejected",
  "expired",
] as const;
export type OrderStatus = (typeof orderStatuses)[number];

export const terminalStatuses = ["denied", "filled", "canceled", "rejected", "expired"] as const satisfies readonly OrderStatus[];
export const isTerminal = (status: OrderStatus): boolean => (terminalStatuses as readonly string[]).includes(status);

export interface OrderInput {
  readonly orderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly orderType: OrderType;
  /** Lots. */
  readonly quantity: number;
  readonly limitPriceMinor?: number | undefined;
  readonly strategy: string;
  readonly signal?: number | undefined;
  readonly at: number;
}

/** The facts an order takes; those without an `orderId` concern every order that is on its way. */
export const orderTakes = [
  "order.filled",
  "order.partially.filled",
  "order.rejected",
  "order.canceled",
  "order.expired",
  "order.accepted",
  "order.submitted",
  "order.submit.unknown",
  "order.approved",
  "order.denied",
  "order.cancel.requested",
  "order.cancel.rejected",
  "order.replace.requested",
  "order.replaced",
  "order.replace.rejected",
  "order.fill.busted",
  "order.fill.corrected",
  "order.reconciled",
  "order.resolved",
  "reconciliation.started",
  "broker.disconnected",
  "timer.due",
] as const satisfies readonly FactType[];
export type OrderFact = EventOf<typeof orderTakes>;

export const refusalCodes = {
  "not.approved": "The order has not been approved, so the venue cannot know it.",
  duplicate: "The same report came before.",
  "duplicate.fill": "A fill with this id is counted with other figures.",
  "duplicate.request": "The same request is already pending.",
  ended: "The order has ended.",
  "nothing.left": "No quantity is left to act on.",
  "already.filled": "The order has fills, so it cannot have been rejected.",
  overfill: "The fill is larger than what is left.",
  "fill.empty": "A fill needs a quantity and a price above zero.",
  "fill.not.known": "No fill with this id is counted.",
  "broker.id": "The report names another venue order.",
  "no.request": "Nothing was asked that this could answer.",
  "cancel.pending": "The order is being canceled.",
  "outcome.unknown": "It is not known whether the venue has this order.",
  "too.many.requests": "Too many changes wait for an answer.",
  quantity: "The quantity must be above zero.",
  "stale.quantity": "The venue's list is behind the fills it reported before.",
  contradiction: "The report contradicts what the venue said before.",
  "was.sent": "The order may have reached the venue, so it is not ours to deny.",
  "no.transition": "The chart knows no way for this fact from here.",
} as const;
export type RefusalCode = keyof typeof refusalCodes;

export interface Refusal {
  readonly at: number;
  readonly fact: string;
  readonly code: RefusalCode;
  readonly reason: string;
}

/** A busted fill stays with quantity 0, so that its id is never counted again. */
export interface OrderFill {
  readonly fillId: string;
  readonly quantity: number;
  readonly priceMinor: number;
  readonly feeMinor: number;
  /** Of a fill that was busted or corrected: what its report said, to know a repeat of it. */
  readonly reported?: { readonly quantity: number; readonly priceMinor: number };
}

export interface ReplaceRequest {
  /** The new total quantity, in lots. */
  readonly quantity: number;
  readonly limitPriceMinor: number | null;
}

/** Everything known about one order. Quantities in lots, money in minor units, times in epoch ms. */
export interface OrderRecord {
  readonly orderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly orderType: OrderType;
  readonly limitPriceMinor: number | null;
  readonly strategy: string;
  readonly signal: number | null;
  readonly intendedAt: number;
  readonly ordered: number;
  readonly cumulative: number;
  /** Part of `cumulative` that the broker's order list shows but whose fills have not been reported yet. */
  readonly unattributed: number;
  /** Sum of quantity × price over the counted fills. */
  readonly valueMinor: number;
  readonly feesMinor: number;
  readonly fills: readonly OrderFill[];
  /** Epoch of the approval; null before it. */
  readonly epoch: number | null;
  readonly approvedAt: number | null;
  readonly brokerOrderId: string | null;
  /** The best the venue has said so far; it never shrinks. */
  readonly evidence: "none" | "submitted" | "accepted";
  readonly isAnswered: boolean;
  readonly isAcknowledged: boolean;
  readonly isUndetermined: boolean;
  readonly ended: "denied" | "rejected" | "canceled" | "expired" | null;
  readonly endCode: string | null;
  readonly endReason: string | null;
  readonly isCancelPending: boolean;
  /** Requested changes without an answer, oldest first. */
  readonly replaces: readonly ReplaceRequest[];
  /** Requests that the order's end made moot; their late answers are no surprise. */
  readonly mootAnswers: number;
  /** When an unknown outcome or an unanswered request becomes overdue. */
  readonly deadlineAt: number | null;
  readonly isOverdue: boolean;
  readonly owner: "qts" | "operator";
  /** Why the last fact was refused; null when it was not. */
  readonly refusal: Refusal | null;
}

export interface OrderLimits {
  readonly unknownDeadlineMs: number;
  /** How long a cancel or replace may stay unanswered. */
  readonly pendingDeadlineMs: number;
}

/** A chain of changes longer than this is a runaway, not trading. */
const replacesMax = 8;

export const openRecord = (input: OrderInput): OrderRecord => ({
  orderId: input.orderId,
  symbol: input.symbol,
  side: input.side,
  orderType: input.orderType,
  limitPriceMinor: input.limitPriceMinor ?? null,
  strategy: input.strategy,
  signal: input.signal ?? null,
  intendedAt: input.at,
  ordered: input.quantity,
  cumulative: 0,
  unattributed: 0,
  valueMinor: 0,
  feesMinor: 0,
  fills: [],
  epoch: null,
  approvedAt: null,
  brokerOrderId: null,
  evidence: "none",
  isAnswered: false,
  isAcknowledged: false,
  isUndetermined: false,
  ended: null,
  endCode: null,
  endReason: null,
  isCancelPending: false,
  replaces: [],
  mootAnswers: 0,
  deadlineAt: null,
  isOverdue: false,
  owner: "qts",
  refusal: null,
});

/** The status that the record implies. Order of the tests = precedence of FIX 4.4 OrdStatus. */
export const statusOf = (order: OrderRecord): OrderStatus => {
  if (order.ended === "denied" || order.ended === "rejected") return order.ended;
  if (order.isUndetermined) return "unknown";
  if (order.isCancelPending) return "pendingCancel";
  if (order.replaces.length > 0) return "pendingReplace";
  if (order.cumulative > 0 && order.cumulative >= order.ordered) return "filled";
  if (order.ended !== null) return order.ended;
  if (order.cumulative > 0) return "partiallyFilled";
  if (order.evidence !== "none") return order.evidence;
  return order.epoch === null ? "initialized" : "submitting";
};

/** What may still fill. An order that ended has nothing left, also while late fills correct its cumulative quantity. */
export const leavesOf = (order: OrderRecord): number =>
  order.ended === null ? Math.max(0, order.ordered - order.cumulative) : 0;

/** Average price of the counted fills in minor units, with a fraction; null before the first fill. */
export const averagePriceOf = (order: OrderRecord): number | null => {
  const quantity = order.cumulative - order.unattributed;
  return quantity > 0 ? order.valueMinor / quantity : null;
};

/** "cancel" outranks "replace", as their statuses do. */
export const pendingOf = (order: OrderRecord): "cancel" | "replace" | null => {
  if (order.isCancelPending) return "cancel";
  return order.replaces.length > 0 ? "replace" : null;
};

/** The submit left, or is about to, and nothing has been heard of it. */
export const isInFlight = (order: OrderRecord): boolean =>
  order.epoch !== null && order.evidence === "none" && !order.isUndetermined && order.ended === null;

/**
 * Applies one fact to an order.
 *
 * @returns the next record; when the fact was refused, the same record with `refusal` set. Never throws.
 */
export const judge = (order: OrderRecord, fact: OrderFact, limits: OrderLimits): OrderRecord => {
  const refuse = (code: RefusalCode, detail?: string): OrderRecord => ({
    ...order,
    refusal: {
      at: fact.at,
      fact: fact.type,
      code,
      reason: detail === undefined ? refusalCodes[code] : `${refusalCodes[code]} ${detail}`,
    },
  });
  const become = (changes: Partial<OrderRecord>): OrderRecord =>
    withDeadline(order, { ...order, refusal: null, ...changes }, fact.at, limits);

  if ("brokerOrderId" in fact && fact.type !== "order.replaced" && !isFill(fact)) {
    const { brokerOrderId } = fact;
    if (brokerOrderId !== undefined && order.brokerOrderId !== null && brokerOrderId !== order.brokerOrderId)
      return refuse("broker.id", `It says ${brokerOrderId}, the order is ${order.brokerOrderId}.`);
  }

  // Taken twice, one answer would settle two requests, and an old amendment would come back (spec O3).
  if ("isRepeat" in fact && fact.isRepeat === true) return refuse("duplicate");

  switch (fact.type) {
    case "order.approved":
      if (order.ended !== null) return refuse("ended");
      if (order.epoch !== null) return refuse("duplicate");
      if (order.ordered <= 0) return refuse("quantity");
      return become({ epoch: fact.epoch, approvedAt: fact.at });

    case "order.denied":
      if (order.ended !== null) return refuse(order.ended === "denied" ? "duplicate" : "ended");
      if (order.evidence !== "none") return refuse("was.sent");
      return become(endedAs("denied", order, fact.code, fact.reason));

    case "order.submitted":
      if (order.epoch === null) return refuse("not.approved");
      if (order.ended === "denied") return refuse("contradiction", "It was denied before.");
      // A list may have answered for it without naming the venue's id.
      if (order.isAnswered && order.brokerOrderId !== null) return refuse("duplicate");
      // The answer may come after the first reports: then it only brings the venue's id.
      return become({
        isAnswered: true,
        isUndetermined: false,
        brokerOrderId: fact.brokerOrderId,
        evidence: order.evidence === "none" ? "submitted" : order.evidence,
      });

    case "order.submit.unknown":
      if (order.epoch === null) return refuse("not.approved");
      if (order.ended === "denied") return refuse("ended");
      // A report got through although the answer did not: nothing is unknown.
      return isInFlight(order) ? become({ isUndetermined: true }) : become({});

    case "order.accepted":
      if (order.epoch === null) return refuse("not.approved");
      if (order.isAcknowledged && bound(order, fact).brokerOrderId === undefined) return refuse("duplicate");
      if (order.ended === "denied" || order.ended === "rejected") return refuse("contradiction", `It was ${order.ended} before.`);
      // A late first acknowledgement is legal after fills or a cancel; it never moves the order back.
      return become({ isAcknowledged: true, isUndetermined: false, evidence: "accepted", ...bound(order, fact) });

    case "order.rejected":
      if (order.epoch === null) return refuse("not.approved");
      if (order.ended !== null) return refuse(order.ended === "rejected" ? "duplicate" : "ended");
      if (order.cumulative > 0) return refuse("already.filled");
      return become({ ...endedAs("rejected", order, fact.code, fact.reason), ...bound(order, fact) });

    case "order.canceled":
    case "order.expired": {
      const end = fact.type === "order.canceled" ? "canceled" : "expired";
      if (order.epoch === null) return refuse("not.approved");
      if (order.ended !== null) return refuse(order.ended === end ? "duplicate" : "ended");
      if (order.cumulative >= order.ordered)
        // Filled before the request could do anything: the confirmation only settles what was pending.
        return pendingOf(order) === null ? refuse("nothing.left") : become(requestsMoot(order));
      return become({
        ...endedAs(end, order, null, fact.type === "order.canceled" ? (fact.reason ?? null) : null),
        ...bound(order, fact),
      });
    }

    case "order.filled":
    case "order.partially.filled":
      return judgeFill(order, fact, refuse, become);

    case "order.cancel.requested":
      if (order.ended !== null) return refuse("ended");
      if (order.isCancelPending) return refuse("duplicate.request");
      // Nothing has left the process yet, so the order ends here.
      if (order.epoch === null) return become(endedAs("canceled", order, null, fact.reason ?? "canceled before it was sent"));
      // A filled order that is about to grow may have something left when the cancel arrives.
      if (order.cumulative >= largestOf(order)) return refuse("nothing.left");
      return become({ isCancelPending: true });

    case "order.cancel.rejected":
      if (order.isCancelPending) return become({ isCancelPending: false });
      if (order.mootAnswers > 0) return become({ mootAnswers: order.mootAnswers - 1 });
      return refuse("no.request");

    case "order.replace.requested": {
      const request: ReplaceRequest = { quantity: fact.quantity, limitPriceMinor: fact.limitPriceMinor ?? null };
      const latest = order.replaces.at(-1);
      if (order.ended !== null) return refuse("ended");
      if (order.epoch === null) return refuse("not.approved");
      if (order.isUndetermined) return refuse("outcome.unknown");
      if (order.isCancelPending) return refuse("cancel.pending");
      if (fact.quantity <= 0) return refuse("quantity");
      // A filled order can only grow (FIX 4.4 C.1.c).
      if (order.cumulative >= order.ordered && fact.quantity <= order.cumulative) return refuse("nothing.left");
      if (latest?.quantity === request.quantity && latest.limitPriceMinor === request.limitPriceMinor)
        return refuse("duplicate.request");
      if (order.replaces.length >= replacesMax) return refuse("too.many.requests");
      return become({ replaces: [...order.replaces, request] });
    }

    case "order.replaced":
      return judgeReplaced(order, fact, refuse, become);

    case "order.replace.rejected":
      if (order.replaces.length > 0) return become({ replaces: order.replaces.slice(1) });
      if (order.mootAnswers > 0) return become({ mootAnswers: order.mootAnswers - 1 });
      return refuse("no.request");

    case "order.fill.busted":
    case "order.fill.corrected": {
      if (order.ended === "denied" || order.ended === "rejected") return refuse("contradiction", `It was ${order.ended} before.`);
      const fill = order.fills.find(({ fillId }) => fillId === fact.fillId);
      if (fill === undefined) return refuse("fill.not.known", `Fill ${fact.fillId}.`);
      const quantity = fact.type === "order.fill.busted" ? 0 : fact.quantity;
      const priceMinor = fact.type === "order.fill.busted" ? fill.priceMinor : fact.priceMinor;
      if (fill.quantity === quantity && (quantity === 0 || fill.priceMinor === priceMinor)) return refuse("duplicate");
      if (quantity > 0 && priceMinor <= 0) return refuse("fill.empty");
      // As for a fill: lots that the order list has shown before are in the cumulative quantity already.
      const seen = Math.min(order.unattributed, Math.max(0, quantity - fill.quantity));
      const cumulative = order.cumulative - fill.quantity + quantity - seen;
      if (cumulative > order.ordered) return refuse("overfill", `It would make ${cumulative} of ${order.ordered}.`);
      return become({
        cumulative,
        unattributed: order.unattributed - seen,
        valueMinor: order.valueMinor - fill.quantity * fill.priceMinor + quantity * priceMinor,
        fills: order.fills.map((known) =>
          known === fill ? { ...fill, quantity, priceMinor, reported: reportedOf(fill) } : known,
        ),
      });
    }

    case "order.reconciled":
      return judgeReconciled(order, fact, refuse, become);

    case "order.resolved":
      return judgeResolved(order, fact, refuse, become);

    case "reconciliation.started":
      // The periodic question goes out while answers are on their way; every other cause means that they may have been lost.
      return isInFlight(order) && fact.cause !== "timer" ? become({ isUndetermined: true }) : become({});

    case "broker.disconnected":
      return isInFlight(order) ? become({ isUndetermined: true }) : become({});

    case "timer.due":
      // A deadline that was moved or met since fires for nothing.
      if (order.deadlineAt === null || fact.dueAt < order.deadlineAt || order.isOverdue) return become({});
      return become({ isOverdue: true, owner: order.isUndetermined ? "operator" : order.owner });
  }
};

type Refuse = (code: RefusalCode, detail?: string) => OrderRecord;
type Become = (changes: Partial<OrderRecord>) => OrderRecord;
type FactOf<T extends OrderFact["type"]> = Extract<OrderFact, { type: T }>;

/** What the venue said when it first told of a fill. */
const reportedOf = ({ reported, quantity, priceMinor }: OrderFill): NonNullable<OrderFill["reported"]> =>
  reported ?? { quantity, priceMinor };

const isFill = (fact: OrderFact): fact is FactOf<"order.filled" | "order.partially.filled"> =>
  fact.type === "order.filled" || fact.type === "order.partially.filled";

const bound = (order: OrderRecord, { brokerOrderId }: { readonly brokerOrderId?: string }): Partial<OrderRecord> =>
  brokerOrderId === undefined || order.brokerOrderId !== null ? {} : { brokerOrderId };

/** What the order may become at most, should every pending change be made. */
const largestOf = ({ ordered, replaces }: Pick<OrderRecord, "ordered" | "replaces">): number =>
  replaces.reduce((most, { quantity }) => Math.max(most, quantity), ordered);

const endedAs = (
  ended: NonNullable<OrderRecord["ended"]>,
  order: OrderRecord,
  endCode: string | null,
  endReason: string | null,
): Partial<OrderRecord> => ({
  ended,
  endCode,
  endReason,
  isUndetermined: false,
  ...requestsMoot(order),
});

/** What was asked no longer matters; answers that still come are no surprise. */
const requestsMoot = (order: OrderRecord): Partial<OrderRecord> => ({
  isCancelPending: false,
  replaces: [],
  mootAnswers: order.mootAnswers + order.replaces.length + (order.isCancelPending ? 1 : 0),
});

/** Quantities decide, not the name of the fact: a "filled" that leaves something open is a partial fill. */
const judgeFill = (
  order: OrderRecord,
  fact: FactOf<"order.filled" | "order.partially.filled">,
  refuse: Refuse,
  become: Become,
): OrderRecord => {
  const { fillId, quantity, priceMinor, feeMinor = 0 } = fact;
  if (order.epoch === null) return refuse("not.approved");
  if (order.ended === "denied" || order.ended === "rejected") return refuse("contradiction", `It was ${order.ended} before.`);
  const known = order.fills.find((fill) => fill.fillId === fillId);
  if (known !== undefined) {
    const reported = reportedOf(known);
    const isSame = reported.quantity === quantity && reported.priceMinor === priceMinor && known.feeMinor === feeMinor;
    if (isSame) return refuse("duplicate", `Fill ${fillId}.`);
    return refuse(
      "duplicate.fill",
      `Fill ${fillId}: ${quantity} at ${priceMinor}, not ${reported.quantity} at ${reported.priceMinor}.`,
    );
  }
  if (quantity <= 0 || priceMinor <= 0) return refuse("fill.empty");
  // The order list may have shown this fill before its report came; then it is already in the cumulative quantity.
  const growth = quantity - Math.min(order.unattributed, quantity);
  const cumulative = order.cumulative + growth;
  // A fill of the enlarged order may overtake the confirmation of the change.
  const largest = largestOf(order);
  if (cumulative > largest) return refuse("overfill", `It would make ${cumulative} of ${largest}.`);
  return become({
    cumulative,
    ordered: Math.max(order.ordered, cumulative),
    unattributed: order.unattributed - (quantity - growth),
    valueMinor: order.valueMinor + quantity * priceMinor,
    feesMinor: order.feesMinor + feeMinor,
    fills: [...order.fills, { fillId, quantity, priceMinor, feeMinor }],
    evidence: "accepted",
    isUndetermined: false,
    ...bound(order, fact),
  });
};

const judgeReplaced = (order: OrderRecord, fact: FactOf<"order.replaced">, refuse: Refuse, become: Become): OrderRecord => {
  const { quantity, limitPriceMinor = null, brokerOrderId = order.brokerOrderId } = fact;
  if (order.epoch === null) return refuse("not.approved");
  if (order.ended !== null) return refuse("ended");
  if (quantity <= 0) return refuse("quantity");
  const asked = order.replaces.findIndex(
    (replace) =>
      replace.quantity === quantity &&
      (limitPriceMinor === null || (replace.limitPriceMinor ?? order.limitPriceMinor) === limitPriceMinor),
  );
  const isSame = quantity === order.ordered && (limitPriceMinor === null || limitPriceMinor === order.limitPriceMinor);
  if (asked < 0 && isSame) return refuse("duplicate");
  // Unlike any request: unsolicited, or the venue amended the oldest one (FIX 4.4 C.3.c).
  const answered = Math.max(asked, 0);
  return become({
    // Never below what is filled: FIX 4.4 C.3.c amends the order to its cumulative quantity.
    ordered: Math.max(quantity, order.cumulative),
    limitPriceMinor: limitPriceMinor ?? order.replaces[answered]?.limitPriceMinor ?? order.limitPriceMinor,
    replaces: order.replaces.filter((_, index) => index !== answered),
    brokerOrderId,
    evidence: "accepted",
    isUndetermined: false,
  });
};

/** A change whose answer was lost shows in what the venue still works: its total is listed + leaves (LeavesQty of FIX). */
const changesListed = (
  order: OrderRecord,
  { status, leavesQuantity }: FactOf<"order.reconciled">,
  listed: number,
): Partial<OrderRecord> => {
  const total = leavesQuantity === undefined ? undefined : listed + leavesQuantity;
  if (order.ended !== null || total === order.ordered) return {};
  // Never below what is filled, as in judgeReplaced. More filled than was ordered: some growth must have been made.
  let made = order.replaces.findIndex(({ quantity }) => Math.max(quantity, listed) === total);
  if (made < 0 && listed > order.ordered) made = order.replaces.findIndex(({ quantity }) => quantity >= listed);
  const change = order.replaces[made];
  if (change !== undefined)
    return {
      ordered: Math.max(change.quantity, listed),
      limitPriceMinor: change.limitPriceMinor ?? order.limitPriceMinor,
      // What was asked before it has been answered too.
      replaces: order.replaces.slice(made + 1),
      mootAnswers: order.mootAnswers + made,
    };
  // Filled with nothing left is definite, also when no report told of the reduction.
  const isDefinite = status === "filled" && leavesQuantity === 0 && listed > 0;
  return isDefinite && (order.replaces.length === 0 || order.isOverdue) ? { ordered: listed } : {};
};

/** The broker's list wins upwards only: it may lag behind the reports. It never invents a fill. */
const judgeReconciled = (order: OrderRecord, fact: FactOf<"order.reconciled">, refuse: Refuse, become: Become): OrderRecord => {
  if (order.epoch === null) return refuse("not.approved");
  if (!fact.found || fact.status === "absent") {
    if (order.ended === "denied") return become({});
    if (!order.isUndetermined && !isInFlight(order)) return refuse("contradiction", "The venue knew this order before.");
    return become(endedAs("denied", order, "SUBMIT_NEVER_ARRIVED", `the venue does not know the order of epoch ${order.epoch}`));
  }
  if (order.ended === "denied" || (order.ended === "rejected" && fact.status !== "rejected"))
    return refuse("contradiction", `It was ${order.ended} before.`);
  const listed = fact.cumulativeQuantity ?? (fact.status === "filled" ? order.ordered : order.cumulative);
  if (listed < order.cumulative) return refuse("stale.quantity", `${listed} listed, ${order.cumulative} reported.`);
  const largest = largestOf(order);
  if (listed > largest) return refuse("overfill", `The list shows ${listed} of ${largest}.`);
  const seen: Partial<OrderRecord> = {
    ...bound(order, fact),
    cumulative: listed,
    unattributed: order.unattributed + listed - order.cumulative,
    isUndetermined: false,
    isAnswered: true,
    evidence: "accepted",
  };
  switch (fact.status) {
    case "rejected":
      if (order.ended === "rejected") return become({});
      if (order.ended !== null) return refuse("contradiction", `It was ${order.ended} before.`);
      if (listed > 0) return refuse("already.filled");
      return become({ ...seen, ...endedAs("rejected", order, "REJECTED", "found by reconciliation") });
    case "canceled":
    case "expired":
      if (order.ended !== null) return become(seen);
      if (listed === order.ordered) return become({ ...seen, ...requestsMoot(order) });
      // More than was ordered: the order had grown before it ended.
      return become({
        ...seen,
        ordered: listed > order.ordered ? largest : order.ordered,
        ...endedAs(fact.status, order, null, "found by reconciliation"),
      });
    case "accepted":
    case "partiallyFilled":
    case "filled": {
      if (order.ended !== null && listed === order.cumulative)
        return fact.status === "filled" ? become({}) : refuse("stale.quantity", `The order was ${order.ended} before.`);
      const changes = { ...seen, ...changesListed(order, fact, listed) };
      const next = { ...order, ...changes };
      // The venue still works the order long after the request: what is pending even now had no effect.
      const isSettled = order.isOverdue || listed >= next.ordered;
      return become(isSettled ? { ...changes, ...requestsMoot(next) } : changes);
    }
  }
};

const judgeResolved = (order: OrderRecord, fact: FactOf<"order.resolved">, refuse: Refuse, become: Become): OrderRecord => {
  const because = `${fact.operator}: ${fact.reason}`;
  if (order.ended !== null) return refuse("ended");
  switch (fact.outcome) {
    case "absent":
      if (!order.isUndetermined) return refuse("was.sent");
      return become(endedAs("denied", order, "OPERATOR_RESOLVED", because));
    case "bound":
      if (!order.isUndetermined) return refuse("contradiction", "The order's outcome is known.");
      if (fact.brokerOrderId === undefined) return refuse("broker.id", "Name the venue's order.");
      return become({ brokerOrderId: fact.brokerOrderId, evidence: "submitted", isAnswered: true, isUndetermined: false });
    case "canceled":
      if (order.epoch === null) return refuse("not.approved");
      if (order.cumulative >= order.ordered) return refuse("nothing.left");
      return become(endedAs("canceled", order, "OPERATOR_RESOLVED", because));
  }
};

/** Sets, keeps or clears the deadline that the new record needs. */
const withDeadline = (before: OrderRecord, after: OrderRecord, at: number, limits: OrderLimits): OrderRecord => {
  const isNewlyUnknown = after.isUndetermined && !before.isUndetermined;
  const requestsBefore = before.replaces.length + (before.isCancelPending ? 1 : 0);
  const requests = after.replaces.length + (after.isCancelPending ? 1 : 0);
  if (isNewlyUnknown) return { ...after, deadlineAt: at + limits.unknownDeadlineMs, isOverdue: false };
  if (after.isUndetermined) return after;
  if (requests === 0) return after.deadlineAt === null ? after : { ...after, deadlineAt: null, isOverdue: false, owner: "qts" };
  if (requests === requestsBefore && !before.isUndetermined) return after;
  return { ...after, deadlineAt: at + limits.pendingDeadlineMs, isOverdue: false, owner: "qts" };
};
