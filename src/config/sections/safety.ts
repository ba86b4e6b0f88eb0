/** How long troubles may last and what counts as one. */
import { z } from "zod";
import { periodMs } from "../values.ts";

export const safety = z.strictObject({
  quietPeriodMs: periodMs,
  brokerGraceMs: periodMs,
  clockJumpMsMax: periodMs,
  loopDelayMsMax: periodMs,
});
