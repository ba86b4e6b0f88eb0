/** The second of the three keys to real orders. */
import { z } from "zod";

export const trading = z.strictObject({ enabled: z.boolean() });
