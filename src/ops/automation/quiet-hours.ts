/** The quiet hours of a day, from one time of the zone's clocks to another, also over midnight. Pure. */
import { dayAfter, dayMs, localSpans, localTime } from "#core/zoned-time.ts";
import type { QuietHours } from "./alerts.ts";

const msOf = (time: string): number => {
  const [hour = 0, minute = 0] = time.split(":").map(Number);
  return (hour * 60 + minute) * 60_000;
};

export interface QuietTimes {
  /** HH:MM, inclusive; null: there are none. */
  readonly from: string | null;
  /** HH:MM, exclusive. */
  readonly to: string | null;
  readonly timeZone: string;
}

export const quietHoursOf = ({ from, to, timeZone }: QuietTimes): QuietHours => {
  if (from === null || to === null) return { endsAt: () => undefined };
  const [fromMs, toMs] = [msOf(from), msOf(to)];
  const isOverMidnight = fromMs > toMs;
  return {
    endsAt: (at) => {
      const { day, sinceMidnightMs } = localTime(at, timeZone);
      const isQuiet = isOverMidnight
        ? sinceMidnightMs >= fromMs || sinceMidnightMs < toMs
        : sinceMidnightMs >= fromMs && sinceMidnightMs < toMs;
      if (!isQuiet) return undefined;
      const lastDay = isOverMidnight && sinceMidnightMs >= fromMs ? dayAfter(day) : day;
      // The moments at which the clocks show the end or later; where the clocks go back, the first that is still to come.
      const ends = localSpans(lastDay, toMs, dayMs, timeZone);
      return ends.map(({ fromAt }) => fromAt).find((endsAt) => endsAt > at) ?? at + 60_000;
    },
  };
};
