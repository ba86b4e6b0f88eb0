/** Recorded days in folders: those that ship with QTS and those somebody imported. Checked whole before a session begins. */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { err, ok, type Result } from "#core/result.ts";
import { isDay, localTime } from "#core/zoned-time.ts";
import { checkDay, type DayHeader, headerOfDay, type RecordedDay, unfoldDay } from "./day-format.ts";
import { daySuffix } from "./days-folder.ts";
import type { PlayableDay } from "./feed.ts";

/** The days that ship with QTS. */
export const shippedDays = fileURLToPath(new URL("./days/", import.meta.url));

/** Names of the days that can be replayed. */
export const recordedDays = (directory: string = shippedDays): readonly string[] => {
  let files: string[];
  try {
    files = readdirSync(directory);
  } catch {
    // Not there, not a folder, or not ours to read: there is no day to choose.
    return [];
  }
  return files
    .filter((file) => file.endsWith(daySuffix) && !file.startsWith("."))
    .map((file) => file.slice(0, -daySuffix.length))
    .sort();
};

const remedyOf = (directory: string): string =>
  directory === shippedDays
    ? "restore it with `git checkout -- src/adapters/replay/days`"
    : "import it again with `qts import --replace`";

/** What of the file system stands in the way, as a sentence. */
const unread = (path: string, error: unknown): string =>
  `the recorded day ${path} cannot be read (${(error as NodeJS.ErrnoException).code}): check its owner and mode`;

/**
 * Opens a recorded day.
 *
 * @param name as in `session.day`
 * @param checksum of the file as it was when the session began; absent: whatever is there
 * @returns the day, or one sentence that names the file, what is wrong with it and the remedy
 */
export const openRecordedDay = (
  name: string,
  directory: string = shippedDays,
  checksum?: string,
): Result<RecordedDay, string> => {
  const path = join(directory, `${name}${daySuffix}`);
  let file: Uint8Array;
  try {
    file = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const known = recordedDays(directory);
    return err(
      code === "ENOENT"
        ? `the recorded day ${name} is missing: there is no ${path}; ${
            known.length === 0 ? remedyOf(directory) : `choose one of ${known.join(", ")}`
          }`
        : unread(path, error),
    );
  }
  const checked = checkDay(file);
  if (!checked.ok) return err(`the recorded day ${path} ${checked.error}; ${remedyOf(directory)}`);
  if (checksum !== undefined && checked.value.checksum !== checksum)
    return err(`the recorded day ${path} was changed while it was being played; begin anew with --new-session`);
  return ok(unfoldDay(checked.value));
};

export interface KnownDay {
  readonly name: string;
  readonly directory: string;
}

/** Every day of these folders; of two with one name the first folder's. */
export const daysIn = (directories: readonly string[]): readonly KnownDay[] => {
  const found = new Map<string, KnownDay>();
  for (const directory of directories)
    for (const name of recordedDays(directory)) if (!found.has(name)) found.set(name, { name, directory });
  return [...found.values()];
};

/** A thousand instruments have 100 kB. */
const headerBytesMax = 1_048_576;

/** What a day says about itself, without reading its trades. @returns the sentence of what is wrong with the file */
export const headerOf = ({ name, directory }: KnownDay): Result<DayHeader, string> => {
  const path = join(directory, `${name}${daySuffix}`);
  try {
    const fd = openSync(path, "r");
    try {
      const bytes = Buffer.alloc(headerBytesMax);
      const header = headerOfDay(bytes.subarray(0, readSync(fd, bytes, 0, headerBytesMax, 0)));
      return header.ok ? header : err(`the recorded day ${path} ${header.error}; ${remedyOf(directory)}`);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return err(unread(path, error));
  }
};

/** "2018-02-26", by the market's own clocks. */
export const dateOf = ({ midnightAt, timeZone }: DayHeader): string => localTime(midnightAt, timeZone).day;

const rangePattern = /^(.+)\.\.(.+)$/;
const dated = /^(?:(.+)-)?(\d{8})$/;

/** The end of a sentence that begins with "is …:". */
const rangeOf = (text: string, known: readonly KnownDay[]): Result<readonly KnownDay[], string> | undefined => {
  const [, fromText, toText] = rangePattern.exec(text) ?? [];
  if (fromText === undefined || toText === undefined) return undefined;
  const [from, to] = [dated.exec(fromText), dated.exec(toText)];
  const written = (digits: string): string => `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`;
  if (from === null || to === null || !isDay(written(from[2] as string)) || !isDay(written(to[2] as string)))
    return err("is no range of days; write NAME-20240102..20240131");
  if (to[1] !== undefined && to[1] !== from[1])
    return err(`begins with ${from[1] ?? "no name"} and ends with ${to[1]}: give one name`);
  const prefixes = new Set(known.flatMap(({ name }) => dated.exec(name)?.[1] ?? []));
  const [prefix] = from[1] === undefined ? prefixes : [from[1]];
  if (from[1] === undefined && prefixes.size !== 1)
    return err(
      prefixes.size === 0
        ? "names days, and none is imported; `qts import` makes them"
        : `names no data set; write one of ${[...prefixes].map((name) => `${name}-${text}`).join(", ")}`,
    );
  if ((from[2] as string) > (to[2] as string)) return err("ends before it begins");
  const within = known
    .filter(({ name }) => {
      const [, own, day = ""] = dated.exec(name) ?? [];
      return own === prefix && day >= (from[2] as string) && day <= (to[2] as string);
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return within.length === 0 ? err(`has no day of ${prefix} in it; \`qts days\` lists them`) : ok(within);
};

/**
 * The days that a name means, or a range: `us-equity-20131007`, `005930-20180118..20180226`.
 *
 * @returns the end of a sentence about `session.day` when there is none
 */
export const chooseDays = (text: string, directories: readonly string[]): Result<readonly KnownDay[], string> => {
  const known = daysIn(directories);
  const range = rangeOf(text, known);
  if (range !== undefined) return range;
  const one = known.find(({ name }) => name === text);
  if (one !== undefined) return ok([one]);
  return err(
    `there is no such recorded day; choose one of ${known
      .slice(0, shownMax)
      .map(({ name }) => name)
      .join(", ")}${known.length > shownMax ? " … (`qts days` lists them all)" : ""}`,
  );
};

const shownMax = 10;

/** A day that was read once, whole. */
export interface CheckedKnownDay extends KnownDay, PlayableDay {
  readonly checksum: string;
}

/** What tells one row of days from another, also when files of the same names were changed. */
export const fingerprintOf = (days: readonly CheckedKnownDay[]): string =>
  createHash("sha256")
    .update(days.map(({ name, checksum }) => `${name} ${checksum}\n`).join(""))
    .digest("hex")
    .slice(0, 16);

/**
 * Reads every byte of the chosen days once, so that no damage ends a session on its tenth day.
 *
 * @returns the days, each to be loaded when its turn comes, or one sentence with the remedy
 */
export const checkDays = (chosen: readonly KnownDay[]): Result<readonly CheckedKnownDay[], string> => {
  const days: CheckedKnownDay[] = [];
  for (const day of chosen) {
    const path = join(day.directory, `${day.name}${daySuffix}`);
    let file: Uint8Array;
    try {
      file = readFileSync(path);
    } catch (error) {
      return err(unread(path, error));
    }
    const checked = checkDay(file);
    if (!checked.ok) return err(`the recorded day ${path} ${checked.error}; ${remedyOf(day.directory)}`);
    const { header, checksum } = checked.value;
    days.push({
      ...day,
      header,
      checksum,
      load: () => {
        const opened = openRecordedDay(day.name, day.directory, checksum);
        if (!opened.ok) throw new Error(opened.error);
        return opened.value;
      },
    });
  }
  return ok(days);
};

const volatilityFile = z.strictObject({
  source: z.string(),
  closes: z.array(z.strictObject({ at: z.iso.datetime(), value: z.number().positive() })),
});

/** The volatility index that goes with a day, each close with its time in epoch ms; none when nobody wrote it down. */
export const volatilityOf = (
  name: string,
  directory: string = shippedDays,
): readonly { readonly at: number; readonly value: number }[] => {
  const path = join(directory, `${name}.vix.json`);
  if (!existsSync(path)) return [];
  const { closes } = volatilityFile.parse(JSON.parse(readFileSync(path, "utf8")));
  return closes.map(({ at, value }) => ({ at: Date.parse(at), value }));
};
