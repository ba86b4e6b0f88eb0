/** What is traded. */
import { z } from "zod";
import { count, positive } from "../values.ts";

/** Markets with a calendar (src/market/calendar.ts): hours, holidays and days are theirs. */
export const markets = ["KRX", "NXT", "NYSE", "NASDAQ", "UPBIT", "BITHUMB", "BINANCE", "ALWAYS"] as const;
export type Market = (typeof markets)[number];

export const instruments = z
  .array(
    z.strictObject({
      symbol: z
        .string()
        .regex(/^[\w.:/-]{1,32}$/, "must be letters, digits and . _ : / - only, at most 32")
        // Prices and positions are looked up by symbol in plain objects.
        .refine((symbol) => !(symbol in {}), "is no name for a symbol"),
      market: z.enum(
        markets,
        `no market of this name has a calendar, without which nobody knows when it is open; known are ${markets.join(", ")}`,
      ),
      currency: z.string().regex(/^[A-Z]{3}$/, "must be three capital letters, like USD"),
      priceScale: count.max(12),
      tickSize: positive,
      lotSize: positive,
      quantityScale: count.max(8).optional(),
    }),
  )
  .min(1)
  .superRefine((list, context) => {
    const rowOf = new Map<string, number>();
    list.forEach(({ symbol }, row) => {
      const first = rowOf.get(symbol);
      if (first === undefined) rowOf.set(symbol, row);
      else
        context.addIssue({
          code: "custom",
          path: [row, "symbol"],
          message: `row ${first + 1} has this symbol already, and a symbol has one row`,
        });
    });
  });
