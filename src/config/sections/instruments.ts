/** What is traded. */
import { z } from "zod";
import { count, positive } from "../values.ts";

export const instruments = z
  .array(
    z.strictObject({
      symbol: z.string().min(1),
      market: z.string().min(1),
      currency: z.string().length(3),
      priceScale: count,
      tickSize: positive,
      lotSize: positive,
    }),
  )
  .min(1);
