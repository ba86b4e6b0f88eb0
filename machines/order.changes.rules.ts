/** The venue changed the order: asked, amended, unasked, twice, or after the end. */
import { newest, reopened } from "./order.ends.rules.ts";
import { isAfterEnd, namingOf, nowUnder } from "./order.ids.rules.ts";
import type { Become, FactOf, OrderRecord, Refuse, ReplaceRequest } from "./order.record.ts";

const without = <T>(list: readonly T[], place: number): readonly T[] => list.filter((_, index) => index !== place);

/** This moot change was made after all, so its answer has been heard. */
export const mootMade = (order: OrderRecord, place: number): Partial<OrderRecord> =>
  place < 0 ? {} : { changesMoot: without(order.changesMoot, place), mootAnswers: Math.max(0, order.mootAnswers - 1) };

export const made = (order: OrderRecord, ...changes: readonly ReplaceRequest[]): Pick<OrderRecord, "changesMade"> => ({
  changesMade: newest([...order.changesMade, ...changes]),
});

export const judgeReplaced = (
  order: OrderRecord,
  fact: FactOf<"order.replaced">,
  refuse: Refuse,
  become: Become,
): OrderRecord => {
  const { quantity, limitPriceMinor = null, brokerOrderId } = fact;
  if (order.epoch === null) return refuse("not.approved");
  if (order.ended === "denied") return refuse("ended");
  if (quantity <= 0) return refuse("quantity");
  const naming = namingOf(order, brokerOrderId);
  if (naming === "former") return refuse("superseded", `The order is ${order.brokerOrderId} by now.`);
  const isPrice = (price: number | null): boolean =>
    limitPriceMinor === null || (price ?? order.limitPriceMinor) === limitPriceMinor;
  const isThis = (change: ReplaceRequest): boolean => change.quantity === quantity && isPrice(change.limitPriceMinor);
  const asked = order.replaces.findIndex(isThis);
  const moot = asked < 0 ? order.changesMoot.findIndex(isThis) : -1;
  const isNewId = order.brokerOrderId !== null && (naming === "newer" || naming === "unknown");
  if (asked < 0 && moot < 0 && !isNewId) {
    if (quantity === order.ordered && isPrice(order.limitPriceMinor)) return refuse("duplicate");
    if (order.changesMade.some(isThis)) return refuse("superseded");
  }
  // Unlike any request: unsolicited, or the venue amended the oldest one (FIX 4.4 C.3.c).
  const answered = Math.max(asked, 0);
  const price =
    limitPriceMinor ?? (order.replaces[answered] ?? order.changesMoot[moot])?.limitPriceMinor ?? order.limitPriceMinor;
  return become({
    // Never below what is filled: FIX 4.4 C.3.c amends the order to its cumulative quantity.
    ordered: Math.max(quantity, order.cumulative),
    limitPriceMinor: price,
    replaces: without(order.replaces, answered),
    ...mootMade(order, moot),
    ...made(order, { quantity, limitPriceMinor: price }),
    ...(order.ended !== null && isAfterEnd(order, brokerOrderId) ? reopened : {}),
    ...nowUnder(order, brokerOrderId),
    evidence: "accepted",
    isUndetermined: false,
  });
};
