/** One order, many ids of the venue: a change may bring a new one, while fills, ends and rows go on naming the old ones. */
import type { OrderFact, OrderRecord } from "./order.record.ts";

/** What a report's id is to the order. A newer one was named by a fill or an acceptance before the change that brings it. */
export type Naming = "none" | "present" | "former" | "newer" | "unknown";

export const namingOf = ({ brokerOrderId, brokerOrderIds }: OrderRecord, named: string | undefined): Naming => {
  if (named === undefined) return "none";
  if (named === brokerOrderId) return "present";
  if (brokerOrderId === null) return "newer";
  const place = brokerOrderIds.indexOf(named);
  if (place < 0) return "unknown";
  return place < brokerOrderIds.indexOf(brokerOrderId) ? "former" : "newer";
};

/** A fill, a change or the list tells us the id; any other report may name an unknown one only while a change could have brought it. */
export const mayName = ({ replaces, changesMoot }: OrderRecord, fact: OrderFact): boolean => {
  switch (fact.type) {
    case "order.partially.filled":
    case "order.filled":
    case "order.replaced":
    // The broker was asked for our own id, and this is what it has.
    case "order.reconciled":
      return true;
    case "order.accepted":
    case "order.rejected":
    case "order.canceled":
    case "order.expired":
      return replaces.length + changesMoot.length > 0;
    default:
      return false;
  }
};

/** The order knows this id from now on; the first one is the present one. */
export const learned = (order: OrderRecord, named: string | undefined): Partial<OrderRecord> => {
  if (named === undefined || order.brokerOrderIds.includes(named)) return {};
  return { brokerOrderIds: [...order.brokerOrderIds, named], brokerOrderId: order.brokerOrderId ?? named };
};

/** The order lives, or ended, under this id: it is the present one, and the newest. */
export const nowUnder = (order: OrderRecord, named: string | undefined): Partial<OrderRecord> => {
  if (named === undefined || named === order.brokerOrderId) return {};
  const isAskedAgain = order.isCancelPending && order.brokerOrderId !== null;
  return {
    brokerOrderId: named,
    brokerOrderIds: [...order.brokerOrderIds.filter((id) => id !== named), named],
    // The cancel goes out again under the new id; the old one's answer is no surprise.
    ...(isAskedAgain ? { mootAnswers: order.mootAnswers + 1 } : {}),
  };
};

/** Was this id learnt after the one that the order ended under? Then that end was of a former id only. */
export const isAfterEnd = ({ brokerOrderIds, endedUnder }: OrderRecord, named: string | undefined): boolean => {
  if (named === undefined || endedUnder === null) return false;
  const place = brokerOrderIds.indexOf(named);
  return place < 0 || place > brokerOrderIds.indexOf(endedUnder);
};
