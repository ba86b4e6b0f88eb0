/** A row of a file, whatever its form ⇒ trades: which field is what, and every number read from its text. */
import { unitsOf } from "#core/decimal.ts";
import { err, ok, type Result } from "#core/result.ts";
import type { ReadTime } from "./times.ts";

/** One trade of a file, before anybody asked whether it fits the ones before it. */
export interface ImportedTrade {
  readonly at: number;
  readonly symbol: string;
  readonly priceMinor: number;
  readonly quantity: number;
  readonly venue: string;
  readonly condition: string;
  readonly suspicious: boolean;
  /** The source's own number; absent where it has none. */
  readonly number?: number;
}

/** Trades of one line; none for a line that says nothing. */
export type ReadLine = (line: string, number: number) => Result<readonly ImportedTrade[], string>;

/** Where a field of a row is: a name, or for CSV the number of its column. */
export const fieldNames = [
  "time",
  "date",
  "price",
  "quantity",
  "symbol",
  "side",
  "venue",
  "condition",
  "number",
  "open",
  "high",
  "low",
  "close",
  "volume",
] as const;
export type FieldName = (typeof fieldNames)[number];
export type Columns = { readonly [F in FieldName]?: string };

/** What the columns of a header are taken for, when nobody says so. */
export const knownNames: { readonly [F in FieldName]: readonly string[] } = {
  time: ["time", "timestamp", "datetime", "date_time", "ts", "time_ms", "exchangeat", "yyyymmddhhmm_kst"],
  date: ["date", "day", "yyyymmdd"],
  price: ["price", "last", "px", "trade_price"],
  quantity: ["quantity", "qty", "size", "amount", "trade_volume"],
  symbol: ["symbol", "ticker", "market", "code", "instrument"],
  side: ["side", "ask_bid", "taker_side"],
  venue: ["venue", "exchange"],
  condition: ["condition", "conditions", "sale_condition"],
  number: ["number", "sequence", "seq"],
  open: ["open"],
  high: ["high"],
  low: ["low"],
  close: ["close"],
  volume: ["volume", "vol"],
};

const bar = ["open", "high", "low", "close"] as const;

/** The fields that a file must have and these columns do not name, or undefined. */
export const missingFields = (columns: Columns): readonly FieldName[] => {
  const isBar = isOfBars(columns);
  const wanted: readonly FieldName[] = isBar ? ["time", ...bar] : ["time", "price", "quantity"];
  return wanted.filter((field) => columns[field] === undefined);
};

export const isOfBars = (columns: Columns): boolean =>
  columns.price === undefined && bar.some((field) => columns[field] !== undefined);

/** When the time of a bar was written. */
export type BarStamp =
  /** At its end: 09:01 is what traded until then. */
  | { readonly type: "end" }
  /** At its beginning, and it lasts so long. */
  | { readonly type: "start"; readonly lengthMs: number };

export interface RowOptions {
  readonly columns: Columns;
  readonly readTime: ReadTime;
  readonly priceScale: number;
  readonly quantityScale: number;
  /** Of every row, where no column has it; with a column, the rows of this symbol only. */
  readonly symbol: string | undefined;
  readonly bars: BarStamp | undefined;
}

const shownMax = 60;
/** A value as a person may see it: short, and without what a terminal obeys. */
export const shownValue = (value: string): string => {
  const text = JSON.stringify(value);
  return text.length > shownMax ? `${text.slice(0, shownMax)}…"` : text;
};

const digitsAfterPoint = (text: string): number => /\.(\d*)$/.exec(text)?.[1]?.length ?? 0;

const unitsIn = (name: string, text: string, scale: number, option: string): Result<number, string> => {
  const trimmed = text.trim();
  if (trimmed === "") return err(`${name} is empty; name the right column with --columns`);
  const units = unitsOf(trimmed, scale);
  if (units.ok) return units;
  const said = `${name} is ${shownValue(trimmed)}`;
  if (/^-\d/.test(trimmed)) return err(`${said}, which is negative: no trade has that; name the right column with --columns`);
  if (units.error.startsWith("has more than"))
    return err(
      `${said} and ${units.error}: give ${option} ${Math.max(scale + 1, digitsAfterPoint(trimmed))}${scale === 0 && option === "--quantity-scale" ? " (a lot is then 1e-N of a unit)" : ""}`,
    );
  if (units.error.startsWith("is beyond"))
    return err(`${said}, which ${units.error}; give a smaller ${option}, or name the right column with --columns`);
  return err(`${said}, which ${units.error}; name the right column with --columns`);
};

/** Is this the name of something that can be traded here? As the configuration has it. */
export const isSymbol = (text: string): boolean => /^[\w.:/-]{1,32}$/.test(text) && !(text in {});

/**
 * A bar becomes four trades, open, high, low, close, in this order whatever the bar, all in its last millisecond.
 *
 * Nothing of a bar is told before it is over, and the order is fixed: one that followed from where the bar closes would tell the
 * close with its first trade. The volume is parted evenly, what is left over goes to the close.
 */
const tradesOfBar = (
  [open, high, low, close]: readonly [number, number, number, number],
  volume: number,
  common: { readonly at: number; readonly symbol: string; readonly venue: string },
): readonly ImportedTrade[] => {
  const part = Math.floor(volume / 4);
  const trade = (priceMinor: number, quantity: number, which: string): ImportedTrade => ({
    ...common,
    priceMinor,
    quantity,
    condition: `bar.${which}`,
    suspicious: false,
  });
  return [
    trade(open, part, "open"),
    trade(high, part, "high"),
    trade(low, part, "low"),
    trade(close, volume - 3 * part, "close"),
  ];
};

/**
 * @param get the text of a field in the present row; undefined when the row does not have it
 * @returns a reader of rows: trades, or what is wrong as the end of a sentence that begins with the row's place
 */
export const createRowReader = ({ columns, readTime, priceScale, quantityScale, symbol, bars }: RowOptions) => {
  const isBar = isOfBars(columns);
  return (get: (field: FieldName) => string | undefined): Result<readonly ImportedTrade[], string> => {
    const present = columns.symbol === undefined ? symbol : get("symbol")?.trim();
    if (present === undefined) return err("has no symbol; give --symbol, or name its column with --columns symbol=…");
    if (columns.symbol !== undefined && symbol !== undefined && present !== symbol) return ok([]);
    if (!isSymbol(present))
      return err(`has the symbol ${shownValue(present)}: it must be letters, digits and . _ : / - only, at most 32`);
    const time = get("time");
    if (time === undefined) return err("has no time; name the right column with --columns");
    const at = readTime(time, columns.date === undefined ? undefined : (get("date") ?? ""));
    if (!at.ok) return err(`time is ${shownValue(time)}, which ${at.error}`);
    const venue = columns.venue === undefined ? "" : (get("venue") ?? "");
    const priceOf = (field: FieldName): Result<number, string> => {
      const price = unitsIn(field, get(field) ?? "", priceScale, "--price-scale");
      return price.ok && price.value === 0
        ? err(`${field} is 0: every trade has a price; name the right column with --columns`)
        : price;
    };
    if (isBar) {
      if (bars === undefined) return err("is a bar; give --bars end, or --bars 1m where its time is its beginning");
      const endsAt = bars.type === "end" ? at.value : at.value + bars.lengthMs;
      const prices: number[] = [];
      for (const field of bar) {
        const price = priceOf(field);
        if (!price.ok) return price;
        prices.push(price.value);
      }
      const [open, high, low, close] = prices as [number, number, number, number];
      if (high < Math.max(open, close, low) || low > Math.min(open, close))
        return err(
          `has open ${get("open")}, high ${get("high")}, low ${get("low")}, close ${get("close")}: the high must be the highest and the low the lowest; name the right columns with --columns`,
        );
      const volume =
        columns.volume === undefined ? ok(0) : unitsIn("volume", get("volume") ?? "", quantityScale, "--quantity-scale");
      if (!volume.ok) return volume;
      // A bar in which nobody traded repeats a price, and is no trade.
      if (columns.volume !== undefined && volume.value === 0) return ok([]);
      return ok(tradesOfBar([open, high, low, close], volume.value, { at: endsAt - 1, symbol: present, venue }));
    }
    const price = priceOf("price");
    if (!price.ok) return price;
    const quantity = unitsIn("quantity", get("quantity") ?? "", quantityScale, "--quantity-scale");
    if (!quantity.ok) return quantity;
    const condition = get("condition") ?? get("side") ?? "";
    const trade = {
      at: at.value,
      symbol: present,
      priceMinor: price.value,
      quantity: quantity.value,
      venue,
      condition,
      suspicious: false,
    };
    if (columns.number === undefined) return ok([trade]);
    const text = get("number")?.trim() ?? "";
    const number = Number(text);
    if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(number))
      return err(`number is ${shownValue(text)} and must be a whole number below 2^53; name the right column with --columns`);
    return ok([{ ...trade, number }]);
  };
};
