/**
 * Archives that a killed run left without a manifest. They hold space that the next run needs, and may hold the only copy of
 * something: each is read back whole, and then removed when all of it lies elsewhere, or adopted by a manifest of its own.
 */
import { err, ok, type Result } from "#core/result.ts";
import type { ArchivedFile, BackupWorker, HostError, MaintenanceFiles, ReadBack, SourceFile } from "../../ports.ts";
import { isSafePath, type Manifest, manifestFormat, manifestName, manifestText, sequenceOf } from "./manifest.ts";
import type { Shelf } from "./shelf.ts";

export interface OrphanRequest {
  readonly backupRoot: string;
  readonly dataRoot: string;
  readonly shelf: Shelf;
  /** What there is under the data root. */
  readonly source: readonly SourceFile[];
  readonly manifest: Pick<Manifest, "tool" | "runId" | "at">;
}

export interface OrphanOutcome {
  readonly archive: string;
  readonly became: "adopted" | "removed" | "left";
  readonly reason: string;
}

type Hands = { readonly files: MaintenanceFiles; readonly worker: BackupWorker };

/** @returns what became of each orphan; failed when one can neither be adopted nor removed for want of space */
export const settleOrphans = async (
  hands: Hands,
  request: OrphanRequest,
): Promise<Result<readonly OrphanOutcome[], HostError>> => {
  const outcomes: OrphanOutcome[] = [];
  for (const archive of request.shelf.orphans) {
    const read = await hands.worker.readBack(`${request.backupRoot}/${archive}`);
    if (!read.ok) {
      // A kill leaves only whole archives, so this is damage, and what can be read of it may be all there is.
      outcomes.push({ archive, became: "left", reason: `it has no manifest and cannot be read: ${read.error.reason}` });
      continue;
    }
    const outcome = await settle(hands, request, archive, read.value);
    if (!outcome.ok) return outcome;
    outcomes.push({ archive, ...outcome.value });
  }
  return ok(outcomes);
};

const settle = async (
  { files, worker }: Hands,
  { backupRoot, dataRoot, shelf, source, manifest }: OrphanRequest,
  archive: string,
  read: ReadBack,
): Promise<Result<Omit<OrphanOutcome, "archive">, HostError>> => {
  const removeFor = async (reason: string): Promise<Result<Omit<OrphanOutcome, "archive">, HostError>> => {
    const removed = await files.removeArchive(`${backupRoot}/${archive}`);
    return removed.ok ? ok({ became: "removed", reason }) : removed;
  };
  const held = new Set(shelf.manifests.flatMap((each) => each.manifest.files.map(({ path, sha256 }) => `${sha256} ${path}`)));
  if (read.members.every(({ path, sha256 }) => held.has(`${sha256} ${path}`)))
    return removeFor("it had no manifest and everything in it is proven elsewhere");

  const known = await recognised(worker, dataRoot, source, read);
  if (!known.ok) return known;
  const roots = new Set(shelf.manifests.map((each) => each.manifest.sourceRoot));
  const isOurs = known.value.size > 0 || (roots.size === 1 && roots.has(dataRoot));
  if (!isOurs || !read.members.every(({ path }) => isSafePath(path)))
    return ok({ became: "left", reason: `it has no manifest and holds nothing that is in ${dataRoot}` });

  const entries = read.members
    .map((member) => known.value.get(member.path) ?? withoutStamp(member))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const text = manifestText({
    format: manifestFormat,
    ...manifest,
    sourceRoot: dataRoot,
    archive,
    archiveBytes: read.bytes,
    archiveSha256: read.sha256,
    files: entries,
    references: [],
    skipped: [],
  });
  const stored = await files.writeDurably(`${backupRoot}/${manifestName(sequenceOf(archive) as number)}`, text);
  if (stored.ok) return ok({ became: "adopted", reason: `${entries.length} files, read back whole` });
  if (known.value.size === read.members.length)
    return removeFor(`there is no room for its manifest (${stored.error.reason}), and all of it is still in ${dataRoot}`);
  return err({ ...stored.error, reason: `${archive} has no manifest and there is no room for one: ${stored.error.reason}` });
};

/** The members that are still under the data root with the same content, as they are there. */
const recognised = async (
  worker: BackupWorker,
  root: string,
  source: readonly SourceFile[],
  read: ReadBack,
): Promise<Result<ReadonlyMap<string, ArchivedFile>, HostError>> => {
  const bySource = new Map(source.map((file) => [file.path, file]));
  const alike = read.members.filter(({ path, size }) => bySource.get(path)?.size === size);
  const paths = alike.map(({ path }) => path);
  const inspected = await worker.inspect({ root, paths });
  if (!inspected.ok) return inspected;
  const newest = await worker.newestRecords({ root, paths });
  if (!newest.ok) return newest;
  const same = new Map<string, ArchivedFile>();
  alike.forEach(({ path, sha256 }, index) => {
    const found = inspected.value[index];
    if (found?.type === "present" && found.sha256 === sha256)
      same.set(path, { path, ...found.stamp, sha256, newestRecordAt: newest.value[index] ?? null });
  });
  return ok(same);
};

/** Which file on disk it was, nobody knows any more; so nothing is ever deleted on the strength of this entry. */
const withoutStamp = ({ path, size, sha256, mtimeSeconds }: ReadBack["members"][number]): ArchivedFile => ({
  path,
  size,
  sha256,
  dev: "0",
  ino: "0",
  mtimeNs: `${mtimeSeconds}000000000`,
  ctimeNs: "",
  newestRecordAt: null,
});
