/** Source files as the backup thread sees them: opened, stamped, hashed. Synchronous: it has a thread of its own. */
import { createHash } from "node:crypto";
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { FileStamp, Inspection } from "#ops/ports.ts";
import { codeOf, reasonOf } from "./errors.ts";
import { Folders, folderOf, lastOf, NoFolder, type OpenFolder } from "./folders.ts";

/** Read in pieces of this size: memory stays the same for any file. */
export const chunkBytes = 1 << 20;
const tailBytes = 1 << 16;

export const stampOf = (stats: BigIntStats): FileStamp => ({
  dev: `${stats.dev}`,
  ino: `${stats.ino}`,
  size: Number(stats.size),
  mtimeNs: `${stats.mtimeNs}`,
  ctimeNs: `${stats.ctimeNs}`,
});

/** Opens a file for reading and never follows a link: the name must be the file. */
export const openIn = (folder: OpenFolder, name: string): number =>
  openSync(folder.at(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);

/** As `openIn`, by path; no folder on the way is a link either. */
export const openSource = (folders: Folders, path: string): number => openIn(folders.open(folderOf(path)), lastOf(path));

/** What cleanup takes aside lies in a folder of this name for a moment (`take-away.ts`). */
export const takenName = ".qts-taken";

/** Reads exactly up to `size` bytes of an open file, in pieces that nobody else holds. */
export function* readPieces(fd: number, size: number): Generator<Buffer> {
  for (let position = 0; position < size; ) {
    const piece = Buffer.allocUnsafe(Math.min(chunkBytes, size - position));
    const count = readSync(fd, piece, 0, piece.length, position);
    if (count === 0) return;
    position += count;
    yield count === piece.length ? piece : piece.subarray(0, count);
  }
}

/** Stamps and hashes an open file. */
export const inspectOpen = (fd: number, tick: () => void): Inspection => {
  const before = stampOf(fstatSync(fd, { bigint: true }));
  const hash = createHash("sha256");
  for (const piece of readPieces(fd, before.size)) {
    hash.update(piece);
    tick();
  }
  const after = stampOf(fstatSync(fd, { bigint: true }));
  if (after.mtimeNs !== before.mtimeNs || after.size !== before.size || after.ctimeNs !== before.ctimeNs)
    return { type: "unreadable", reason: "it changes while it is read" };
  return { type: "present", stamp: before, sha256: hash.digest("hex") };
};

/** Stamps and hashes files as they are now. */
export const inspect = (root: string, paths: readonly string[], tick: () => void): Inspection[] => {
  const folders = new Folders(root);
  const inspectOne = (path: string): Inspection => {
    let fd: number | undefined;
    try {
      fd = openSource(folders, path);
      return inspectOpen(fd, tick);
    } catch (error) {
      if (fd === undefined && codeOf(error) === "ENOENT") return { type: "missing" };
      return { type: "unreadable", reason: error instanceof NoFolder ? error.message : reasonOf(error) };
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  };
  try {
    return paths.map(inspectOne);
  } finally {
    folders.close();
  }
};

const earliest = Date.UTC(1990, 0, 1);
const latest = Date.UTC(2100, 0, 1);

const timeOf = (record: unknown): number | null => {
  if (typeof record !== "object" || record === null) return null;
  const { at, timestamp_ms, timestamp, meta } = record as Record<string, unknown>;
  for (const value of [at, timestamp_ms, timestamp]) {
    const time = typeof value === "string" ? Date.parse(value) : value;
    if (typeof time === "number" && time >= earliest && time < latest) return Math.floor(time);
  }
  return meta === undefined ? null : timeOf(meta);
};

/** The newest time among the records at the end of an open JSONL file: `at`, `timestamp_ms`, `timestamp`, also in `meta`. */
export const newestRecordAt = (fd: number, size: number): number | null => {
  const tail = Buffer.alloc(Math.min(tailBytes, size));
  const count = readSync(fd, tail, 0, tail.length, size - tail.length);
  const lines = tail.toString("utf8", 0, count).split("\n");
  // Unless it begins with the file, the first line is cut.
  if (size > tail.length) lines.shift();
  let newest: number | null = null;
  for (const line of lines) {
    if (!line.startsWith("{")) continue;
    try {
      const at = timeOf(JSON.parse(line));
      if (at !== null && (newest === null || at > newest)) newest = at;
    } catch {
      // Not a record; a file without any keeps its age unknown.
    }
  }
  return newest;
};

/** As `newestRecordAt`, by path; null also for a file that cannot be opened. */
export const newestRecordsIn = (root: string, paths: readonly string[], tick: () => void): (number | null)[] => {
  const folders = new Folders(root);
  const newestIn = (path: string): number | null => {
    let fd: number | undefined;
    tick();
    try {
      fd = openSource(folders, path);
      return newestRecordAt(fd, fstatSync(fd).size);
    } catch {
      return null;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  };
  try {
    return paths.map(newestIn);
  } finally {
    folders.close();
  }
};
