/** From a wish to a request: ids that are never used twice, and the request that the broker port takes. */
import type { OrderRecord } from "#machines/order.rules.ts";
import type { OrderRequest } from "../ports.ts";

/**
 * Order ids for one run: the lease's epoch grows with every run on a home, so an id can never come back after a crash,
 * also when the intents of the last moments were lost.
 *
 * @param epoch of the lease
 * @returns `7-1`, `7-2`, …
 */
export const createOrderIds = (epoch: number): (() => string) => {
  let last = 0;
  return () => {
    last += 1;
    return `${epoch}-${last}`;
  };
};

/** What is sent for an order: always the order as it was approved, its fills do not matter. */
export const requestOf = ({ orderId, symbol, side, orderType, ordered, limitPriceMinor }: OrderRecord): OrderRequest => ({
  orderId,
  symbol,
  side,
  orderType,
  quantity: ordered,
  ...(limitPriceMinor === null ? {} : { limitPriceMinor }),
});
