/**
 * The only place where a proof is made. "No exception" is not success (spec M3): the archive is read back from its
 * destination, every member is compared, the manifest is made durable, and only then a VerifiedBackup exists.
 */
import { err, ok, type Result } from "#core/result.ts";
import type { ArchivedFile, BackupWorker, HostError, MaintenanceFiles, ReadBack, SourceFile, WorkProgress } from "../../ports.ts";
import {
  type CatalogEntry,
  damagedName,
  isSameFile,
  type Manifest,
  manifestFormat,
  manifestName,
  manifestText,
  sequenceOf,
} from "./manifest.ts";
import type { Shelf } from "./shelf.ts";

class Proof {
  readonly manifestPath: string;
  readonly manifestSha256: string;
  readonly #entries: ReadonlyMap<string, CatalogEntry>;

  constructor(manifestPath: string, manifestSha256: string, entries: ReadonlyMap<string, CatalogEntry>) {
    this.manifestPath = manifestPath;
    this.manifestSha256 = manifestSha256;
    this.#entries = entries;
    Object.freeze(this);
  }

  /** Every file of the run that lies, proven in this run, in the backup. */
  get entries(): readonly CatalogEntry[] {
    return [...this.#entries.values()];
  }

  /** The backup of exactly this file in exactly this state, or undefined. */
  entryFor(file: SourceFile): CatalogEntry | undefined {
    const entry = this.#entries.get(file.path);
    return entry !== undefined && isSameFile(entry, file) ? entry : undefined;
  }

  static isProof(value: unknown): value is Proof {
    return typeof value === "object" && value !== null && #entries in value;
  }
}

/** Exported as a type only: nobody but this file can make one. */
export type VerifiedBackup = Proof;
export const isVerifiedBackup = Proof.isProof;

/** The first difference between what should be in an archive and what was read from it; undefined when they agree. */
export const difference = (expected: readonly ArchivedFile[], read: ReadBack): string | undefined => {
  const found = new Map(read.members.map((member) => [member.path, member]));
  if (found.size !== read.members.length) return "a member is there twice";
  for (const { path, size, sha256 } of expected) {
    const member = found.get(path);
    if (member === undefined) return `${path} is missing`;
    if (member.size !== size) return `${path} has ${member.size} bytes instead of ${size}`;
    if (member.sha256 !== sha256) return `${path} has other content`;
  }
  return found.size === expected.length ? undefined : `${found.size - expected.length} members are not in the manifest`;
};

/** From now on the archive's files count as not backed up, and the next run archives again what the source still has. */
export const markDamaged = async (
  files: MaintenanceFiles,
  backupRoot: string,
  archive: string,
  at: number,
  reason: string,
): Promise<Result<void, HostError>> => {
  const marked = await files.writeDurably(`${backupRoot}/${damagedName(archive)}`, `${JSON.stringify({ at, reason })}\n`);
  return marked.ok ? ok(undefined) : marked;
};

export interface VerifyRequest {
  readonly backupRoot: string;
  readonly shelf: Shelf;
  /** What this run has archived; undefined when nothing was new. */
  readonly written?: { readonly archive: string; readonly files: readonly ArchivedFile[]; readonly bytes: number };
  readonly unchanged: readonly CatalogEntry[];
  /** Earlier archives to read back too, because files in them are about to be deleted. */
  readonly alsoReadBack: ReadonlySet<string>;
  readonly manifest: Pick<Manifest, "tool" | "runId" | "at" | "sourceRoot" | "skipped">;
  readonly onProgress?: (progress: WorkProgress) => void;
}

/**
 * Reads back, compares, writes the manifest.
 *
 * @returns the proof, which covers the archives read back in this run and no other; or why there is none. An earlier archive
 * that is found damaged is marked, so that the next run archives again what the source still has.
 */
export const verifyBackup = async (
  files: MaintenanceFiles,
  worker: BackupWorker,
  { backupRoot, shelf, written, unchanged, alsoReadBack, manifest, onProgress }: VerifyRequest,
): Promise<Result<VerifiedBackup, HostError>> => {
  const proven = new Map<string, CatalogEntry>();
  let manifestPath: string;
  let manifestSha256: string;

  if (written === undefined) {
    const latest = shelf.manifests.findLast((each) => each.manifest.sourceRoot === manifest.sourceRoot);
    if (latest === undefined) return err({ type: "failed", reason: "there is no backup to verify" });
    manifestPath = `${backupRoot}/${latest.name}`;
    manifestSha256 = latest.sha256;
  } else {
    const read = await worker.readBack(`${backupRoot}/${written.archive}`, onProgress);
    if (!read.ok) return read;
    const wrong =
      difference(written.files, read.value) ??
      (read.value.bytes === written.bytes ? undefined : "its size on disk is not what was written");
    if (wrong !== undefined) return err({ type: "failed", reason: `${written.archive} is not what was archived: ${wrong}` });
    const name = manifestName(sequenceOf(written.archive) as number);
    const text = manifestText({
      format: manifestFormat,
      ...manifest,
      archive: written.archive,
      archiveBytes: read.value.bytes,
      archiveSha256: read.value.sha256,
      files: written.files,
      references: unchanged.map(({ path, sha256, archive }) => ({ path, sha256, archive })),
    });
    manifestPath = `${backupRoot}/${name}`;
    const stored = await files.writeDurably(manifestPath, text);
    if (!stored.ok) return stored;
    manifestSha256 = stored.value.sha256;
    for (const file of written.files) proven.set(file.path, Object.freeze({ ...file, archive: written.archive, manifest: name }));
  }

  for (const { manifest: earlier } of shelf.manifests.filter(({ manifest: { archive } }) => alsoReadBack.has(archive))) {
    const read = await worker.readBack(`${backupRoot}/${earlier.archive}`, onProgress);
    const wrong = read.ok ? difference(earlier.files, read.value) : read.error.reason;
    if (wrong !== undefined) {
      const reason = `the earlier archive ${earlier.archive} is damaged: ${wrong}`;
      const marked = await markDamaged(files, backupRoot, earlier.archive, manifest.at, reason);
      return marked.ok ? err({ type: "failed", reason }) : marked;
    }
    for (const entry of unchanged) if (entry.archive === earlier.archive) proven.set(entry.path, entry);
  }
  return ok(new Proof(manifestPath, manifestSha256, proven));
};
