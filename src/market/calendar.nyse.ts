/**
 * The New York Stock Exchange, and Nasdaq, which keeps the same days and hours.
 *
 * Holidays by rule (NYSE Rule 7.2): one on a Sunday is kept on Monday, one on a Saturday on Friday, except New Year's Day, because
 * that Friday ends a year. NYSE has announced its holidays until 2028; days of mourning and storms are written out. The rules' days
 * agree with the NYSE calendar of python-holidays 0.105 (MIT), early closings included.
 */
import { dayAfter, weekdayOf } from "#core/zoned-time.ts";
import { daysOf, type MarketTable, minutesOf, type PhaseStart } from "./calendar.table.ts";

// National days of mourning: George H. W. Bush, Jimmy Carter.
const closings = daysOf({ 2018: "12-05", 2025: "01-09" });

const [sunday, monday, thursday, friday, saturday] = [0, 1, 4, 5, 6];
const two = (value: number): string => String(value).padStart(2, "0");
const date = (year: number, month: number, day: number): string => `${year}-${two(month)}-${two(day)}`;

/** The nth such weekday of a month; the last when `n` is 0. */
const nthWeekday = (year: number, month: number, weekday: number, n: number): string => {
  const first = n === 0 ? dayAfter(month === 12 ? date(year + 1, 1, 1) : date(year, month + 1, 1), -7) : date(year, month, 1);
  return dayAfter(first, ((weekday - weekdayOf(first) + 7) % 7) + 7 * Math.max(0, n - 1));
};

/** Two days before Easter Sunday, by the anonymous Gregorian computus (Meeus, Astronomical Algorithms). */
const goodFriday = (year: number): string => {
  const a = year % 19;
  const [b, c] = [Math.floor(year / 100), year % 100];
  const h = (19 * a + b - Math.floor(b / 4) - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3) + 15) % 30;
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const easter = h + l - 7 * m + 114;
  return dayAfter(date(year, Math.floor(easter / 31), (easter % 31) + 1), -2);
};

/** The day on which a holiday of fixed date is kept. */
const kept = (day: string): string =>
  weekdayOf(day) === sunday ? dayAfter(day) : weekdayOf(day) === saturday ? dayAfter(day, -1) : day;

const thanksgiving = (year: number): string => nthWeekday(year, 11, thursday, 4);

const holidaysOf = (year: number): readonly string[] => [
  weekdayOf(date(year, 1, 1)) === saturday ? date(year, 1, 1) : kept(date(year, 1, 1)),
  // Martin Luther King Jr. Day, Washington's Birthday.
  nthWeekday(year, 1, monday, 3),
  nthWeekday(year, 2, monday, 3),
  goodFriday(year),
  // Memorial Day.
  nthWeekday(year, 5, monday, 0),
  // Juneteenth, since 2022.
  ...(year >= 2022 ? [kept(date(year, 6, 19))] : []),
  kept(date(year, 7, 4)),
  // Labor Day.
  nthWeekday(year, 9, monday, 1),
  thanksgiving(year),
  kept(date(year, 12, 25)),
];

/** Days that end at 13:00: before Independence Day and Christmas from Monday to Thursday, and the day after Thanksgiving. */
const halfDaysOf = (year: number): readonly string[] => [
  ...[date(year, 7, 3), date(year, 12, 24)].filter((day) => weekdayOf(day) >= monday && weekdayOf(day) <= thursday),
  dayAfter(thanksgiving(year)),
];

interface Year {
  readonly holidays: ReadonlySet<string>;
  readonly halfDays: ReadonlySet<string>;
}
const years = new Map<number, Year>();
const yearOf = (day: string): Year => {
  const number = Number(day.slice(0, 4));
  let year = years.get(number);
  if (year === undefined) {
    year = { holidays: new Set(holidaysOf(number)), halfDays: new Set(halfDaysOf(number)) };
    years.set(number, year);
  }
  return year;
};

const nysePhases = (day: string): readonly PhaseStart[] => {
  const weekday = weekdayOf(day);
  const { holidays, halfDays } = yearOf(day);
  if (weekday === sunday || weekday > friday || holidays.has(day) || closings.has(day)) return [];
  const isHalf = halfDays.has(day);
  // The auctions at 09:30 and at the close have no phase: trading goes on while they gather orders.
  return [
    [minutesOf("04:00"), "pre"],
    [minutesOf("09:30"), "regular"],
    [minutesOf(isHalf ? "13:00" : "16:00"), "after"],
    [minutesOf(isHalf ? "17:00" : "20:00"), "closed"],
  ];
};

export const nyse: MarketTable = {
  timeZone: "America/New_York",
  known: { from: "2013-01-01", until: "2028-12-31" },
  phasesOf: nysePhases,
  lateMsMax: 0,
};
