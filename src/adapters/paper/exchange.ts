/**
 * The venue: it decides, writes the decision down, and tells. In this order, for every decision.
 *
 * Synchronous and without a clock of its own: `now` comes from outside and only ever grows here. What may go wrong
 * between the venue and us is not known here (wire.ts).
 */
import type { Instrument } from "#core/instrument.ts";
import type { BrokerAccount, BrokerExecution, BrokerOrder, BrokerReport, OrderRequest } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import type { PaperConfig } from "./config.ts";
import { type EntryRefusal, entryProblem, isOpenAt, refusal, reservePrice } from "./entry-checks.ts";
import type { Ledger } from "./ledger.ts";
import type { LedgerEntry, LedgerRecord } from "./ledger-record.ts";
import type { MarketTrade } from "./matching.ts";
import { type Listing, VenueBook, type VenueOrder } from "./venue-book.ts";

export interface OrderChange {
  readonly orderId: string;
  readonly brokerOrderId: string;
  readonly symbol: string;
  readonly quantity: number;
  readonly limitPriceMinor?: number;
}

export interface Exchange {
  /** @param unlucky the fault menu wants this order refused although nothing is wrong with it */
  submit(order: OrderRequest, unlucky?: boolean): Result<{ readonly brokerOrderId: string }, EntryRefusal>;
  cancel(order: { readonly orderId: string; readonly brokerOrderId: string }): Result<void, EntryRefusal>;
  replace(change: OrderChange): Result<void, EntryRefusal>;
  /** Takes an acceptance back; nothing happens once the order has a fill or an end. */
  takeBack(orderId: string): void;
  /** Refuses a cancel or a change by report, after its request had been answered with yes. */
  refuseLater(kind: "cancelRejected" | "replaceRejected", orderId: string): void;
  onTrade(trade: MarketTrade): void;
  /** What a market's day leaves open expires at its end; ms of venue time until then, Infinity when nothing will. */
  expiresInMs(): number;
  /** Expires what has come to the end of its day; nothing happens otherwise. */
  expireDue(): void;
  /** Expires what is open and closes for the rest of the day; once. */
  endOfSession(): void;
  /** What an order list shows that is `lagMs` behind. */
  orders(lagMs: number): readonly BrokerOrder[];
  executions(lagMs: number): readonly BrokerExecution[];
  account(): BrokerAccount;
  /** Symbols with open orders. */
  watched(): readonly string[];
}

export interface ExchangeOptions {
  readonly config: PaperConfig;
  readonly instruments: readonly Instrument[];
  readonly hours: "regular" | "all";
  readonly seed: number;
  readonly ledger: Ledger;
  /** What the ledger held when it was opened. */
  readonly history: readonly LedgerRecord[];
  readonly now: () => number;
  /** Called in the turn of the decision, with the ledger number that must be durable before anybody is told. */
  readonly report: (report: BrokerReport, n: number) => void;
  /** Lots held when a new ledger begins. */
  readonly openingPositions?: Readonly<Record<string, number>>;
}

// A day's orders stay in memory, as a venue's do; this bounds them at some hundred MB.
const ordersMax = 1_000_000;

// A closing auction prints some seconds after the close, and a minute bar has its close at the end of its minute.
const lateCloseMs = 60_000;

/** What the ledger can hold of a number that may be anything. */
const sound = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isSafeInteger(value) ? value : undefined;

const limitField = (limitPriceMinor: number | undefined): { readonly limitPriceMinor?: number } =>
  limitPriceMinor === undefined ? {} : { limitPriceMinor };

/** Opens the venue on its ledger: an empty one is begun with the configured cash, any other brings its book back. */
export const createExchange = (options: ExchangeOptions): Exchange => {
  const { config, ledger, report } = options;
  const venue = new VenueBook(config, options.instruments, options.hours);

  /** After a restart the replayed market may be a little behind, and a venue's time never goes back. */
  const venueNow = (): number => Math.max(venue.lastAt, options.now());

  const decide = (entry: LedgerEntry): number => {
    const record = ledger.append(entry);
    venue.apply(record);
    return record.n;
  };

  /** Open orders by the end of their day; the earliest of them is looked at for every trade. */
  let nextExpiryAt = Number.POSITIVE_INFINITY;

  const expire = ({ orderId, brokerOrderId }: VenueOrder): void => {
    const at = venueNow();
    const n = decide({ type: "expired", at, orderId, brokerOrderId });
    report({ type: "expired", brokerOrderId, clientOrderId: orderId, at }, n);
  };

  /** What a market's day leaves open expires before anything of a later time is looked at. */
  const expireUntil = (at: number): void => {
    if (at < nextExpiryAt) return;
    nextExpiryAt = Number.POSITIVE_INFINITY;
    for (const order of venue.orders) {
      if (order.ended !== undefined) continue;
      if (order.expiresAt <= at) expire(order);
      else nextExpiryAt = Math.min(nextExpiryAt, order.expiresAt);
    }
  };

  /** Where prices are held to a base, each day has its own: the configured one at first, then the close of the day before. */
  const baseFor = (listing: Listing, at: number, tradeMinor?: number): void => {
    const { rules, basedOn, instrument } = listing;
    if (!rules.hasPriceLimits || venue.sessionEnded) return;
    const day = rules.tradingDay(at);
    if (day === undefined || (basedOn !== undefined && day.openAt <= basedOn.openAt)) return;
    // After a restart the close may be unknown; then it is the day's own first trade.
    const priceMinor = (basedOn === undefined ? listing.basePriceMinor : listing.closeMinor) ?? tradeMinor;
    if (priceMinor !== undefined)
      decide({ type: "based", at: Math.max(venue.lastAt, at), symbol: instrument.symbol, priceMinor });
  };

  for (const record of options.history) venue.apply(record);
  for (const { ended, expiresAt } of venue.orders) if (ended === undefined) nextExpiryAt = Math.min(nextExpiryAt, expiresAt);
  if (options.history.length === 0) {
    const positions = { ...options.openingPositions };
    decide({ type: "opened", at: venueNow(), version: 1, seed: options.seed, cashMinor: config.cashMinor, positions });
  }

  const submit: Exchange["submit"] = (order, unlucky = false) => {
    const at = venueNow();
    expireUntil(at);
    const { orderId, symbol, side, orderType, quantity } = order;
    if (venue.byOrderId(orderId) !== undefined) {
      decide({ type: "duplicated", at, orderId });
      return err(refusal("order.duplicate", `the venue has an order ${orderId} already`));
    }
    if (venue.orders.length >= ordersMax) return err(refusal("venue.full", `the venue takes ${ordersMax} orders a session`));
    const brokerOrderId = `P${String(venue.orders.length + 1).padStart(8, "0")}`;
    const terms = {
      at,
      orderId,
      brokerOrderId,
      symbol,
      side,
      orderType,
      quantity: Math.max(0, sound(quantity) ?? 0),
      ...limitField(sound(order.limitPriceMinor)),
    };
    const listing = venue.listings.get(symbol);
    if (listing !== undefined) baseFor(listing, at);
    const problem =
      listing === undefined
        ? refusal("symbol.unknown", `${symbol} is not traded here`)
        : (entryProblem(venue, listing, order, at) ??
          (unlucky ? refusal("venue.refused", "the venue refused the order") : undefined));
    if (listing === undefined || problem !== undefined) {
      const { code, reason } = problem as EntryRefusal;
      decide({ type: "refused", ...terms, code, reason });
      return err(refusal(code, reason));
    }
    const n = decide({ type: "accepted", ...terms, reservePriceMinor: reservePrice(listing, order) ?? 0 });
    nextExpiryAt = Math.min(nextExpiryAt, listing.rules.tradingDay(at)?.closeAt ?? nextExpiryAt);
    report({ type: "accepted", brokerOrderId, clientOrderId: orderId, at }, n);
    return ok({ brokerOrderId });
  };

  const cancelNow = ({ orderId, brokerOrderId }: VenueOrder, reason: string): void => {
    const at = venueNow();
    const n = decide({ type: "canceled", at, orderId, brokerOrderId, reason });
    report({ type: "canceled", brokerOrderId, clientOrderId: orderId, at }, n);
  };

  const unknownOrder = (brokerOrderId: string): EntryRefusal =>
    refusal("order.unknown", `the venue has no order ${brokerOrderId}`);
  const closedOrder = ({ ended }: VenueOrder): EntryRefusal | undefined =>
    ended === undefined ? undefined : refusal("order.closed", `the order is ${ended.status}`);

  const cancel: Exchange["cancel"] = (named) => {
    expireUntil(venueNow());
    const order = venue.find(named);
    if (order === undefined) return err(unknownOrder(named.brokerOrderId));
    const problem = closedOrder(order);
    if (problem !== undefined) {
      const { orderId, brokerOrderId } = order;
      decide({ type: "cancelRefused", at: venueNow(), orderId, brokerOrderId, code: problem.code, reason: problem.reason });
      return err(problem);
    }
    cancelNow(order, "asked for");
    return ok(undefined);
  };

  const changeProblem = (
    order: VenueOrder,
    quantity: number,
    limit: number | undefined,
    at: number,
  ): EntryRefusal | undefined => {
    const { orderId, symbol, side, orderType, cumulativeQuantity } = order;
    const wanted = { orderId, symbol, side, orderType, quantity, ...limitField(limit) };
    if (quantity <= cumulativeQuantity)
      return refusal("quantity.filled", `${cumulativeQuantity} lots are filled already; the new total must be more`);
    return entryProblem(venue, venue.listingOf(symbol), wanted, at, order);
  };

  const replace: Exchange["replace"] = (change) => {
    const at = venueNow();
    expireUntil(at);
    const order = venue.find(change);
    if (order === undefined) return err(unknownOrder(change.brokerOrderId));
    baseFor(venue.listingOf(order.symbol), at);
    const limit = change.limitPriceMinor ?? order.limitPriceMinor;
    const { orderId, brokerOrderId, side } = order;
    const problem = closedOrder(order) ?? changeProblem(order, change.quantity, limit, at);
    if (problem !== undefined) {
      decide({ type: "replaceRefused", at, orderId, brokerOrderId, code: problem.code, reason: problem.reason });
      return err(problem);
    }
    const terms = { quantity: change.quantity, ...limitField(limit) };
    const reservePriceMinor = reservePrice(venue.listingOf(order.symbol), { side, ...terms }) ?? 0;
    const n = decide({ type: "replaced", at, orderId, brokerOrderId, ...terms, reservePriceMinor });
    report({ type: "replaced", brokerOrderId, clientOrderId: orderId, ...terms, at }, n);
    return ok(undefined);
  };

  const takeBack = (orderId: string): void => {
    const order = venue.byOrderId(orderId);
    if (order === undefined || order.ended !== undefined || order.cumulativeQuantity > 0) return;
    const { brokerOrderId } = order;
    const told = { code: "venue.refused", reason: "the venue refused the order after accepting it", at: venueNow() };
    const n = decide({ type: "rejected", orderId, brokerOrderId, ...told });
    report({ type: "rejected", brokerOrderId, clientOrderId: orderId, ...told }, n);
  };

  const refuseLater: Exchange["refuseLater"] = (type, orderId) => {
    const order = venue.byOrderId(orderId);
    if (order === undefined) return;
    const { brokerOrderId } = order;
    const told = { code: "venue.refused", reason: "the venue refused the request after answering it", at: venueNow() };
    const n = decide({ type: type === "cancelRejected" ? "cancelRefused" : "replaceRefused", orderId, brokerOrderId, ...told });
    report({ type, brokerOrderId, clientOrderId: orderId, ...told }, n);
  };

  const fill = (order: VenueOrder, trade: MarketTrade, quantity: number): void => {
    const { orderId, brokerOrderId, symbol, side } = order;
    const { priceMinor } = trade;
    // Only a market buy can meet a price above what it holds in cash.
    if (side === "buy" && priceMinor > order.reservePriceMinor) {
      cancelNow(order, "the market is beyond the price it is held at");
      return;
    }
    const fillId = `F${String(venue.executions.length + 1).padStart(8, "0")}`;
    const { feeMinor, taxMinor } = venue.account.costOf(symbol, side, priceMinor, quantity);
    const leavesQuantity = order.leavesQuantity - quantity;
    const at = Math.max(venue.lastAt, trade.at);
    const mark = { tradeAt: trade.at, tradeSequence: trade.sequence };
    const terms = { orderId, brokerOrderId, fillId, symbol, side, quantity, priceMinor };
    const n = decide({ type: "filled", at, ...terms, feeMinor, taxMinor, leavesQuantity, ...mark });
    const { orderId: clientOrderId, ...told } = terms;
    report({ type: "filled", ...told, clientOrderId, feeMinor: feeMinor + taxMinor, leavesQuantity, at }, n);
  };

  const onTrade: Exchange["onTrade"] = (trade) => {
    const listing = venue.listings.get(trade.symbol);
    if (listing === undefined) return;
    expireUntil(Math.max(venue.lastAt, trade.at));
    baseFor(listing, trade.at, trade.priceMinor);
    listing.lastPriceMinor = trade.priceMinor;
    const { basedOn } = listing;
    if (basedOn !== undefined && trade.at >= basedOn.openAt && trade.at < basedOn.closeAt + lateCloseMs)
      listing.closeMinor = trade.priceMinor;
    if (listing.book.openOrders === 0) return;
    if (!listing.book.touches(trade.priceMinor)) return;
    // After a restart the feed may bring again what was matched already.
    if (trade.at < listing.markAt || (trade.at === listing.markAt && trade.sequence <= listing.markSequence)) return;
    if (!isOpenAt(venue, listing, trade.at)) return;
    for (const { order, quantity } of listing.book.match(trade)) fill(order, trade, quantity);
  };

  const endOfSession = (): void => {
    if (venue.sessionEnded) return;
    for (const order of venue.orders) if (order.ended === undefined) expire(order);
    decide({ type: "ended", at: venueNow() });
  };

  return {
    submit,
    cancel,
    replace,
    takeBack,
    refuseLater,
    onTrade,
    expiresInMs: () => nextExpiryAt - venueNow(),
    expireDue: () => expireUntil(venueNow()),
    endOfSession,
    orders: (lagMs) => {
      const until = venueNow() - lagMs;
      return venue.orders.filter(({ receivedAt }) => receivedAt <= until).map((order) => venue.shown(order, until));
    },
    executions: (lagMs) => {
      const until = venueNow() - lagMs;
      return venue.executions.filter(({ at }) => at <= until);
    },
    account: () => ({ positions: venue.account.positions(), cashMinor: venue.account.cashMinor }),
    watched: () => [...venue.listings].filter(([, { book }]) => book.openOrders > 0).map(([symbol]) => symbol),
  };
};
