/**
 * A zone's own days and hours, and back: the one place where local time is computed.
 *
 * Clocks are moved, so that an hour of a day may come twice, or never, and a day has 23 to 25 hours; a whole day can be missing
 * (Samoa, 2011-12-30). Whoever goes from a name of a time to instants must say what it means then: here it is every instant at
 * which the zone's clocks show it.
 */

/** From inclusive, until exclusive, in epoch ms. */
export interface Span {
  readonly fromAt: number;
  readonly untilAt: number;
}

export interface LocalTime {
  /** "2026-03-08" */
  readonly day: string;
  /** By the zone's clocks: 03:00 is three hours, also on a day on which the second hour was skipped. */
  readonly sinceMidnightMs: number;
}

export const dayMs = 86_400_000;
// Offsets change on full quarters of an hour, in every zone since 1972.
const quarterMs = 900_000;
// Years of four digits, with a day to spare for the zone: the dates that paths and calendars can name.
const instantMin = Date.UTC(1000, 0, 2);
const instantMax = Date.UTC(9999, 11, 30);

interface Zone {
  readonly format: Intl.DateTimeFormat;
  quarter: number;
  offsetMs: number;
  /** The day that was asked for last, and its midnight on the zone's clocks: each order of a day asks. */
  midnight: number;
  day: string;
}
const zones = new Map<string, Zone>();
const zoneOf = (timeZone: string): Zone => {
  let zone = zones.get(timeZone);
  if (zone === undefined) {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    zone = { format, quarter: Number.NaN, offsetMs: 0, midnight: Number.NaN, day: "" };
    zones.set(timeZone, zone);
  }
  return zone;
};

/** Is it a time with a date of four digits? Nanoseconds taken for milliseconds are none. */
export const isInstant = (at: number): boolean => at >= instantMin && at <= instantMax;

/** What the zone's clocks are ahead of UTC at this moment, in ms. */
export const offsetAt = (at: number, timeZone: string): number => {
  const zone = zoneOf(timeZone);
  const quarter = Math.floor(at / quarterMs);
  if (quarter === zone.quarter) return zone.offsetMs;
  const whole = quarter * quarterMs;
  const part = Object.fromEntries(zone.format.formatToParts(whole).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  zone.quarter = quarter;
  zone.offsetMs = Date.UTC(year, month - 1, day, hour, minute, second) - whole;
  return zone.offsetMs;
};

export const localTime = (at: number, timeZone: string): LocalTime => {
  const local = at + offsetAt(at, timeZone);
  const sinceMidnightMs = ((local % dayMs) + dayMs) % dayMs;
  const zone = zoneOf(timeZone);
  const midnight = local - sinceMidnightMs;
  if (midnight !== zone.midnight) {
    zone.day = new Date(midnight).toISOString().slice(0, 10);
    zone.midnight = midnight;
  }
  return { day: zone.day, sinceMidnightMs };
};

/** The moment between two at which the clocks were moved; the offset differs at its ends. */
const transitionBetween = (fromAt: number, toAt: number, timeZone: string): number => {
  const before = offsetAt(fromAt, timeZone);
  let [low, high] = [Math.floor(fromAt / quarterMs), Math.ceil(toAt / quarterMs)];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (offsetAt(middle * quarterMs, timeZone) === before) low = middle;
    else high = middle;
  }
  return high * quarterMs;
};

/**
 * The spans in which the zone's clocks show a time of one day.
 *
 * @param day "2026-11-01"
 * @param fromMs since midnight by those clocks, inclusive; `toMs` exclusive, at most 24 hours
 * @returns one span; two when the time comes twice with another time between; one that is empty, at the moment of the jump,
 *   when it is skipped
 */
export const localSpans = (day: string, fromMs: number, toMs: number, timeZone: string): readonly Span[] => {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const [from, to] = [midnight + fromMs, midnight + toMs];
  // No zone is further than 14 hours from UTC, and none moves its clocks twice within such days.
  const [before, after] = [offsetAt(from - dayMs, timeZone), offsetAt(to + dayMs, timeZone)];
  if (before === after) return [{ fromAt: from - before, untilAt: to - before }];
  const movedAt = transitionBetween(from - dayMs, to + dayMs, timeZone);
  const first = { fromAt: from - before, untilAt: Math.min(to - before, movedAt) };
  const second = { fromAt: Math.max(from - after, movedAt), untilAt: to - after };
  const hasFirst = first.fromAt < first.untilAt;
  const hasSecond = second.fromAt < second.untilAt;
  if (hasFirst && hasSecond)
    return first.untilAt === second.fromAt ? [{ fromAt: first.fromAt, untilAt: second.untilAt }] : [first, second];
  if (hasFirst) return [first];
  return [hasSecond ? second : { fromAt: movedAt, untilAt: movedAt }];
};

/** The first moment of a day, which is not midnight where that hour is skipped. */
export const dayStartsAt = (day: string, timeZone: string): number => (localSpans(day, 0, dayMs, timeZone)[0] as Span).fromAt;

/** Is this text a day of the calendar? The 30th of February is none. */
export const isDay = (day: string): boolean => {
  const at = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  return Number.isFinite(at) && new Date(at).toISOString().startsWith(day);
};

/** The day `count` days after this one; before it when negative. */
export const dayAfter = (day: string, count = 1): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + count * dayMs).toISOString().slice(0, 10);

/** 0 is Sunday. */
export const weekdayOf = (day: string): number => new Date(`${day}T00:00:00Z`).getUTCDay();
