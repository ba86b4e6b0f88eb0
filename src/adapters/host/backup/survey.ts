/** Lists a source tree, in the backup thread. */
import { lstatSync, readdirSync, readlinkSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { err, ok, type Result } from "#core/result.ts";
import type { BackupWorker, HostError, SkippedFile, SourceFile, Survey } from "#ops/ports.ts";
import { matchesGlob } from "../path-glob.ts";
import { codeOf, reasonOf } from "./errors.ts";
import { Folders, type OpenFolder } from "./folders.ts";
import { nameOf } from "./names.ts";
import { putAllBack } from "./take-away.ts";
import { stampOf, takenName } from "./tree.ts";

const isWithin = (root: string, path: string): boolean =>
  path === root || path.startsWith(root.endsWith("/") ? root : `${root}/`);

/** Where a link leads: its real target, or what it says when there is no such target. */
const targetOf = (folder: OpenFolder, name: string): { readonly path: string; readonly exists: boolean } => {
  const link = folder.at(name);
  try {
    return { path: nameOf(realpathSync.native(link, "buffer")), exists: true };
  } catch {
    const here = nameOf(realpathSync.native(folder.at("."), "buffer"));
    return { path: resolve(here, nameOf(readlinkSync(link, "buffer"))), exists: false };
  }
};

/**
 * Lists every regular file under the root, sorted by path.
 *
 * @returns refused for a link that leads outside (its target would be deleted by nobody and backed up by nobody);
 * failed for a folder that cannot be read, because what is in it is unknown
 */
export const survey = (
  { root, globs, isOnlyLooking = false }: Parameters<BackupWorker["survey"]>[0],
  tick: () => void,
): Result<Survey, HostError> => {
  const files: SourceFile[] = [];
  const skipped: SkippedFile[] = [];
  const returned: string[] = [];
  let unmatched = 0;
  const opened = new Folders(root);
  const folders = [""];
  try {
    for (let path = folders.pop(); path !== undefined; path = folders.pop()) {
      tick();
      let folder: OpenFolder;
      let entries: ReturnType<typeof readFolder>;
      try {
        folder = opened.open(path);
        entries = readFolder(folder);
        if (!isOnlyLooking && entries.some((entry) => entry.isDirectory() && nameOf(entry.name) === takenName)) {
          returned.push(...putAllBack(folder).map((name) => (path === "" ? name : `${path}/${name}`)));
          entries = readFolder(folder);
        }
      } catch (error) {
        return err({ type: "failed", reason: `the folder ${path || "."} cannot be read: ${reasonOf(error)}` });
      }
      for (const entry of entries) {
        const name = nameOf(entry.name);
        const below = path === "" ? name : `${path}/${name}`;
        if (entry.isSymbolicLink()) {
          const target = targetOf(folder, name);
          if (!isWithin(root, target.path))
            return err({ type: "refused", reason: `${below} is a link that leads outside, to ${target.path}` });
          skipped.push({
            path: below,
            reason: target.exists ? "a link; its target is backed up under its own name" : "a link to nothing",
          });
        } else if (entry.isDirectory()) folders.push(below);
        else if (!globs.some((glob) => matchesGlob(below, glob))) unmatched += 1;
        else if (!entry.isFile()) skipped.push({ path: below, reason: "neither a file nor a folder" });
        else {
          try {
            files.push({ path: below, ...stampOf(lstatSync(folder.at(name), { bigint: true })) });
          } catch (error) {
            if (codeOf(error) !== "ENOENT") return err({ type: "failed", reason: `${below} cannot be read: ${reasonOf(error)}` });
            skipped.push({ path: below, reason: "it went away while the files were listed" });
          }
        }
      }
    }
  } finally {
    opened.close();
  }
  // By code unit, not by locale: the order decides the archive's bytes.
  files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return ok({ files, skipped, unmatched, returned });
};

const readFolder = (folder: OpenFolder) => readdirSync(folder.at("."), { withFileTypes: true, encoding: "buffer" });
