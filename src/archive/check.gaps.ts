/** What an archive's gap lines declare, for the check: which numbers, which silences, and whether what they say can be true. */
import type { Span } from "#core/zoned-time.ts";
import type { GapLine, MarketRow, SystemLine } from "./check.rows.ts";
import { NumberRanges } from "./number-ranges.ts";
import type { Stream } from "./paths.ts";

type DeclaredGap = GapLine & Pick<SystemLine, "session" | "run">;

export interface GapLedger {
  declare(gap: DeclaredGap, where: string): void;
  /** The parts of a silence that no line declares. */
  undeclared(session: string, stream: Stream, symbol: string, silence: Span): readonly Span[];
  /**
   * The place of a line that says that nothing came when this row, of the same run, came; the line is counted as wrong. Asked in the
   * order of time, once every line is declared.
   */
  quietAt(row: MarketRow, stream: Stream): string | undefined;
  /** The source's numbers of a series that are declared as missing; of the swing stream row numbers, whatever the symbol. */
  missingOf(session: string, stream: Stream, symbol: string, series: number): NumberRanges;
  declaredRowsOf(session: string): number;
  /** Sentences about lines that declare numbers whose rows, of the same run, are there. */
  declaredThoughThere(
    session: string,
    stream: Stream,
    symbol: string,
    series: number,
    numbersByRun: ReadonlyMap<string, NumberRanges>,
  ): readonly string[];
  counts(): { readonly [R in GapLine["reason"] | "wrong"]: number };
}

interface Entry {
  readonly gap: DeclaredGap;
  readonly where: string;
  isWrong: boolean;
}

export const createGapLedger = (): GapLedger => {
  const counts = { quiet: 0, hole: 0, refused: 0, lost: 0, wrong: 0 };
  const entries = new Map<string, Entry[]>();
  const missing = new Map<string, NumberRanges>();
  /** Rows that were lost and could only be counted, by session. */
  const countedRows = new Map<string, number>();
  const none = new NumberRanges();
  /** In the order of time; sorted when first asked for. */
  const sorted = new Set<string>();

  /** Rows are asked for in the order of time: the gaps that have begun and not ended are few. */
  const cursors = new Map<string, { next: number; open: Entry[] }>();

  const keyOf = (session: string, stream: string, symbol: string): string => `${session}\u0000${stream}\u0000${symbol}`;
  const numbersKey = (session: string, stream: string, symbol: string, series: number): string =>
    keyOf(session, stream, `${stream === "swing" ? "" : symbol}\u0000${series}`);
  const entriesOf = (session: string, stream: string, symbol: string): readonly Entry[] => {
    const key = keyOf(session, stream, symbol);
    const found = entries.get(key) ?? [];
    if (!sorted.has(key)) found.sort((a, b) => a.gap.from - b.gap.from);
    sorted.add(key);
    return found;
  };
  const blame = (entry: Entry): void => {
    if (!entry.isWrong) counts.wrong += 1;
    entry.isWrong = true;
  };

  return {
    declare: (gap, where) => {
      const key = keyOf(gap.session, gap.stream, gap.symbol);
      counts[gap.reason] += 1;
      const known = entries.get(key);
      if (known === undefined) entries.set(key, [{ gap, where, isWrong: false }]);
      else known.push({ gap, where, isWrong: false });
      sorted.delete(key);
      if (gap.rows !== undefined && gap.reason === "lost")
        countedRows.set(gap.session, (countedRows.get(gap.session) ?? 0) + gap.rows);
      if (gap.firstMissing === undefined || gap.lastMissing === undefined) return;
      const place = numbersKey(gap.session, gap.stream, gap.symbol, gap.series ?? 1);
      const numbers = missing.get(place) ?? new NumberRanges();
      numbers.addRange(gap.firstMissing, gap.lastMissing);
      missing.set(place, numbers);
    },
    undeclared: (session, stream, symbol, { fromAt, untilAt }) => {
      const open: Span[] = [];
      let next = fromAt;
      for (const { gap } of entriesOf(session, stream, symbol)) {
        if (gap.to <= next) continue;
        if (gap.from >= untilAt) break;
        if (gap.from > next) open.push({ fromAt: next, untilAt: gap.from });
        next = gap.to;
      }
      if (next < untilAt) open.push({ fromAt: next, untilAt });
      return open;
    },
    quietAt: ({ session, run, symbol, at }, stream) => {
      const all = entriesOf(session, stream, symbol);
      const key = keyOf(session, stream, symbol);
      const cursor = cursors.get(key) ?? { next: 0, open: [] };
      cursors.set(key, cursor);
      for (let entry = all[cursor.next]; entry !== undefined && entry.gap.from < at; entry = all[cursor.next]) {
        cursor.next += 1;
        if (entry.gap.reason === "quiet") cursor.open.push(entry);
      }
      cursor.open = cursor.open.filter(({ gap, isWrong }) => gap.to > at && !isWrong);
      const wrong = cursor.open.find(({ gap }) => gap.run === run);
      if (wrong !== undefined) blame(wrong);
      return wrong?.where;
    },
    missingOf: (session, stream, symbol, series) => missing.get(numbersKey(session, stream, symbol, series)) ?? none,
    declaredRowsOf: (session) =>
      [...missing].reduce((sum, [key, numbers]) => {
        const { first, last } = numbers;
        if (!key.startsWith(`${session}\u0000scalp\u0000`) || first === undefined || last === undefined) return sum;
        return sum + numbers.countBetween(first, last);
      }, countedRows.get(session) ?? 0),
    declaredThoughThere: (session, stream, symbol, series, numbersByRun) =>
      entriesOf(session, stream, symbol).flatMap((entry) => {
        const { gap, where } = entry;
        const { firstMissing: first, lastMissing: last } = gap;
        const there = numbersByRun.get(gap.run);
        if ((gap.series ?? 1) !== series || there === undefined || first === undefined || last === undefined) return [];
        const present = there.countBetween(first, last);
        if (present === 0) return [];
        blame(entry);
        return [`${where}: declares ${symbol} ${first} to ${last} as missing, and ${present} of them are there`];
      }),
    counts: () => ({ ...counts }),
  };
};
