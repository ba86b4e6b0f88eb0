/** Market data on its way in: what is refused, and when a lost feed is connected again. */
import { z } from "zod";
import { count, durationMs, periodMs, share } from "../values.ts";

export const market = z.strictObject({
  swingEveryMs: periodMs.min(1000),
  futureMsMax: durationMs,
  pastMsMax: periodMs,
  clock: z
    .strictObject({ offMsWarn: periodMs, offMsMax: periodMs })
    .refine(({ offMsWarn, offMsMax }) => offMsWarn <= offMsMax, "wants offMsWarn ≤ offMsMax"),
  spreadShareMax: share,
  priceJumpShareMax: share,
  reconnect: z
    .strictObject({ firstMs: periodMs, capMs: periodMs, attemptsMax: count, connectMsMax: periodMs })
    .refine(({ firstMs, capMs }) => firstMs <= capMs, "wants firstMs ≤ capMs"),
});
