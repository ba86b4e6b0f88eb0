/** How long troubles may last and what counts as one. */
import { z } from "zod";
import { positive } from "../values.ts";

export const safety = z.strictObject({
  quietPeriodMs: positive,
  brokerGraceMs: positive,
  clockJumpMsMax: positive,
  loopDelayMsMax: positive,
});
