/** What is traded. */
import { z } from "zod";
import { count, positive } from "../values.ts";

export const instruments = z
  .array(
    z.strictObject({
      symbol: z
        .string()
        .regex(/^[\w.:/-]{1,32}$/, "must be letters, digits and . _ : / - only, at most 32")
        // Prices and positions are looked up by symbol in plain objects.
        .refine((symbol) => !(symbol in {}), "is no name for a symbol"),
      market: z.string().regex(/^\S+$/, "must be one word"),
      currency: z.string().regex(/^[A-Z]{3}$/, "must be three capital letters, like USD"),
      priceScale: count.max(12),
      tickSize: positive,
      lotSize: positive,
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
