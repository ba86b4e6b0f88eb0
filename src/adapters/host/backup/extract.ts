/**
 * Members of an archive become files again: written beside their place, hashed on the way, named only when the hash agrees.
 * Nothing that is wrong with one of them, or with the archive behind it, costs another.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { ok, type Result } from "#core/result.ts";
import type { Extraction, HostError, WantedMember } from "#ops/ports.ts";
import { partialPrefix } from "../durable-files.ts";
import { createOwn, privateFile, unguessable } from "../own-files.ts";
import { Damage, readThrough, type Tick } from "./archive.ts";
import { codeOf, reasonOf } from "./errors.ts";
import { Folders, folderOf, lastOf, NoFolder, type OpenFolder } from "./folders.ts";
import type { Member, Sink } from "./tar-format.ts";

/** Not made of the file's own name, which may be as long as a name can be. */
const newPartialName = (): string => `${partialPrefix}restored-${unguessable()}`;

const holeBytes = 4096;
const zeros = Buffer.alloc(holeBytes);

/** Writes at a position and leaves out blocks of zeros: a file with holes has them again, and reads the same. */
const writeWithHoles = (fd: number, piece: Buffer, position: number): void => {
  for (let at = 0; at < piece.length; ) {
    const end = Math.min(piece.length, at + holeBytes - ((position + at) % holeBytes));
    const block = piece.subarray(at, end);
    if (!block.equals(zeros.subarray(0, block.length)))
      for (let done = 0; done < block.length; ) done += writeSync(fd, block, done, block.length - done, position + at + done);
    at = end;
  }
};

class WrongContent extends Error {}

const obstacleOf = (error: unknown, path: string): string => {
  if (error instanceof NoFolder) return `a folder on its way is in the way and is no folder: ${error.message}`;
  return codeOf(error) === "EEXIST" ? `${path} is there already` : reasonOf(error);
};

interface Request {
  readonly archivePath: string;
  readonly members: readonly WantedMember[];
  readonly to: string;
  readonly overwrite: boolean;
}

/** @returns what was restored and what was not, with the reason; nothing that is not whole has a name */
export const extract = async (request: Request, tick: Tick): Promise<Result<Extraction, HostError>> => {
  const missing = new Map(request.members.map((member) => [member.path, member]));
  const restored: string[] = [];
  const failed: Extraction["failed"][number][] = [];
  const folders = new Folders(request.to, { isMaking: true });
  /** The file that is being written. */
  let open: { readonly fd: number; readonly folder: OpenFolder; readonly partial: string } | undefined;

  const drop = (): void => {
    if (open === undefined) return;
    closeSync(open.fd);
    rmSync(open.folder.at(open.partial), { force: true });
    open = undefined;
  };

  const write = (wanted: WantedMember): Sink | undefined => {
    const { path } = wanted;
    const attempt = (work: () => void): void => {
      if (!missing.has(path)) return;
      try {
        work();
      } catch (error) {
        drop();
        missing.delete(path);
        if (error instanceof WrongContent) failed.push({ path, cause: "archive", reason: error.message });
        else failed.push({ path, cause: "place", reason: obstacleOf(error, path) });
      }
    };
    let size = 0;
    const hash = createHash("sha256");
    attempt(() => {
      const folder = folders.open(folderOf(path));
      const partial = newPartialName();
      open = { fd: createOwn(folder.at(partial)), folder, partial };
    });
    if (open === undefined) return undefined;
    const { fd, folder, partial } = open;
    return {
      data: (piece) =>
        attempt(() => {
          hash.update(piece);
          writeWithHoles(fd, piece, size);
          size += piece.length;
          tick(piece.length, 0);
        }),
      end: () =>
        attempt(() => {
          if (hash.digest("hex") !== wanted.sha256)
            throw new WrongContent(`${path} in the archive is not what the manifest says`);
          ftruncateSync(fd, size);
          // What the archive says of modes is the word of whoever wrote it.
          fchmodSync(fd, privateFile);
          fsyncSync(fd);
          const seconds = Number(BigInt(wanted.mtimeNs) / 1_000_000_000n);
          const place = folder.at(partial);
          utimesSync(place, seconds, seconds);
          const target = folder.at(lastOf(path));
          if (request.overwrite) renameSync(place, target);
          else {
            // A hard link fails when the name exists; a rename would replace it.
            linkSync(place, target);
            unlinkSync(place);
          }
          closeSync(fd);
          open = undefined;
          missing.delete(path);
          restored.push(path);
          tick(0, 1);
        }),
    };
  };

  const onMember = (member: Member): Sink | undefined => {
    const wanted = member.isFile ? missing.get(member.path) : undefined;
    return wanted === undefined ? undefined : write(wanted);
  };
  /** Where the archive is damaged, if it is. */
  const read = async (fineFrom?: number): Promise<Damage | undefined> => {
    try {
      await readThrough(request.archivePath, onMember, fineFrom === undefined ? {} : { fineFrom });
      return undefined;
    } catch (error) {
      if (error instanceof Damage) return error;
      throw error;
    } finally {
      drop();
    }
  };

  try {
    let damage = await read();
    // Once more, to the last byte before the damage.
    if (damage !== undefined && missing.size > 0) damage = (await read(damage.at)) ?? damage;
    const reason = damage === undefined ? "it is not in the archive" : `the archive is damaged: ${damage.message}`;
    for (const path of missing.keys()) failed.push({ path, cause: "archive", reason });
    for (const folder of new Set(restored.map(folderOf))) fsyncSync(folders.open(folder).fd);
    return ok({ restored, failed });
  } finally {
    folders.close();
  }
};
