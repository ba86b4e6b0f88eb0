/**
 * The page's token: whoever can read the home may look in. It outlives restarts, so that an open page comes back by itself, and
 * is never logged.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { closeSync, fchmodSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { prepareDirectory } from "../control/files.ts";

const form = /^[0-9a-f]{64}$/;

/**
 * @param directory `<home>/control`, made when it is missing
 * @returns 32 bytes as hex: the one that is kept, else a new one, readable by its owner alone. Throws what the file system says.
 */
export const pageToken = (directory: string): string => {
  prepareDirectory(directory);
  const path = join(directory, "page-token");
  try {
    const kept = readFileSync(path, "utf8").trim();
    if (form.test(kept)) return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const token = randomBytes(32).toString("hex");
  writePrivate(path, token);
  return token;
};

/** Readable by its owner alone, also if somebody else had made it. */
const writePrivate = (path: string, text: string): void => {
  const fd = openSync(path, "w", 0o600);
  try {
    fchmodSync(fd, 0o600);
    writeSync(fd, `${text}\n`);
  } finally {
    closeSync(fd);
  }
};

/** Where the page of the running house is, for `qts inspect`. @returns takes it away again */
export const publishPage = (directory: string, url: string): (() => void) => {
  const path = join(directory, "page-address");
  writePrivate(path, url);
  return () => rmSync(path, { force: true });
};

/** @returns the page's address with its token; undefined where no page was opened. Throws what the file system says otherwise. */
export const pageAddress = (directory: string): string | undefined => {
  try {
    const [url, token] = ["page-address", "page-token"].map((name) => readFileSync(join(directory, name), "utf8").trim());
    return `${url}#token=${token}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
};

/** Equal, in a time that tells nothing of how much of it was right. */
export const isToken = (given: string | undefined, token: string): boolean =>
  given !== undefined && form.test(given) && timingSafeEqual(Buffer.from(given), Buffer.from(token));
