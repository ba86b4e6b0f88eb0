/** Time in which a market says nothing: whoever asks how old a figure is must not count it. */
import { dayAfter, dayMs, localSpans, type Span } from "#core/zoned-time.ts";
import { calendarOf, regularSpans } from "./calendar.ts";

/** Whatever rests so long is old. */
const spanMsMax = 40 * dayMs;

const isShort = (fromAt: number, toAt: number): boolean => toAt > fromAt && toAt - fromAt <= spanMsMax;

/**
 * Of the whole days on which a market does not trade, by its own clocks, so much lies between two instants.
 *
 * @returns ms; 0 for a market that never closes, and for more than 40 days
 */
export const restDaysMs = (market: string, fromAt: number, toAt: number): number => {
  const calendar = calendarOf(market);
  if (calendar?.known === undefined || !isShort(fromAt, toAt)) return 0;
  let sumMs = 0;
  for (let day = calendar.dayOf(fromAt); day <= calendar.dayOf(toAt); day = dayAfter(day)) {
    if (calendar.isTradingDay(day)) continue;
    for (const span of localSpans(day, 0, dayMs, calendar.timeZone))
      sumMs += Math.max(0, Math.min(span.untilAt, toAt) - Math.max(span.fromAt, fromAt));
  }
  return sumMs;
};

/**
 * So much of the time between two instants none of the markets trades continuously.
 *
 * @returns ms; 0 for more than 40 days
 */
export const closedMs = (markets: readonly string[], fromAt: number, toAt: number): number => {
  if (!isShort(fromAt, toAt)) return 0;
  const spans = markets.flatMap((market): readonly Span[] => regularSpans(market, fromAt, toAt));
  let [openMs, until] = [0, fromAt];
  for (const span of spans.toSorted((one, other) => one.fromAt - other.fromAt)) {
    openMs += Math.max(0, span.untilAt - Math.max(span.fromAt, until));
    until = Math.max(until, span.untilAt);
  }
  return toAt - fromAt - openMs;
};
