/**
 * Brings files back: the newest version of each, every byte checked against the manifest on the way. Goes on past whatever is
 * damaged, reads damaged archives up to the damage, and names what it could not give.
 */
import { err, ok, type Result } from "#core/result.ts";
import type { BackupWorker, HostError, MaintenanceFiles } from "../../ports.ts";
import { archiveName, type CatalogEntry, catalogOf, isSafePath, type Manifest, sequenceOf } from "./manifest.ts";
import { readShelf, type Shelf } from "./shelf.ts";

export interface RestoreRequest {
  readonly backupRoot: string;
  /** Made when it does not exist. */
  readonly to: string;
  /** Which files; all when empty. */
  readonly globs: readonly string[];
  /** Replace files that are there already. */
  readonly overwrite: boolean;
  /** Only what was backed up from this data root. */
  readonly source?: string;
}

export interface Restored {
  readonly to: string;
  /** `to` says where a file's root was restored to: `to` itself, or a folder in it when several roots share the backup. */
  readonly files: readonly { readonly path: string; readonly size: number; readonly archive: string; readonly to: string }[];
  /** Could not be given, or only in an older version, with the reason. */
  readonly unavailable: readonly { readonly path: string; readonly reason: string }[];
  /** What the lists of the backup do not vouch for. */
  readonly notes: readonly string[];
}

type Source = Pick<Manifest, "sourceRoot" | "archive" | "files"> & { readonly name: string };

/** One file on its way back. */
interface Wanted {
  readonly path: string;
  /** Newest first. */
  readonly versions: readonly CatalogEntry[];
  /** Which version is tried next, and why the ones before could not be had. */
  readonly next: number;
  readonly reasons: readonly string[];
}

/**
 * @returns refused when nothing was written (something would be overwritten, nothing matches); failed when it was stopped;
 * otherwise what was restored and what was not. Files that have their name are whole.
 */
export const restoreBackup = async (
  files: MaintenanceFiles,
  worker: BackupWorker,
  request: RestoreRequest,
): Promise<Result<Restored, HostError>> => {
  const { backupRoot, to, globs, overwrite, source } = request;
  const shelf = await readShelf(files, backupRoot);
  if (!shelf.ok) return shelf;
  const notes: string[] = [];
  const known: readonly Source[] = [...shelf.value.manifests, ...shelf.value.lost].map(({ name, manifest }) => ({
    ...manifest,
    name,
  }));
  const found = [...known, ...(await sourcesWithoutManifest(worker, backupRoot, shelf.value, known, notes))];
  if (found.length === 0) return err({ type: "refused", reason: [`there is no backup in ${backupRoot}`, ...notes].join("; ") });
  const roots = [...new Set(found.map(({ sourceRoot }) => sourceRoot))].toSorted();
  if (source !== undefined && !roots.includes(source))
    return err({ type: "refused", reason: `${backupRoot} holds no backup of ${source}; it holds ${roots.join(", ")}` });

  const isWanted = (path: string): boolean => globs.length === 0 || globs.some((glob) => files.matchesGlob(path, glob));
  const jobs = (source === undefined ? roots : [source])
    .map((root) => ({
      to: source === undefined && roots.length > 1 ? `${to}/${folderFor(root)}` : to,
      wanted: wantedOf(
        found.filter(({ sourceRoot }) => sourceRoot === root),
        isWanted,
      ),
    }))
    .filter(({ wanted }) => wanted.length > 0);
  if (jobs.length === 0) return err({ type: "refused", reason: `nothing in ${backupRoot} matches` });
  if (!overwrite) {
    const free = await expectFree(files, jobs);
    if (!free.ok) return free;
  }

  const restored: Restored["files"][number][] = [];
  const unavailable: Restored["unavailable"][number][] = [];
  const lost = new Map(shelf.value.lost.map(({ archive, reason }) => [archive, reason]));
  for (const job of jobs) {
    const place = await files.makeFolder(job.to);
    if (!place.ok) return place;
    const outcome = await restoreOne(worker, { backupRoot, to: place.value, overwrite, lost, wanted: job.wanted });
    restored.push(...outcome.restored);
    unavailable.push(...outcome.unavailable);
    if (outcome.stopped !== undefined)
      return err({ ...outcome.stopped, reason: `${outcome.stopped.reason}; ${restored.length} files were restored before` });
  }
  return ok({ to, files: restored, unavailable, notes });
};

/** A root's own folder when several share a backup: its path. */
const folderFor = (root: string): string => {
  const path = root.replace(/^\/+|\/+$/g, "");
  return isSafePath(path) ? path : "unknown";
};

const wantedOf = (sources: readonly Source[], isWanted: (path: string) => boolean): Wanted[] => {
  const inOrder = sources.toSorted((a, b) => (sequenceOf(a.archive) ?? 0) - (sequenceOf(b.archive) ?? 0));
  return [...catalogOf(inOrder.map((manifest) => ({ name: manifest.name, manifest })))]
    .filter(([path]) => isWanted(path))
    .map(([path, versions]) => ({ path, versions, next: 0, reasons: [] }));
};

/** An archive whose manifest is gone or cannot be read still holds its files: they are taken as the archive has them. */
const sourcesWithoutManifest = async (
  worker: BackupWorker,
  backupRoot: string,
  shelf: Shelf,
  known: readonly Source[],
  notes: string[],
): Promise<readonly Source[]> => {
  const roots = [...new Set(known.map(({ sourceRoot }) => sourceRoot))];
  const sources: Source[] = [];
  const unlisted = shelf.unreadable.map(({ name, reason }) => ({
    archive: archiveName(sequenceOf(name) as number),
    why: `its manifest ${reason}`,
  }));
  for (const { archive, why } of [...unlisted, ...shelf.orphans.map((each) => ({ archive: each, why: "it has no manifest" }))]) {
    const read = await worker.readBack(`${backupRoot}/${archive}`);
    if (!read.ok) {
      notes.push(`${archive}: ${why}, and ${read.error.reason}; nothing of it was restored`);
      continue;
    }
    notes.push(`${archive}: ${why}; what it holds was taken as it is there`);
    sources.push({
      name: "",
      archive,
      sourceRoot: roots.length === 1 ? (roots[0] as string) : "unknown",
      files: read.value.members
        .filter(({ path }) => isSafePath(path))
        .map(({ path, size, sha256, mtimeSeconds }) => ({
          path,
          size,
          sha256,
          mtimeNs: `${mtimeSeconds}000000000`,
          ctimeNs: "",
          dev: "0",
          ino: "0",
          newestRecordAt: null,
        })),
    });
  }
  return sources;
};

const expectFree = async (
  files: MaintenanceFiles,
  jobs: readonly { readonly to: string; readonly wanted: readonly Wanted[] }[],
): Promise<Result<void, HostError>> => {
  for (const { to, wanted } of jobs) {
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
  return ok(undefined);
};

const restoreOne = async (
  worker: BackupWorker,
  {
    backupRoot,
    to,
    overwrite,
    lost,
    wanted,
  }: {
    readonly backupRoot: string;
    readonly to: string;
    readonly overwrite: boolean;
    readonly lost: ReadonlyMap<string, string>;
    readonly wanted: readonly Wanted[];
  },
): Promise<Pick<Restored, "unavailable"> & { readonly restored: Restored["files"]; readonly stopped?: HostError }> => {
  const restored: Restored["files"][number][] = [];
  const unavailable: Restored["unavailable"][number][] = [];
  let pending = wanted;
  while (pending.length > 0) {
    const again: Wanted[] = [];
    for (const [archive, group] of Map.groupBy(pending, ({ versions, next }) => (versions[next] as CatalogEntry).archive)) {
      const members = group.map(({ versions, next }) => {
        const { path, size, sha256, mtimeNs } = versions[next] as CatalogEntry;
        return { path, size, sha256, mtimeNs };
      });
      const extracted = await worker.extract({ archivePath: `${backupRoot}/${archive}`, members, to, overwrite });
      // Not the archive's fault: the thread was stopped, or the disk does not answer.
      if (!extracted.ok) return { restored, unavailable, stopped: extracted.error };
      const given = new Set(extracted.value.restored);
      const failures = new Map(extracted.value.failed.map((failure) => [failure.path, failure]));
      for (const file of group) {
        const { path, versions, next } = file;
        const { size, sha256 } = versions[next] as CatalogEntry;
        if (given.has(path)) {
          restored.push({ path, size, archive, to });
          const isNewest = sha256 === versions[0]?.sha256;
          if (!isNewest)
            unavailable.push({ path, reason: `${file.reasons.join("; ")}; the older version of ${archive} was restored` });
          continue;
        }
        const failure = failures.get(path);
        const why = failure?.reason ?? "it is not in the archive";
        const reasons = [...file.reasons, `${archive}: ${[lost.get(archive), why].filter(Boolean).join(", ")}`];
        // What is wrong with the place is wrong for every version.
        if (failure?.cause === "place" || next + 1 >= versions.length) unavailable.push({ path, reason: reasons.join("; ") });
        else again.push({ ...file, next: next + 1, reasons });
      }
    }
    pending = again;
  }
  return { restored, unavailable };
};
