/** How much is said in the log. */
import { z } from "zod";

export const log = z.strictObject({ level: z.enum(["trace", "debug", "info", "warn", "error", "fatal"]) });
