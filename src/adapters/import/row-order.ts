/** Does a trade fit the ones before it of its symbol: its time, its number, its day? */
import { err, ok, type Result } from "#core/result.ts";
import type { MarketCalendar } from "#market/calendar.ts";
import type { ImportedTrade } from "./rows.ts";

/** Where a trade belongs. */
export interface Place {
  /** The market's own day, "2018-02-26". */
  readonly day: string;
  /** Counted within the day and symbol from 1; undefined where the source has no numbers, or none that tell loss. */
  readonly number: number | undefined;
}

interface History {
  at: number;
  place: string;
  first: number;
  last: number;
  day: string;
  /** The last number of the days before. */
  before: number;
}

export interface RowOrderOptions {
  readonly calendar: MarketCalendar;
  /** Times may go back: the trades of a day are sorted, and the source's numbers are not kept. */
  readonly isSorting: boolean;
  /** Numbers may skip: the hole is kept, and declared by whoever plays the day. */
  readonly keepsGaps: boolean;
}

export const createRowOrder = ({ calendar, isSorting, keepsGaps }: RowOrderOptions) => {
  const histories = new Map<string, History>();
  const days = new Map<string, boolean>();
  // Asked for every row: the span of the last day is kept.
  let [fromAt, untilAt, day] = [Number.NaN, Number.NaN, ""];
  let gaps = 0;
  let missing = 0;

  const dayOf = (at: number): string => {
    if (at >= fromAt && at < untilAt) return day;
    day = calendar.dayOf(at);
    // No zone begins its day at another minute than those of a quarter.
    fromAt = at - (at % 900_000);
    untilAt = fromAt + 900_000;
    return day;
  };

  const tradingProblem = (of: string): string | undefined => {
    let trades = days.get(of);
    if (trades === undefined) {
      trades = calendar.isTradingDay(of);
      days.set(of, trades);
    }
    return trades ? undefined : `is of ${of}, on which ${calendar.market} does not trade; are --market and --time-zone right?`;
  };

  /** @param place of the row, for the sentence about a later one: `trades.csv:17` */
  const take = (trade: ImportedTrade, place: string): Result<Place, string> => {
    const of = dayOf(trade.at);
    const closed = tradingProblem(of);
    if (closed !== undefined) return err(closed);
    const history = histories.get(trade.symbol);
    if (history === undefined) {
      const first = trade.number ?? 1;
      histories.set(trade.symbol, { at: trade.at, place, first, last: first, day: of, before: first - 1 });
      return ok({ day: of, number: trade.number === undefined || isSorting ? undefined : 1 });
    }
    if (isSorting) return ok({ day: of, number: undefined });
    if (trade.at < history.at)
      return err(
        `is of ${new Date(trade.at).toISOString()}, before ${new Date(history.at).toISOString()} of ${history.place}: the trades of ${trade.symbol} are not in the order of time; give the files in that order, or --sort`,
      );
    if (trade.number !== undefined) {
      if (trade.number <= history.last)
        return err(
          `has the number ${trade.number} after ${history.last} of ${history.place}: it is there twice, or the numbers go back; leave one out, or number with --columns number=… by another column`,
        );
      const skipped = trade.number - history.last - 1;
      if (skipped > 0 && !keepsGaps)
        return err(
          `has the number ${trade.number} after ${history.last} of ${history.place}: ${skipped.toLocaleString("en-US")} trades of ${trade.symbol} are missing; bring them, or give --keep-gaps to have the hole kept and declared`,
        );
      if (skipped > 0) {
        gaps += 1;
        missing += skipped;
      }
    }
    if (of !== history.day) {
      history.day = of;
      history.before = history.last;
    }
    history.at = trade.at;
    history.place = place;
    history.last = trade.number ?? history.last + 1;
    return ok({ day: of, number: trade.number === undefined ? undefined : trade.number - history.before });
  };

  return {
    take,
    /** Holes that were kept. */
    gaps: () => ({ gaps, missing }),
  };
};
