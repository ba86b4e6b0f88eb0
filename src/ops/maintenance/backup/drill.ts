/**
 * The restore drill (spec M5): a share of the archives is read back again, a different share each time, so that bits that rot
 * on the shelf are found while the sources may still be there. A manifest of files that nobody can read any more is worth
 * nothing, and nobody notices without looking.
 */
import { ok, type Result } from "#core/result.ts";
import type { BackupWorker, HostError, MaintenanceFiles } from "../../ports.ts";
import { readWholeShelf, type Shelf } from "./shelf.ts";
import { difference, markDamaged } from "./verifier.ts";

export interface Drill {
  /** Archives read back, whole. */
  readonly archives: number;
  readonly files: number;
  /** Archives there are, damaged ones included. */
  readonly archivesTotal: number;
  /** Found in this drill or before. */
  readonly damaged: readonly { readonly archive: string; readonly reason: string }[];
}

/** The archives of this turn: consecutive turns go through all of them, then begin again. */
export const drillTurn = <T>(archives: readonly T[], share: number, turn: number): readonly T[] => {
  const count = Math.min(archives.length, Math.ceil(archives.length * share));
  const start = archives.length === 0 ? 0 : (turn * count) % archives.length;
  return Array.from({ length: count }, (_, index) => archives[(start + index) % archives.length] as T);
};

/**
 * @param share of the archives, 0 to 1, rounded up
 * @param turn  grows by one from drill to drill, for example the number of the week
 * @returns figures for a metric; a damaged archive is marked, so that the next run archives again what is still there
 */
export const drillRestore = async (
  files: MaintenanceFiles,
  worker: BackupWorker,
  {
    backupRoot,
    share,
    turn,
    at,
  }: { readonly backupRoot: string; readonly share: number; readonly turn: number; readonly at: number },
): Promise<Result<Drill, HostError>> => {
  const shelf: Result<Shelf, HostError> = await readWholeShelf(files, backupRoot);
  if (!shelf.ok) return shelf;
  const { manifests, lost } = shelf.value;
  const damaged = lost.map(({ archive, reason }) => ({ archive, reason }));
  let fileCount = 0;
  const chosen = drillTurn(manifests, share, turn);
  for (const { manifest } of chosen) {
    const read = await worker.readBack(`${backupRoot}/${manifest.archive}`);
    const wrong = read.ok ? difference(manifest.files, read.value) : read.error.reason;
    fileCount += manifest.files.length;
    if (wrong === undefined) continue;
    damaged.push({ archive: manifest.archive, reason: wrong });
    const marked = await markDamaged(files, backupRoot, manifest.archive, at, wrong);
    if (!marked.ok) return marked;
  }
  return ok({ archives: chosen.length, files: fileCount, archivesTotal: manifests.length + lost.length, damaged });
};
