/** What the broker's own list says of an order, when it is asked. */
import { made, mootMade } from "./order.changes.rules.ts";
import { endedAs, reopened, requestsMoot } from "./order.ends.rules.ts";
import { largestOf } from "./order.fills.rules.ts";
import { learned, namingOf, nowUnder } from "./order.ids.rules.ts";
import { type Become, type FactOf, isInFlight, type OrderRecord, type Refuse } from "./order.record.ts";

type Listed = FactOf<"order.reconciled">;

/** The total that the list shows, listed + leaves (LeavesQty of FIX), is what the order is, whatever the reports told. */
const termsListed = (order: OrderRecord, { status, leavesQuantity }: Listed, listed: number): Partial<OrderRecord> => {
  const total = leavesQuantity === undefined ? undefined : listed + leavesQuantity;
  if (total === order.ordered) return {};
  // Never below what is filled, as in judgeReplaced. Without a total: more is filled than was ordered, so some growth was made.
  const place = order.replaces.findIndex(({ quantity }) =>
    total === undefined ? listed > order.ordered && quantity >= listed : Math.max(quantity, listed) === total,
  );
  const change = order.replaces[place];
  if (change !== undefined) {
    const answered = order.replaces.slice(0, place + 1);
    return {
      ordered: Math.max(change.quantity, listed),
      limitPriceMinor: change.limitPriceMinor ?? order.limitPriceMinor,
      // What was asked before it has been answered too.
      replaces: order.replaces.slice(place + 1),
      ...made(order, ...answered),
      mootAnswers: order.mootAnswers + place,
    };
  }
  // Filled with nothing left is definite once no change is open that would explain it.
  if (total === undefined || (status === "filled" && (listed === 0 || (order.replaces.length > 0 && !order.isOverdue))))
    return {};
  const moot = order.changesMoot.findIndex(({ quantity }) => Math.max(quantity, listed) === total);
  return {
    ordered: total,
    limitPriceMinor: order.changesMoot[moot]?.limitPriceMinor ?? order.limitPriceMinor,
    ...mootMade(order, moot),
  };
};

/** The broker's list wins upwards only: it may lag behind the reports. It never invents a fill. */
export const judgeReconciled = (order: OrderRecord, fact: Listed, refuse: Refuse, become: Become): OrderRecord => {
  const { brokerOrderId } = fact;
  if (order.epoch === null) return refuse("not.approved");
  if (!fact.found || fact.status === "absent") {
    if (order.ended === "denied") return become({});
    if (!order.isUndetermined && !isInFlight(order)) return refuse("contradiction", "The venue knew this order before.");
    return become(endedAs("denied", order, "SUBMIT_NEVER_ARRIVED", `the venue does not know the order of epoch ${order.epoch}`));
  }
  if (order.ended === "denied") return refuse("contradiction", "It was denied before.");
  const listed = fact.cumulativeQuantity ?? (fact.status === "filled" ? order.ordered : order.cumulative);
  if (listed < order.cumulative) return refuse("stale.quantity", `${listed} listed, ${order.cumulative} reported.`);
  const largest = largestOf(order);
  // A list with what is left proves its total; without it there is only a number that cannot be.
  if (listed > largest && fact.leavesQuantity === undefined) return refuse("overfill", `The list shows ${listed} of ${largest}.`);
  const seen: Partial<OrderRecord> = {
    ...learned(order, brokerOrderId),
    cumulative: listed,
    // Some growth that no report told, or its answer was lost.
    ordered: listed > order.ordered ? Math.max(largest, listed) : order.ordered,
    unattributed: order.unattributed + listed - order.cumulative,
    isUndetermined: false,
    isAnswered: true,
    evidence: "accepted",
  };
  switch (fact.status) {
    case "rejected":
    case "canceled":
    case "expired": {
      if (order.ended !== null) {
        const isKnown = fact.status !== "rejected" || order.ended === "rejected";
        return isKnown ? become(seen) : refuse("contradiction", `It was ${order.ended} before.`);
      }
      // The row of a former id ends with the change that brought the new one.
      if (namingOf(order, brokerOrderId) === "former") return become(seen);
      const code = fact.status === "rejected" ? "REJECTED" : null;
      return become({
        ...seen,
        ...endedAs(fact.status, order, code, "found by reconciliation"),
        ...nowUnder({ ...order, isCancelPending: false }, brokerOrderId),
        endedUnder: brokerOrderId ?? null,
      });
    }
    case "accepted":
    case "partiallyFilled":
    case "filled": {
      // What ended was an id that a change has left behind, whichever of them we learnt first.
      const isAnother = brokerOrderId !== undefined && order.endedUnder !== null && brokerOrderId !== order.endedUnder;
      const isReopened = order.ended !== null && fact.status !== "filled" && isAnother;
      if (order.ended !== null && !isReopened) {
        if (fact.status === "filled") return become(listed > order.cumulative ? seen : {});
        const reason = `The order was ${order.ended} before.`;
        if (order.ended === "rejected") return refuse("contradiction", reason);
        return listed > order.cumulative ? become(seen) : refuse("stale.quantity", reason);
      }
      const changes = {
        ...seen,
        ...(isReopened ? reopened : {}),
        ordered: Math.max(order.ordered, listed),
        ...termsListed(order, fact, listed),
        ...nowUnder(order, brokerOrderId),
      };
      const next = { ...order, ...changes };
      // The venue still works the order long after the request: what is pending even now had no effect.
      const isSettled = order.isOverdue || listed >= next.ordered;
      return become(isSettled ? { ...changes, ...requestsMoot(next) } : changes);
    }
  }
};
