/** What is played, how fast, and the seed of everything random. */
import { z } from "zod";
import { reserved } from "../values.ts";

export const session = z.strictObject({
  mode: reserved("live feeds", z.enum(["replay"])),
  day: z.string().min(1),
  hours: z.enum(["regular", "all"]),
  speed: z.number().min(0),
  seed: z.int().min(0),
});
