/**
 * tar.gz on disk: written durably and read back whole. Members carry the file's own mode, owner and modification second, in
 * the order given, so the same files give the same bytes and GNU tar can list, compare and extract them.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, createReadStream, fstatSync, fsyncSync, rmSync } from "node:fs";
import { err, ok, type Result } from "#core/result.ts";
import { isSameFile } from "#ops/maintenance/backup/manifest.ts";
import type { ArchivedFile, ArchiveMember, HostError, ReadBack, SkippedFile, SourceFile } from "#ops/ports.ts";
import { partialPath, publish, writeAllSync } from "../durable-files.ts";
import { gunzip, gzip } from "../gzip.ts";
import { createOwn } from "../own-files.ts";
import { codeOf, reasonOf } from "./errors.ts";
import { Folders, NoFolder } from "./folders.ts";
import { blockBytes, headersOf, type Member, type Sink, TarReader } from "./tar-format.ts";
import { newestRecordAt, openSource, readPieces, stampOf } from "./tree.ts";

export type Tick = (bytes: number, files: number) => void;

/** Read at once: what it becomes must fit into memory, whatever somebody has put there in an archive's place. */
const compressedBytes = 64 * 1024;

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
  const folders = new Folders(request.root);

  function* members(): Generator<Buffer> {
    for (const file of request.files) {
      let fd: number;
      try {
        fd = openSource(folders, file.path);
      } catch (error) {
        if (error instanceof NoFolder) {
          skipped.push({ path: file.path, reason: error.message });
          continue;
        }
        if (codeOf(error) !== "ENOENT") throw new Refusal(`${file.path} cannot be read: ${reasonOf(error)}`);
        skipped.push({ path: file.path, reason: "it went away before it was backed up" });
        continue;
      }
      try {
        const stats = fstatSync(fd, { bigint: true });
        const stamp = stampOf(stats);
        if (!isSameFile(stamp, file)) {
          skipped.push({ path: file.path, reason: "it changed after it was listed; somebody is writing to it" });
          continue;
        }
        const mtime = new Date(Number(stats.mtimeNs / 1_000_000_000n) * 1000);
        yield headersOf({
          path: file.path,
          mode: Number(stats.mode) & 0o7777,
          uid: Number(stats.uid),
          gid: Number(stats.gid),
          size: file.size,
          mtime,
        });
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
    fd = createOwn(partial);
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
    publish(partial, request.destination);
    return ok({ files: archived, skipped, bytes });
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    rmSync(partial, { force: true });
    return err({
      type: "failed",
      reason: error instanceof Refusal ? error.message : `the archive cannot be written: ${reasonOf(error)}`,
    });
  } finally {
    folders.close();
  }
};

/**
 * Asks the kernel to forget its copy, so that the disk is read and not memory (posix_fadvise DONTNEED, which Node does not
 * offer; GNU dd does).
 */
const forgetCached = (path: string): boolean =>
  spawnSync("dd", [`if=${path}`, "iflag=nocache", "count=0", "status=none"], { stdio: "ignore" }).status === 0;

/** The archive is damaged; what was read before `at` bytes of it was good. */
export class Damage extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/**
 * Streams an archive from its first to its last byte. The sinks do not throw.
 *
 * @param fineFrom from this byte on one by one: decompression gives nothing of a piece in which it meets damage
 * @throws Damage
 */
export const readThrough = async (
  path: string,
  onMember: (member: Member) => Sink | undefined,
  { onCompressed, fineFrom }: { readonly onCompressed?: (piece: Buffer) => void; readonly fineFrom?: number } = {},
): Promise<void> => {
  const reader = new TarReader(onMember);
  let begun = 0;
  let next = 0;
  async function* compressed(): AsyncGenerator<Buffer> {
    for await (const read of createReadStream(path, { highWaterMark: compressedBytes })) {
      const piece = read as Buffer;
      begun = next;
      next += piece.length;
      onCompressed?.(piece);
      if (fineFrom === undefined || next <= fineFrom) yield piece;
      else for (let at = 0; at < piece.length; at += 1) yield piece.subarray(at, at + 1);
    }
  }
  try {
    for await (const piece of gunzip(compressed())) reader.write(piece);
    reader.end();
  } catch (error) {
    throw new Damage(reasonOf(error), begun);
  }
};

/** Hashes every member of the archive as it lies on disk. */
export const readBack = async (path: string, tick: Tick): Promise<Result<ReadBack, HostError>> => {
  const members: (ArchiveMember & { mtimeSeconds: number })[] = [];
  const whole = createHash("sha256");
  let bytes = 0;
  try {
    const fromDisk = forgetCached(path);
    await readThrough(
      path,
      (member) => {
        if (!member.isFile) throw new Error(`the member ${member.path} is no plain file`);
        const hash = createHash("sha256");
        let size = 0;
        return {
          data: (piece) => {
            hash.update(piece);
            size += piece.length;
            tick(piece.length, 0);
          },
          end: () => {
            members.push({ path: member.path, size, sha256: hash.digest("hex"), mtimeSeconds: member.mtimeSeconds });
            tick(0, 1);
          },
        };
      },
      {
        onCompressed: (piece) => {
          whole.update(piece);
          bytes += piece.length;
        },
      },
    );
    return ok({ members, bytes, sha256: whole.digest("hex"), fromDisk });
  } catch (error) {
    return err({ type: "failed", reason: `${path} cannot be read back: ${reasonOf(error)}` });
  }
};
