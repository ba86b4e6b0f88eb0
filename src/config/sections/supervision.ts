/** How often a part may be restarted before its failure escalates. */
import { z } from "zod";
import { periodMs, positive } from "../values.ts";

export const supervision = z.strictObject({ restartsMax: positive, windowMs: periodMs, delayMs: periodMs, delayMsMax: periodMs });
