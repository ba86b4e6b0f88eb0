/**
 * What a venue demands of an order before it enters the book: tick, price limit, hours, and what a fill costs.
 *
 * Pure functions of the instrument, a base price and time. KRX: stocks since 2023-01-25 (kis/kis.md §11); ETF, ETN and
 * ELW have other ticks and are not known here. Other markets: the instrument's own tick, no price limit.
 */
import type { Instrument } from "#core/instrument.ts";

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
  /** The hours of the trading day around `at`. A market without known hours never closes. */
  tradingDay(at: number): TradingDay;
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

/** Minutes of the local day. "all" adds the sessions before and after, where orders work the same way. */
interface Hours {
  readonly zone: string;
  readonly regular: readonly [number, number];
  readonly all: readonly [number, number];
}

const hoursByMarket: Readonly<Record<string, Hours>> = {
  // The after-market from 16:00 is a separate book without market orders, so it is not part of "all".
  KRX: { zone: "Asia/Seoul", regular: [9 * 60, 15 * 60 + 30], all: [9 * 60, 15 * 60 + 30] },
  NYSE: { zone: "America/New_York", regular: [9 * 60 + 30, 16 * 60], all: [4 * 60, 20 * 60] },
  NASDAQ: { zone: "America/New_York", regular: [9 * 60 + 30, 16 * 60], all: [4 * 60, 20 * 60] },
};

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const always: TradingDay = { openAt: 0, closeAt: Number.MAX_SAFE_INTEGER };

/** Local time minus UTC, in ms, at this moment. */
const zoneOffsetMs = (format: Intl.DateTimeFormat, at: number): number => {
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const local = Date.UTC(
    part.year ?? 0,
    (part.month ?? 1) - 1,
    part.day ?? 1,
    part.hour ?? 0,
    part.minute ?? 0,
    part.second ?? 0,
  );
  return local - Math.floor(at / 1000) * 1000;
};

const tradingDayOf = (hours: Hours, part: "regular" | "all"): ((at: number) => TradingDay) => {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: hours.zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  let midnight = Number.NaN;
  let day: TradingDay = always;
  return (at) => {
    if (at >= midnight && at < midnight + dayMs) return day;
    const offset = zoneOffsetMs(format, at);
    midnight = Math.floor((at + offset) / dayMs) * dayMs - offset;
    const [open, close] = hours[part];
    day = { openAt: midnight + open * minuteMs, closeAt: midnight + close * minuteMs };
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
  const known = hoursByMarket[instrument.market];
  const tradingDay = known === undefined ? () => always : tradingDayOf(known, hours);

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
