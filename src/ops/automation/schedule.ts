/** When something is due: arithmetic of intervals and of cron lines in the exchange's time zone. Pure. */
import { Cron } from "croner";
import { assert, err, ok, type Result } from "#core/result.ts";

export type Schedule =
  | { readonly type: "every"; readonly intervalMs: number }
  | {
      readonly type: "cron";
      /** Five or six fields: `0 21 * * MON-FRI`. */
      readonly pattern: string;
      /** Default Asia/Seoul. */
      readonly timeZone?: string;
      /** Occurrences on such days do not happen; the day is `YYYY-MM-DD` in the schedule's time zone. */
      readonly isHoliday?: (day: string) => boolean;
    };

/** Both `at` and the answers are epoch ms; null when there is no such occurrence. */
export interface Occurrences {
  /** The first one after `at`. */
  readonly after: (at: number) => number | null;
  /** The last one at or before `at`, but after `since`. */
  readonly lastBetween: (since: number, at: number) => number | null;
}

/** From origin-facts §12: the old scheduler's limits. Longer waits are cron lines. */
export const intervalMsMin = 100;
export const intervalMsMax = 3_600_000;

/** For a person: "02:00 Asia/Seoul, each day", "every 60 s". */
export const whenText = (schedule: Schedule): string => {
  if (schedule.type === "every") return `every ${schedule.intervalMs / 1000} s`;
  const zone = schedule.timeZone ?? "Asia/Seoul";
  const [, minute, hour] = /^(\d+) (\d+) \* \* \*$/.exec(schedule.pattern) ?? [];
  if (minute === undefined || hour === undefined) return `${schedule.pattern} ${zone}`;
  return `${hour.padStart(2, "0")}:${minute.padStart(2, "0")} ${zone}, each day`;
};

/** A pattern whose every occurrence is a holiday has none: looking stops after so many. */
const holidaysInARowMax = 1_000;

/** @returns the occurrences, or what is wrong with the schedule; an interval outside its limits is brought inside */
export const occurrencesOf = (schedule: Schedule): Result<Occurrences, string> => {
  if (schedule.type === "every") {
    if (!Number.isFinite(schedule.intervalMs)) return err(`the interval ${schedule.intervalMs} is no number of ms`);
    const intervalMs = Math.min(intervalMsMax, Math.max(intervalMsMin, Math.round(schedule.intervalMs)));
    return ok({
      after: (at) => at + intervalMs,
      // An interval has no fixed grid: what was missed is one run, due now.
      lastBetween: (since, at) => (since + intervalMs <= at ? at : null),
    });
  }
  const timezone = schedule.timeZone ?? "Asia/Seoul";
  let cron: Cron;
  try {
    cron = new Cron(schedule.pattern, { timezone, paused: true });
    // Also tries the time zone, which croner looks at only now.
    if (cron.nextRun(new Date(0)) === null) return err(`the cron line "${schedule.pattern}" never happens`);
  } catch (error) {
    return err(`the cron line "${schedule.pattern}" in ${timezone} cannot be understood: ${(error as Error).message}`);
  }
  const day = new Intl.DateTimeFormat("sv-SE", { timeZone: timezone });
  const isHoliday = (at: number): boolean => schedule.isHoliday?.(day.format(at)) ?? false;
  const after = (at: number): number | null => {
    let from = at;
    for (let tries = 0; tries < holidaysInARowMax; tries += 1) {
      const next = cron.nextRun(new Date(from))?.getTime() ?? null;
      if (next === null || !isHoliday(next)) return next;
      assert(next > from, "cron went back in time");
      from = next;
    }
    return null;
  };
  const lastBetween = (since: number, at: number): number | null => {
    // A second later, because the occurrence at the reference itself counts too.
    let before = at + 1_000;
    for (let tries = 0; tries < holidaysInARowMax; tries += 1) {
      const previous = cron.previousRuns(1, new Date(before))[0]?.getTime();
      if (previous === undefined || previous <= since) return null;
      if (previous <= at && !isHoliday(previous)) return previous;
      before = previous;
    }
    return null;
  };
  return ok({ after, lastBetween });
};
