/** The kinds of values that the sections of the configuration are made of, and what holds for several of them at once. */
import { z } from "zod";

export const count = z.int().min(0);
export const positive = z.int().min(1);
/** More than a century is a slip of the hand, and times must stay dates that can be written. */
const centuryDays = 36_500;
const dayMs = 86_400_000;
export const durationMs = z
  .int()
  .min(0)
  .max(centuryDays * dayMs);
/** A duration that cannot be nothing. */
export const periodMs = z
  .int()
  .min(1)
  .max(centuryDays * dayMs);
/** Node's own timers fire at once beyond 24 days; none of ours needs more than one. */
export const timerMs = z.int().min(1).max(dayMs);
export const days = z.int().min(0).max(centuryDays);
export const hours = z
  .number()
  .min(0)
  .max(centuryDays * 24);
/** HH:MM, from 00:00 to 23:59. */
export const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time of day, HH:MM from 00:00 to 23:59");
/** A zone of the IANA table. */
export const timeZone = z.string().refine((zone) => {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
}, "is not a time zone, like Asia/Seoul");
export const share = z.number().min(0).max(1, "is a share between 0 and 1; write 0.05 for 5 %");
export const shareRange = z.tuple([share, share]).refine(([low, high]) => low <= high, "the range must be [low, high]");
/** What is set aside in memory for so many facts at the start: more than this is a mistake, not a wish. */
export const places = z.int().min(1).max(1_000_000);
/** As long as this nothing else of the process has its turn. */
export const sliceMs = z.number().positive().max(10_000);

const orders = { "<": (a: number, b: number) => a < b, "≤": (a: number, b: number) => a <= b };
/** The keys of a group stand in this order. */
export const inOrder = <const K extends string>(sign: keyof typeof orders, ...keys: readonly K[]) =>
  [
    (group: { readonly [key in K]: number }) =>
      keys.every((key, n) => n === 0 || orders[sign](group[keys[n - 1] as K], group[key])),
    {
      error: ({ input }: { readonly input?: unknown }) =>
        `wants ${keys.join(` ${sign} `)}, and they are ${keys.map((key) => (input as { [key in K]: number })[key]).join(", ")}`,
    },
  ] as const;

/**
 * A key that nothing reads yet. It stays in the configuration because the seeds name it and the room that reads it is coming;
 * the reference says so, and a key without a reader that is not reserved fails tests/config/readers.test.ts.
 *
 * @param room that will read it, a word of docs/architecture
 */
export const reserved = <S extends z.ZodType>(room: string, schema: S): S => schema.meta({ reservedFor: room });
