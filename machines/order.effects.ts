/** What an order, or the desk that hosts it, asks the house to do when a fact has moved it, as a pure function of before and after. */
import type { Alert, SafetyReport, TimerClear, TimerSet } from "./effects.ts";
import { largestOf } from "./order.fills.rules.ts";
import { isTerminal, type OrderFact, type OrderRecord, type RefusalCode, statusOf } from "./order.record.ts";

export type OrderEffect =
  /** Run the risk gates; the answer is order.approved or order.denied. */
  | { readonly type: "order.route"; readonly orderId: string }
  /** Cannot be undone: performed once, after its cause is durable. */
  | { readonly type: "broker.submit"; readonly orderId: string }
  | { readonly type: "broker.cancel"; readonly orderId: string }
  | {
      readonly type: "broker.replace";
      readonly orderId: string;
      readonly quantity: number;
      readonly limitPriceMinor: number | null;
    }
  /** Ask the broker what became of the order; the answer is order.reconciled and missing fills. */
  | { readonly type: "order.query"; readonly orderId: string }
  /** A fill changed a position; emitted by the desk, which keeps them. */
  | {
      readonly type: "position.announce";
      readonly symbol: string;
      /** Lots. */
      readonly quantity: number;
      readonly averagePriceMinor: number;
      readonly realizedMinor: number;
      readonly feesMinor: number;
    }
  | Alert
  | SafetyReport
  | TimerSet
  | TimerClear;

/** Timer ids of one order: the outcome of its submit, and the answer to a cancel or replace. */
export const unknownTimer = (orderId: string): string => `order.unknown:${orderId}`;
export const pendingTimer = (orderId: string): string => `order.pending:${orderId}`;

/** Facts that the house itself offers: refusing one is an answer to the asker, not a sign that the venue misbehaves. */
const ownFacts: ReadonlySet<OrderFact["type"]> = new Set([
  "order.approved",
  "order.denied",
  "order.cancel.requested",
  "order.replace.requested",
  "order.resolved",
  "order.submit.unknown",
] satisfies OrderFact["type"][]);

/** Refusals behind which money may have moved that we do not count. */
const moneyCodes: ReadonlySet<RefusalCode> = new Set([
  "overfill",
  "contradiction",
  "not.approved",
  "duplicate.fill",
] satisfies RefusalCode[]);

const refusalEffects = (before: OrderRecord, { code, fact, reason }: NonNullable<OrderRecord["refusal"]>): OrderEffect[] => {
  const { orderId } = before;
  // A report that comes twice is counted and journaled; it says nothing new, so it alarms nobody (spec O3).
  if (ownFacts.has(fact as OrderFact["type"]) || code === "duplicate") return [];
  const text = `${orderId} ${statusOf(before)}: ${fact} refused. ${reason}`;
  const anomaly: SafetyReport = { type: "safety.report", kind: "anomaly", code: "AN020", reason: text };
  if (moneyCodes.has(code)) return [{ type: "alert.critical", code: "AN020", text }, anomaly, { type: "order.query", orderId }];
  return [{ type: "alert.warning", code: "AN020", text }, anomaly];
};

/** Requests wait until the venue's id is known, and changes go out one at a time: a repeated change is not safe everywhere. */
const requestEffects = (before: OrderRecord, after: OrderRecord): OrderEffect[] => {
  const { orderId } = after;
  if (after.brokerOrderId === null) return [];
  const isJustBound = before.brokerOrderId === null;
  const effects: OrderEffect[] = [];
  // A cancel of the former id says nothing about the order that a change has put in its place.
  const isRenamed = before.brokerOrderId !== after.brokerOrderId;
  if (after.isCancelPending && (!before.isCancelPending || isRenamed)) effects.push({ type: "broker.cancel", orderId });
  const [next] = after.replaces;
  if (next !== undefined && (next !== before.replaces[0] || isJustBound))
    effects.push({ type: "broker.replace", orderId, ...next });
  return effects;
};

const timerOf = ({
  orderId,
  isUndetermined,
  deadlineAt,
}: OrderRecord): { readonly id: string; readonly at: number } | undefined =>
  deadlineAt === null ? undefined : { id: isUndetermined ? unknownTimer(orderId) : pendingTimer(orderId), at: deadlineAt };

const deadlineEffects = (before: OrderRecord, after: OrderRecord): OrderEffect[] => {
  const [was, is] = [timerOf(before), timerOf(after)];
  const effects: OrderEffect[] = [];
  // A deadline that has passed left the table when it fired.
  if (was !== undefined && was.id !== is?.id && !before.isOverdue) effects.push({ type: "timer.clear", id: was.id });
  if (is !== undefined && (is.id !== was?.id || is.at !== was.at)) effects.push({ type: "timer.set", ...is });
  return effects;
};

const unknownEffects = (before: OrderRecord, after: OrderRecord): OrderEffect[] => {
  const { orderId } = after;
  if (after.isUndetermined && !before.isUndetermined) {
    const text = `${orderId}: the submit's outcome is unknown; the broker is being asked`;
    return [
      { type: "alert.warning", code: "AN022", text },
      { type: "order.query", orderId },
    ];
  }
  if (!before.isUndetermined || after.isUndetermined) return [];
  const text = `${orderId} is ${statusOf(after)}`;
  const resolved: OrderEffect = { type: "alert.resolved", code: "AN022", text };
  if (before.owner !== "operator") return [resolved];
  return [
    resolved,
    { type: "alert.resolved", code: "FS042", text },
    { type: "safety.report", kind: "cleared", code: "FS042", reason: text },
  ];
};

const overdueEffects = (before: OrderRecord, after: OrderRecord): OrderEffect[] => {
  if (!after.isOverdue || before.isOverdue) return [];
  const { orderId } = after;
  if (after.isUndetermined) {
    const text = `${orderId}: the submit's outcome is still unknown; an operator must look at the venue and resolve it`;
    return [
      { type: "alert.critical", code: "FS042", text },
      { type: "safety.report", kind: "failsafe", code: "FS042", reason: text },
      { type: "order.query", orderId },
    ];
  }
  const text = `${orderId}: no answer to a ${after.isCancelPending ? "cancel" : "replace"} request; the broker is being asked`;
  return [
    { type: "alert.warning", code: "AN023", text },
    { type: "safety.report", kind: "anomaly", code: "AN023", reason: text },
    { type: "order.query", orderId },
  ];
};

const fillEffects = (before: OrderRecord, after: OrderRecord): OrderEffect[] => {
  const { orderId } = after;
  if (after.unattributed > before.unattributed) {
    const text = `${orderId}: the broker lists ${after.unattributed} filled lots whose fills were not reported`;
    return [
      { type: "alert.warning", code: "AN030", text },
      { type: "order.query", orderId },
    ];
  }
  const ask: OrderEffect = { type: "order.query", orderId };
  const early = ({ fills }: OrderRecord): number => fills.filter(({ isEarly }) => isEarly).length;
  // What was busted or corrected is not known yet; the list of executions may be.
  const questions = after.fills !== before.fills && early(after) > early(before) ? [ask] : [];
  if (before.ended === null || after.valueMinor <= before.valueMinor || after.fills.length === before.fills.length)
    return questions;
  const text = `${orderId} was ${before.ended} and is now ${statusOf(after)} with ${after.cumulative} of ${after.ordered} filled`;
  const anomaly: SafetyReport = { type: "safety.report", kind: "anomaly", code: "AN021", reason: text };
  // A fill that comes after the end is ordinary; that an order trades which the venue refused whole is not.
  const isSurprise = before.ended === "rejected" && before.cumulative === 0;
  if (!isSurprise) return [{ type: "alert.warning", code: "AN021", text }, anomaly, ...questions];
  return [{ type: "alert.critical", code: "AN021", text }, anomaly, ask];
};

/** The order is larger or smaller than anybody told us: the list, or a fill, is how we know. */
const termsEffects = (before: OrderRecord, after: OrderRecord): OrderEffect[] => {
  if (after.ordered === before.ordered || after.changesMade !== before.changesMade) return [];
  const { orderId } = after;
  const isAwaited = before.replaces.some(({ quantity }) => quantity >= after.ordered);
  if (after.ordered > before.ordered && isAwaited) return [];
  const text = `${orderId}: the venue's order is ${after.ordered} lots, not ${before.ordered} as its reports told`;
  return [{ type: after.ordered > largestOf(before) ? "alert.critical" : "alert.warning", code: "AN030", text }];
};

/** The effects of one fact, in the order in which they are to be performed. */
export const effectsOf = (before: OrderRecord, after: OrderRecord): readonly OrderEffect[] =>
  after.refusal !== null
    ? refusalEffects(before, after.refusal)
    : [
        ...requestEffects(before, after),
        ...deadlineEffects(before, after),
        ...unknownEffects(before, after),
        ...overdueEffects(before, after),
        ...fillEffects(before, after),
        ...termsEffects(before, after),
      ];

/** Nothing more is expected for this order: it ended, and no listed fill is still to be reported. */
export const isSettled = (order: OrderRecord): boolean => isTerminal(statusOf(order)) && order.unattributed === 0;
