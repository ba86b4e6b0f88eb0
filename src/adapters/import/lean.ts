/** Lines of a Lean tick file of trades: ms since the exchange's midnight, price in 1e-4, quantity, venue, sale condition, suspicious. */
import { err, ok } from "#core/result.ts";
import { dayAfter, dayMs, isDay, localSpans } from "#core/zoned-time.ts";
import { type ReadLine, shownValue } from "./rows.ts";

/** Lean counts prices in 1e-4 of the currency, whatever is traded. */
export const leanPriceScale = 4;

export interface LeanName {
  readonly day: string;
  readonly symbol: string;
}

/** What the name of a file in the zip says: `20131007_spy_Trade_Tick.csv`; undefined for every other. */
export const leanNameOf = (entry: string): LeanName | undefined => {
  const match = /(?:^|\/)(\d{4})(\d\d)(\d\d)_([\w.-]+?)_trade_tick\.csv$/i.exec(entry);
  if (match === null) return undefined;
  const day = `${match[1]}-${match[2]}-${match[3]}`;
  return isDay(day) ? { day, symbol: (match[4] as string).toUpperCase() } : undefined;
};

export const createLeanReader = ({ day, symbol, timeZone }: LeanName & { readonly timeZone: string }): ReadLine => {
  // Lean counts by the clocks of the exchange, so that 34,200,000 is 09:30 on every day.
  const quarterMs = 900_000;
  const quarters = new Map<number, number>();
  const quarterAt = (quarter: number): number => {
    let at = quarters.get(quarter);
    if (at === undefined) {
      const from = quarter * quarterMs;
      at = (localSpans(day, from, from + quarterMs, timeZone)[0]?.fromAt ?? Date.parse(`${dayAfter(day)}T00:00:00Z`)) - from;
      quarters.set(quarter, at);
    }
    return at;
  };
  return (line) => {
    if (line === "") return ok([]);
    const cells = line.split(",");
    const [msText = "", price = "", quantity = "", venue = "", condition = "", suspicious] = cells;
    if (cells.length !== 6) return err(`has ${cells.length} columns, and a trade of Lean has 6; quotes and bars are not read`);
    const ms = Number(msText);
    if (!/^\d{1,8}(\.\d+)?$/.test(msText) || ms >= dayMs)
      return err(`begins with ${shownValue(msText)}, which is no ms since midnight`);
    if (!/^\d{1,15}$/.test(price) || Number(price) === 0) return err(`has the price ${shownValue(price)}, which is none in 1e-4`);
    if (!/^\d{1,15}$/.test(quantity)) return err(`has the quantity ${shownValue(quantity)}, which is none`);
    const whole = Math.floor(ms);
    return ok([
      {
        at: quarterAt(Math.floor(whole / quarterMs)) + whole,
        symbol,
        priceMinor: Number(price),
        quantity: Number(quantity),
        venue,
        condition,
        suspicious: suspicious === "1",
      },
    ]);
  };
};
