/**
 * A folder of recorded days that somebody imports into: all the days of one import appear, or none.
 *
 * An import writes into a folder of its own (`.import-PID`). When every day is there and on disk, the folder is renamed to
 * `.import-PID.whole`, which is the moment of truth: from then on the next `qts import` or `qts days` moves its days to their names,
 * also when the import was killed. One that was killed before leaves nothing but its folder, which the next one removes.
 */
import { closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

export const daySuffix = ".qtsday";
const ownFolder = /^\.import-(\d+)(\.whole)?$/;

const syncFolder = (path: string): void => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** @returns undefined when the other of two at once was quicker: what it has moved is moved */
const unlessMoved = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
};

/** Moves the days of a finished import to their names. */
const moveDays = (directory: string, whole: string): void => {
  const files = unlessMoved(() => readdirSync(whole)) ?? [];
  for (const file of files.filter((name) => name.endsWith(daySuffix)))
    unlessMoved(() => renameSync(join(whole, file), join(directory, file)));
  syncFolder(directory);
  rmSync(whole, { recursive: true, force: true });
};

/** Ends what killed imports began: finished ones get their names, the others are removed. Throws the system's error. */
export const settleImports = (directory: string): void => {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    const [, pid, whole] = ownFolder.exec(name) ?? [];
    if (pid === undefined) continue;
    if (whole !== undefined) moveDays(directory, join(directory, name));
    else if (Number(pid) !== process.pid && !isAlive(Number(pid)))
      rmSync(join(directory, name), { recursive: true, force: true });
  }
};

/** How files are written: through nothing that somebody planted, and readable by nobody else. Each throws the system's error. */
export interface OwnFiles {
  makeFolders(path: string): void;
  write(path: string, bytes: Uint8Array): void;
  append(path: string, bytes: Uint8Array): void;
}

/** The days are whole and on disk; what lists days next gives them their names. */
export class StillUnnamed extends Error {}

/** One import on its way. */
export interface ImportFolder {
  /** For what it needs meanwhile. */
  readonly path: string;
  write(name: string, file: Uint8Array): void;
  /**
   * Every day gets its name.
   *
   * @throws StillUnnamed when the days are imported and some have not got their names; the system's error when nothing is
   */
  publish(): void;
  /** Leaves nothing behind; after `publish` it does nothing. */
  discard(): void;
}

/** Throws the system's error. */
export const openImport = (directory: string, files: OwnFiles): ImportFolder => {
  files.makeFolders(directory);
  settleImports(directory);
  const path = join(directory, `.import-${process.pid}`);
  const whole = `${path}.whole`;
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { mode: 0o700 });
  return {
    path,
    write: (name, file) => files.write(join(path, `${name}${daySuffix}`), file),
    publish: () => {
      syncFolder(path);
      renameSync(path, whole);
      try {
        syncFolder(directory);
        moveDays(directory, whole);
      } catch (error) {
        throw new StillUnnamed(
          `the days are imported and lie in ${whole}, and have not got their names: ${(error as Error).message}`,
        );
      }
    },
    discard: () => rmSync(path, { recursive: true, force: true }),
  };
};
