/**
 * When is a market open? One row per market, in the market's own time (house.md: schedules belong to the calendar).
 *
 * Weekends are closed. Holidays and half days are not in the table: on such a day a feed is silent while this says
 * "regular", which raises an alert that a person can see through; the other way round would hide a real silence.
 */
import type { MarketPhase } from "./snapshot.ts";

interface TradingHours {
  readonly timeZone: string;
  /** Minutes since the market's midnight: first order entry, opening, closing, end of after-hours trading. */
  readonly minutes: readonly [number, number, number, number];
}

const at = (hours: number, minutes = 0): number => hours * 60 + minutes;

const hoursByMarket: { readonly [market: string]: TradingHours } = {
  NYSE: { timeZone: "America/New_York", minutes: [at(4), at(9, 30), at(16), at(20)] },
  NASDAQ: { timeZone: "America/New_York", minutes: [at(4), at(9, 30), at(16), at(20)] },
  KRX: { timeZone: "Asia/Seoul", minutes: [at(8, 30), at(9), at(15, 30), at(18)] },
};

/** A phase, from when inclusive until when exclusive. */
export interface PhaseSpan {
  readonly phase: MarketPhase;
  readonly fromAt: number;
  readonly untilAt: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();
const formatOf = (timeZone: string): Intl.DateTimeFormat => {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(timeZone, format);
  }
  return format;
};

/**
 * @param at epoch ms
 * @returns the phase of `market` at that moment; a market without a row is always in its regular session (crypto)
 */
export const phaseSpan = (market: string, at: number): PhaseSpan => {
  const hours = hoursByMarket[market];
  if (hours === undefined) return { phase: "regular", fromAt: Number.NEGATIVE_INFINITY, untilAt: Number.POSITIVE_INFINITY };
  const parts = Object.fromEntries(
    formatOf(hours.timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const sinceMidnightMs =
    (Number(parts.hour) * 3600 + Number(parts.minute) * 60 + Number(parts.second)) * 1000 + (((at % 1000) + 1000) % 1000);
  const edges = [0, ...hours.minutes.map((minute) => minute * 60_000), 24 * 3_600_000];
  const index = edges.findLastIndex((edge) => edge <= sinceMidnightMs);
  const midnightAt = at - sinceMidnightMs;
  const isWeekend = parts.weekday === "Sat" || parts.weekday === "Sun";
  return {
    phase: isWeekend ? "closed" : ((["closed", "before", "regular", "after", "closed"] as const)[index] as MarketPhase),
    fromAt: midnightAt + (edges[index] as number),
    untilAt: midnightAt + (edges[index + 1] as number),
  };
};

/** The parts of [fromAt, toAt) in which `market` holds its regular session, in order. */
export const regularSpans = (
  market: string,
  fromAt: number,
  toAt: number,
): readonly { readonly fromAt: number; readonly untilAt: number }[] => {
  const spans: { fromAt: number; untilAt: number }[] = [];
  for (let at = fromAt; at < toAt; ) {
    const span = phaseSpan(market, at);
    const untilAt = Math.min(span.untilAt, toAt);
    if (span.phase === "regular") spans.push({ fromAt: at, untilAt });
    at = untilAt;
  }
  return spans;
};

/** Like `phaseSpan`, remembering the span of each market, for the path of every tick. */
export const createPhaseLookup = (): ((market: string, at: number) => MarketPhase) => {
  const spans = new Map<string, PhaseSpan>();
  return (market, at) => {
    const known = spans.get(market);
    if (known !== undefined && at >= known.fromAt && at < known.untilAt) return known.phase;
    const span = phaseSpan(market, at);
    spans.set(market, span);
    return span.phase;
  };
};
