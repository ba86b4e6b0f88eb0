/** The source tree as the backup thread sees it: listing, stamping, hashing. Synchronous: it has a thread of its own. */
import { createHash } from "node:crypto";
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { err, ok, type Result } from "#core/result.ts";
import type { FileStamp, HostError, Inspection, SkippedFile, SourceFile } from "#ops/ports.ts";
import { matchesGlob } from "../path-glob.ts";

/** Read in pieces of this size: memory stays the same for any file. */
export const chunkBytes = 1 << 20;
const tailBytes = 1 << 16;

export const stampOf = (stats: BigIntStats): FileStamp => ({
  dev: `${stats.dev}`,
  ino: `${stats.ino}`,
  size: Number(stats.size),
  mtimeNs: `${stats.mtimeNs}`,
});

export const reasonOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  const sentence = message ?? String(error);
  return code === undefined || sentence.startsWith(code) ? sentence : `${code}: ${sentence}`;
};
export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Opens a regular file for reading and never follows a link: the name must be the file. */
export const openSource = (path: string): number =>
  openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);

const isWithin = (root: string, path: string): boolean =>
  path === root || path.startsWith(root.endsWith("/") ? root : `${root}/`);

/** Where a link leads: its real target, or what it says when there is no such target. */
const targetOf = (link: string): { readonly path: string; readonly exists: boolean } => {
  try {
    return { path: realpathSync(link), exists: true };
  } catch {
    return { path: resolve(join(link, ".."), readlinkSync(link)), exists: false };
  }
};

/**
 * Lists every regular file under the root, sorted by path.
 *
 * @returns refused for a link that leads outside (its target would be deleted by nobody and backed up by nobody);
 * failed for a folder that cannot be read, because what is in it is unknown
 */
export const survey = (
  { root, globs }: { readonly root: string; readonly globs: readonly string[] },
  tick: () => void,
): Result<{ files: SourceFile[]; skipped: SkippedFile[] }, HostError> => {
  const files: SourceFile[] = [];
  const skipped: SkippedFile[] = [];
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    tick();
    let entries: ReturnType<typeof readFolder>;
    try {
      entries = readFolder(join(root, folder));
    } catch (error) {
      return err({ type: "failed", reason: `the folder ${folder || "."} cannot be read: ${reasonOf(error)}` });
    }
    for (const entry of entries) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isSymbolicLink()) {
        const target = targetOf(join(root, path));
        if (!isWithin(root, target.path))
          return err({ type: "refused", reason: `${path} is a link that leads outside, to ${target.path}` });
        skipped.push({
          path,
          reason: target.exists ? "a link; its target is backed up under its own name" : "a link to nothing",
        });
      } else if (entry.isDirectory()) folders.push(path);
      else if (!globs.some((glob) => matchesGlob(path, glob))) continue;
      else if (!entry.isFile()) skipped.push({ path, reason: "neither a file nor a folder" });
      else {
        try {
          files.push({ path, ...stampOf(lstatSync(join(root, path), { bigint: true })) });
        } catch (error) {
          if (codeOf(error) !== "ENOENT") return err({ type: "failed", reason: `${path} cannot be read: ${reasonOf(error)}` });
          skipped.push({ path, reason: "it went away while the files were listed" });
        }
      }
    }
  }
  // By code unit, not by locale: the order decides the archive's bytes.
  files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return ok({ files, skipped });
};

const readFolder = (path: string) => readdirSync(path, { withFileTypes: true, encoding: "utf8" });

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

/** Stamps and hashes one file as it is now. */
export const inspect = (root: string, path: string, tick: () => void): Inspection => {
  let fd: number;
  try {
    fd = openSource(join(root, path));
  } catch (error) {
    return codeOf(error) === "ENOENT" ? { type: "missing" } : { type: "unreadable", reason: reasonOf(error) };
  }
  try {
    const before = fstatSync(fd, { bigint: true });
    const hash = createHash("sha256");
    for (const piece of readPieces(fd, Number(before.size))) {
      hash.update(piece);
      tick();
    }
    const after = fstatSync(fd, { bigint: true });
    if (after.mtimeNs !== before.mtimeNs || after.size !== before.size)
      return { type: "unreadable", reason: "it changes while it is read" };
    return { type: "present", stamp: stampOf(before), sha256: hash.digest("hex") };
  } catch (error) {
    return { type: "unreadable", reason: reasonOf(error) };
  } finally {
    closeSync(fd);
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
export const newestRecordIn = (root: string, path: string): number | null => {
  let fd: number | undefined;
  try {
    fd = openSource(join(root, path));
    return newestRecordAt(fd, Number(fstatSync(fd, { bigint: true }).size));
  } catch {
    return null;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
};
