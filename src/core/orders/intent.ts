/** From a wish to a request: ids that are never used twice, and the request that the broker port takes. */
import type { OrderRecord } from "#machines/order.rules.ts";
import type { OrderRequest } from "../ports.ts";

/**
 * Order ids for one run.
 *
 * @param series of this run and of no other at the same venue
 * @returns `7-1`, `7-2`, …
 */
export const createOrderIds = (series: string): (() => string) => {
  let last = 0;
  return () => {
    last += 1;
    return `${series}-${last}`;
  };
};

/** 36 ** 8 ms are in the year 2059; from then on a ninth digit still sorts among its own. */
const timeDigits = 8;
/** Two runs that begin in the same millisecond draw the same one of these once in 1.7 million times. */
export const seriesDraws = 36 ** 4;

/**
 * A series for a venue that keeps its book longer than a home is sure to live. A home can be emptied, copied or restored from
 * a backup, and then knows nothing of the ids that were used; so each run takes a new series, which sorts by its start. With a
 * number of up to seven digits an id has 20 characters, of a–z, 0–9 and one hyphen: venues allow 20 to 36.
 *
 * @param startedAt epoch ms
 * @param draw      a random whole number below `seriesDraws`
 */
export const newOrderSeries = (startedAt: number, draw: number): string =>
  startedAt.toString(36).padStart(timeDigits, "0") + draw.toString(36).padStart(4, "0");

/** What is sent for an order: always the order as it was approved, its fills do not matter. */
export const requestOf = ({ orderId, symbol, side, orderType, ordered, limitPriceMinor }: OrderRecord): OrderRequest => ({
  orderId,
  symbol,
  side,
  orderType,
  quantity: ordered,
  ...(limitPriceMinor === null ? {} : { limitPriceMinor }),
});
