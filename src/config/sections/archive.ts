/** Market data on its way to disk. */
import { z } from "zod";
import { inOrder, periodMs, positive, share, timeZone } from "../values.ts";

const gapLimits = z
  .strictObject({ minorMs: periodMs, majorMs: periodMs, criticalMs: periodMs })
  .refine(...inOrder("<", "minorMs", "majorMs", "criticalMs"));

export const archive = z.strictObject({
  writeEveryMs: periodMs,
  fsyncEveryMs: periodMs,
  bufferRowsMax: positive,
  scalpWindowMs: periodMs.min(1000).multipleOf(1000, "must be whole seconds, because segments are named by second"),
  timeZone,
  silenceMsMax: periodMs,
  gaps: z.strictObject({ scalp: gapLimits, swing: gapLimits }),
  persistedShareMin: share,
  measureEveryMs: periodMs,
});
