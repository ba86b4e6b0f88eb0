/**
 * When is a market open? The one calendar: gaps, the archive's check, silence, the risk day, the paper venue and replay ask here.
 *
 * A market's days are those of its own zone. What the table does not know is said (`isKnown`, `unknownProblem`): such a day has the
 * hours of an ordinary weekday, so that silence is noticed, and whoever trades on it can be told that a holiday may be missing.
 */
import type { Market } from "#config/schema.ts";
import { dayAfter, dayMs, isInstant, localSpans, localTime, type Span } from "#core/zoned-time.ts";
import { krx, nxt } from "./calendar.krx.ts";
import { nyse } from "./calendar.nyse.ts";
import type { MarketTable, Phase } from "./calendar.table.ts";

export type { Phase } from "./calendar.table.ts";

/** Trades at every hour; its day is UTC's, as the day candles of these venues are. */
const neverCloses: MarketTable = { timeZone: "UTC", phasesOf: () => [[0, "regular"]], lateMsMax: 0 };

// A market that the configuration may name has a table, or this does not compile.
const tables: { readonly [M in Market]: MarketTable } = {
  KRX: krx,
  NXT: nxt,
  NYSE: nyse,
  NASDAQ: nyse,
  UPBIT: neverCloses,
  BITHUMB: neverCloses,
  BINANCE: neverCloses,
  // Data of a market that has no calendar here.
  ALWAYS: neverCloses,
};

/** A phase, from when inclusive until when exclusive; neither crosses the market's midnight. */
export interface PhaseSpan extends Span {
  readonly phase: Phase;
  /** False outside the years of the table: a holiday would not be known. */
  readonly isKnown: boolean;
}

export interface MarketCalendar {
  readonly market: string;
  readonly timeZone: string;
  /** First and last day whose holidays are known; undefined for a market that never closes. */
  readonly known: { readonly from: string; readonly until: string } | undefined;
  /** An auction may end so much later than its phase says. */
  readonly lateMsMax: number;
  phaseAt(at: number): PhaseSpan;
  /** The market's own day of an instant, "2026-10-07": Seoul's for KRX, whatever day UTC has. */
  dayOf(at: number): string;
  isTradingDay(day: string): boolean;
  isKnown(day: string): boolean;
  /** From the first continuous trading of a day to the end of its closing auction; undefined on a day without trading. */
  sessionOf(day: string): Span | undefined;
  /** From the day's first phase to the end of its last; undefined on a day without trading. */
  allHoursOf(day: string): Span | undefined;
  /**
   * The parts of [fromAt, toAt) with continuous trading, in order; of a span longer than ten years, those of the first ten. In
   * an auction nothing trades, and that is no silence.
   */
  regularSpans(fromAt: number, toAt: number): readonly Span[];
  /** The next time that continuous trading begins, after `at`; undefined when it never stops. */
  nextOpenAt(at: number): number | undefined;
  /** The next end of a session (`sessionOf`), after `at`; undefined when it never ends. */
  nextCloseAt(at: number): number | undefined;
  /** One sentence when the calendar does not know the day of `at`, with the remedy; undefined when it does. */
  unknownProblem(at: number): string | undefined;
}

// No market rests as long: a search that goes further has left the calendar's years.
const daysClosedMax = 30;
// Longer than ten years is a mistake in somebody's times; looking at more of its days would take long and say nothing.
const spanDaysMax = 3_653;

const createCalendar = (market: string, table: MarketTable): MarketCalendar => {
  const { timeZone, known, lateMsMax } = table;
  const isAlways = known === undefined;
  const isKnown = (day: string): boolean => isAlways || (day >= known.from && day <= known.until);
  let cached: { readonly day: string; readonly spans: readonly PhaseSpan[] } | undefined;

  /** The whole of a day in phases, in order, from its first moment to its last. */
  const spansOf = (day: string): readonly PhaseSpan[] => {
    if (cached?.day === day) return cached.spans;
    const dayKnown = isKnown(day);
    const whole = localSpans(day, 0, dayMs, timeZone);
    const untilAt = (whole.at(-1) as Span).untilAt;
    const startsAt = (whole[0] as Span).fromAt;
    const isEven = untilAt - startsAt === dayMs;
    const starts = [[0, "closed"] as const, ...table.phasesOf(day)].map(([minutes, phase]) => ({
      phase,
      fromAt: isEven ? startsAt + minutes * 60_000 : (localSpans(day, minutes * 60_000, dayMs, timeZone)[0] as Span).fromAt,
    }));
    const spans = starts
      .map(({ phase, fromAt }, index) => ({ phase, fromAt, untilAt: starts[index + 1]?.fromAt ?? untilAt, isKnown: dayKnown }))
      .filter((span) => span.fromAt < span.untilAt);
    cached = { day, spans };
    return spans;
  };

  const dayOf = (at: number): string => localTime(at, timeZone).day;

  const between = (day: string, isIn: (phase: Phase) => boolean): Span | undefined => {
    const spans = spansOf(day).filter(({ phase }) => isIn(phase));
    const [first, last] = [spans[0], spans.at(-1)];
    return first === undefined || last === undefined ? undefined : { fromAt: first.fromAt, untilAt: last.untilAt };
  };
  const sessionOf = (day: string): Span | undefined => between(day, (phase) => phase === "regular" || phase === "closingAuction");

  const firstAfter = (at: number, momentOf: (day: string) => number | undefined): number | undefined => {
    if (isAlways) return undefined;
    const today = dayOf(at);
    for (let ahead = 0; ahead <= daysClosedMax; ahead++) {
      const moment = momentOf(dayAfter(today, ahead));
      if (moment !== undefined && moment > at) return moment;
    }
    return undefined;
  };

  return {
    market,
    timeZone,
    known,
    lateMsMax,
    phaseAt: (at) => {
      if (isAlways)
        return { phase: "regular", fromAt: Number.NEGATIVE_INFINITY, untilAt: Number.POSITIVE_INFINITY, isKnown: true };
      const spans = spansOf(dayOf(at));
      return spans.findLast(({ fromAt }) => fromAt <= at) ?? (spans[0] as PhaseSpan);
    },
    dayOf,
    isTradingDay: (day) => sessionOf(day) !== undefined,
    isKnown,
    sessionOf,
    allHoursOf: (day) => between(day, (phase) => phase !== "closed"),
    regularSpans: (fromAt, toAt) => {
      if (!isInstant(fromAt) || !isInstant(toAt) || fromAt >= toAt) return [];
      if (isAlways) return [{ fromAt, untilAt: toAt }];
      const found: Span[] = [];
      const last = dayOf(toAt);
      let days = 0;
      for (let day = dayOf(fromAt); day <= last && days < spanDaysMax; day = dayAfter(day), days++)
        for (const span of spansOf(day)) {
          const part = { fromAt: Math.max(span.fromAt, fromAt), untilAt: Math.min(span.untilAt, toAt) };
          if (span.phase === "regular" && part.fromAt < part.untilAt) found.push(part);
        }
      return found;
    },
    nextOpenAt: (at) => firstAfter(at, (day) => sessionOf(day)?.fromAt),
    nextCloseAt: (at) => firstAfter(at, (day) => sessionOf(day)?.untilAt),
    unknownProblem: (at) => {
      const day = dayOf(at);
      if (isKnown(day) || known === undefined) return undefined;
      return `the calendar of ${market} is known from ${known.from} to ${known.until}, and ${day} is not in it: a holiday would not be noticed; install a newer QTS`;
    },
  };
};

const calendars: ReadonlyMap<string, MarketCalendar> = new Map(
  Object.entries(tables).map(([market, table]) => [market, createCalendar(market, table)]),
);

/** The calendar of a market; undefined when none is known by this name, which the configuration refuses. */
export const calendarOf = (market: string): MarketCalendar | undefined => calendars.get(market);

const ofUnknown = createCalendar("unknown", neverCloses);
const calendarOrOpen = (market: string): MarketCalendar => calendarOf(market) ?? ofUnknown;

/** The phase of a market; one without a calendar is taken to be open, so that its silence is noticed. */
export const phaseSpan = (market: string, at: number): PhaseSpan => calendarOrOpen(market).phaseAt(at);

/** The parts of [fromAt, toAt) in which a market trades continuously; all of it for one without a calendar. */
export const regularSpans = (market: string, fromAt: number, toAt: number): readonly Span[] =>
  calendarOrOpen(market).regularSpans(fromAt, toAt);

/** The trading day of an account: that of the market of its first instrument. */
export const tradingDayOf = (instruments: readonly { readonly market: string }[]): ((at: number) => string) =>
  calendarOrOpen(instruments[0]?.market ?? "").dayOf;

/** Like `phaseSpan`, remembering the span of each market, for the path of every tick. */
export const createPhaseLookup = (): ((market: string, at: number) => Phase) => {
  const spans = new Map<string, PhaseSpan>();
  return (market, at) => {
    const known = spans.get(market);
    if (known !== undefined && at >= known.fromAt && at < known.untilAt) return known.phase;
    const span = phaseSpan(market, at);
    spans.set(market, span);
    return span.phase;
  };
};
