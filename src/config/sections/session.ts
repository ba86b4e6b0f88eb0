/** Where market data comes from, what is played, how fast, and the seed of everything random. */
import { z } from "zod";

export const session = z.strictObject({
  mode: z.enum(["replay", "live"]),
  feed: z.enum(["replay", "upbit"]),
  day: z.string().min(1),
  hours: z.enum(["regular", "all"]),
  speed: z.number().min(0),
  seed: z.int().min(0),
});
