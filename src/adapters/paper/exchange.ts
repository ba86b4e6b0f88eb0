/**
 * The venue: it decides, writes the decision down, and tells. In this order, for every decision.
 *
 * Synchronous and without a clock of its own: `now` comes from outside and only ever grows here. Its state is a function
 * of its ledger, because a decision changes the book only through `apply`, which the restart uses too. What may go
 * wrong between it and us is not known here (line.ts).
 */
import type { Config } from "#config/config.ts";
import type { Instrument } from "#core/instrument.ts";
import type { BrokerAccount, BrokerExecution, BrokerOrder, BrokerReport, OrderRequest } from "#core/ports.ts";
import { assert, err, ok, type Result } from "#core/result.ts";
import { Account } from "./account.ts";
import type { Ledger } from "./ledger.ts";
import type { LedgerEntry, LedgerRecord } from "./ledger-record.ts";
import { type MarketRules, rulesFor } from "./market-rules.ts";
import { Book, type MarketTrade } from "./matching.ts";

export type PaperConfig = Config["broker"]["paper"];
export type Refusal = { readonly type: "order.refused"; readonly code: string; readonly reason: string };

export interface OrderChange {
  readonly orderId: string;
  readonly brokerOrderId: string;
  readonly symbol: string;
  readonly quantity: number;
  readonly limitPriceMinor?: number;
}

export interface Exchange {
  /** @param unlucky the fault menu wants this order refused although nothing is wrong with it */
  submit(order: OrderRequest, unlucky?: boolean): Result<{ readonly brokerOrderId: string }, Refusal>;
  cancel(order: { readonly orderId: string; readonly brokerOrderId: string }): Result<void, Refusal>;
  replace(change: OrderChange): Result<void, Refusal>;
  /** Takes an acceptance back; nothing happens once the order has a fill or an end. */
  takeBack(orderId: string): void;
  /** Refuses a cancel or a change by report, after its request had been answered with yes. */
  refuseLater(kind: "cancelRejected" | "replaceRejected", orderId: string): void;
  onTrade(trade: MarketTrade): void;
  /** Expires what is open and closes for the rest of the day; once. */
  endOfSession(): void;
  /** What an order list shows that is `lagMs` behind. */
  orders(lagMs: number): readonly BrokerOrder[];
  executions(lagMs: number): readonly BrokerExecution[];
  account(): BrokerAccount;
  /** Symbols whose next trade can change something here. */
  watched(): readonly string[];
}

export interface ExchangeOptions {
  readonly config: PaperConfig;
  readonly instruments: readonly Instrument[];
  readonly hours: "regular" | "all";
  readonly seed: number;
  readonly ledger: Ledger;
  readonly now: () => number;
  /** Called in the turn of the decision, with the ledger number that must be durable before anybody is told. */
  readonly report: (report: BrokerReport, n: number) => void;
  /** Lots held when a new ledger begins. */
  readonly openingPositions?: Readonly<Record<string, number>>;
}

interface VenueOrder {
  readonly orderId: string;
  readonly brokerOrderId: string;
  readonly symbol: string;
  readonly side: OrderRequest["side"];
  readonly orderType: OrderRequest["orderType"];
  readonly receivedAt: number;
  readonly fills: BrokerExecution[];
  quantity: number;
  limitPriceMinor: number | undefined;
  reservePriceMinor: number;
  cumulativeQuantity: number;
  leavesQuantity: number;
  workingSince: number;
  ended: { readonly status: "filled" | "canceled" | "rejected" | "expired"; readonly at: number } | undefined;
}

interface Listing {
  readonly instrument: Instrument;
  readonly rules: MarketRules;
  readonly book: Book<VenueOrder>;
  basePriceMinor: number | undefined;
  lastPriceMinor: number | undefined;
  /** The newest market trade that filled something: high-water mark of the matching. */
  markAt: number;
  markSequence: number;
}

// A market buy may cost this much more than the last trade before the venue cancels the rest; KRX has its own limit.
const marketBuyMarginShare = 0.3;
// A day's orders stay in memory, as a venue's do; this bounds them at some hundred MB.
const ordersMax = 1_000_000;

const refuse = (code: string, reason: string): { readonly ok: false; readonly error: Refusal } =>
  err({ type: "order.refused", code, reason });

/** What the ledger can hold of a number that may be anything. */
const sound = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isSafeInteger(value) ? value : undefined;

export const createExchange = (options: ExchangeOptions): Exchange => {
  const { config, ledger, report } = options;
  const listings = new Map<string, Listing>();
  for (const instrument of options.instruments) {
    listings.set(instrument.symbol, {
      instrument,
      rules: rulesFor(instrument, options.hours),
      book: new Book(config.participationShare),
      basePriceMinor: config.basePriceMinor[instrument.symbol],
      lastPriceMinor: config.basePriceMinor[instrument.symbol],
      markAt: -1,
      markSequence: -1,
    });
  }
  const lotSizeOf = (symbol: string): number => listings.get(symbol)?.instrument.lotSize ?? 1;
  const account = new Account({ feeRate: config.feeRate, sellTaxRate: config.sellTaxRate, lotSizeOf });
  const orders: VenueOrder[] = [];
  const byOrderId = new Map<string, VenueOrder>();
  const byBrokerOrderId = new Map<string, VenueOrder>();
  const executions: BrokerExecution[] = [];
  let lastAt = 0;
  let sessionEnded = false;

  /** The venue's time: after a restart the replayed market may be a little behind, and a venue never goes back. */
  const venueNow = (): number => Math.max(lastAt, options.now());

  const orderOf = (orderId: string): VenueOrder => {
    const order = byOrderId.get(orderId);
    assert(order !== undefined, `the paper ledger names order ${orderId} before it was received`);
    return order;
  };
  const listingOf = (symbol: string): Listing => {
    const listing = listings.get(symbol);
    assert(listing !== undefined, `the paper ledger holds ${symbol}, which is not among the instruments`);
    return listing;
  };

  const enter = (order: VenueOrder): void => {
    listingOf(order.symbol).book.add(order);
    account.hold(order);
  };
  const leave = (order: VenueOrder): void => {
    listingOf(order.symbol).book.remove(order);
    account.release(order);
  };
  const end = (order: VenueOrder, status: NonNullable<VenueOrder["ended"]>["status"], at: number): void => {
    leave(order);
    order.leavesQuantity = 0;
    order.ended = { status, at };
  };

  const receive = (record: Extract<LedgerRecord, { type: "accepted" | "refused" }>): VenueOrder => {
    const order: VenueOrder = {
      orderId: record.orderId,
      brokerOrderId: record.brokerOrderId,
      symbol: record.symbol,
      side: record.side,
      orderType: record.orderType,
      receivedAt: record.at,
      fills: [],
      quantity: record.quantity,
      limitPriceMinor: record.limitPriceMinor,
      reservePriceMinor: record.type === "accepted" ? record.reservePriceMinor : 0,
      cumulativeQuantity: 0,
      leavesQuantity: record.type === "accepted" ? record.quantity : 0,
      workingSince: record.at,
      ended: record.type === "accepted" ? undefined : { status: "rejected", at: record.at },
    };
    orders.push(order);
    byOrderId.set(order.orderId, order);
    byBrokerOrderId.set(order.brokerOrderId, order);
    return order;
  };

  const applyFill = (record: Extract<LedgerRecord, { type: "filled" }>): void => {
    const order = orderOf(record.orderId);
    const listing = listingOf(record.symbol);
    account.release(order);
    order.cumulativeQuantity += record.quantity;
    order.leavesQuantity -= record.quantity;
    account.settle(record);
    account.hold(order);
    const { fillId, orderId, brokerOrderId, symbol, side, quantity, priceMinor, feeMinor, taxMinor, at } = record;
    const fee = feeMinor + taxMinor;
    const execution = {
      fillId,
      brokerOrderId,
      clientOrderId: orderId,
      symbol,
      side,
      quantity,
      priceMinor,
      feeMinor: fee,
      at,
    };
    order.fills.push(execution);
    executions.push(execution);
    listing.lastPriceMinor = priceMinor;
    listing.markAt = record.tradeAt;
    listing.markSequence = record.tradeSequence;
    if (order.leavesQuantity === 0) end(order, "filled", at);
  };

  /** The only thing that changes the book; live decisions and the restart both come through here. */
  const apply = (record: LedgerRecord): void => {
    lastAt = record.at;
    switch (record.type) {
      case "opened":
        account.open(record.cashMinor, record.positions);
        break;
      case "based": {
        const listing = listingOf(record.symbol);
        listing.basePriceMinor = record.priceMinor;
        listing.lastPriceMinor = record.priceMinor;
        break;
      }
      case "accepted":
        enter(receive(record));
        break;
      case "refused":
        receive(record);
        break;
      case "filled":
        applyFill(record);
        break;
      case "replaced": {
        const order = orderOf(record.orderId);
        leave(order);
        order.quantity = record.quantity;
        order.leavesQuantity = record.quantity - order.cumulativeQuantity;
        order.limitPriceMinor = record.limitPriceMinor;
        order.reservePriceMinor = record.reservePriceMinor;
        order.workingSince = record.at;
        enter(order);
        break;
      }
      case "rejected":
      case "canceled":
      case "expired":
        end(orderOf(record.orderId), record.type, record.at);
        break;
      case "ended":
        sessionEnded = true;
        break;
      case "duplicated":
      case "cancelRefused":
      case "replaceRefused":
        break;
      default:
        record satisfies never;
    }
  };

  const decide = (entry: LedgerEntry): number => {
    const record = ledger.append(entry);
    apply(record);
    return record.n;
  };

  for (const record of ledger.history) apply(record);
  if (ledger.history.length === 0) {
    const positions = { ...options.openingPositions };
    decide({ type: "opened", at: venueNow(), version: 1, seed: options.seed, cashMinor: config.cashMinor, positions });
  }

  /** The price a buy is held at: its limit, or the highest price a market order may reach. */
  const reservePrice = (listing: Listing, order: Pick<OrderRequest, "side" | "limitPriceMinor">): number | undefined => {
    if (order.side === "sell") return 0;
    if (order.limitPriceMinor !== undefined) return order.limitPriceMinor;
    const { basePriceMinor, lastPriceMinor, rules } = listing;
    const limit = basePriceMinor === undefined ? undefined : rules.limits(basePriceMinor)?.upperMinor;
    return limit ?? (lastPriceMinor === undefined ? undefined : Math.floor(lastPriceMinor * (1 + marketBuyMarginShare)));
  };

  const isOpenAt = ({ rules }: Listing, at: number): boolean => {
    const day = rules.tradingDay(at);
    return !sessionEnded && at >= day.openAt && at < day.closeAt;
  };

  /** Undefined when the order may enter the book. `claimed` is what the order itself already holds, for a change. */
  const problemWith = (listing: Listing, order: OrderRequest, held?: VenueOrder): Refusal | undefined => {
    const no = (code: string, reason: string): Refusal => ({ type: "order.refused", code, reason });
    const { symbol, side, quantity, limitPriceMinor } = order;
    if (!isOpenAt(listing, venueNow())) return no("session.closed", `${listing.instrument.market} is closed`);
    if (!Number.isSafeInteger(quantity) || quantity < 1)
      return no("quantity.invalid", `the quantity is ${quantity} and must be a whole number of lots above 0`);
    if ((order.orderType === "limit") !== (limitPriceMinor !== undefined))
      return no("price.invalid", `a ${order.orderType} order ${order.orderType === "limit" ? "needs a" : "has no"} limit price`);
    if (limitPriceMinor !== undefined) {
      const problem = listing.rules.priceProblem(limitPriceMinor, listing.basePriceMinor);
      if (problem !== undefined) return no(problem.code, problem.reason);
    }
    const price = reservePrice(listing, order);
    if (price === undefined)
      return no("price.unknown", `${symbol} has not traded yet, so a market buy has no price to be held at`);
    const leavesQuantity = quantity - (held?.cumulativeQuantity ?? 0);
    if (side === "sell") {
      const free = account.freeLots(symbol) + (held?.leavesQuantity ?? 0);
      return leavesQuantity > free
        ? no("position.short", `${leavesQuantity} lots of ${symbol} are offered and ${free} are free; there is no short selling`)
        : undefined;
    }
    if (!Number.isSafeInteger(account.amountMinor(symbol, price, quantity) * 2))
      return no("quantity.invalid", "the order's value cannot be represented");
    const free = account.freeCashMinor + (held === undefined ? 0 : account.cashFor(held));
    const cost = account.cashFor({ symbol, side, reservePriceMinor: price, leavesQuantity });
    return cost > free ? no("cash.short", `the order may cost ${cost} and ${free} is free`) : undefined;
  };

  const submit: Exchange["submit"] = (order, unlucky = false) => {
    const at = venueNow();
    const { orderId, symbol, side, orderType, quantity } = order;
    if (byOrderId.has(orderId)) {
      decide({ type: "duplicated", at, orderId });
      return refuse("order.duplicate", `the venue has an order ${orderId} already`);
    }
    if (orders.length >= ordersMax) return refuse("venue.full", `the venue takes ${ordersMax} orders a session`);
    const listing = listings.get(symbol);
    const problem: Refusal | undefined =
      listing === undefined
        ? { type: "order.refused", code: "symbol.unknown", reason: `${symbol} is not traded here` }
        : (problemWith(listing, order) ??
          (unlucky ? { type: "order.refused", code: "venue.refused", reason: "the venue refused the order" } : undefined));
    const brokerOrderId = `P${String(orders.length + 1).padStart(8, "0")}`;
    const limitPriceMinor = sound(order.limitPriceMinor);
    const terms = {
      at,
      orderId,
      brokerOrderId,
      symbol,
      side,
      orderType,
      quantity: Math.max(0, sound(quantity) ?? 0),
      ...(limitPriceMinor === undefined ? {} : { limitPriceMinor }),
    };
    if (listing === undefined || problem !== undefined) {
      const { code, reason } = problem as Refusal;
      decide({ type: "refused", ...terms, code, reason });
      return refuse(code, reason);
    }
    const n = decide({ type: "accepted", ...terms, reservePriceMinor: reservePrice(listing, order) ?? 0 });
    report({ type: "accepted", brokerOrderId, clientOrderId: orderId, at }, n);
    return ok({ brokerOrderId });
  };

  const cancelNow = (order: VenueOrder, reason: string): void => {
    const { orderId, brokerOrderId } = order;
    const at = venueNow();
    const n = decide({ type: "canceled", at, orderId, brokerOrderId, reason });
    report({ type: "canceled", brokerOrderId, clientOrderId: orderId, at }, n);
  };

  const find = (named: { readonly orderId: string; readonly brokerOrderId: string }): VenueOrder | undefined =>
    byBrokerOrderId.get(named.brokerOrderId) ?? byOrderId.get(named.orderId);

  const tooLate = (order: VenueOrder): string => `the order is ${order.ended?.status ?? "open"}`;

  const cancel: Exchange["cancel"] = (named) => {
    const order = find(named);
    if (order === undefined) return refuse("order.unknown", `the venue has no order ${named.brokerOrderId}`);
    if (order.ended !== undefined) {
      const { orderId, brokerOrderId } = order;
      decide({ type: "cancelRefused", at: venueNow(), orderId, brokerOrderId, code: "order.closed", reason: tooLate(order) });
      return refuse("order.closed", tooLate(order));
    }
    cancelNow(order, "asked for");
    return ok(undefined);
  };

  const changeProblem = (order: VenueOrder, change: OrderChange): Refusal | undefined => {
    const no = (code: string, reason: string): Refusal => ({ type: "order.refused", code, reason });
    if (order.ended !== undefined) return no("order.closed", tooLate(order));
    if (change.quantity <= order.cumulativeQuantity)
      return no("quantity.filled", `${order.cumulativeQuantity} lots are filled already; the new total must be more`);
    const { orderId, symbol, side, orderType } = order;
    const { quantity, limitPriceMinor } = change;
    const wanted = { orderId, symbol, side, orderType, quantity, ...(limitPriceMinor === undefined ? {} : { limitPriceMinor }) };
    return problemWith(listingOf(symbol), wanted, order);
  };

  const replace: Exchange["replace"] = (asked) => {
    const order = find(asked);
    if (order === undefined) return refuse("order.unknown", `the venue has no order ${asked.brokerOrderId}`);
    const limit = asked.limitPriceMinor ?? order.limitPriceMinor;
    const change = limit === undefined ? asked : { ...asked, limitPriceMinor: limit };
    const { orderId, brokerOrderId, side } = order;
    const at = venueNow();
    const problem = changeProblem(order, change);
    if (problem !== undefined) {
      decide({ type: "replaceRefused", at, orderId, brokerOrderId, code: problem.code, reason: problem.reason });
      return err(problem);
    }
    const terms = {
      orderId,
      brokerOrderId,
      quantity: change.quantity,
      ...(limit === undefined ? {} : { limitPriceMinor: limit }),
    };
    const reservePriceMinor = reservePrice(listingOf(order.symbol), { side, ...terms }) ?? 0;
    const n = decide({ type: "replaced", at, ...terms, reservePriceMinor });
    const { orderId: clientOrderId, ...told } = terms;
    report({ type: "replaced", clientOrderId, ...told, at }, n);
    return ok(undefined);
  };

  const takeBack = (orderId: string): void => {
    const order = byOrderId.get(orderId);
    if (order === undefined || order.ended !== undefined || order.cumulativeQuantity > 0) return;
    const { brokerOrderId } = order;
    const told = { code: "venue.refused", reason: "the venue refused the order after accepting it", at: venueNow() };
    const n = decide({ type: "rejected", orderId, brokerOrderId, ...told });
    report({ type: "rejected", brokerOrderId, clientOrderId: orderId, ...told }, n);
  };

  const refuseLater: Exchange["refuseLater"] = (type, orderId) => {
    const order = byOrderId.get(orderId);
    if (order === undefined) return;
    const { brokerOrderId } = order;
    const told = { code: "venue.refused", reason: "the venue refused the request after answering it", at: venueNow() };
    const n = decide({ type: type === "cancelRejected" ? "cancelRefused" : "replaceRefused", orderId, brokerOrderId, ...told });
    report({ type, brokerOrderId, clientOrderId: orderId, ...told }, n);
  };

  const fill = (order: VenueOrder, trade: MarketTrade, quantity: number): void => {
    // Only a market buy can meet a price above what it holds in cash.
    if (order.side === "buy" && trade.priceMinor > order.reservePriceMinor)
      return cancelNow(order, "beyond the price it is held at");
    const { orderId, brokerOrderId, symbol, side } = order;
    const { priceMinor, sequence } = trade;
    const at = Math.max(lastAt, trade.at);
    const cost = account.costOf(symbol, side, priceMinor, quantity);
    const n = decide({
      type: "filled",
      at,
      fillId: `F${String(executions.length + 1).padStart(8, "0")}`,
      orderId,
      brokerOrderId,
      symbol,
      side,
      quantity,
      priceMinor,
      ...cost,
      leavesQuantity: order.leavesQuantity - quantity,
      tradeAt: trade.at,
      tradeSequence: sequence,
    });
    report({ type: "filled", ...(order.fills.at(-1) as BrokerExecution), leavesQuantity: order.leavesQuantity }, n);
  };

  const onTrade = (trade: MarketTrade): void => {
    const listing = listings.get(trade.symbol);
    if (listing === undefined) return;
    listing.lastPriceMinor = trade.priceMinor;
    if (listing.basePriceMinor === undefined && listing.rules.hasPriceLimits && !sessionEnded)
      decide({ type: "based", at: Math.max(lastAt, trade.at), symbol: trade.symbol, priceMinor: trade.priceMinor });
    if (listing.book.openOrders === 0) return;
    if (!listing.book.touches(trade.priceMinor)) return;
    // After a restart the feed may bring again what was matched already.
    if (trade.at < listing.markAt || (trade.at === listing.markAt && trade.sequence <= listing.markSequence)) return;
    if (!isOpenAt(listing, trade.at)) return;
    for (const { order, quantity } of listing.book.match(trade)) fill(order, trade, quantity);
  };

  const endOfSession = (): void => {
    if (sessionEnded) return;
    for (const order of orders) {
      if (order.ended !== undefined) continue;
      const { orderId, brokerOrderId } = order;
      const at = venueNow();
      const n = decide({ type: "expired", at, orderId, brokerOrderId });
      report({ type: "expired", brokerOrderId, clientOrderId: orderId, at }, n);
    }
    decide({ type: "ended", at: venueNow() });
  };

  const shown = (order: VenueOrder, until: number): BrokerOrder => {
    const cumulativeQuantity = order.fills.reduce((sum, { quantity, at }) => (at <= until ? sum + quantity : sum), 0);
    const ended = order.ended !== undefined && order.ended.at <= until ? order.ended.status : undefined;
    const { brokerOrderId, orderId, symbol, side, orderType, quantity, limitPriceMinor, receivedAt } = order;
    return {
      brokerOrderId,
      clientOrderId: orderId,
      symbol,
      side,
      orderType,
      quantity,
      ...(limitPriceMinor === undefined ? {} : { limitPriceMinor }),
      status: ended ?? (cumulativeQuantity === 0 ? "accepted" : "partiallyFilled"),
      cumulativeQuantity,
      leavesQuantity: ended === undefined ? quantity - cumulativeQuantity : 0,
      receivedAt,
    };
  };

  return {
    submit,
    cancel,
    replace,
    takeBack,
    refuseLater,
    onTrade,
    endOfSession,
    orders: (lagMs) => {
      const until = venueNow() - lagMs;
      return orders.filter(({ receivedAt }) => receivedAt <= until).map((order) => shown(order, until));
    },
    executions: (lagMs) => executions.filter(({ at }) => at <= venueNow() - lagMs),
    account: () => ({ positions: account.positions(), cashMinor: account.cashMinor }),
    watched: () => [...listings.values()].filter(({ book }) => book.openOrders > 0).map(({ instrument }) => instrument.symbol),
  };
};
