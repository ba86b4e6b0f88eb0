/**
 * Folders below a root, opened part by part without following a link. What is looked up in an open folder is looked up in
 * that very folder, whatever becomes of the path that led to it: a day folder that is replaced by a link in the middle of a
 * run leads nobody out of the data root. It also reaches paths longer than the system takes in one call.
 */
import { closeSync, constants, existsSync, fstatSync, mkdirSync, openSync } from "node:fs";
import { privateFolder, strangerProblem } from "../own-files.ts";
import { codeOf } from "./errors.ts";
import { bytesOf } from "./names.ts";

export interface OpenFolder {
  readonly fd: number;
  /** What to give to a system call for a name in this folder; `.` is the folder itself. */
  readonly at: (name: string) => Buffer;
}

/** Another thing stands where a folder was, a link perhaps. */
export class NoFolder extends Error {}

const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Elsewhere than on Linux a name is looked up by its path; the parts on the way were folders a moment ago. */
const isByDescriptor = existsSync("/proc/self/fd");

const slash = Buffer.from("/");
const below = (place: Buffer, name: string): Buffer => Buffer.concat([place, slash, bytesOf(name)]);

const openOne = (place: Buffer | string, named: string): number => {
  try {
    return openSync(place, flags);
  } catch (error) {
    if (codeOf(error) === "ENOTDIR" || codeOf(error) === "ELOOP")
      throw new NoFolder(`${named} is no folder any more, a link perhaps`);
    throw error;
  }
};

/** The folder of a path, relative to the root; "" for the root itself. */
export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
export const lastOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** Opens folders below a root. The one opened last stays open until another is asked for, or `close`. */
export class Folders {
  readonly #root: string;
  readonly #isMaking: boolean;
  #last: { readonly path: string; readonly folder: OpenFolder } | undefined;

  /** @param isMaking makes folders that are not there (a restore) */
  constructor(root: string, { isMaking = false }: { readonly isMaking?: boolean } = {}) {
    this.#root = root;
    this.#isMaking = isMaking;
  }

  /** Throws NoFolder for a link or a file on the way, and the system's error for what it cannot open. */
  open(path: string): OpenFolder {
    if (this.#last?.path === path) return this.#last.folder;
    this.close();
    let fd = openOne(this.#root, this.#root);
    let place: Buffer = Buffer.from(this.#root);
    let walked = "";
    for (const part of path === "" ? [] : path.split("/")) {
      const parent = fd;
      walked = walked === "" ? part : `${walked}/${part}`;
      const next = isByDescriptor ? below(Buffer.from(`/proc/self/fd/${parent}`), part) : below(place, part);
      try {
        if (this.#isMaking) makeOne(next);
        fd = openOne(next, walked);
        const stranger = this.#isMaking ? strangerProblem(walked, fstatSync(fd)) : undefined;
        if (stranger !== undefined) {
          closeSync(fd);
          throw new NoFolder(stranger);
        }
      } finally {
        closeSync(parent);
      }
      place = below(place, part);
    }
    const base = isByDescriptor ? Buffer.from(`/proc/self/fd/${fd}`) : place;
    const folder: OpenFolder = { fd, at: (name) => below(base, name) };
    this.#last = { path, folder };
    return folder;
  }

  close(): void {
    if (this.#last !== undefined) closeSync(this.#last.folder.fd);
    this.#last = undefined;
  }
}

const makeOne = (place: Buffer): void => {
  try {
    mkdirSync(place, privateFolder);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
};
