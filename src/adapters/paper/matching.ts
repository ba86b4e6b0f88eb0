/**
 * The book of one symbol: our own resting orders, in price and time priority, against trades that the market reports.
 *
 * Nothing is crossed here; a real trade fills what it would have filled. Orders are kept by rank, so that both sides
 * read the same way: a lower rank is a better price, market orders come before every price.
 */
import type { Side } from "#core/instrument.ts";

/** A trade that the market reported. Quantity in lots; `sequence` grows within the symbol. */
export interface MarketTrade {
  readonly symbol: string;
  readonly priceMinor: number;
  readonly quantity: number;
  readonly at: number;
  readonly sequence: number;
}

/** What the book must know of an order; the exchange owns the rest. */
export interface Resting {
  readonly side: Side;
  readonly limitPriceMinor: number | undefined;
  /** Only trades later than this can fill the order. */
  readonly workingSince: number;
  readonly leavesQuantity: number;
}

export interface Allocation<Order> {
  readonly order: Order;
  readonly quantity: number;
}

const marketRank = Number.NEGATIVE_INFINITY;
const rankOf = (side: Side, priceMinor: number | undefined): number =>
  priceMinor === undefined ? marketRank : side === "buy" ? -priceMinor : priceMinor;

interface Level<Order> {
  readonly rank: number;
  readonly queue: Order[];
}

/** One side of a book. Best rank first, oldest order first within a rank. */
class BookSide<Order extends Resting> {
  readonly #side: Side;
  readonly #levels: Level<Order>[] = [];
  /** Rank of the best order, Infinity when there is none: the only thing a trade that fills nothing has to look at. */
  bestRank = Number.POSITIVE_INFINITY;

  constructor(side: Side) {
    this.#side = side;
  }

  /** Index of the level with this rank, or of the first worse one. */
  #indexOf(rank: number): number {
    let low = 0;
    let high = this.#levels.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#levels[middle] as Level<Order>).rank < rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  add(order: Order): void {
    const rank = rankOf(this.#side, order.limitPriceMinor);
    const index = this.#indexOf(rank);
    const level = this.#levels[index];
    if (level?.rank === rank) level.queue.push(order);
    else this.#levels.splice(index, 0, { rank, queue: [order] });
    this.bestRank = (this.#levels[0] as Level<Order>).rank;
  }

  remove(order: Order): void {
    const index = this.#indexOf(rankOf(this.#side, order.limitPriceMinor));
    const queue = this.#levels[index]?.queue;
    const place = queue?.indexOf(order) ?? -1;
    if (queue === undefined || place < 0) return;
    queue.splice(place, 1);
    if (queue.length === 0) this.#levels.splice(index, 1);
    this.bestRank = this.#levels[0]?.rank ?? Number.POSITIVE_INFINITY;
  }

  /** Who takes part in this trade, and with how much; the best price first, the oldest first, until `budget` is used. */
  allocate(trade: MarketTrade, budget: number): Allocation<Order>[] {
    const tradeRank = rankOf(this.#side, trade.priceMinor);
    const allocations: Allocation<Order>[] = [];
    let left = budget;
    for (const { rank, queue } of this.#levels) {
      if (rank > tradeRank) return allocations;
      for (const order of queue) {
        if (left === 0) return allocations;
        if (order.workingSince >= trade.at) continue;
        const quantity = Math.min(left, order.leavesQuantity);
        allocations.push({ order, quantity });
        left -= quantity;
      }
    }
    return allocations;
  }
}

export class Book<Order extends Resting> {
  readonly #buys = new BookSide<Order>("buy");
  readonly #sells = new BookSide<Order>("sell");
  readonly #participationShare: number;
  openOrders = 0;

  /** @param participationShare the most that our orders of one side take of a market trade; at least one lot */
  constructor(participationShare: number) {
    this.#participationShare = participationShare;
  }

  add(order: Order): void {
    (order.side === "buy" ? this.#buys : this.#sells).add(order);
    this.openOrders += 1;
  }

  /** Takes the order out; its price must still be the one it was added with. */
  remove(order: Order): void {
    (order.side === "buy" ? this.#buys : this.#sells).remove(order);
    this.openOrders -= 1;
  }

  /** Can any order's price be reached by this price? */
  touches(priceMinor: number): boolean {
    return -priceMinor >= this.#buys.bestRank || priceMinor >= this.#sells.bestRank;
  }

  /** The fills that this trade causes, buyers before sellers. Changes nothing. */
  match(trade: MarketTrade): Allocation<Order>[] {
    if (trade.quantity < 1) return [];
    const budget = Math.max(1, Math.floor(trade.quantity * this.#participationShare));
    return [...this.#buys.allocate(trade, budget), ...this.#sells.allocate(trade, budget)];
  }
}
