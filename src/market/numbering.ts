/**
 * What the number of a row says, against the numbers of its symbol before: the next one, a hole, a row that came before, or
 * numbers that begin again (a new day, another gateway), which are a new series: part of a row's key, so that a number that
 * was used before is no reason to refuse a row that nobody has.
 *
 * A source may deliver rows again after a reconnect. Those are known by what they say, as far back as is remembered; of an older
 * number only the time is left to judge by: a trade later than all that came before was never there.
 */
import type { SnapshotInputs } from "./snapshot.ts";

/** Why a row is not taken for its number's sake. */
export type NumberProblem =
  /** The same row again: it is in the archive, or was refused for a reason of its own. */
  | "sequence.repeated"
  /** Its number was declared missing when a later one came. */
  | "sequence.late"
  /** Its number was used before, longer ago than rows are remembered. */
  | "sequence.old"
  /** Its number came a moment ago with other figures. */
  | "sequence.changed";

export type NumberVerdict = "next" | "ahead" | "between" | "anew" | NumberProblem;

type Row = Pick<SnapshotInputs, "sequence" | "exchangeAt" | "priceMinor" | "quantity">;

/** Rows of a symbol that are remembered: more than a source sends again when it greets a new connection. */
const rememberedRows = 64;
const fields = 4;

export class Numbering {
  /** 1, and one more each time the numbers begin again. */
  series: number;
  /** The highest number of the series, kept or refused. */
  last: number;
  readonly #isSparse: boolean;
  /** The newest time that any row had. */
  #newestAt: number;
  /** Number, time, price and quantity of the last rows; the oldest gives way. */
  readonly #rows = new Float64Array(rememberedRows * fields);
  #count = 0;
  /** Of numbers up to this one nobody knows any more what came with them. */
  #forgotten: number;

  /**
   * @param isSparse the numbers are unique and not consecutive: none is a hole, and they may overtake each other
   * @param before the last row that an earlier run kept; absent before the first
   */
  constructor(isSparse: boolean, before?: Row & { readonly series: number }) {
    this.#isSparse = isSparse;
    this.series = before?.series ?? 1;
    this.last = before?.sequence ?? 0;
    this.#newestAt = before?.exchangeAt ?? Number.NEGATIVE_INFINITY;
    this.#forgotten = before === undefined ? -1 : before.sequence - 1;
    if (before !== undefined) this.#remember(before);
  }

  /** What this row is; nothing is changed by asking. */
  verdict(row: Row): NumberVerdict {
    const { sequence } = row;
    if (this.#count === 0) return this.#isSparse || sequence <= 1 ? "next" : "ahead";
    if (sequence > this.last) return this.#isSparse || sequence === this.last + 1 ? "next" : "ahead";
    return this.#earlier(row);
  }

  /** Uses up the row's number, whatever becomes of the row afterwards. */
  take(row: Row): void {
    if (row.sequence > this.last) this.last = row.sequence;
    if (row.exchangeAt > this.#newestAt) this.#newestAt = row.exchangeAt;
    this.#remember(row);
  }

  /** The next number belongs to a row of which nothing else can be believed. */
  skip(): void {
    this.last += 1;
  }

  /** The numbers begin again. */
  begin(): void {
    this.series += 1;
    this.last = 0;
    this.#count = 0;
    this.#forgotten = -1;
  }

  #earlier(row: Row): NumberVerdict {
    const { sequence, exchangeAt, priceMinor, quantity } = row;
    const rows = this.#rows;
    for (let index = Math.min(this.#count, rememberedRows) - 1; index >= 0; index--) {
      const place = index * fields;
      if (rows[place] !== sequence) continue;
      if (rows[place + 1] === exchangeAt && rows[place + 2] === priceMinor && rows[place + 3] === quantity)
        return "sequence.repeated";
      return exchangeAt > (rows[place + 1] as number) ? "anew" : "sequence.changed";
    }
    const isUnseen = sequence > this.#forgotten;
    if (isUnseen && this.#isSparse) return "between";
    if (exchangeAt > this.#newestAt) return "anew";
    return isUnseen ? "sequence.late" : "sequence.old";
  }

  #remember({ sequence, exchangeAt, priceMinor, quantity }: Row): void {
    const place = (this.#count % rememberedRows) * fields;
    if (this.#count >= rememberedRows) this.#forgotten = Math.max(this.#forgotten, this.#rows[place] as number);
    this.#rows[place] = sequence;
    this.#rows[place + 1] = exchangeAt;
    this.#rows[place + 2] = priceMinor;
    this.#rows[place + 3] = quantity;
    this.#count += 1;
  }
}
