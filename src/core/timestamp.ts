/**
 * Times that people and other programs write, read with one meaning everywhere. `Date.parse` is not that meaning: it takes a
 * text without an offset for the machine's own zone, 30 February for 1 March, and "1" for the year 2001.
 */

const iso = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:\s?(Z|z|([+-])(\d\d):?(\d\d)))?)?$/;

/**
 * @param text an ISO-8601 date or date-time; without an offset it is UTC
 * @returns epoch ms, a finer fraction of a second is cut; undefined when the text is none, or no such day or time exists
 */
export const parseTimestamp = (text: string): number | undefined => {
  const parts = iso.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", , sign, offsetHours, offsetMinutes] = parts;
  const local = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const midnight = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const isReal = midnight.getUTCDate() === Number(day) && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
  if (!isReal) return undefined;
  const offset = sign === undefined ? 0 : (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === "-" ? -60_000 : 60_000);
  return local + Number(fraction.padEnd(3, "0").slice(0, 3)) - offset;
};
