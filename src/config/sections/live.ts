/** The first of the three keys to real orders. */
import { z } from "zod";

export const live = z.strictObject({ enabled: z.boolean() });
