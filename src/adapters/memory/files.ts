/**
 * The archive's files without a disk, for tests, examples and bounded simulations.
 *
 * The disk outlives its users, as a real one does: hand the same one to a second process and it finds what the first one
 * wrote. An fsync has nothing to do here; what a power cut takes is tested on real files.
 */
import type { ArchiveFiles, DiskSpace, FileError } from "#archive/ports.ts";
import { err, ok, type Result } from "#core/result.ts";

export interface MemoryFiles extends ArchiveFiles {
  /** Absolute paths, in the order of their making. */
  readonly paths: () => readonly string[];
  /** The whole text of a file; empty when there is none. */
  readonly text: (path: string) => string;
  /** From now on everything that writes is refused with this error; undefined: the disk works again. */
  readonly fail: (error: FileError | undefined) => void;
  readonly setSpace: (space: DiskSpace) => void;
}

const none = new Uint8Array(0);
const newline = 0x0a;

export const createMemoryFiles = (): MemoryFiles => {
  const decoder = new TextDecoder();
  const contents = new Map<string, Uint8Array>();
  let failure: FileError | undefined;
  let space: DiskSpace = { freeBytes: 1e12, totalBytes: 2e12, freeFilesShare: 1 };

  const bytesOf = (path: string): Uint8Array => contents.get(path) ?? none;
  const reading = async <T>(path: string, read: (bytes: Uint8Array) => T): Promise<Result<T, FileError>> => {
    const bytes = contents.get(path);
    return bytes === undefined ? err({ code: "ENOENT", reason: `there is no file ${path}` }) : ok(read(bytes));
  };
  const writing = async <T>(write: () => T): Promise<Result<T, FileError>> =>
    failure === undefined ? ok(write()) : err(failure);
  const append = (path: string, bytes: Uint8Array): number => {
    const before = bytesOf(path);
    const after = new Uint8Array(before.length + bytes.length);
    after.set(before);
    after.set(bytes, before.length);
    contents.set(path, after);
    return bytes.length;
  };
  const cut = (path: string, size: number): void => {
    contents.set(path, bytesOf(path).slice(0, size));
  };

  return {
    create: async (path) => {
      if (failure !== undefined) return err(failure);
      if (contents.has(path)) return err({ code: "EEXIST", reason: `${path} exists` });
      contents.set(path, none);
      return ok({
        append: (bytes) => writing(() => append(path, bytes)),
        truncate: (size) => writing(() => cut(path, size)),
        datasync: () => writing(() => undefined),
        close: async () => ok(undefined),
      });
    },
    list: async (directory) =>
      ok(
        [...contents]
          .filter(([path]) => path.startsWith(`${directory}/`))
          .map(([path, bytes]) => ({ path: path.slice(directory.length + 1), bytes: bytes.length }))
          .sort((a, b) => (a.path < b.path ? -1 : 1)),
      ),
    readLines: (path) =>
      reading(path, (bytes) => {
        const lines = decoder.decode(bytes).split("\n");
        lines.pop();
        return lines;
      }),
    readFirstLine: (path) =>
      reading(path, (bytes) => {
        const end = bytes.indexOf(newline);
        return end < 0 ? undefined : decoder.decode(bytes.subarray(0, end));
      }),
    cutTornTail: (path) =>
      reading(path, (bytes) => {
        const whole = bytes.lastIndexOf(newline) + 1;
        if (whole === bytes.length) return 0;
        contents.set(`${path}.torn`, bytes.slice(whole));
        cut(path, whole);
        return bytes.length - whole;
      }),
    cutTo: (path, size) => writing(() => cut(path, size)),
    diskSpace: async () => (failure === undefined ? ok(space) : err(failure)),
    paths: () => [...contents.keys()],
    text: (path) => decoder.decode(bytesOf(path)),
    fail: (error) => {
      failure = error;
    },
    setSpace: (next) => {
      space = next;
    },
  };
};
