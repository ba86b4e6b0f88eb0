/** What `qts doctor` says of the market: the data that is played, and whether holidays are known. */
import { checkDays, chooseDays, headerOf, shippedDays } from "#adapters/replay/recorded-days.ts";
import type { Config } from "#config/config.ts";
import { dayAfter, dayMs } from "#core/zoned-time.ts";
import { calendarOf } from "#market/calendar.ts";
import { type Finding, fail, fine, warn } from "./doctor-finding.ts";

/** A calendar that ends so soon is to be replaced before it does. */
const calendarDaysMin = 60;

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

export const checkData = ({ session }: Config, ownDays: string): Finding => {
  if (session.mode === "live")
    return fine(`The session is live: its data comes from ${session.feed}, and no recorded day is played.`);
  const name = session.day;
  const chosen = chooseDays(name, [shippedDays, ownDays]);
  if (!chosen.ok) return fail(`The recorded day ${JSON.stringify(name)}: ${chosen.error}.`);
  const days = checkDays(chosen.value);
  if (!days.ok) return fail(sentence(days.error));
  return fine(
    days.value.length === 1
      ? `The recorded day ${name} is whole.`
      : `The ${days.value.length} recorded days of ${name} are whole.`,
  );
};

/** Noon of each recorded day. */
const playedAt = (day: string, ownDays: string): readonly number[] => {
  const chosen = chooseDays(day, [shippedDays, ownDays]);
  return (chosen.ok ? chosen.value : []).flatMap((file) => {
    const header = headerOf(file);
    return header.ok ? [header.value.midnightAt + dayMs / 2] : [];
  });
};

/**
 * Whoever trades on a day must know whether it is a holiday.
 *
 * @param now epoch ms, which a live session trades at; a replay trades on its recorded days
 */
export const checkCalendar = ({ instruments, session }: Config, ownDays: string, now: number): Finding => {
  const isLive = session.mode === "live";
  const times = isLive ? [now] : playedAt(session.day, ownDays);
  const calendars = [...new Set(instruments.map(({ market }) => market))].flatMap((market) => calendarOf(market) ?? []);
  const problem = calendars.flatMap(({ unknownProblem }) => times.map(unknownProblem)).find((text) => text !== undefined);
  if (problem !== undefined) return warn(sentence(problem));
  const ending = calendars.find(
    ({ known, dayOf }) => isLive && known !== undefined && known.until < dayAfter(dayOf(now), calendarDaysMin),
  );
  if (ending !== undefined)
    return warn(
      `The calendar of ${ending.market} is known until ${ending.known?.until}, which is soon: no holiday after that day would be noticed; install a newer QTS before.`,
    );
  const known = calendars.map(
    ({ market, known: span }) => `${market} ${span === undefined ? "never closes" : `until ${span.until}`}`,
  );
  return fine(`The calendars are known: ${known.join(", ")}.`);
};
