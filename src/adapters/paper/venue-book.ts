/**
 * The venue's state, as a function of its ledger: orders, fills, account, and how far each market was matched.
 *
 * Only `apply` changes it, one record at a time; live decisions and the restart both come through there, so a restarted
 * venue cannot differ from one that never stopped.
 */
import type { Instrument } from "#core/instrument.ts";
import type { BrokerExecution, BrokerOrder, OrderRequest } from "#core/ports.ts";
import { assert } from "#core/result.ts";
import { Account } from "./account.ts";
import type { PaperConfig } from "./config.ts";
import type { LedgerRecord } from "./ledger-record.ts";
import { type MarketRules, rulesFor, type TradingDay } from "./market-rules.ts";
import { Book } from "./matching.ts";

export interface VenueOrder {
  readonly orderId: string;
  readonly brokerOrderId: string;
  readonly symbol: string;
  readonly side: OrderRequest["side"];
  readonly orderType: OrderRequest["orderType"];
  readonly receivedAt: number;
  /** The end of the market's day it was received on: it is a day order. */
  readonly expiresAt: number;
  readonly fills: BrokerExecution[];
  quantity: number;
  limitPriceMinor: number | undefined;
  /** What a buy is held at in cash; 0 for a sell. */
  reservePriceMinor: number;
  cumulativeQuantity: number;
  leavesQuantity: number;
  workingSince: number;
  ended: { readonly status: "filled" | "canceled" | "rejected" | "expired"; readonly at: number } | undefined;
}

export interface Listing {
  readonly instrument: Instrument;
  readonly rules: MarketRules;
  readonly book: Book<VenueOrder>;
  basePriceMinor: number | undefined;
  /** The day that the base is of; undefined while it is the configuration's. */
  basedOn: TradingDay | undefined;
  /** The last trade within the hours of that day; not in the ledger. */
  closeMinor: number | undefined;
  lastPriceMinor: number | undefined;
  /** The newest market trade that filled something: high-water mark of the matching. */
  markAt: number;
  markSequence: number;
}

type RecordOf<T extends LedgerRecord["type"]> = Extract<LedgerRecord, { type: T }>;

export class VenueBook {
  readonly listings = new Map<string, Listing>();
  readonly account: Account;
  readonly orders: VenueOrder[] = [];
  readonly executions: BrokerExecution[] = [];
  readonly #byOrderId = new Map<string, VenueOrder>();
  readonly #byBrokerOrderId = new Map<string, VenueOrder>();
  /** Time of the last record. */
  lastAt = 0;
  sessionEnded = false;

  constructor(config: PaperConfig, instruments: readonly Instrument[], hours: "regular" | "all") {
    for (const instrument of instruments) {
      const base = config.basePriceMinor[instrument.symbol];
      this.listings.set(instrument.symbol, {
        instrument,
        rules: rulesFor(instrument, hours),
        book: new Book(config.participationShare),
        basePriceMinor: base,
        basedOn: undefined,
        closeMinor: undefined,
        lastPriceMinor: base,
        markAt: -1,
        markSequence: -1,
      });
    }
    const lotSizeOf = (symbol: string): number => this.listings.get(symbol)?.instrument.lotSize ?? 1;
    this.account = new Account({ feeRate: config.feeRate, sellTaxRate: config.sellTaxRate, lotSizeOf });
  }

  /** By the venue's id, or by ours where the venue's is not known to the asker. */
  find(named: { readonly orderId: string; readonly brokerOrderId: string }): VenueOrder | undefined {
    return this.#byBrokerOrderId.get(named.brokerOrderId) ?? this.#byOrderId.get(named.orderId);
  }

  byOrderId(orderId: string): VenueOrder | undefined {
    return this.#byOrderId.get(orderId);
  }

  listingOf(symbol: string): Listing {
    const listing = this.listings.get(symbol);
    assert(listing !== undefined, `the paper ledger holds ${symbol}, which is not among the instruments`);
    return listing;
  }

  apply(record: LedgerRecord): void {
    this.lastAt = record.at;
    switch (record.type) {
      case "opened":
        this.account.open(record.cashMinor, record.positions);
        break;
      case "based": {
        const listing = this.listingOf(record.symbol);
        listing.basePriceMinor = record.priceMinor;
        listing.basedOn = listing.rules.tradingDay(record.at);
        listing.closeMinor = undefined;
        listing.lastPriceMinor = record.priceMinor;
        break;
      }
      case "accepted":
        this.#enter(this.#receive(record));
        break;
      case "refused":
        this.#receive(record);
        break;
      case "filled":
        this.#fill(record);
        break;
      case "replaced":
        this.#replace(record);
        break;
      case "rejected":
      case "canceled":
      case "expired":
        this.#end(this.#named(record.orderId), record.type, record.at);
        break;
      case "ended":
        this.sessionEnded = true;
        break;
      case "duplicated":
      case "cancelRefused":
      case "replaceRefused":
        break;
      default:
        record satisfies never;
    }
  }

  /** The order as a list shows it that knows only what happened until `until`. */
  shown(order: VenueOrder, until: number): BrokerOrder {
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
  }

  #named(orderId: string): VenueOrder {
    const order = this.#byOrderId.get(orderId);
    assert(order !== undefined, `the paper ledger names order ${orderId} before it was received`);
    return order;
  }

  #enter(order: VenueOrder): void {
    this.listingOf(order.symbol).book.add(order);
    this.account.hold(order);
  }

  #leave(order: VenueOrder): void {
    this.listingOf(order.symbol).book.remove(order);
    this.account.release(order);
  }

  #end(order: VenueOrder, status: NonNullable<VenueOrder["ended"]>["status"], at: number): void {
    this.#leave(order);
    order.leavesQuantity = 0;
    order.ended = { status, at };
  }

  #receive(record: RecordOf<"accepted" | "refused">): VenueOrder {
    const isAccepted = record.type === "accepted";
    const order: VenueOrder = {
      orderId: record.orderId,
      brokerOrderId: record.brokerOrderId,
      symbol: record.symbol,
      side: record.side,
      orderType: record.orderType,
      receivedAt: record.at,
      expiresAt: this.listings.get(record.symbol)?.rules.tradingDay(record.at)?.closeAt ?? Number.POSITIVE_INFINITY,
      fills: [],
      quantity: record.quantity,
      limitPriceMinor: record.limitPriceMinor,
      reservePriceMinor: isAccepted ? record.reservePriceMinor : 0,
      cumulativeQuantity: 0,
      leavesQuantity: isAccepted ? record.quantity : 0,
      workingSince: record.at,
      ended: isAccepted ? undefined : { status: "rejected", at: record.at },
    };
    this.orders.push(order);
    this.#byOrderId.set(order.orderId, order);
    this.#byBrokerOrderId.set(order.brokerOrderId, order);
    return order;
  }

  #fill(record: RecordOf<"filled">): void {
    const order = this.#named(record.orderId);
    const { fillId, orderId, brokerOrderId, symbol, side, quantity, priceMinor, at } = record;
    this.account.release(order);
    order.cumulativeQuantity += quantity;
    order.leavesQuantity -= quantity;
    this.account.settle(record);
    this.account.hold(order);
    const feeMinor = record.feeMinor + record.taxMinor;
    const execution = { fillId, brokerOrderId, clientOrderId: orderId, symbol, side, quantity, priceMinor, feeMinor, at };
    order.fills.push(execution);
    this.executions.push(execution);
    const listing = this.listingOf(symbol);
    listing.lastPriceMinor = priceMinor;
    listing.markAt = record.tradeAt;
    listing.markSequence = record.tradeSequence;
    if (order.leavesQuantity === 0) this.#end(order, "filled", at);
  }

  #replace(record: RecordOf<"replaced">): void {
    const order = this.#named(record.orderId);
    this.#leave(order);
    order.quantity = record.quantity;
    order.leavesQuantity = record.quantity - order.cumulativeQuantity;
    order.limitPriceMinor = record.limitPriceMinor;
    order.reservePriceMinor = record.reservePriceMinor;
    order.workingSince = record.at;
    this.#enter(order);
  }
}
