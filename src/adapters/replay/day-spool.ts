/**
 * Trades of many days on their way into recorded days: kept in files of fixed rows, so that memory holds one day at a time
 * whatever is imported, and sorted when a day is asked for.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Instrument } from "#core/instrument.ts";
import { dayStartsAt } from "#core/zoned-time.ts";
import type { MarketCalendar } from "#market/calendar.ts";
import { type DayNames, encodeColumns } from "./day-format.ts";
import type { OwnFiles } from "./days-folder.ts";

/** A trade that belongs to a day. */
export interface SpooledTrade {
  readonly at: number;
  readonly symbol: string;
  readonly priceMinor: number;
  readonly quantity: number;
  readonly venue: string;
  readonly condition: string;
  readonly suspicious: boolean;
  readonly number: number | undefined;
}

const width = 5;
const rowsInMemoryMax = 1_000_000;
/** About 1.5 GB while it is sorted and written, 400 MB while it is played. */
export const rowsPerDayMax = 10_000_000;
/** Their indexes share one number with the flag. */
const namesMax = 4096;

class Names {
  readonly list: string[] = [];
  readonly #indexes = new Map<string, number>();
  indexOf(name: string): number {
    let index = this.#indexes.get(name);
    if (index === undefined) {
      index = this.list.length;
      this.list.push(name);
      this.#indexes.set(name, index);
    }
    return index;
  }
}

interface Pile {
  readonly symbols: Names;
  readonly venues: Names;
  readonly conditions: Names;
  rows: number;
  buffer: Float64Array;
  buffered: number;
  isNumbered: boolean;
}

/** What the days of one import have in common. */
export interface SpoolAbout {
  readonly source: string;
  readonly licence: string;
  readonly calendar: MarketCalendar;
  readonly instrumentOf: (symbol: string) => Instrument;
}

export interface SpooledDay {
  readonly day: string;
  readonly trades: number;
  /** Of them within the market's regular session. */
  readonly inSession: number;
  readonly file: Buffer;
}

/** @param directory for files of its own; whoever made it removes it */
export const createDaySpool = (directory: string, { append }: Pick<OwnFiles, "append">) => {
  const piles = new Map<string, Pile>();
  let inMemory = 0;
  const pathOf = (day: string): string => join(directory, `${day}.rows`);

  const flush = (): void => {
    for (const [day, pile] of piles) {
      if (pile.buffered === 0) continue;
      append(pathOf(day), new Uint8Array(pile.buffer.buffer, 0, pile.buffered * width * 8));
      pile.buffered = 0;
      pile.buffer = new Float64Array(width * 64);
    }
    inMemory = 0;
  };

  return {
    /** @returns the end of a sentence about the trade when there is no room for it */
    add: (day: string, trade: SpooledTrade): string | undefined => {
      let pile = piles.get(day);
      if (pile === undefined) {
        pile = {
          symbols: new Names(),
          venues: new Names(),
          conditions: new Names(),
          rows: 0,
          buffer: new Float64Array(width * 64),
          buffered: 0,
          isNumbered: false,
        };
        piles.set(day, pile);
      }
      if (pile.rows === rowsPerDayMax)
        return `is one more than the ${rowsPerDayMax.toLocaleString("en-US")} trades that a day may have; import fewer symbols at a time`;
      const [symbol, venue, condition] = [
        pile.symbols.indexOf(trade.symbol),
        pile.venues.indexOf(trade.venue),
        pile.conditions.indexOf(trade.condition),
      ];
      if (symbol >= namesMax || venue >= namesMax || condition >= namesMax) {
        const what = symbol >= namesMax ? "symbols" : venue >= namesMax ? "venues" : "conditions";
        return `is of more than ${namesMax} ${what} on one day; are the columns right?`;
      }
      if (pile.buffered * width === pile.buffer.length) {
        const longer = new Float64Array(pile.buffer.length * 2);
        longer.set(pile.buffer);
        pile.buffer = longer;
      }
      const at = pile.buffered * width;
      pile.buffer[at] = trade.at;
      pile.buffer[at + 1] = trade.priceMinor;
      pile.buffer[at + 2] = trade.quantity;
      pile.buffer[at + 3] = trade.number ?? 0;
      pile.buffer[at + 4] = ((symbol * namesMax + venue) * namesMax + condition) * 2 + (trade.suspicious ? 1 : 0);
      if (trade.number !== undefined) pile.isNumbered = true;
      pile.buffered += 1;
      pile.rows += 1;
      inMemory += 1;
      if (inMemory >= rowsInMemoryMax) flush();
      return undefined;
    },

    days: (): readonly string[] => [...piles.keys()].sort(),

    /** Takes a day out of the spool, as the file that it will be. */
    take: (day: string, name: string, about: SpoolAbout): SpooledDay => {
      flush();
      const pile = piles.get(day) as Pile;
      const bytes = readFileSync(pathOf(day));
      rmSync(pathOf(day));
      piles.delete(day);
      // A small file's bytes lie anywhere in a shared buffer, where no float may begin.
      const rows =
        bytes.byteOffset % 8 === 0
          ? new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8)
          : new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
      return dayOfRows(day, name, about, pile, rows);
    },
  };
};

/** Row numbers in the order of time; within a ms as they came. */
const inTimeOrder = (rows: Float64Array, count: number): Uint32Array => {
  const order = new Uint32Array(count);
  let isSorted = true;
  for (let row = 0; row < count; row++) {
    order[row] = row;
    if (row > 0 && (rows[row * width] as number) < (rows[(row - 1) * width] as number)) isSorted = false;
  }
  return isSorted ? order : order.sort((a, b) => (rows[a * width] as number) - (rows[b * width] as number) || a - b);
};

const dayOfRows = (day: string, name: string, about: SpoolAbout, pile: Pile, rows: Float64Array): SpooledDay => {
  const { calendar, instrumentOf, source, licence } = about;
  const count = pile.rows;
  const order = inTimeOrder(rows, count);
  const midnightAt = dayStartsAt(day, calendar.timeZone);
  const columns = {
    rows: count,
    ms: new Float64Array(count),
    symbol: new Uint16Array(count),
    priceMinor: new Float64Array(count),
    quantity: new Float64Array(count),
    venue: new Uint16Array(count),
    condition: new Uint16Array(count),
    suspicious: new Uint8Array(count),
    number: new Float64Array(count),
  };
  const lastNumbers = new Float64Array(pile.symbols.list.length);
  let skips = false;
  for (let row = 0; row < count; row++) {
    const from = (order[row] as number) * width;
    columns.ms[row] = (rows[from] as number) - midnightAt;
    columns.priceMinor[row] = rows[from + 1] as number;
    columns.quantity[row] = rows[from + 2] as number;
    let packed = rows[from + 4] as number;
    columns.suspicious[row] = packed % 2;
    packed = Math.floor(packed / 2);
    columns.condition[row] = packed % namesMax;
    packed = Math.floor(packed / namesMax);
    columns.venue[row] = packed % namesMax;
    const symbol = Math.floor(packed / namesMax);
    columns.symbol[row] = symbol;
    const next = (lastNumbers[symbol] as number) + 1;
    const number = (rows[from + 3] as number) || next;
    if (number !== next) skips = true;
    columns.number[row] = number;
    lastNumbers[symbol] = number;
  }
  const firstMs = columns.ms[0] as number;
  const lastMs = columns.ms[count - 1] as number;
  const session = calendar.sessionOf(day);
  // A market that never closes is played while there is data: midnight is nobody's opening.
  const regularMs: [number, number] =
    calendar.known === undefined || session === undefined
      ? [firstMs, lastMs + 1]
      : [session.fromAt - midnightAt, session.untilAt - midnightAt];
  const names: DayNames = { symbols: pile.symbols.list, venues: pile.venues.list, conditions: pile.conditions.list };
  const instruments = names.symbols.map(instrumentOf);
  const { number, ...plain } = columns;
  const file = encodeColumns(
    {
      name,
      source,
      licence,
      timeZone: calendar.timeZone,
      midnightAt,
      regularMs,
      priceScale: instruments[0]?.priceScale ?? 0,
      instruments,
      quietMs: longestQuietMs(columns.ms, regularMs),
    },
    names,
    skips && pile.isNumbered ? { ...plain, number } : plain,
  );
  const inSession = columns.ms.reduce((sum, ms) => sum + (ms >= regularMs[0] && ms < regularMs[1] ? 1 : 0), 0);
  return { day, trades: count, inSession, file };
};

/** Of the times within the session, its ends included. */
const longestQuietMs = (ms: Float64Array, [fromMs, untilMs]: readonly [number, number]): number => {
  let [longest, last] = [0, fromMs];
  for (const at of ms) {
    if (at < fromMs || at >= untilMs) continue;
    longest = Math.max(longest, at - last);
    last = at;
  }
  return Math.max(longest, untilMs - last);
};
