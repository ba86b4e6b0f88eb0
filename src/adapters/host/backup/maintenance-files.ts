/** The MaintenanceFiles port on this machine's file system. Each call is a few system calls; the heavy part is thread.ts. */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { err, ok, type Result } from "#core/result.ts";
import type { HostError, MaintenanceFiles } from "#ops/ports.ts";
import { makeFolders, partialPrefix, syncDirectory, writeAllSync, writeFileDurably } from "../durable-files.ts";
import { NotOurs, openOwn, strangerAt } from "../own-files.ts";
import { matchesGlob } from "../path-glob.ts";
import { codeOf, reasonOf } from "./errors.ts";
import { acquireLock } from "./lock.ts";
import { bytesOf } from "./names.ts";

const attempt = <T>(what: string, work: () => T): Result<T, HostError> => {
  try {
    return ok(work());
  } catch (error) {
    return err({ type: "failed", reason: `${what}: ${reasonOf(error)}` });
  }
};

/** The real path, also of a place that does not exist yet: of its nearest ancestor that does. */
const realPathOf = (path: string): string => {
  try {
    return realpathSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT" || dirname(path) === path) throw error;
    return join(realPathOf(dirname(path)), basename(path));
  }
};

const isWithin = (root: string, path: string): boolean => path === root || path.startsWith(`${root}/`);

const prepare = (
  data: string,
  backup: string,
  isOnlyLooking: boolean,
): Result<{ dataRoot: string; backupRoot: string }, HostError> => {
  const refuse = (reason: string) => err({ type: "refused", reason } as const);
  try {
    const dataRoot = realpathSync(resolve(data));
    if (!statSync(dataRoot).isDirectory()) return refuse(`the data root ${data} is no folder`);
    const backupRoot = realPathOf(resolve(backup));
    if (isWithin(dataRoot, backupRoot))
      return refuse(`the backup root ${backup} lies inside the data root ${data}: it would back itself up`);
    if (isWithin(backupRoot, dataRoot))
      return refuse(`the data root ${data} lies inside the backup root ${backup}: cleanup would eat the backup's house`);
    if (!isOnlyLooking) makeFolders(backupRoot);
    const stranger = strangerAt(backupRoot);
    if (stranger !== undefined) return refuse(`the backup root is not safe to write to: ${stranger}`);
    return ok({ dataRoot, backupRoot });
  } catch (error) {
    return refuse(reasonOf(error));
  }
};

const lineBreak = 0x0a;
const endsInLine = (fd: number, size: number): boolean => {
  const last = Buffer.alloc(1);
  return size === 0 || readSync(fd, last, 0, 1, size - 1) === 0 || last[0] === lineBreak;
};

/**
 * Appends whole lines and waits for the disk; what a full disk cut short is taken back, so that no half line stays. A half
 * line that a power cut left ends here, so that it spoils no other.
 */
const appendDurably = (path: string, text: string): void => {
  makeFolders(dirname(path));
  const fd = openOwn(path, "append");
  try {
    const { size } = fstatSync(fd);
    try {
      writeAllSync(fd, Buffer.from(endsInLine(fd, size) ? text : `\n${text}`));
      fsyncSync(fd);
    } catch (error) {
      ftruncateSync(fd, size);
      throw error;
    }
    if (size === 0) syncDirectory(dirname(path));
  } finally {
    closeSync(fd);
  }
};

/** A path too long for the system in one call is found in the way when it is written. */
const isThere = (path: Buffer): boolean => {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (codeOf(error) === "ENAMETOOLONG") return false;
    throw error;
  }
};

export const createMaintenanceFiles = (): MaintenanceFiles => ({
  prepare: async (dataRoot, backupRoot, options) => prepare(dataRoot, backupRoot, options?.isOnlyLooking ?? false),
  lock: async (backupRoot, runId) => acquireLock(backupRoot, runId),
  removeLeftovers: async (backupRoot) =>
    attempt(`cleaning ${backupRoot}`, () => {
      const names = readdirSync(backupRoot).filter((name) => name.startsWith(partialPrefix));
      for (const name of names) rmSync(join(backupRoot, name));
      return names;
    }),
  list: async (directory) =>
    attempt(`listing ${directory}`, () => {
      try {
        return readdirSync(directory, { withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map(({ name }) => ({ name, size: statSync(join(directory, name)).size }))
          .sort((a, b) => (a.name < b.name ? -1 : 1));
      } catch (error) {
        if (codeOf(error) === "ENOENT") return [];
        throw error;
      }
    }),
  readText: async (path) =>
    attempt(`reading ${path}`, () => {
      try {
        return readFileSync(path, "utf8");
      } catch (error) {
        if (codeOf(error) === "ENOENT") return undefined;
        throw error;
      }
    }),
  writeDurably: async (path, text) =>
    attempt(`writing ${path}`, () => {
      writeFileDurably(path, Buffer.from(text));
      return { sha256: sha256(text) };
    }),
  sha256,
  appendDurably: async (path, text) => attempt(`writing ${path}`, () => appendDurably(path, text)),
  existing: async (root, paths) =>
    attempt(`looking into ${root}`, () =>
      paths.filter((path) => isThere(Buffer.concat([Buffer.from(`${root}/`), bytesOf(path)]))),
    ),
  makeFolder: async (path) =>
    attempt(`making the folder ${path}`, () => {
      makeFolders(path);
      const stranger = strangerAt(path);
      if (stranger !== undefined) throw new NotOurs(`it is not safe to write to: ${stranger}`);
      return realpathSync(path);
    }),
  freeBytes: async (directory) =>
    attempt(`asking for the space at ${directory}`, () => {
      let place = directory;
      while (!existsSync(place)) place = dirname(place);
      const { bavail, bsize } = statfsSync(place);
      return bavail * bsize;
    }),
  removeArchive: async (path) =>
    attempt(`removing ${path}`, () => {
      rmSync(path);
      syncDirectory(dirname(path));
    }),
  matchesGlob,
});

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
