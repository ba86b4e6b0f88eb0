/** Whether an order may enter the book: hours, quantity, price, cash and position, in this order. */
import type { OrderRequest } from "#core/ports.ts";
import type { Listing, VenueBook, VenueOrder } from "./venue-book.ts";

export type EntryRefusal = { readonly type: "order.refused"; readonly code: string; readonly reason: string };

// A market buy may cost this much more than the last trade before the venue cancels the rest; KRX has its own limit.
const marketBuyMarginShare = 0.3;

export const refusal = (code: string, reason: string): EntryRefusal => ({ type: "order.refused", code, reason });

/** The price a buy is held at: its limit, or the highest price a market order may reach; undefined before any trade. */
export const reservePrice = (
  { basePriceMinor, lastPriceMinor, rules }: Listing,
  { side, limitPriceMinor }: Pick<OrderRequest, "side" | "limitPriceMinor">,
): number | undefined => {
  if (side === "sell") return 0;
  if (limitPriceMinor !== undefined) return limitPriceMinor;
  const limit = basePriceMinor === undefined ? undefined : rules.limits(basePriceMinor)?.upperMinor;
  return limit ?? (lastPriceMinor === undefined ? undefined : Math.floor(lastPriceMinor * (1 + marketBuyMarginShare)));
};

export const isOpenAt = (venue: VenueBook, { rules }: Listing, at: number): boolean => {
  const day = rules.tradingDay(at);
  return !venue.sessionEnded && day !== undefined && at >= day.openAt && at < day.closeAt;
};

const termsProblem = (listing: Listing, { orderType, quantity, limitPriceMinor }: OrderRequest): EntryRefusal | undefined => {
  if (!Number.isSafeInteger(quantity) || quantity < 1)
    return refusal("quantity.invalid", `the quantity is ${quantity} and must be a whole number of lots above 0`);
  if ((orderType === "limit") !== (limitPriceMinor !== undefined))
    return refusal("price.invalid", `a ${orderType} order ${orderType === "limit" ? "needs a" : "has no"} limit price`);
  const problem = limitPriceMinor === undefined ? undefined : listing.rules.priceProblem(limitPriceMinor, listing.basePriceMinor);
  return problem === undefined ? undefined : refusal(problem.code, problem.reason);
};

/** @param held the order as it works now, when this is a change to it: what it holds is free for the change */
const meansProblem = (venue: VenueBook, listing: Listing, order: OrderRequest, held?: VenueOrder): EntryRefusal | undefined => {
  const { symbol, side, quantity } = order;
  const leavesQuantity = quantity - (held?.cumulativeQuantity ?? 0);
  if (side === "sell") {
    const free = venue.account.freeLots(symbol) + (held?.leavesQuantity ?? 0);
    const text = `${leavesQuantity} lots of ${symbol} are offered and ${free} are free; there is no short selling`;
    return leavesQuantity > free ? refusal("position.short", text) : undefined;
  }
  const price = reservePrice(listing, order);
  if (price === undefined)
    return refusal("price.unknown", `${symbol} has not traded yet, so a market buy has no price to be held at`);
  // Twice, so that fee and rounding on top of the amount stay whole numbers as well.
  if (!Number.isSafeInteger(venue.account.amountMinor(symbol, price, quantity) * 2))
    return refusal("quantity.invalid", "the order's value cannot be represented");
  const free = venue.account.freeCashMinor + (held === undefined ? 0 : venue.account.cashFor(held));
  const cost = venue.account.cashFor({ symbol, side, reservePriceMinor: price, leavesQuantity });
  return cost > free ? refusal("cash.short", `the order may cost ${cost} and ${free} is free`) : undefined;
};

/**
 * Why a new order, or a change to one, may not enter the book.
 *
 * @param held the order as it works now, when `order` describes its change
 * @returns undefined when it may
 */
export const entryProblem = (
  venue: VenueBook,
  listing: Listing,
  order: OrderRequest,
  at: number,
  held?: VenueOrder,
): EntryRefusal | undefined => {
  if (!isOpenAt(venue, listing, at)) return refusal("session.closed", `${listing.instrument.market} is closed`);
  return termsProblem(listing, order) ?? meansProblem(venue, listing, order, held);
};
