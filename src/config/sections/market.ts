/** Market data on its way in: what is refused, and when a lost feed is connected again. */
import { z } from "zod";
import { count, durationMs, positive, share } from "../values.ts";

export const market = z.strictObject({
  swingEveryMs: z.int().min(1000),
  futureMsMax: durationMs,
  pastMsMax: positive,
  spreadShareMax: share,
  priceJumpShareMax: share,
  reconnect: z
    .strictObject({ firstMs: positive, capMs: positive, attemptsMax: count, connectMsMax: positive })
    .refine(({ firstMs, capMs }) => firstMs <= capMs, "wants firstMs ≤ capMs"),
});
