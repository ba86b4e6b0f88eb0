/**
 * The home directory: everything that QTS writes lies under it, and nothing anywhere else.
 *
 * It is proved usable before anything starts, by writing: permission bits do not know of read-only mounts, immutable
 * directories or full disks. A home that is refused is left as it was found.
 */
import { closeSync, mkdirSync, readdirSync, rmdirSync, type Stats, statSync, unlinkSync, writeSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { err, ok, type Result } from "#core/result.ts";
import { stampProblem } from "./home-stamp.ts";
import { createOwn, openAbove, privateFolder, shutOut, shutOwnGroup, strangerAt, unguessable } from "./own-files.ts";

export interface Home {
  /** Absolute. */
  readonly path: string;
  readonly journal: string;
  /** `config/observer`: a contract with downstream readers. */
  readonly archive: string;
  readonly backup: string;
  /** Where `cleanup.log` lies, by contract. */
  readonly maintenanceLogs: string;
  /** The paper broker's own ledger, which a real venue would keep elsewhere. */
  readonly paper: string;
  /** The control socket and what belongs to it. */
  readonly control: string;
}

export interface HomeProblem {
  /** `home.foreign`: it belongs to a newer version, or to nobody knows which; nothing was written. */
  readonly type: "home.unusable" | "home.foreign";
  /** The directory or file that is in the way. */
  readonly path: string;
  /** One sentence with the remedy. */
  readonly problem: string;
}

export const homePaths = (path: string): Home => {
  const home = resolve(path);
  return {
    path: home,
    journal: join(home, "journal"),
    archive: join(home, "config", "observer"),
    backup: join(home, "backup"),
    maintenanceLogs: join(home, "ops", "logs", "maintenance"),
    paper: join(home, "paper"),
    control: join(home, "control"),
  };
};

/**
 * Creates the home where it is absent (its parent must exist: a mistyped path should not grow a tree) and proves that each
 * of its directories can be written.
 *
 * @param path absolute, or relative to the working directory
 * @param isOnlyLooking leaves the modes of what is there as they are
 * @returns the paths; or the first thing in the way, with everything that was created removed again
 */
export const openHome = (
  path: string,
  { isOnlyLooking = false }: { readonly isOnlyLooking?: boolean } = {},
): Result<Home, HomeProblem> => {
  const home = homePaths(path);
  // A home of an earlier QTS has the modes of its user's umask.
  if (!isOnlyLooking) for (const place of [home.path, ...directoriesOf(home), ...filesOf(home)]) shutOwnGroup(place);
  const access = accessProblem(home.path);
  if (access !== undefined) return err({ type: "home.unusable", path: home.path, problem: access });
  const foreign = stampProblem(home.path);
  if (foreign !== undefined) return err({ type: "home.foreign", path: home.path, problem: foreign });
  const parent = dirname(home.path);
  if (statOf(parent)?.isDirectory() !== true)
    return err(
      unusable(
        parent,
        `does not exist, so ${home.path} cannot be created in it; create it (mkdir -p ${parent}) or give another --home`,
      ),
    );
  const created: string[] = [];
  for (const directory of directoriesOf(home)) {
    const problem = make(directory, created) ?? probe(directory);
    if (problem === undefined) continue;
    for (const made of created.reverse()) {
      try {
        rmdirSync(made);
      } catch {
        // What cannot be removed is empty and ours; the problem that is being told matters more.
      }
    }
    return err(problem);
  }
  // A home of an earlier QTS was open to whoever could look at its parent.
  if (!isOnlyLooking) for (const place of [home.path, ...directoriesOf(home), ...filesOf(home)]) shutOut(place);
  return ok(home);
};

/**
 * Whether a home is its user's alone, by reading only: owner and mode of its folders and of the files that decide.
 *
 * @param path absolute; a home that is not there yet is judged by what is above it
 * @returns one sentence with the remedy
 */
export const accessProblem = (path: string): string | undefined => {
  const home = homePaths(path);
  try {
    for (const place of [home.path, ...directoriesOf(home), ...filesOf(home)]) {
      const problem = strangerAt(place);
      if (problem !== undefined) return `The home ${home.path} is not safe to use: ${problem}.`;
    }
    const above = openAbove(home.path);
    return above === undefined ? undefined : `The home ${home.path} is not safe to use: ${above}.`;
  } catch {
    // What cannot be looked at cannot be used either, and whoever uses it says why.
    return undefined;
  }
};

/** A person may keep files of their own in a home, and a kill switch counts whoever made it. */
const ofTheHome = /^(home\.json|lock\.)/;

/** What is looked at besides folders: whoever can write one of these could speak for QTS. The archive lies behind its folder. */
const filesOf = (home: Home): readonly string[] => {
  const within = (directory: string): readonly string[] => {
    try {
      return readdirSync(directory, { withFileTypes: true })
        .filter((entry) => !entry.isDirectory() && (directory !== home.path || ofTheHome.test(entry.name)))
        .map(({ name }) => join(directory, name));
    } catch {
      return [];
    }
  };
  return [home.path, home.journal, home.paper, home.control, dirname(home.maintenanceLogs), home.maintenanceLogs].flatMap(within);
};

/** Every directory of the home, parents first. */
const directoriesOf = ({ path, ...rooms }: Home): readonly string[] => {
  const directories = new Set([path]);
  for (const room of Object.values(rooms)) {
    const missing: string[] = [];
    for (let at = room; at !== path; at = dirname(at)) missing.unshift(at);
    for (const directory of missing) directories.add(directory);
  }
  return [...directories];
};

const make = (directory: string, created: string[]): HomeProblem | undefined => {
  const found = statOf(directory);
  if (found?.isDirectory()) return undefined;
  if (found !== undefined)
    return unusable(directory, `is a file, and QTS needs a directory there; move it away or give another --home`);
  try {
    mkdirSync(directory, { mode: privateFolder });
    created.push(directory);
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST")
      return unusable(directory, "is a symbolic link to a place that does not exist; create that place or remove the link");
    return explain(directory, "cannot be created", error as NodeJS.ErrnoException);
  }
};

const probe = (directory: string): HomeProblem | undefined => {
  const file = join(directory, `.qts-probe-${unguessable()}`);
  try {
    const handle = createOwn(file);
    try {
      writeSync(handle, "QTS was here to see whether it can write.\n");
    } finally {
      closeSync(handle);
      unlinkSync(file);
    }
    return undefined;
  } catch (error) {
    return explain(directory, "cannot be written", error as NodeJS.ErrnoException);
  }
};

const explain = (path: string, what: string, error: NodeJS.ErrnoException): HomeProblem => {
  // What does not exist yet is a matter of its parent.
  const place = statOf(path) === undefined ? dirname(path) : path;
  const user = userInfo();
  const remedy = {
    EACCES: `give ${user.username} the right to write (chown ${user.username} ${place}), or give another --home`,
    EPERM: `lift its protection (lsattr ${place} shows it, chattr -i removes it), or give another --home`,
    EROFS: "it is on a read-only file system: mount it writable, or give another --home",
    ENOSPC: "the disk is full, or out of inodes (df -h, df -i): make room, or give another --home",
    EDQUOT: `the quota of ${user.username} is used up: make room, or give another --home`,
    ENOTDIR: "a part of the path is a file: give another --home",
    ENAMETOOLONG: "the path is too long: give a shorter --home",
  }[error.code ?? ""];
  return unusable(
    path,
    `${what} (${error.code ?? error.message}): ${ownership(place, user)}; ${remedy ?? "give another --home"}`,
  );
};

const ownership = (path: string, user: { readonly uid: number; readonly username: string }): string => {
  const found = statOf(path);
  const mode = found === undefined ? "unknown" : (found.mode & 0o7777).toString(8).padStart(4, "0");
  return `${path} belongs to uid ${found?.uid ?? "unknown"} with mode ${mode}, and QTS runs as ${user.username} (uid ${process.geteuid?.() ?? user.uid})`;
};

const unusable = (path: string, what: string): HomeProblem => ({ type: "home.unusable", path, problem: `${path} ${what}.` });

const statOf = (path: string): Stats | undefined => {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
};
