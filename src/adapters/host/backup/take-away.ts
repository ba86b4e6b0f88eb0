/**
 * Deletes files that lie proven in the backup, so that nothing written meanwhile goes with them: a file is first taken aside,
 * into a folder beside it where no writer looks for it, stamped and hashed again there, and unlinked only when it is still
 * what was backed up. What does not agree gets its name back. What a killed run took aside, the next one puts back.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import { isSameFile } from "#ops/maintenance/backup/manifest.ts";
import type { FileStamp, ProvenFile, Removal } from "#ops/ports.ts";
import { writeAllSync } from "../durable-files.ts";
import { createOwn, privateFolder } from "../own-files.ts";
import { codeOf, reasonOf } from "./errors.ts";
import { Folders, folderOf, lastOf, NoFolder, type OpenFolder } from "./folders.ts";
import { nameOf } from "./names.ts";
import { inspectOpen, openIn, readPieces, stampOf, takenName } from "./tree.ts";

/** Moments at which a test lets something happen to the file. */
export interface Moments {
  readonly beforeTaking?: () => void;
  readonly onceTaken?: () => void;
  readonly onceLookedAt?: () => void;
}

class Kept extends Error {}

/** The folder for what is taken aside; made when it is not there. */
const openAside = (folder: OpenFolder): OpenFolder => {
  try {
    mkdirSync(folder.at(takenName), privateFolder);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
  const fd = openSync(folder.at(takenName), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  return { fd, at: (name) => folder.at(`${takenName}/${name}`) };
};

const closeAside = (folder: OpenFolder, aside: OpenFolder): void => {
  closeSync(aside.fd);
  try {
    rmdirSync(folder.at(takenName));
  } catch (error) {
    // What could not be put back is in it and stays.
    if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "ENOENT") throw error;
  }
};

const isThere = (path: Buffer): boolean => {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
};

/** Gives a file its name back, unless another has it by now. */
const putBack = (folder: OpenFolder, aside: OpenFolder, name: string): boolean => {
  try {
    // A hard link fails when the name exists; a rename would replace it.
    linkSync(aside.at(name), folder.at(name));
    unlinkSync(aside.at(name));
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    // A file system without hard links.
    if (codeOf(error) !== "EPERM" && codeOf(error) !== "ENOTSUP") throw error;
    if (isThere(folder.at(name))) return false;
    renameSync(aside.at(name), folder.at(name));
    return true;
  }
};

/** Somebody who had the file open has written to it until the end: its bytes become a file again. */
const rescue = (folder: OpenFolder, name: string, fd: number): void => {
  const free = isThere(folder.at(name)) ? `.rescued-${fstatSync(fd, { bigint: true }).ino}` : name;
  const out = createOwn(folder.at(free));
  try {
    for (const piece of readPieces(fd, fstatSync(fd).size)) writeAllSync(out, piece);
    fsyncSync(out);
  } finally {
    closeSync(out);
  }
};

const isUnwritten = (a: FileStamp, b: FileStamp): boolean =>
  a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;

const removeOne = (folders: Folders, file: ProvenFile, tick: () => void, moments: Moments): void => {
  const name = lastOf(file.path);
  const folder = folders.open(folderOf(file.path));
  if (!isSameFile(stampOf(lstatSync(folder.at(name), { bigint: true })), file))
    throw new Kept("it was changed in the last moment");
  moments.beforeTaking?.();
  const aside = openAside(folder);
  let fd: number | undefined;
  try {
    if (isThere(aside.at(name))) throw new Kept(`an earlier file of this name lies in ${takenName} beside it`);
    renameSync(folder.at(name), aside.at(name));
    let objection: Error | undefined;
    try {
      moments.onceTaken?.();
      fd = openIn(aside, name);
      const found = inspectOpen(fd, tick);
      // The move itself has changed the ctime.
      if (found.type !== "present" || !isUnwritten(found.stamp, file) || found.sha256 !== file.sha256)
        objection = new Kept("it was changed in the last moment");
    } catch (error) {
      objection = error as Error;
    }
    if (objection !== undefined) {
      if (putBack(folder, aside, name)) throw objection;
      throw new Kept(`it was changed in the last moment, and a new file has its name; it lies in ${takenName} beside it`);
    }
    moments.onceLookedAt?.();
    unlinkSync(aside.at(name));
    if (fd !== undefined && !isUnwritten(stampOf(fstatSync(fd, { bigint: true })), file)) {
      rescue(folder, name, fd);
      throw new Kept("it was written to in the very moment of its deletion; its bytes are a new file");
    }
  } finally {
    if (fd !== undefined) closeSync(fd);
    closeAside(folder, aside);
  }
};

/** @returns what became of each file, in the order asked; what was deleted is deleted on disk too */
export const remove = (
  { root, files }: { readonly root: string; readonly files: readonly ProvenFile[] },
  tick: () => void,
  moments: Moments = {},
): Removal[] => {
  const folders = new Folders(root);
  const touched = new Set<string>();
  try {
    const removals = files.map((file): Removal => {
      try {
        removeOne(folders, file, tick, moments);
        touched.add(folderOf(file.path));
        return { type: "removed" };
      } catch (error) {
        if (error instanceof Kept || error instanceof NoFolder) return { type: "kept", reason: error.message };
        if (codeOf(error) === "ENOENT") return { type: "kept", reason: "it is gone already" };
        return { type: "failed", reason: reasonOf(error) };
      }
    });
    for (const folder of touched) {
      try {
        fsyncSync(folders.open(folder).fd);
      } catch (error) {
        // A folder that is gone has no names to lose.
        if (!(error instanceof NoFolder) && codeOf(error) !== "ENOENT") throw error;
      }
    }
    return removals;
  } finally {
    folders.close();
  }
};

/** @returns the names that have been given back in this folder; another file has the name of those that stay aside */
export const putAllBack = (folder: OpenFolder): string[] => {
  const aside = openAside(folder);
  try {
    const names = readdirSync(aside.at("."), { encoding: "buffer" }).map(nameOf);
    const returned = names.filter((name) => putBack(folder, aside, name));
    if (returned.length > 0) fsyncSync(folder.fd);
    return returned;
  } finally {
    closeAside(folder, aside);
  }
};
