/**
 * The page's token: whoever can read the home may look in. It outlives restarts, so that an open page comes back by itself, and
 * is never logged.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { err, ok, type Result } from "#core/result.ts";
import { prepareDirectory } from "../control/files.ts";
import { writeFileDurably } from "../durable-files.ts";
import { strangerAt } from "../own-files.ts";

const form = /^[0-9a-f]{64}$/;

const problem = (path: string, error: unknown): Result<never, string> =>
  err(
    `${path} cannot be written or read (${(error as NodeJS.ErrnoException).code ?? String(error)}): make its folder writable for this user, or remove the file.`,
  );

/**
 * @param directory `<home>/control`, made when it is missing
 * @returns 32 bytes as hex: the one that is kept, else a new one, readable by its owner alone; or a sentence
 */
export const pageToken = (directory: string): Result<string, string> => {
  const path = join(directory, "page-token");
  try {
    prepareDirectory(directory);
    // One that others may have written opens to others.
    const kept = strangerAt(path) === undefined ? textOf(path)?.trim() : undefined;
    if (kept !== undefined && form.test(kept)) return ok(kept);
    const token = randomBytes(32).toString("hex");
    writePrivate(path, token);
    return ok(token);
  } catch (error) {
    return problem(path, error);
  }
};

/**
 * The token that is kept now, by reading alone: asked while the house trades, once a second and at each knock.
 *
 * @returns "" where there is none that is ours, so that nobody is let in. Throws the system's error when it cannot be read
 */
export const presentPageToken = (directory: string): string => {
  const path = join(directory, "page-token");
  const kept = textOf(path)?.trim();
  return kept !== undefined && form.test(kept) && strangerAt(path) === undefined ? kept : "";
};

/** Whether it could be a token at all. */
export const looksLikeToken = (given: string | undefined): boolean => given !== undefined && form.test(given);

/** Whoever has the old one is out within a second. @returns the new one, or a sentence */
export const renewPageToken = (directory: string): Result<string, string> => {
  try {
    rmSync(join(directory, "page-token"), { force: true });
  } catch (error) {
    return problem(join(directory, "page-token"), error);
  }
  return pageToken(directory);
};

/** Undefined where there is no such file. */
const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
};

const writePrivate = (path: string, text: string): void => writeFileDurably(path, Buffer.from(`${text}\n`));

/** Where the page of the running house is, for `qts inspect`. @returns what takes it away again; or a sentence */
export const publishPage = (directory: string, url: string): Result<() => void, string> => {
  const path = join(directory, "page-address");
  try {
    writePrivate(path, url);
  } catch (error) {
    return problem(path, error);
  }
  return ok(() => rmSync(path, { force: true }));
};

/** @returns the page's address with its token; undefined where no page was opened. Throws what the file system says otherwise. */
export const pageAddress = (directory: string): string | undefined => {
  const [url, token] = ["page-address", "page-token"].map((name) => textOf(join(directory, name))?.trim());
  return url === undefined || token === undefined ? undefined : `${url}#token=${token}`;
};

/** Equal, in a time that tells nothing of how much of it was right. */
export const isToken = (given: string | undefined, token: string): boolean =>
  given !== undefined && form.test(given) && form.test(token) && timingSafeEqual(Buffer.from(given), Buffer.from(token));
