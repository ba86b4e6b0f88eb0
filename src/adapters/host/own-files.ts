/**
 * Files and folders that are ours alone, judged as ssh judges its keys: what QTS reads as its own belongs to its user or to
 * root, and nobody else may write it. Nothing is ever written through a link, a pipe or a file that somebody has planted.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, closeSync, constants, fstatSync, lstatSync, openSync, type Stats, statSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname } from "node:path";

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDWR, O_WRONLY } = constants;

export const privateFile = 0o600;
export const privateFolder = 0o700;
const writableByOthers = 0o022;
const openToOthers = 0o077;

const modeOf = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, "0");
const isOurs = (uid: number, us = process.geteuid?.()): boolean => us === undefined || uid === us || uid === 0;

/** A uid need not have a name: in a container, say. */
const userName = (us: number): string => {
  try {
    return `${userInfo().username} (uid ${us})`;
  } catch {
    return `uid ${us}`;
  }
};

/**
 * Why this is not ours alone, with the remedy; undefined when it is.
 *
 * @param us the user that QTS runs as; undefined where the system knows no users
 */
export const strangerProblem = (
  path: string,
  { uid, mode }: Pick<Stats, "uid" | "mode">,
  us: number | undefined = process.geteuid?.(),
): string | undefined => {
  if (us === undefined) return undefined;
  if (!isOurs(uid, us))
    return `${path} belongs to uid ${uid}, and QTS runs as ${userName(us)}: run QTS as its owner, or make it yours (chown -R ${us} ${path}) if you trust what is in it`;
  if ((mode & writableByOthers) !== 0)
    return `${path} may be written by others (mode ${modeOf(mode)}): chmod -R go-w ${path} if you trust what is in it`;
  return undefined;
};

/** As `strangerProblem`, of what lies at a path; undefined also when nothing is there. A link is judged, and where it leads. */
export const strangerAt = (path: string): string | undefined => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  const { uid } = lstatSync(path);
  return isOurs(uid) ? strangerProblem(path, found) : strangerProblem(path, { uid, mode: 0 });
};

/** The nearest folder above in which everybody may put another folder in this one's place, with the remedy. */
export const openAbove = (path: string): string | undefined => {
  for (let at = dirname(path), below = path; at !== below; below = at, at = dirname(at)) {
    const found = statSync(at, { throwIfNoEntry: false });
    if (found !== undefined && (found.mode & 0o002) !== 0 && (found.mode & 0o1000) === 0)
      return `${at} may be written by everybody (mode ${modeOf(found.mode)}), who could put another folder in the place of ${below}: chmod o-w ${at}, or take another place`;
  }
  return undefined;
};

/** Shuts others out of what is ours. @returns whether it was open to them */
export const shutOut = (path: string): boolean => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || (found.mode & openToOthers) === 0 || found.uid !== process.geteuid?.()) return false;
  chmodSync(path, found.mode & 0o700);
  return true;
};

/**
 * Shuts what a umask of 002 has left writable by its user's own group, as many systems have it: a group of the user's name and
 * number, in which nobody else is.
 */
export const shutOwnGroup = (path: string): void => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && found.gid === found.uid && (found.mode & 0o002) === 0) shutOut(path);
};

/** A word that nobody can have guessed, for the name of a file that is being made. */
export const unguessable = (): string => randomBytes(8).toString("hex");

/** Makes a file that was not there. Throws EEXIST for whatever has the name, a link too. */
export const createOwn = (path: string | Buffer): number => openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, privateFile);

export class NotOurs extends Error {}

/**
 * Opens a file of ours for writing, and makes it when it is not there.
 *
 * @param how `append`: every write goes to its end; `change`: to where its writer says. Reading is possible too
 * @throws NotOurs for a link, a pipe, a device, or a file that others own or may write; the system's error otherwise
 */
export const openOwn = (path: string, how: "append" | "change"): number => {
  let fd: number;
  try {
    fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | (how === "append" ? O_APPEND : 0), privateFile);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ELOOP")
      throw new NotOurs(`${path} is a link, and QTS writes through none: remove it`);
    throw error;
  }
  const found = fstatSync(fd);
  const problem = found.isFile() ? strangerProblem(path, found) : `${path} is no plain file: remove it`;
  if (problem === undefined) return fd;
  closeSync(fd);
  throw new NotOurs(problem);
};

/**
 * Makes sure that a file which somebody else's code opens by its name (SQLite) is ours. One that is there is not opened: closing
 * it would free the locks that this process has on it.
 *
 * @throws NotOurs
 */
export const claimFile = (path: string): void => {
  try {
    closeSync(createOwn(path));
  } catch (error) {
    // Whoever opens it knows better words for a folder that is not there or a disk that cannot be written.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") return;
    const found = lstatSync(path);
    const problem = found.isFile() ? strangerProblem(path, found) : `${path} is no plain file: remove it`;
    if (problem !== undefined) throw new NotOurs(problem);
  }
};
