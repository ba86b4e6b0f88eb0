/**
 * One order as a record: the facts it is told, what is known of it, and the status that follows from that.
 *
 * The status is a function of (ordered, cumulative, pending requests, how it ended), with the precedence of FIX 4.4 tag 39:
 * a pending request outranks filled, filled outranks canceled, expired and rejected.
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
  superseded: "The same report came before, and a later one has taken its place.",
  ended: "The order has ended.",
  "nothing.left": "No quantity is left to act on.",
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

export interface OrderRefusal {
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
  /** The id that it was filled under, when that was not the order's first. */
  readonly under?: string;
  /** Its bust or correction came first; the report of the fill itself is still to come and brings no lots. */
  readonly isEarly?: boolean;
  /** Of a fill that was busted or corrected: what its own report said, to know a repeat of it. */
  readonly reported?: { readonly quantity: number; readonly priceMinor: number };
  /** What busts and corrections made of it, newest last: a report that repeats an older one is late. */
  readonly told?: readonly { readonly quantity: number; readonly priceMinor: number }[];
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
  /** The venue's present id. */
  readonly brokerOrderId: string | null;
  /** Every id the venue has given it, in the order we learnt them: a change may bring a new one, and fills still name the old. */
  readonly brokerOrderIds: readonly string[];
  /** The best the venue has said so far; it never shrinks. */
  readonly evidence: "none" | "submitted" | "accepted";
  readonly isAnswered: boolean;
  readonly isAcknowledged: boolean;
  readonly isUndetermined: boolean;
  readonly ended: "denied" | "rejected" | "canceled" | "expired" | null;
  readonly endCode: string | null;
  readonly endReason: string | null;
  /** The venue's id that the report of the end named; null when it named none. */
  readonly endedUnder: string | null;
  readonly isCancelPending: boolean;
  /** Requested changes without an answer, oldest first. */
  readonly replaces: readonly ReplaceRequest[];
  /** Requests that the order's end made moot; their late answers are no surprise. */
  readonly mootAnswers: number;
  /** Changes among them: the venue may have made one and its report is late. Oldest first. */
  readonly changesMoot: readonly ReplaceRequest[];
  /** Changes that the venue has made, newest last. */
  readonly changesMade: readonly ReplaceRequest[];
  /** Fills of more than the order can be: refused, and counted once a change, a bust or the broker's list makes room. */
  readonly held: readonly OrderFill[];
  /** When an unknown outcome or an unanswered request becomes overdue. */
  readonly deadlineAt: number | null;
  readonly isOverdue: boolean;
  readonly owner: "qts" | "operator";
  /** Why the last fact was refused; null when it was not. */
  readonly refusal: OrderRefusal | null;
}

export interface OrderLimits {
  readonly unknownDeadlineMs: number;
  /** How long a cancel or replace may stay unanswered. */
  readonly pendingDeadlineMs: number;
}

/** Changes and their answers, fills that wait, busts without a fill: a longer chain is a runaway, not trading. */
export const chainMax = 8;

/** A record as a snapshot has it; one that was saved by an earlier version lacks what has been added since. */
type AddedField = "brokerOrderIds" | "endedUnder" | "changesMoot" | "changesMade" | "held";
export type SavedOrder = Omit<OrderRecord, AddedField> & Partial<OrderRecord>;
export const restoredRecord = (saved: SavedOrder): OrderRecord => ({
  brokerOrderIds: saved.brokerOrderId === null ? [] : [saved.brokerOrderId],
  endedUnder: null,
  changesMoot: [],
  changesMade: [],
  held: [],
  ...saved,
});

/** All fields by name: a record with a spread in it costs a third more memory, and every order is copied at every fact. */
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
  brokerOrderIds: [],
  evidence: "none",
  isAnswered: false,
  isAcknowledged: false,
  isUndetermined: false,
  ended: null,
  endCode: null,
  endReason: null,
  endedUnder: null,
  isCancelPending: false,
  replaces: [],
  mootAnswers: 0,
  changesMoot: [],
  changesMade: [],
  held: [],
  deadlineAt: null,
  isOverdue: false,
  owner: "qts",
  refusal: null,
});

/** The status that the record implies. Order of the tests = precedence of FIX 4.4 OrdStatus. */
export const statusOf = (order: OrderRecord): OrderStatus => {
  if (order.ended === "denied") return order.ended;
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

export type Refuse = (code: RefusalCode, detail?: string) => OrderRecord;
export type Become = (changes: Partial<OrderRecord>) => OrderRecord;
export type FactOf<T extends OrderFact["type"]> = Extract<OrderFact, { type: T }>;
