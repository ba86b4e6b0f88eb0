/**
 * The kill switch: a file of the name KILL in the home, which a person can `touch` when nothing else answers.
 *
 * Any entry of that name counts, also a directory, a pipe or a link that leads nowhere: whoever made it meant it. No link is
 * followed and nothing is opened that could make a reader wait.
 */
import { closeSync, constants, fsyncSync, lstatSync, openSync, readSync, type Stats, writeSync } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { join } from "node:path";
import type { KillSwitch } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import { createOwn } from "./own-files.ts";

const name = "KILL";
const withoutReason = `the file ${name} is in the home`;
const readBytesMax = 1024;
const reasonCharsMax = 200;
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** @param home its path */
export const killSwitchPath = (home: string): string => join(home, name);

/** What a person wrote into the file: its first line, as plain text. */
const reasonIn = (bytes: Uint8Array): string => {
  const [line = ""] = new TextDecoder()
    .decode(bytes)
    .trimStart()
    .split(/[\r\n]/);
  const plain = line.replaceAll(/\p{Cc}/gu, " ").trim();
  return plain === "" ? withoutReason : [...plain].slice(0, reasonCharsMax).join("");
};

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);
const isAbsence = (error: unknown): boolean => ["ENOENT", "ENOTDIR"].includes(codeOf(error));
const problem = (path: string, error: unknown): Result<never, string> => err(`${path} cannot be looked at (${codeOf(error)})`);

const readNow = (path: string): string => {
  try {
    const handle = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const buffer = new Uint8Array(readBytesMax);
      return reasonIn(buffer.subarray(0, readSync(handle, buffer, 0, readBytesMax, 0)));
    } finally {
      closeSync(handle);
    }
  } catch {
    // It is there; that it cannot be read takes nothing from it.
    return withoutReason;
  }
};

const read = async (path: string): Promise<string> => {
  try {
    await using handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const { buffer, bytesRead } = await handle.read(new Uint8Array(readBytesMax), 0, readBytesMax, 0);
    return reasonIn(buffer.subarray(0, bytesRead));
  } catch {
    return withoutReason;
  }
};

/** @param path as `killSwitchPath` gives it */
export const createKillSwitch = (path: string): KillSwitch => ({
  path,
  now: () => {
    let found: Stats;
    try {
      found = lstatSync(path);
    } catch (error) {
      return isAbsence(error) ? ok(null) : problem(path, error);
    }
    return ok(found.isFile() ? readNow(path) : withoutReason);
  },
  look: async () => {
    let found: Stats;
    try {
      found = await lstat(path);
    } catch (error) {
      return isAbsence(error) ? ok(null) : problem(path, error);
    }
    return ok(found.isFile() ? await read(path) : withoutReason);
  },
});

/**
 * Turns the kill switch on, for whoever finds nobody that answers.
 *
 * @returns its path, also when it was on already; or one sentence with the remedy
 */
export const turnOnKillSwitch = (home: string, reason: string): Result<string, string> => {
  const path = killSwitchPath(home);
  try {
    const handle = createOwn(path);
    try {
      writeSync(handle, `${reason}\n`);
      fsyncSync(handle);
    } catch {
      // A full disk has no room for the reason; the file itself is what counts.
    } finally {
      closeSync(handle);
    }
    return ok(path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return ok(path);
    if (isAbsence(error)) return err(`There is no home ${home}; name it with --home.`);
    return err(`${path} cannot be made (${codeOf(error)}): make it as a user who may write there (touch ${path}).`);
  }
};
