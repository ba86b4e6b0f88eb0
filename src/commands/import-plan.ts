/** How rows are to be read and what is traded: the options of `qts import`, checked, with what the files say of themselves. */

import { leanPriceScale } from "#adapters/import/lean.ts";
import { type BarStamp, type Columns, type FieldName, fieldNames, shownValue } from "#adapters/import/rows.ts";
import { rulesFor } from "#adapters/paper/market-rules.ts";
import { markets } from "#config/sections/instruments.ts";
import { unitsOf } from "#core/decimal.ts";
import type { Instrument } from "#core/instrument.ts";
import { calendarOf, type MarketCalendar } from "#market/calendar.ts";
import { type readOptions, UsageError, wholeNumber } from "./command.ts";
import { durationMs } from "./duration.ts";
import type { Format, ImportFiles } from "./import-files.ts";
import { readTimeZone } from "./time-zone.ts";

export const importOptions = {
  symbol: { type: "string" },
  columns: { type: "string" },
  "time-zone": { type: "string" },
  bars: { type: "string" },
  format: { type: "string" },
  sort: { type: "boolean" },
  "keep-gaps": { type: "boolean" },
  session: { type: "string" },
  market: { type: "string" },
  currency: { type: "string" },
  "price-scale": { type: "string" },
  "quantity-scale": { type: "string" },
  tick: { type: "string" },
  name: { type: "string" },
  "days-dir": { type: "string" },
  replace: { type: "boolean" },
  licence: { type: "string" },
  json: { type: "boolean" },
} as const;

export type Values = ReturnType<typeof readOptions<typeof importOptions>>["values"];

/** More digits than any money has; beyond it an account of a thousand could not be counted. */
const scalesMax = 12;

/** @throws {UsageError} */
export const readColumns = (text: string | undefined): Columns => {
  const columns: { [F in FieldName]?: string } = {};
  for (const pair of text?.split(",") ?? []) {
    const [, name = "", column] = /^\s*(\w+)=(.+?)\s*$/.exec(pair) ?? [];
    const field = fieldNames.find((known) => known === name);
    if (field === undefined || column === undefined)
      throw new UsageError(
        `--columns has ${shownValue(pair)} and wants NAME=COLUMN with one of ${fieldNames.join(", ")}, like time=1,price=2,quantity=3.`,
      );
    columns[field] = column;
  }
  return columns;
};

const readBars = (text: string | undefined): BarStamp | undefined => {
  if (text === undefined) return undefined;
  return text === "end" ? { type: "end" } : { type: "start", lengthMs: durationMs("bars", text) };
};

const scaleOf = (option: string, text: string | undefined, otherwise: number): number => {
  const scale = wholeNumber("import", option, text) ?? otherwise;
  const most = option === "quantity-scale" ? 8 : scalesMax;
  if (scale <= most) return scale;
  throw new UsageError(`--${option} is ${scale} and must be at most ${most}.`);
};

/** How these files are to be read. */
export interface ImportPlan {
  readonly format: Format;
  readonly market: string;
  readonly calendar: MarketCalendar;
  readonly timeZone: string | undefined;
  readonly bars: BarStamp | undefined;
  /** @param priceMinorMax the highest price of it: where steps grow with the price, the step at this one */
  readonly instrumentOf: (symbol: string, priceMinorMax: number) => Instrument;
  readonly priceScale: number;
  readonly quantityScale: number;
}

/**
 * @param foundMarket of an archive: what its first row says
 * @throws {UsageError}
 */
export const planOf = (
  values: Values,
  { format, isKorean: hasKoreanBars }: Pick<ImportFiles, "format" | "isKorean">,
  foundMarket: string | undefined,
): ImportPlan => {
  const market = values.market ?? (format === "lean" ? "NYSE" : hasKoreanBars ? "KRX" : (foundMarket ?? "ALWAYS"));
  const calendar = calendarOf(market);
  if (calendar === undefined)
    throw new UsageError(`--market is "${market}", of which no calendar is known; known are ${markets.join(", ")}.`);
  const isWon = ["KRX", "NXT", "UPBIT", "BITHUMB"].includes(market);
  const currency = values.currency ?? (isWon ? "KRW" : "USD");
  if (!/^[A-Z]{3}$/.test(currency))
    throw new UsageError(`--currency is "${currency}" and must be three capital letters, like USD.`);
  const given = values["price-scale"];
  if (format === "lean" && given !== undefined && given !== String(leanPriceScale))
    throw new UsageError(`--price-scale is ${given}, and Lean counts prices in 1e-${leanPriceScale}: leave it out.`);
  // An archive without a row that can be read is refused for that.
  if (format === "archive" && (foundMarket ?? values.market) !== undefined) {
    // A wrong guess would make every amount a hundred times too large, and nothing would say so.
    if (given === undefined && currency !== "KRW")
      throw new UsageError(
        "An archive's rows do not say how many digits its prices have: give --price-scale as its session's instruments had it (4 for the day that ships).",
      );
    if (values["quantity-scale"] === undefined && calendar.known === undefined)
      throw new UsageError(
        `An archive's rows do not say what a lot is: give --quantity-scale as its session's instruments had it (8 for --feed upbit, 0 for whole units).`,
      );
  }
  const priceScale = scaleOf("price-scale", given, format === "lean" ? leanPriceScale : currency === "KRW" ? 0 : 2);
  const quantityScale = scaleOf("quantity-scale", values["quantity-scale"], 0);
  if (priceScale + quantityScale > scalesMax)
    throw new UsageError(
      `--price-scale ${priceScale} and --quantity-scale ${quantityScale} are more than ${scalesMax} together: so small a unit of money could not be counted up to a thousand; give fewer digits.`,
    );
  const tick = unitsOf(values.tick ?? String(10 ** -priceScale), priceScale);
  const tickSize = values.tick === undefined ? 1 : tick.ok ? tick.value : 0;
  if (tickSize === 0)
    throw new UsageError(`--tick is "${values.tick}" and must be a price of at most ${priceScale} digits, above 0.`);
  return {
    format,
    market,
    calendar,
    timeZone:
      values["time-zone"] !== undefined
        ? readTimeZone(values["time-zone"])
        : format === "lean" || hasKoreanBars
          ? calendar.timeZone
          : undefined,
    bars: readBars(values.bars) ?? (hasKoreanBars ? { type: "end" } : undefined),
    priceScale,
    quantityScale,
    instrumentOf: (symbol, priceMinorMax) => {
      const instrument = {
        symbol,
        market,
        currency,
        priceScale,
        tickSize,
        lotSize: 1,
        ...(quantityScale === 0 ? {} : { quantityScale }),
      };
      return values.tick === undefined
        ? { ...instrument, tickSize: rulesFor(instrument, "regular").tickAt(priceMinorMax) }
        : instrument;
    },
  };
};
