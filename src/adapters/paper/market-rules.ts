/**
 * What a venue demands of an order before it enters the book: tick, price limit, hours (the calendar's), and what a fill costs.
 *
 * Pure functions of the instrument, a base price and time. KRX: stocks since 2023-01-25 (kis/kis.md §11); ETF, ETN and
 * ELW have other ticks and are not known here. Other markets: the instrument's own tick, no price limit.
 */
import type { Instrument } from "#core/instrument.ts";
import { dayAfter, dayStartsAt } from "#core/zoned-time.ts";
import { calendarOf } from "#market/calendar.ts";

/** Why a price is refused, in the words of the venue. */
export interface PriceProblem {
  readonly code: "price.tick" | "price.limit" | "price.invalid";
  readonly reason: string;
}

export interface PriceLimits {
  readonly lowerMinor: number;
  readonly upperMinor: number;
}

/** Epoch ms; `closeAt` is the first moment that is closed again. */
export interface TradingDay {
  readonly openAt: number;
  readonly closeAt: number;
}

export interface MarketRules {
  /** The price step at this price, in minor units. */
  tickAt(priceMinor: number): number;
  /** The day's price limits, or undefined where the market has none. */
  limits(basePriceMinor: number): PriceLimits | undefined;
  /** Undefined when an order at this price may enter the book. */
  priceProblem(priceMinor: number, basePriceMinor: number | undefined): PriceProblem | undefined;
  /** The hours of the market's day around `at`; undefined on a day without trading. A market that never closes has one day. */
  tradingDay(at: number): TradingDay | undefined;
  /** True where orders are held to a base price, so that the day's first trade must be remembered. */
  readonly hasPriceLimits: boolean;
}

/** Upper bound (exclusive) in KRW, and the step below it. */
const krxTicks: readonly (readonly [below: number, tick: number])[] = [
  [2_000, 1],
  [5_000, 5],
  [20_000, 10],
  [50_000, 50],
  [200_000, 100],
  [500_000, 500],
  [Number.POSITIVE_INFINITY, 1_000],
];

const always: TradingDay = { openAt: 0, closeAt: Number.MAX_SAFE_INTEGER };

const tradingDayOf = ({ market }: Instrument, hours: "regular" | "all"): ((at: number) => TradingDay | undefined) => {
  const calendar = calendarOf(market);
  if (calendar?.known === undefined) return () => always;
  // Asked for every order and every trade: the day is kept until another is asked for.
  let [fromAt, untilAt] = [Number.NaN, Number.NaN];
  let day: TradingDay | undefined;
  return (at) => {
    if (at >= fromAt && at < untilAt) return day;
    const name = calendar.dayOf(at);
    [fromAt, untilAt] = [dayStartsAt(name, calendar.timeZone), dayStartsAt(dayAfter(name), calendar.timeZone)];
    // KRX's after-market is a separate book without market orders, so it is not part of "all".
    const isWhole = hours === "all" && market !== "KRX";
    const span = isWhole ? calendar.allHoursOf(name) : calendar.sessionOf(name);
    day = span === undefined ? undefined : { openAt: span.fromAt, closeAt: span.untilAt };
    return day;
  };
};

/**
 * The rules for one instrument.
 *
 * @param instrument market "KRX" has the tick table and the ±30 % limit; others use `tickSize` and have no limit
 * @param hours the part of the day the session trades, as in the configuration
 */
export const rulesFor = (instrument: Instrument, hours: "regular" | "all"): MarketRules => {
  const isKrx = instrument.market === "KRX";
  const unit = 10 ** instrument.priceScale;
  const tradingDay = tradingDayOf(instrument, hours);

  const tickAt = (priceMinor: number): number => {
    if (!isKrx) return instrument.tickSize;
    const row = krxTicks.find(([below]) => priceMinor < below * unit);
    return (row?.[1] ?? 1_000) * unit;
  };

  const limits = (base: number): PriceLimits | undefined => {
    if (!isKrx) return undefined;
    // The width is 30 % cut to the base's tick (128,500 ⇒ 38,500). Where a limit falls into another band it is moved
    // towards the base onto that band's grid: our reading, the exchange's own figures are authoritative (kis.md §11, U).
    const tick = tickAt(base);
    const width = Math.floor((base * 3) / 10 / tick) * tick;
    const upper = base + width;
    const lower = base - width;
    const upperTick = tickAt(upper);
    const lowerTick = tickAt(lower);
    return { lowerMinor: Math.ceil(lower / lowerTick) * lowerTick, upperMinor: Math.floor(upper / upperTick) * upperTick };
  };

  const priceProblem = (price: number, base: number | undefined): PriceProblem | undefined => {
    if (!Number.isSafeInteger(price) || price <= 0)
      return { code: "price.invalid", reason: `the price is ${price} and must be a whole number of minor units above 0` };
    const tick = tickAt(price);
    if (price % tick !== 0) return { code: "price.tick", reason: `the price ${price} is not a multiple of the tick ${tick}` };
    const band = base === undefined ? undefined : limits(base);
    if (band !== undefined && (price < band.lowerMinor || price > band.upperMinor))
      return {
        code: "price.limit",
        reason: `the price ${price} is outside the day's limits ${band.lowerMinor} to ${band.upperMinor}`,
      };
    return undefined;
  };

  return { tickAt, limits, priceProblem, tradingDay, hasPriceLimits: isKrx };
};

const billion = 1_000_000_000n;

/**
 * A charge on an amount: the rate is taken to nine decimals, the result rounded half up to a minor unit.
 *
 * @param amountMinor a safe integer ≥ 0
 * @param rate a share, for example 0.00015
 */
export const chargeMinor = (amountMinor: number, rate: number): number =>
  Number((BigInt(amountMinor) * BigInt(Math.round(rate * 1e9)) + billion / 2n) / billion);
