/**
 * Which of our undetermined orders is this order of the venue? (kis/kis.md §10)
 *
 * Only for venues without client order ids. The content must agree in every field, the venue must have received the order
 * after we sent it, and it must not be ours under another name. Anything but exactly one partner is left to a person.
 */
import type { OrderRecord } from "#machines/order.rules.ts";
import type { BrokerOrder } from "../ports.ts";

export interface Matches {
  /** One order of ours and one of the venue's, and neither fits anything else. */
  readonly pairs: readonly { readonly order: OrderRecord; readonly brokerOrder: BrokerOrder }[];
  /** More than one possibility. */
  readonly ambiguous: readonly { readonly order: OrderRecord; readonly candidates: readonly BrokerOrder[] }[];
}

const fits = (order: OrderRecord, listed: BrokerOrder, skewMs: number): boolean =>
  listed.symbol === order.symbol &&
  listed.side === order.side &&
  listed.orderType === order.orderType &&
  listed.quantity === order.ordered &&
  (listed.limitPriceMinor ?? null) === order.limitPriceMinor &&
  listed.receivedAt >= (order.approvedAt ?? Number.POSITIVE_INFINITY) - skewMs;

/**
 * @param undetermined orders whose submit has no outcome
 * @param unbound the venue's orders that belong to none of ours
 * @param skewMs how far the venue's clock may be behind
 */
export const matchByContent = (
  undetermined: readonly OrderRecord[],
  unbound: readonly BrokerOrder[],
  skewMs: number,
): Matches => {
  const pairs: Matches["pairs"][number][] = [];
  const ambiguous: Matches["ambiguous"][number][] = [];
  for (const order of undetermined) {
    const candidates = unbound.filter((listed) => fits(order, listed, skewMs));
    const [only] = candidates;
    if (only === undefined) continue;
    const isWantedTwice = undetermined.some((other) => other !== order && fits(other, only, skewMs));
    if (candidates.length === 1 && !isWantedTwice) pairs.push({ order, brokerOrder: only });
    else ambiguous.push({ order, candidates });
  }
  return { pairs, ambiguous };
};
