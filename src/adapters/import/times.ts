/**
 * The times of a file ⇒ epoch ms, exactly or with a sentence.
 *
 * An epoch number says its unit by its length: 10 digits are seconds, 13 ms, 16 µs, 19 ns (years 2001 to 2286). Finer than a ms is cut
 * off; rows keep the file's order. A local time needs a zone, and an hour that the zone skips or has twice is refused by name.
 */
import { err, ok, type Result } from "#core/result.ts";
import { isDay, isInstant, localSpans } from "#core/zoned-time.ts";

export type ReadTime = (text: string, date?: string) => Result<number, string>;

const quarterMs = 900_000;
const epochDivisors: { readonly [digits: number]: bigint } = { 10: 1n, 13: 1n, 16: 1000n, 19: 1_000_000n };

const epochMs = (digits: string, fraction: string): number | undefined => {
  const divisor = epochDivisors[digits.length];
  if (divisor === undefined) return undefined;
  if (digits.length === 10) return Number(digits) * 1000 + Number(fraction.slice(0, 3).padEnd(3, "0"));
  return Number(BigInt(digits) / divisor);
};

interface LocalParts {
  readonly day: string;
  readonly ms: number;
}

const two = (text: string): number => Number(text);

const partsOf = (
  year: string,
  month: string,
  date: string,
  clock: readonly [hour: string, minute: string, second: string | undefined, fraction: string | undefined],
): LocalParts | undefined => {
  const day = `${year}-${month}-${date}`;
  const [hour, minute, second = "00", fraction = ""] = clock;
  if (!isDay(day) || two(hour) > 23 || two(minute) > 59 || two(second) > 59) return undefined;
  const ms = ((two(hour) * 60 + two(minute)) * 60 + two(second)) * 1000 + Number(fraction.slice(0, 3).padEnd(3, "0"));
  return { day, ms };
};

const written =
  /^(\d{4})[-/.]?(\d\d)[-/.]?(\d\d)[T ,]?(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/;
const dateOnly = /^(\d{4})[-/.]?(\d\d)[-/.]?(\d\d)$/;
const clockOnly = /^(\d{1,2}):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?$/;

const minutesOfOffset = (text: string): number => {
  if (text === "Z" || text === "UTC") return 0;
  const [, sign, hours = "0", minutes = "0"] = /^([+-])(\d\d):?(\d\d)?$/.exec(text) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
};

const clockText = (ms: number): string => new Date(ms).toISOString().slice(11, 16);

/**
 * @param timeZone of local times; undefined: they are refused
 * @returns a reader of one time; with `date` the text is the clock of that day
 */
export const createTimeReader = (timeZone: string | undefined): ReadTime => {
  // Clocks are moved on full quarters of an hour: what one of them needs is looked up once.
  let quarterDay = "";
  let quarter = -1;
  let quarterAt: Result<number, string> = ok(0);

  const instantOf = ({ day, ms }: LocalParts): Result<number, string> => {
    if (timeZone === undefined)
      return err("is a local time and nobody says where; give --time-zone, like --time-zone Asia/Seoul or UTC");
    const which = Math.floor(ms / quarterMs);
    if (day !== quarterDay || which !== quarter) {
      const from = which * quarterMs;
      const spans = localSpans(day, from, from + quarterMs, timeZone);
      const [span] = spans;
      quarterDay = day;
      quarter = which;
      quarterAt =
        span === undefined || span.fromAt === span.untilAt
          ? err(`did not exist: the clocks of ${timeZone} skipped ${clockText(from)} on ${day}; is the time zone right?`)
          : spans.length > 1
            ? err(
                `came twice: the clocks of ${timeZone} were set back over ${clockText(from)} on ${day}; write times with their offset, like ${day}T${clockText(from)}:00+00:00`,
              )
            : ok(span.fromAt - from);
    }
    return quarterAt.ok ? ok(quarterAt.value + ms) : quarterAt;
  };

  const read: ReadTime = (given, date) => {
    const text = given.trim();
    if (date !== undefined) {
      const dated = dateOnly.exec(date.trim());
      const clock = clockOnly.exec(/^\d{5}$|^\d{3}$/.test(text) ? `0${text}` : text);
      if (dated === null) return err(`has the date ${JSON.stringify(date)}, which is none; write 2024-01-31 or 20240131`);
      if (clock === null) return err("is no time of day; write 09:30:00 or 093000");
      const [, hour = "", minute = "", second, fraction] = clock;
      const parts = partsOf(dated[1] as string, dated[2] as string, dated[3] as string, [
        hour.padStart(2, "0"),
        minute,
        second,
        fraction,
      ]);
      return parts === undefined ? err("is no time that a calendar has") : instantOf(parts);
    }
    const epoch = /^(\d+)(?:\.(\d+))?$/.exec(text);
    if (epoch !== null) {
      const at = epochMs(epoch[1] as string, epoch[2] ?? "");
      if (at !== undefined && (epoch[2] === undefined || epoch[1]?.length !== 19)) return ok(at);
    }
    const match = written.exec(text);
    if (match === null)
      return err(
        dateOnly.test(text)
          ? "is a date without a time; a trade has both, and a column of its own for the date is named with --columns date=…"
          : "is no time; write epoch s, ms, µs or ns, 2024-01-31T09:30:00.123+09:00, or 2024-01-31 09:30:00 with --time-zone",
      );
    const [, year = "", month = "", day = "", hour = "", minute = "", second, fraction, offset] = match;
    const parts = partsOf(year, month, day, [hour, minute, second, fraction]);
    if (parts === undefined) return err("is no time that a calendar has");
    if (offset === undefined) return instantOf(parts);
    return ok(Date.parse(`${parts.day}T00:00:00Z`) + parts.ms - minutesOfOffset(offset) * 60_000);
  };
  return (text, date) => {
    const at = read(text, date);
    return !at.ok || isInstant(at.value) ? at : err("is a time of no year with four digits");
  };
};
