/**
 * The manifest says what an archive holds; its existence says that the archive was read back and agreed. It is written
 * last and durably, so a crash can leave an archive without a manifest, never the other way round.
 *
 * A backup root holds `backup-000001.tar.gz` with `backup-000001.manifest.json`, and so on; each run adds at most one pair
 * with the files that no earlier pair has, and refers to the others.
 */
import { err, ok, type Result } from "#core/result.ts";
import type { ArchivedFile, FileStamp, SkippedFile } from "../../ports.ts";

export const manifestFormat = "qts-backup/1";

export interface Manifest {
  readonly format: typeof manifestFormat;
  readonly tool: string;
  readonly runId: string;
  /** Epoch ms of the run, from the Clock port. */
  readonly at: number;
  readonly sourceRoot: string;
  readonly archive: string;
  readonly archiveBytes: number;
  readonly archiveSha256: string;
  /** What this archive holds, sorted by path. */
  readonly files: readonly ArchivedFile[];
  /** Files of this run that an earlier archive holds already, unchanged. */
  readonly references: readonly { readonly path: string; readonly sha256: string; readonly archive: string }[];
  readonly skipped: readonly SkippedFile[];
}

/** A file in the backup, with the pair that holds it. */
export interface CatalogEntry extends ArchivedFile {
  readonly archive: string;
  readonly manifest: string;
}

const stem = (sequence: number): string => `backup-${String(sequence).padStart(6, "0")}`;
export const archiveName = (sequence: number): string => `${stem(sequence)}.tar.gz`;
export const manifestName = (sequence: number): string => `${stem(sequence)}.manifest.json`;
/** Its presence says that the archive was found damaged: its files count as not backed up. */
export const damagedName = (archive: string): string => archive.replace(/\.tar\.gz$/, ".damaged.json");

/** The number in the name of an archive or a manifest; undefined for any other name. */
export const sequenceOf = (name: string): number | undefined => {
  const digits = /^backup-(\d{6,})\.(?:tar\.gz|manifest\.json|damaged\.json)$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

export const manifestText = (manifest: Manifest): string => `${JSON.stringify(manifest, null, 1)}\n`;

const isText = (value: unknown): value is string => typeof value === "string" && value.length > 0;
const isHash = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
const isNatural = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Lone surrogates stand for bytes that are no UTF-8, U+DC80 to U+DCFF; others stand for nothing. */
const nonsense = /[\ud800-\udc7f\udd00-\udfff]/u;

/** A path may go down from the root and nowhere else. */
export const isSafePath = (path: string): boolean =>
  path.length > 0 &&
  !path.startsWith("/") &&
  !path.includes("\0") &&
  !nonsense.test(path) &&
  !path.split("/").some((part) => part === "" || part === "." || part === "..");

const isArchivedFile = (value: unknown): value is ArchivedFile => {
  const file = value as ArchivedFile;
  return (
    typeof file === "object" &&
    file !== null &&
    isText(file.path) &&
    isSafePath(file.path) &&
    isHash(file.sha256) &&
    isNatural(file.size) &&
    (file.ctimeNs === undefined || file.ctimeNs === "" || /^-?\d+$/.test(file.ctimeNs)) &&
    [file.dev, file.ino, file.mtimeNs].every((figure) => typeof figure === "string" && /^-?\d+$/.test(figure)) &&
    (file.newestRecordAt === null || Number.isSafeInteger(file.newestRecordAt))
  );
};

/**
 * Reads a manifest back.
 *
 * @returns the manifest, or one sentence; a manifest that cannot be read is never taken for an empty one
 */
export const parseManifest = (text: string): Result<Manifest, string> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return err(`is not JSON: ${(error as Error).message}`);
  }
  const manifest = value as Manifest;
  if (typeof manifest !== "object" || manifest === null) return err("is not an object");
  if (manifest.format !== manifestFormat)
    return err(`has the format ${JSON.stringify(manifest.format)}; this QTS reads ${manifestFormat}`);
  if (!isText(manifest.archive) || sequenceOf(manifest.archive) === undefined) return err("names no archive");
  if (!isNatural(manifest.archiveBytes) || !isHash(manifest.archiveSha256) || !isNatural(manifest.at))
    return err("lacks the archive's figures");
  if (typeof manifest.sourceRoot !== "string") return err("does not say whose files it lists");
  if (!Array.isArray(manifest.files)) return err("has no list of files");
  const wrong = manifest.files.findIndex((file) => !isArchivedFile(file));
  if (wrong !== -1) return err(`has a file entry that cannot be true: ${JSON.stringify(manifest.files[wrong])}`);
  return ok({ ...manifest, files: manifest.files.map((file) => ({ ...file, ctimeNs: file.ctimeNs ?? "" })) });
};

/** Same device, inode, size, times: nobody has written to it since, nor set its time back. */
export const isSameFile = (a: FileStamp, b: FileStamp): boolean =>
  a.dev === b.dev &&
  a.ino === b.ino &&
  a.size === b.size &&
  a.mtimeNs === b.mtimeNs &&
  a.ctimeNs === b.ctimeNs &&
  a.ctimeNs !== "";

/** Every version of every file in the backup, newest first. */
export type Catalog = ReadonlyMap<string, readonly CatalogEntry[]>;

/** @param manifests in ascending order of their sequence, without those whose archive is missing or damaged */
export const catalogOf = (
  manifests: readonly { readonly name: string; readonly manifest: Pick<Manifest, "archive" | "files"> }[],
): Catalog => {
  const catalog = new Map<string, CatalogEntry[]>();
  for (const { name, manifest } of manifests)
    for (const file of manifest.files) {
      const entry: CatalogEntry = Object.freeze({ ...file, archive: manifest.archive, manifest: name });
      const versions = catalog.get(file.path);
      if (versions === undefined) catalog.set(file.path, [entry]);
      else versions.unshift(entry);
    }
  return catalog;
};
