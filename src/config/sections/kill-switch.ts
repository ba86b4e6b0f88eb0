/** The kill switch: is there one, and has it been tripped. */
import { z } from "zod";

export const killSwitch = z.strictObject({ available: z.boolean(), tripped: z.boolean() });
