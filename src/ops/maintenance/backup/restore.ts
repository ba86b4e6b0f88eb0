/** Brings files back: the newest proven version of each, every byte checked against the manifest on the way. */
import { err, ok, type Result } from "#core/result.ts";
import type { BackupWorker, HostError, MaintenanceFiles } from "../../ports.ts";
import type { CatalogEntry } from "./manifest.ts";
import { readShelf } from "./shelf.ts";

export interface RestoreRequest {
  readonly backupRoot: string;
  /** Made when it does not exist. */
  readonly to: string;
  /** Which files; all when empty. */
  readonly globs: readonly string[];
  /** Replace files that are there already. */
  readonly overwrite: boolean;
}

export interface Restored {
  readonly to: string;
  readonly files: readonly { readonly path: string; readonly size: number; readonly archive: string }[];
  /** In the backup's lists, but only in archives that are missing or damaged. */
  readonly unavailable: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * @returns refused when nothing was written (something would be overwritten, nothing matches); failed when an archive turned
 * out damaged, and then the error names what is not restored; files that have their name are whole
 */
export const restoreBackup = async (
  files: MaintenanceFiles,
  worker: BackupWorker,
  { backupRoot, to, globs, overwrite }: RestoreRequest,
): Promise<Result<Restored, HostError>> => {
  const shelf = await readShelf(files, backupRoot);
  if (!shelf.ok) return shelf;
  if (shelf.value.manifests.length === 0 && shelf.value.lost.length === 0)
    return err({ type: "refused", reason: `there is no backup in ${backupRoot}` });
  const isWanted = (path: string): boolean => globs.length === 0 || globs.some((glob) => files.matchesGlob(path, glob));
  const wanted = [...shelf.value.catalog.values()]
    .map((versions) => versions[0] as CatalogEntry)
    .filter(({ path }) => isWanted(path));
  const unavailable = shelf.value.lost.flatMap(({ archive, reason, paths }) =>
    paths
      .filter((path) => isWanted(path) && !shelf.value.catalog.has(path))
      .map((path) => ({ path, reason: `${archive}: ${reason}` })),
  );
  if (wanted.length === 0) {
    const reason =
      unavailable.length > 0 ? `only damaged archives hold it: ${unavailable[0]?.reason}` : `nothing in ${backupRoot} matches`;
    return err({ type: unavailable.length > 0 ? "failed" : "refused", reason });
  }
  if (!overwrite) {
    const there = await files.existing(
      to,
      wanted.map(({ path }) => path),
    );
    if (!there.ok) return there;
    if (there.value.length > 0)
      return err({
        type: "refused",
        reason: `${there.value.length} files are there already, ${to}/${there.value[0]} among them; --force replaces them`,
      });
  }
  const place = await files.makeFolder(to);
  if (!place.ok) return place;

  const byArchive = Map.groupBy(wanted, ({ archive }) => archive);
  const restored = new Set<string>();
  for (const [archive, entries] of byArchive) {
    const members = entries.map(({ path, size, sha256, mtimeNs }) => ({ path, size, sha256, mtimeNs }));
    const extracted = await worker.extract({ archivePath: `${backupRoot}/${archive}`, members, to: place.value, overwrite });
    if (!extracted.ok)
      return err({
        ...extracted.error,
        reason: `${extracted.error.reason}; ${restored.size} of ${wanted.length} files were restored`,
      });
    for (const path of extracted.value.restored) restored.add(path);
  }
  return ok({ to: place.value, files: wanted.map(({ path, size, archive }) => ({ path, size, archive })), unavailable });
};
