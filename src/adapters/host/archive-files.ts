/** The archive's files on this machine's disk. Every error is a value with the system's own code. */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile, stat, statfs, truncate } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { ArchiveFiles, FileError, FoundFile, Pulse, SegmentFile } from "#archive/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import { writeFileDurably } from "./durable-files.ts";
import { privateFile, privateFolder } from "./own-files.ts";

const problem = (error: unknown): FileError => {
  const { code, message } = error as NodeJS.ErrnoException;
  return { code: code ?? "EIO", reason: message };
};

const attempt = async <T>(work: () => Promise<T>): Promise<Result<T, FileError>> => {
  try {
    return ok(await work());
  } catch (error) {
    return err(problem(error));
  }
};

/** What is known about a path that refuses us, for the sentence that a person reads: its owner and mode, and who we are. */
const describeAccess = async (path: string): Promise<string> => {
  for (let at = dirname(path); ; at = dirname(at)) {
    try {
      const { uid, gid, mode } = await stat(at);
      return `${at} belongs to ${uid}:${gid} with mode ${(mode & 0o7777).toString(8)}, and we are ${process.geteuid?.()}:${process.getegid?.()}`;
    } catch {
      if (at === dirname(at)) return "no directory above it can be seen";
    }
  }
};

const segmentOn = (handle: FileHandle): SegmentFile => ({
  append: (bytes) =>
    attempt(async () => {
      const { bytesWritten } = await handle.write(bytes);
      // On a full disk the first write returns a short count and no error (measured; spec A5).
      if (bytesWritten !== bytes.length)
        throw Object.assign(new Error(`only ${bytesWritten} of ${bytes.length} bytes were written: the disk is full`), {
          code: "ENOSPC",
        });
      return bytes.length;
    }),
  truncate: (size) => attempt(() => handle.truncate(size)),
  datasync: () =>
    attempt(async () => {
      await handle.datasync();
      // The system lets us write for ever to a file that has no name any more; its rows end with this process.
      if ((await handle.stat()).nlink === 0)
        throw Object.assign(new Error("the segment was deleted while it was being written"), { code: "ENOENT" });
    }),
  close: () => attempt(() => handle.close()),
});

/** Like `mkdir` with `recursive`, which hides a read-only disk behind ENOENT (Node 26). */
const makeDirectory = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { mode: privateFolder });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || path === dirname(path)) throw error;
    await makeDirectory(dirname(path));
    await makeDirectory(path);
  }
};

const newline = 0x0a;
const pieceBytes = 64 * 1024;

/** Offset behind the last newline, read backwards in pieces: a torn tail is one batch at most, a file may be large. */
const wholeBytes = async (handle: FileHandle, size: number): Promise<number> => {
  const piece = Buffer.alloc(pieceBytes);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - pieceBytes);
    await handle.read(piece, 0, end - start, start);
    const found = piece.subarray(0, end - start).lastIndexOf(newline);
    if (found >= 0) return start + found + 1;
    end = start;
  }
  return 0;
};

export const createArchiveFiles = (): ArchiveFiles => ({
  create: async (path) => {
    const created = await attempt(async () => {
      await makeDirectory(dirname(path));
      const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
      // The first fsync of a new file makes its name durable too on ext4 and xfs (measured), so that no directory is fsynced here.
      return segmentOn(await open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, privateFile));
    });
    if (created.ok || (created.error.code !== "EACCES" && created.error.code !== "EPERM")) return created;
    return err({ code: created.error.code, reason: `${created.error.reason}; ${await describeAccess(path)}` });
  },

  list: async (directory) => {
    const found = await attempt(async (): Promise<FoundFile[]> => {
      const entries = await readdir(directory, { recursive: true, withFileTypes: true });
      const files: FoundFile[] = [];
      for (const entry of entries) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        files.push({ path: relative(directory, path).split(sep).join("/"), bytes: (await stat(path)).size });
      }
      return files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
    });
    return !found.ok && found.error.code === "ENOENT" ? ok([]) : found;
  },

  readLines: (path) =>
    attempt(async () => {
      const lines = (await readFile(path, "utf8")).split("\n");
      lines.pop();
      return lines;
    }),

  readFirstLine: (path) =>
    attempt(async () => {
      const handle = await open(path, "r");
      try {
        const piece = Buffer.alloc(pieceBytes);
        const { bytesRead } = await handle.read(piece, 0, pieceBytes, 0);
        const end = piece.subarray(0, bytesRead).indexOf(newline);
        return end < 0 ? undefined : piece.toString("utf8", 0, end);
      } finally {
        await handle.close();
      }
    }),

  cutTornTail: (path) =>
    attempt(async () => {
      const handle = await open(path, "r");
      try {
        const { size } = await handle.stat();
        const whole = await wholeBytes(handle, size);
        if (whole === size) return 0;
        const torn = Buffer.alloc(size - whole);
        await handle.read(torn, 0, torn.length, whole);
        writeFileDurably(`${path}.torn`, torn);
        await truncate(path, whole);
        return torn.length;
      } finally {
        await handle.close();
      }
    }),

  cutTo: (path, size) => attempt(() => truncate(path, size)),

  diskSpace: (directory) =>
    attempt(async () => {
      const { bavail, blocks, bsize, files, ffree } = await statfs(directory);
      return {
        freeBytes: bavail * bsize,
        totalBytes: blocks * bsize,
        freeFilesShare: files === 0 ? 1 : ffree / files,
      };
    }),
});

/** A beat that does not keep the process alive. */
export const realPulse: Pulse = (everyMs, beat) => {
  const timer = setInterval(beat, everyMs);
  timer.unref();
  return () => clearInterval(timer);
};
