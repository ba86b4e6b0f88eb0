/**
 * tar.gz on disk: written durably, read back whole, extracted with proof. Headers are plain ustar with the file's own mode,
 * owner and modification second, in the order given, so the same files give the same bytes and GNU tar can list, compare
 * and extract them.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  createReadStream,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Header, Parser, Pax, type ReadEntry } from "tar";
import { err, ok, type Result } from "#core/result.ts";
import type { ArchivedFile, ArchiveMember, HostError, ReadBack, SkippedFile, SourceFile } from "#ops/ports.ts";
import { partialPath, publish, syncDirectory, writeAllSync } from "../durable-files.ts";
import { gunzip, gzip } from "../gzip.ts";
import { codeOf, newestRecordAt, openSource, readPieces, reasonOf, stampOf } from "./tree.ts";

export type Tick = (bytes: number, files: number) => void;

const blockBytes = 512;
/** Read at once: what it becomes must fit into memory, whatever somebody has put there in an archive's place. */
const compressedBytes = 64 * 1024;

/** The blocks before a member's content. */
const headersOf = (path: string, mode: number, uid: number, gid: number, size: number, mtime: Date): Buffer => {
  const header = new Header({ path, mode, uid, gid, size, mtime, type: "File" });
  const block = Buffer.alloc(blockBytes);
  // A path too long or not ASCII for ustar goes before it as a pax record.
  return header.encode(block) ? Buffer.concat([new Pax({ path, size, mtime }).encode(), block]) : block;
};

class Refusal extends Error {}

/** Writes the archive under a temporary name, makes it durable, and only then gives it its name. */
export const archive = async (
  request: {
    readonly root: string;
    readonly files: readonly SourceFile[];
    readonly destination: string;
    readonly gzipLevel: number;
  },
  tick: Tick,
): Promise<Result<{ files: ArchivedFile[]; skipped: SkippedFile[]; bytes: number }, HostError>> => {
  const archived: ArchivedFile[] = [];
  const skipped: SkippedFile[] = [];
  let bytes = 0;

  function* members(): Generator<Buffer> {
    for (const file of request.files) {
      let fd: number;
      try {
        fd = openSource(join(request.root, file.path));
      } catch (error) {
        if (codeOf(error) !== "ENOENT") throw new Refusal(`${file.path} cannot be read: ${reasonOf(error)}`);
        skipped.push({ path: file.path, reason: "it went away before it was backed up" });
        continue;
      }
      try {
        const stats = fstatSync(fd, { bigint: true });
        const stamp = stampOf(stats);
        if (stamp.ino !== file.ino || stamp.dev !== file.dev || stamp.size !== file.size || stamp.mtimeNs !== file.mtimeNs) {
          skipped.push({ path: file.path, reason: "it changed after it was listed; somebody is writing to it" });
          continue;
        }
        const mtime = new Date(Number(stats.mtimeNs / 1_000_000_000n) * 1000);
        yield headersOf(file.path, Number(stats.mode) & 0o7777, Number(stats.uid), Number(stats.gid), file.size, mtime);
        const hash = createHash("sha256");
        let read = 0;
        for (const piece of readPieces(fd, file.size)) {
          hash.update(piece);
          read += piece.length;
          tick(piece.length, 0);
          yield piece;
        }
        if (read !== file.size) throw new Refusal(`${file.path} became shorter while it was read`);
        const rest = file.size % blockBytes;
        if (rest > 0) yield Buffer.alloc(blockBytes - rest);
        archived.push({ ...file, sha256: hash.digest("hex"), newestRecordAt: newestRecordAt(fd, file.size) });
        tick(0, 1);
      } finally {
        closeSync(fd);
      }
    }
    yield Buffer.alloc(2 * blockBytes);
  }

  const partial = partialPath(request.destination);
  let fd: number | undefined;
  try {
    fd = openSync(partial, "w", 0o600);
    const out = fd;
    for await (const chunk of gzip(members(), request.gzipLevel)) {
      writeAllSync(out, chunk);
      bytes += chunk.length;
    }
    const onDisk = fstatSync(fd).size;
    if (onDisk !== bytes) throw new Error(`${bytes} bytes were written and ${onDisk} are there`);
    fsyncSync(fd);
    closeSync(fd);
    fd = undefined;
    publish(request.destination);
    return ok({ files: archived, skipped, bytes });
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    rmSync(partial, { force: true });
    return err({
      type: "failed",
      reason: error instanceof Refusal ? error.message : `the archive cannot be written: ${reasonOf(error)}`,
    });
  }
};

/**
 * Asks the kernel to forget its copy, so that the disk is read and not memory (posix_fadvise DONTNEED, which Node does not
 * offer; GNU dd does).
 */
const forgetCached = (path: string): boolean =>
  spawnSync("dd", [`if=${path}`, "iflag=nocache", "count=0", "status=none"], { stdio: "ignore" }).status === 0;

type Member = { readonly path: string; readonly type: string; readonly mode: number };
interface Sink {
  readonly data: (piece: Buffer) => void;
  readonly end: () => void;
}

/** Streams an archive from its first to its last byte; damage anywhere throws. */
const readThrough = async (
  path: string,
  onMember: (member: Member) => Sink | undefined,
  onCompressed?: (piece: Buffer) => void,
): Promise<void> => {
  let problem: Error | undefined;
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry: ReadEntry) => {
      const fail = (error: unknown): void => {
        problem ??= error as Error;
      };
      let sink: Sink | undefined;
      try {
        if (problem === undefined) sink = onMember({ path: entry.path, type: entry.type, mode: entry.mode ?? 0o600 });
      } catch (error) {
        fail(error);
      }
      entry.on("data", (piece: Buffer) => {
        try {
          if (problem === undefined) sink?.data(piece);
        } catch (error) {
          fail(error);
        }
      });
      entry.on("end", () => {
        try {
          if (problem === undefined) sink?.end();
        } catch (error) {
          fail(error);
        }
      });
      entry.resume();
    },
  });
  parser.on("error", (error: Error) => {
    problem ??= error;
  });
  async function* compressed(): AsyncGenerator<Buffer> {
    for await (const piece of createReadStream(path, { highWaterMark: compressedBytes })) {
      onCompressed?.(piece as Buffer);
      yield piece as Buffer;
    }
  }
  for await (const piece of gunzip(compressed())) {
    if (!parser.write(piece)) await new Promise<void>((resume) => parser.once("drain", resume));
    if (problem !== undefined) throw problem;
  }
  await new Promise<void>((resolve) => {
    parser.once("end", resolve);
    parser.once("error", () => resolve());
    parser.end();
  });
  if (problem !== undefined) throw problem;
};

/** Hashes every member of the archive as it lies on disk. */
export const readBack = async (path: string, tick: Tick): Promise<Result<ReadBack, HostError>> => {
  const members: ArchiveMember[] = [];
  const whole = createHash("sha256");
  let bytes = 0;
  try {
    const fromDisk = forgetCached(path);
    await readThrough(
      path,
      (member) => {
        if (member.type !== "File") throw new Error(`the member ${member.path} is no plain file`);
        const hash = createHash("sha256");
        let size = 0;
        return {
          data: (piece) => {
            hash.update(piece);
            size += piece.length;
            tick(piece.length, 0);
          },
          end: () => {
            members.push({ path: member.path, size, sha256: hash.digest("hex") });
            tick(0, 1);
          },
        };
      },
      (piece) => {
        whole.update(piece);
        bytes += piece.length;
      },
    );
    return ok({ members, bytes, sha256: whole.digest("hex"), fromDisk });
  } catch (error) {
    return err({ type: "failed", reason: `${path} cannot be read back: ${reasonOf(error)}` });
  }
};

/** Makes the folders down to a file and refuses to walk through a link, which could lead out of the destination. */
const makeFoldersWithin = (root: string, path: string): void => {
  let folder = root;
  for (const part of dirname(path)
    .split("/")
    .filter((each) => each !== ".")) {
    folder = join(folder, part);
    try {
      mkdirSync(folder);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
      if (!lstatSync(folder).isDirectory()) throw new Error(`${folder} is in the way and is no folder`);
    }
  }
};

/** Restores members: written beside their place, hashed on the way, named only when the hash agrees. */
export const extract = async (
  request: {
    readonly archivePath: string;
    readonly members: readonly (ArchiveMember & { readonly mtimeNs: string })[];
    readonly to: string;
    readonly overwrite: boolean;
  },
  tick: Tick,
): Promise<Result<{ restored: string[] }, HostError>> => {
  const wanted = new Map(request.members.map((member) => [member.path, member]));
  const restored: string[] = [];
  let partial: string | undefined;
  let openFd: number | undefined;
  try {
    await readThrough(request.archivePath, ({ path, type, mode }) => {
      const member = wanted.get(path);
      if (member === undefined || type !== "File") return undefined;
      wanted.delete(path);
      const target = join(request.to, path);
      makeFoldersWithin(request.to, path);
      const place = partialPath(target);
      const fd = openSync(place, "w", 0o600);
      partial = place;
      openFd = fd;
      const hash = createHash("sha256");
      return {
        data: (piece) => {
          hash.update(piece);
          writeAllSync(fd, piece);
          tick(piece.length, 0);
        },
        end: () => {
          if (hash.digest("hex") !== member.sha256) throw new Error(`${path} in the archive is not what the manifest says`);
          fchmodSync(fd, mode & 0o777);
          fsyncSync(fd);
          closeSync(fd);
          openFd = undefined;
          const seconds = Number(BigInt(member.mtimeNs) / 1_000_000_000n);
          utimesSync(place, seconds, seconds);
          if (request.overwrite) renameSync(place, target);
          else {
            // A hard link fails when the name exists; a rename would replace it.
            linkSync(place, target);
            unlinkSync(place);
          }
          partial = undefined;
          restored.push(path);
          tick(0, 1);
        },
      };
    });
    for (const folder of new Set(restored.map((path) => dirname(join(request.to, path))))) syncDirectory(folder);
    const absent = wanted.keys().next();
    if (!absent.done) throw new Error(`${absent.value} is not in the archive`);
    return ok({ restored });
  } catch (error) {
    if (openFd !== undefined) closeSync(openFd);
    if (partial !== undefined) rmSync(partial, { force: true });
    const isInTheWay = codeOf(error) === "EEXIST";
    return err({ type: isInTheWay ? "refused" : "failed", reason: `${request.archivePath}: ${reasonOf(error)}` });
  }
};
