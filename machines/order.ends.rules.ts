/** How an order ends, and what becomes of what was asked of it. */
import { isAfterEnd, namingOf, nowUnder } from "./order.ids.rules.ts";
import { type Become, chainMax, type FactOf, type OrderRecord, type Refuse } from "./order.record.ts";

/** The newest of a chain. */
export const newest = <T>(chain: readonly T[]): readonly T[] => (chain.length > chainMax ? chain.slice(-chainMax) : chain);

/** What was asked no longer matters; answers that still come are no surprise. */
export const requestsMoot = (order: OrderRecord): Partial<OrderRecord> => ({
  isCancelPending: false,
  replaces: [],
  changesMoot: order.replaces.length === 0 ? order.changesMoot : newest([...order.changesMoot, ...order.replaces]),
  mootAnswers: order.mootAnswers + order.replaces.length + (order.isCancelPending ? 1 : 0),
});

export const endedAs = (
  ended: NonNullable<OrderRecord["ended"]>,
  order: OrderRecord,
  endCode: string | null,
  endReason: string | null,
): Partial<OrderRecord> => ({ ended, endCode, endReason, isUndetermined: false, ...requestsMoot(order) });

/** The end was of a former id: the order goes on under a newer one. */
export const reopened: Partial<OrderRecord> = { ended: null, endCode: null, endReason: null, endedUnder: null };

/** The venue ends what is left, whatever is filled; an order that is filled stays so until a fill is taken back. */
export const judgeEnd = (
  order: OrderRecord,
  fact: FactOf<"order.canceled"> | FactOf<"order.expired"> | FactOf<"order.rejected">,
  refuse: Refuse,
  become: Become,
): OrderRecord => {
  const ends = { "order.canceled": "canceled", "order.expired": "expired", "order.rejected": "rejected" } as const;
  const end = ends[fact.type];
  const { brokerOrderId } = fact;
  if (order.epoch === null) return refuse("not.approved");
  if (order.ended === "denied") return refuse("ended");
  // Venues that change an order by canceling and entering it anew report the end of the old id.
  if (namingOf(order, brokerOrderId) === "former") return become({});
  if (order.ended !== null) {
    if (isAfterEnd(order, brokerOrderId))
      return become({ ...nowUnder(order, brokerOrderId), endedUnder: brokerOrderId ?? order.endedUnder });
    return refuse(order.ended === end ? "duplicate" : "ended");
  }
  const code = fact.type === "order.rejected" ? fact.code : null;
  const reason = fact.type === "order.expired" ? null : (fact.reason ?? null);
  return become({
    ...endedAs(end, order, code, reason),
    ...nowUnder({ ...order, isCancelPending: false }, brokerOrderId),
    endedUnder: brokerOrderId ?? null,
  });
};
