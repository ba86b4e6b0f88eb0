/**
 * Which QTS a home belongs to: `home.json` says in which format it is kept and which version last wrote to it.
 *
 * The format counts up only when an older QTS must not touch a home any more. A home of a newer format is refused by reading
 * alone, before a lock, a log or a probe is written into it. Homes of 0.1.0 have no `home.json` and are of format 1.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { err, ok, type Result } from "#core/result.ts";
import { writeFileDurably } from "./durable-files.ts";
import { sessionsOf } from "./journal/sessions.ts";
import { isOfNewerFormat } from "./journal/store.ts";

export const homeFormat = 1;

export interface HomeStamp {
  readonly format: number;
  /** The version of QTS that last wrote to this home. */
  readonly version: string;
}

const fileOf = (home: string): string => join(home, "home.json");

/** @returns the stamp; undefined where there is none; "unreadable" for a file that is none */
export const readHomeStamp = (home: string): HomeStamp | undefined | "unreadable" => {
  try {
    const { format, version } = JSON.parse(readFileSync(fileOf(home), "utf8")) as Partial<HomeStamp>;
    return Number.isInteger(format) && typeof version === "string" ? { format: format as number, version } : "unreadable";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR" ? undefined : "unreadable";
  }
};

/**
 * Reads only: the home's bytes stay what they are.
 *
 * @param home absolute path, existing or not
 * @returns undefined when this QTS may write to the home; else one sentence with the remedy
 */
export const stampProblem = (home: string): string | undefined => {
  const stamp = readHomeStamp(home);
  if (stamp === "unreadable")
    return `${fileOf(home)} cannot be read as what QTS writes there, so nobody knows which version the home belongs to; nothing was changed. If no newer QTS ever ran on it, remove that file and start again.`;
  if (stamp !== undefined && stamp.format > homeFormat)
    return `${home} belongs to a newer QTS: version ${stamp.version} keeps it in format ${stamp.format}, and this one knows formats up to ${homeFormat}. Nothing was changed: start version ${stamp.version} or a later one, or give another --home.`;
  const newest = sessionsOf({ journal: join(home, "journal") }).at(-1);
  if (newest !== undefined && isOfNewerFormat(newest.file))
    return `${home} belongs to a newer QTS: its journal ${newest.file} has a format that this one does not know. Nothing was changed: start the version that wrote it, or give another --home.`;
  return undefined;
};

/**
 * Notes that this version writes to the home from now on; durable. Nothing is written where that is known already.
 *
 * @returns the sentence of a failure
 */
export const stampHome = (home: string, version: string): Result<void, string> => {
  const stamp = readHomeStamp(home);
  if (stamp !== undefined && stamp !== "unreadable" && stamp.format === homeFormat && stamp.version === version)
    return ok(undefined);
  try {
    writeFileDurably(fileOf(home), Buffer.from(`${JSON.stringify({ format: homeFormat, version } satisfies HomeStamp)}\n`));
    return ok(undefined);
  } catch (error) {
    return err(
      `${fileOf(home)} cannot be written (${(error as Error).message}): make room or give the right to write, and start again.`,
    );
  }
};
