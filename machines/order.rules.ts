/**
 * What a fact does to an order, as pure arithmetic: quantities, pending requests and the status they imply.
 *
 * The chart in order.machine.ts says which status may follow which; these rules say by how much, and refuse what cannot be
 * true. Here are the order's way to the venue, requests and deadlines; fills, changes, ends and lists have rules of their own.
 */
import { judgeReplaced } from "./order.changes.rules.ts";
import { endedAs, judgeEnd } from "./order.ends.rules.ts";
import { judgeFill, judgeFillChange, largestPending, withHeld } from "./order.fills.rules.ts";
import { learned, mayName, namingOf } from "./order.ids.rules.ts";
import { judgeReconciled } from "./order.list.rules.ts";
import {
  type Become,
  chainMax,
  type FactOf,
  isInFlight,
  type OrderFact,
  type OrderLimits,
  type OrderRecord,
  type Refuse,
  type ReplaceRequest,
  refusalCodes,
} from "./order.record.ts";

export * from "./order.record.ts";

/**
 * Applies one fact to an order.
 *
 * @returns the next record; when the fact was refused, the same record with `refusal` set. Never throws.
 */
export const judge = (order: OrderRecord, fact: OrderFact, limits: OrderLimits): OrderRecord => {
  const refuse: Refuse = (code, detail) => ({
    ...order,
    refusal: {
      at: fact.at,
      fact: fact.type,
      code,
      reason: detail === undefined ? refusalCodes[code] : `${refusalCodes[code]} ${detail}`,
    },
  });
  const become: Become = (changes) => withDeadline(order, withHeld({ ...order, refusal: null, ...changes }), fact.at, limits);

  if ("brokerOrderId" in fact && namingOf(order, fact.brokerOrderId) === "unknown" && !mayName(order, fact))
    return refuse("broker.id", `It says ${fact.brokerOrderId}, the order is ${order.brokerOrderId}.`);

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
        ...learned(order, fact.brokerOrderId),
        evidence: order.evidence === "none" ? "submitted" : order.evidence,
      });

    case "order.submit.unknown":
      if (order.epoch === null) return refuse("not.approved");
      if (order.ended === "denied") return refuse("ended");
      // A report got through although the answer did not: nothing is unknown.
      return isInFlight(order) ? become({ isUndetermined: true }) : become({});

    case "order.accepted":
      if (order.epoch === null) return refuse("not.approved");
      if (order.isAcknowledged && learned(order, fact.brokerOrderId).brokerOrderIds === undefined) return refuse("duplicate");
      if (order.ended === "denied") return refuse("contradiction", "It was denied before.");
      // A late first acknowledgement is legal after fills or an end; it never moves the order back.
      return become({
        isAcknowledged: true,
        isUndetermined: false,
        evidence: "accepted",
        ...learned(order, fact.brokerOrderId),
      });

    case "order.rejected":
    case "order.canceled":
    case "order.expired":
      return judgeEnd(order, fact, refuse, become);

    case "order.filled":
    case "order.partially.filled":
      return judgeFill(order, fact, refuse, become);

    case "order.cancel.requested":
      if (order.ended !== null) return refuse("ended");
      if (order.isCancelPending) return refuse("duplicate.request");
      // Nothing has left the process yet, so the order ends here.
      if (order.epoch === null) return become(endedAs("canceled", order, null, fact.reason ?? "canceled before it was sent"));
      // A filled order that is about to grow may have something left when the cancel arrives.
      if (order.cumulative >= largestPending(order)) return refuse("nothing.left");
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
      if (order.replaces.length >= chainMax) return refuse("too.many.requests");
      return become({ replaces: [...order.replaces, request] });
    }

    case "order.replaced":
      return judgeReplaced(order, fact, refuse, become);

    case "order.replace.rejected":
      if (order.replaces.length > 0) return become({ replaces: order.replaces.slice(1) });
      if (order.mootAnswers > 0) return become({ mootAnswers: order.mootAnswers - 1, changesMoot: order.changesMoot.slice(1) });
      return refuse("no.request");

    case "order.fill.busted":
    case "order.fill.corrected":
      return judgeFillChange(order, fact, refuse, become);

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
      return become({ ...learned(order, fact.brokerOrderId), evidence: "submitted", isAnswered: true, isUndetermined: false });
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
