/**
 * The Korea Exchange, 2013 to 2027, and Nextrade (NXT), which trades the same stocks beside it.
 *
 * Holidays are written out, because lunar feasts, elections and days that a cabinet gives at short notice follow no rule. Sources:
 * 2013-01-01 to 2024-12-16 the weekdays without a KOSPI close (a daily series of the KOSPI 200 and Samsung Electronics), which agree
 * day for day with the precomputed XKRX days of exchange_calendars (Apache-2.0) and the KRX calendar of python-holidays 0.105 (MIT);
 * from then on the latter, the law on public holidays (substitute days; 17 July is one again from 2026) and KIS's chk-holiday
 * where it is known (2026-07-17, 2026-09-24, 2026-09-25, 2026-10-05). 2027 is as announced by law: a day that a cabinet adds comes
 * with an update of this table.
 */
import { weekdayOf } from "#core/zoned-time.ts";
import { daysOf, type MarketTable, minutesOf, type PhaseStart } from "./calendar.table.ts";

const holidays = daysOf({
  2013: "01-01 02-11 03-01 05-01 05-17 06-06 08-15 09-18 09-19 09-20 10-03 10-09 12-25 12-31",
  2014: "01-01 01-30 01-31 05-01 05-05 05-06 06-04 06-06 08-15 09-08 09-09 09-10 10-03 10-09 12-25 12-31",
  2015: "01-01 02-18 02-19 02-20 05-01 05-05 05-25 08-14 09-28 09-29 10-09 12-25 12-31",
  2016: "01-01 02-08 02-09 02-10 03-01 04-13 05-05 05-06 06-06 08-15 09-14 09-15 09-16 10-03 12-30",
  2017: "01-27 01-30 03-01 05-01 05-03 05-05 05-09 06-06 08-15 10-02 10-03 10-04 10-05 10-06 10-09 12-25 12-29",
  2018: "01-01 02-15 02-16 03-01 05-01 05-07 05-22 06-06 06-13 08-15 09-24 09-25 09-26 10-03 10-09 12-25 12-31",
  2019: "01-01 02-04 02-05 02-06 03-01 05-01 05-06 06-06 08-15 09-12 09-13 10-03 10-09 12-25 12-31",
  2020: "01-01 01-24 01-27 04-15 04-30 05-01 05-05 08-17 09-30 10-01 10-02 10-09 12-25 12-31",
  2021: "01-01 02-11 02-12 03-01 05-05 05-19 08-16 09-20 09-21 09-22 10-04 10-11 12-31",
  2022: "01-31 02-01 02-02 03-01 03-09 05-05 06-01 06-06 08-15 09-09 09-12 10-03 10-10 12-30",
  2023: "01-23 01-24 03-01 05-01 05-05 05-29 06-06 08-15 09-28 09-29 10-02 10-03 10-09 12-25 12-29",
  2024: "01-01 02-09 02-12 03-01 04-10 05-01 05-06 05-15 06-06 08-15 09-16 09-17 09-18 10-01 10-03 10-09 12-25 12-31",
  2025: "01-01 01-27 01-28 01-29 01-30 03-03 05-01 05-05 05-06 06-03 06-06 08-15 10-03 10-06 10-07 10-08 10-09 12-25 12-31",
  2026: "01-01 02-16 02-17 02-18 03-02 05-01 05-05 05-25 06-03 07-17 08-17 09-24 09-25 10-05 10-09 12-25 12-31",
  2027: "01-01 02-08 02-09 03-01 05-03 05-05 05-13 07-19 08-16 09-14 09-15 09-16 10-04 10-11 12-27 12-31",
});

// The college entrance examination: everything is an hour later, so that pupils are not held up by traffic. Dates to 2025 as in
// exchange_calendars, each there with its newspaper (2017-11-16 stayed late although the examination itself was put off after an
// earthquake); 2026 and 2027 as the Ministry of Education has set them.
const examinations = daysOf({
  2013: "11-07",
  2014: "11-13",
  2015: "11-12",
  2016: "11-17",
  2017: "11-16 11-23",
  2018: "11-15",
  2019: "11-14",
  2020: "12-03",
  2021: "11-18",
  2022: "11-17",
  2023: "11-16",
  2024: "11-14",
  2025: "11-13",
  2026: "11-19",
  2027: "11-18",
});

// The first trading day of the year opens at 10:00, after a ceremony, and closes as always.
const firstTradingDays = daysOf({
  2013: "01-02",
  2014: "01-02",
  2015: "01-02",
  2016: "01-04",
  2017: "01-02",
  2018: "01-02",
  2019: "01-02",
  2020: "01-02",
  2021: "01-04",
  2022: "01-03",
  2023: "01-02",
  2024: "01-02",
  2025: "01-02",
  2026: "01-02",
  2027: "01-04",
});

const isClosed = (day: string): boolean => weekdayOf(day) % 6 === 0 || holidays.has(day);
const lateOpening = (day: string): number => (examinations.has(day) || firstTradingDays.has(day) ? 60 : 0);
const lateClosing = (day: string): number => (examinations.has(day) ? 60 : 0);

const krxPhases = (day: string): readonly PhaseStart[] => {
  if (isClosed(day)) return [];
  const [opening, closing] = [lateOpening(day), lateClosing(day)];
  // The auction began at 08:00 until 2019-04-26; trading ended at 15:00 until 2016-07-29 (KRX's own announcements).
  const auctionAt = minutesOf(day < "2019-04-29" ? "08:00" : "08:30");
  const closeAt = minutesOf(day < "2016-08-01" ? "15:00" : "15:30");
  // Orders at the closing price, then a book of its own: single prices until 18:00, since 2026-09-14 continuous until 20:00.
  const afterAt = closeAt + 30;
  const endsAt = minutesOf(day < "2026-09-14" ? "18:00" : "20:00");
  return [
    ...(day < "2019-04-29" ? ([[minutesOf("07:30") + opening, "pre"]] as const) : []),
    [auctionAt + opening, "openingAuction"],
    [minutesOf("09:00") + opening, "regular"],
    [closeAt - 10 + closing, "closingAuction"],
    [closeAt + closing, "closePrice"],
    [afterAt + closing, "after"],
    [endsAt, "closed"],
  ];
};

export const krx: MarketTable = {
  timeZone: "Asia/Seoul",
  known: { from: "2013-01-01", until: "2027-12-31" },
  phasesOf: krxPhases,
  lateMsMax: 30_000,
};

// Pre-market 08:00–08:50, main market 09:00:30–15:20, orders gathered 15:30–15:40, after-market until 20:00 (KIS notice 71593578635). The
// half minute is the opening's own (lateMsMax). On days on which KRX is late we read it as late by the same hour.
const nxtPhases = (day: string): readonly PhaseStart[] => {
  if (isClosed(day)) return [];
  const [opening, closing] = [lateOpening(day), lateClosing(day)];
  return [
    [minutesOf("08:00") + opening, "pre"],
    [minutesOf("08:50") + opening, "closed"],
    [minutesOf("09:00") + opening, "regular"],
    [minutesOf("15:20") + closing, "closed"],
    [minutesOf("15:30") + closing, "openingAuction"],
    [minutesOf("15:40") + closing, "after"],
    [minutesOf("20:00"), "closed"],
  ];
};

export const nxt: MarketTable = {
  timeZone: "Asia/Seoul",
  // It opened on 2025-03-04.
  known: { from: "2025-03-04", until: "2027-12-31" },
  phasesOf: nxtPhases,
  lateMsMax: 30_000,
};
