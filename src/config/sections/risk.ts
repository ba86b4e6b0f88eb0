/** What is denied before it leaves the house. */
import { z } from "zod";
import { durationMs, positive, share } from "../values.ts";

export const risk = z.strictObject({
  orderValueMinorMax: positive,
  positionValueMinorMax: positive,
  exposureMinorMax: positive,
  dailyLossMinorMax: positive,
  ordersPerMinuteMax: positive,
  priceCollarShare: share,
  duplicateWindowMs: durationMs,
  consecutiveFailuresMax: positive,
  failurePauseMs: durationMs,
});
