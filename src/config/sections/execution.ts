/** Evaluation cycles and the strategy. */
import { z } from "zod";
import { count, periodMs, positive } from "../values.ts";

export const execution = z.strictObject({
  intervalMs: z.int().min(100).max(60_000),
  errorBackoffMs: z.int().min(500).max(60_000),
  retriesMax: z.int().min(0).max(20),
  cycleBudgetMs: periodMs,
  cyclesMax: count,
  consecutiveErrorsMax: positive,
  strategy: z.string().min(1),
});
