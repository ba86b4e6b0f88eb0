/** The recorded days that ship with QTS, read whole and checked whole before a session begins. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { err, type Result } from "#core/result.ts";
import { decodeDay, type RecordedDay } from "./day-format.ts";

const daysDirectory = fileURLToPath(new URL("./days/", import.meta.url));
const suffix = ".qtsday";

/** Names of the days that can be replayed. */
export const recordedDays = (directory: string = daysDirectory): readonly string[] =>
  existsSync(directory)
    ? readdirSync(directory)
        .filter((file) => file.endsWith(suffix))
        .map((file) => file.slice(0, -suffix.length))
        .sort()
    : [];

/**
 * Opens a recorded day.
 *
 * @param name as in `session.day`
 * @returns the day, or one sentence that names the file, what is wrong with it and the remedy
 */
export const openRecordedDay = (name: string, directory: string = daysDirectory): Result<RecordedDay, string> => {
  const path = join(directory, `${name}${suffix}`);
  let file: Uint8Array;
  try {
    file = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const known = recordedDays(directory);
    return err(
      code === "ENOENT"
        ? `the recorded day ${name} is missing: there is no ${path}; ${
            known.length === 0
              ? "restore it with `git checkout -- src/adapters/replay/days`"
              : `choose one of ${known.join(", ")}`
          }`
        : `the recorded day ${path} cannot be read (${code}): check its owner and mode`,
    );
  }
  const decoded = decodeDay(file);
  if (!decoded.ok)
    return err(`the recorded day ${path} ${decoded.error}; restore it with \`git checkout -- src/adapters/replay/days\``);
  return decoded;
};

const volatilityFile = z.strictObject({
  source: z.string(),
  closes: z.array(z.strictObject({ at: z.iso.datetime(), value: z.number().positive() })),
});

/** The volatility index that goes with a day, each close with its time in epoch ms; none when nobody wrote it down. */
export const volatilityOf = (
  name: string,
  directory: string = daysDirectory,
): readonly { readonly at: number; readonly value: number }[] => {
  const path = join(directory, `${name}.vix.json`);
  if (!existsSync(path)) return [];
  const { closes } = volatilityFile.parse(JSON.parse(readFileSync(path, "utf8")));
  return closes.map(({ at, value }) => ({ at: Date.parse(at), value }));
};
