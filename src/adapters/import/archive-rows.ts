/** Lines of QTS's own archive (scalp stream) ⇒ trades: docs/reference/archive.md is the contract. */
import { err, ok } from "#core/result.ts";
import { snapshotSchemaName } from "#market/snapshot.ts";
import { type ImportedTrade, isSymbol, type ReadLine, shownValue } from "./rows.ts";

export interface ArchiveOptions {
  /** The rows of these only; undefined: all there are, of which there may be one each. */
  readonly symbol: string | undefined;
  readonly session: string | undefined;
  readonly market: string | undefined;
  /** The source's numbers are unique and not consecutive: they tell no loss, and are not kept. */
  readonly isSparse: (session: string) => boolean;
}

const whole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const text = (value: unknown): string => (typeof value === "string" ? value : "");

interface Row {
  readonly _schema?: unknown;
  readonly meta?: { readonly session?: unknown };
  readonly context?: { readonly symbol?: unknown; readonly market?: unknown };
  readonly observation?: { readonly inputs?: Record<string, unknown> };
  readonly _quality?: unknown;
}

export const createArchiveReader = ({ symbol, session, market, isSparse }: ArchiveOptions) => {
  const markets = new Set<string>();
  const sessions = new Set<string>();
  /** Numbers that begin again go on counting in a recorded day, which has one series: from the last of the series before. */
  const counted = new Map<string, { series: number; before: number; last: number }>();
  const numberOf = (of: string, sequence: number, series: number): number => {
    const known = counted.get(of) ?? { series, before: 0, last: 0 };
    counted.set(of, known);
    if (series !== known.series) [known.series, known.before] = [series, known.last];
    known.last = known.before + sequence;
    return known.last;
  };
  const one = (seen: Set<string>, value: string, what: string, option: string): string | undefined => {
    seen.add(value);
    if (seen.size <= 1) return undefined;
    return `is of the ${what} ${shownValue(value)}, and there were rows of ${shownValue([...seen][0] as string)}: import one at a time, with ${option}`;
  };
  const read: ReadLine = (line) => {
    let row: Row;
    try {
      row = JSON.parse(line) as Row;
    } catch {
      return err(`is no JSON: ${shownValue(line)}; \`qts archive check\` looks at all of it`);
    }
    if (row?._schema !== snapshotSchemaName)
      return err(
        `is of the schema ${shownValue(String(row?._schema))} and not ${snapshotSchemaName}; \`qts archive check\` looks at all of it`,
      );
    const of = { symbol: text(row.context?.symbol), market: text(row.context?.market), session: text(row.meta?.session) };
    if (symbol !== undefined && of.symbol !== symbol) return ok([]);
    if (market !== undefined && of.market !== market) return ok([]);
    if (session !== undefined && of.session !== session) return ok([]);
    const strange = one(markets, of.market, "market", "--market") ?? one(sessions, of.session, "session", "--session");
    if (strange !== undefined) return err(strange);
    const { priceMinor, quantity, exchangeAt, sequence, series, venue, condition } = row.observation?.inputs ?? {};
    if (
      !isSymbol(of.symbol) ||
      !whole(priceMinor) ||
      priceMinor === 0 ||
      !whole(quantity) ||
      !whole(exchangeAt) ||
      !whole(sequence)
    )
      return err(
        "is no row of the contract: symbol, price, quantity, time or number are missing; `qts archive check` looks at all of it",
      );
    const trade: ImportedTrade = {
      at: exchangeAt,
      symbol: of.symbol,
      priceMinor,
      quantity,
      venue: text(venue),
      condition: text(condition),
      suspicious: Array.isArray(row._quality) && row._quality.includes("SUSPICIOUS"),
    };
    if (isSparse(of.session)) return ok([trade]);
    return ok([{ ...trade, number: numberOf(of.symbol, sequence, whole(series) ? series : 1) }]);
  };
  return {
    read,
    /** Of the rows read; undefined when there was none. */
    market: (): string | undefined => [...markets][0],
    session: (): string | undefined => [...sessions][0],
  };
};
