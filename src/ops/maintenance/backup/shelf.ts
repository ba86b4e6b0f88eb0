/** The backup root as it lies on disk: which archives there are, and what their manifests say. */
import { err, ok, type Result } from "#core/result.ts";
import type { HostError, MaintenanceFiles } from "../../ports.ts";
import { archiveName, type Catalog, catalogOf, damagedName, type Manifest, parseManifest, sequenceOf } from "./manifest.ts";

export interface Shelved {
  readonly name: string;
  readonly manifest: Manifest;
  readonly sha256: string;
}

export interface Shelf {
  readonly manifests: readonly Shelved[];
  /** Archives whose run died before the manifest was written; proven by nothing. */
  readonly orphans: readonly string[];
  /** Archives that are missing, cut or marked damaged, with the reason; their files count as not backed up. */
  readonly lost: readonly (Shelved & { readonly archive: string; readonly reason: string })[];
  /** Manifests that cannot be read. */
  readonly unreadable: readonly { readonly name: string; readonly reason: string }[];
  readonly nextSequence: number;
}

const isManifest = (name: string): boolean => name.endsWith(".manifest.json") && sequenceOf(name) !== undefined;

/** Why an archive cannot be counted on; undefined when it lies there as its manifest says. */
const lossOf = ({ archive, archiveBytes }: Manifest, sizes: ReadonlyMap<string, number>): string | undefined => {
  const size = sizes.get(archive);
  if (size === undefined) return "the archive is missing";
  if (size !== archiveBytes) return `the archive has ${size} bytes instead of ${archiveBytes}`;
  return sizes.has(damagedName(archive)) ? "the archive was found damaged" : undefined;
};

/** The newest manifest whose archive lies there: one file is read, and an older one only when that is lost. */
export const readNewest = async (files: MaintenanceFiles, backupRoot: string): Promise<Manifest | undefined> => {
  const listed = await files.list(backupRoot);
  if (!listed.ok) return undefined;
  const sizes = new Map(listed.value.map(({ name, size }) => [name, size]));
  const newestFirst = [...sizes.keys()].filter(isManifest).sort((a, b) => (sequenceOf(b) as number) - (sequenceOf(a) as number));
  for (const name of newestFirst) {
    const text = await files.readText(`${backupRoot}/${name}`);
    const parsed = text.ok ? parseManifest(text.value ?? "") : text;
    if (parsed.ok && lossOf(parsed.value, sizes) === undefined) return parsed.value;
  }
  return undefined;
};

/** Reads every manifest. */
export const readShelf = async (files: MaintenanceFiles, backupRoot: string): Promise<Result<Shelf, HostError>> => {
  const listed = await files.list(backupRoot);
  if (!listed.ok) return listed;
  const sizes = new Map(listed.value.map(({ name, size }) => [name, size]));
  const manifests: Shelved[] = [];
  const lost: Shelf["lost"][number][] = [];
  const unreadable: Shelf["unreadable"][number][] = [];
  const described = new Set<string>();
  for (const name of [...sizes.keys()].filter(isManifest)) {
    const text = await files.readText(`${backupRoot}/${name}`);
    if (!text.ok) return text;
    const parsed = parseManifest(text.value ?? "");
    if (!parsed.ok) {
      unreadable.push({ name, reason: parsed.error });
      described.add(archiveName(sequenceOf(name) as number));
      continue;
    }
    const manifest = parsed.value;
    const { archive } = manifest;
    const shelved: Shelved = { name, manifest, sha256: files.sha256(text.value ?? "") };
    described.add(archive);
    const reason = lossOf(manifest, sizes);
    if (reason !== undefined) lost.push({ ...shelved, archive, reason });
    else manifests.push(shelved);
  }
  const sequences = [...sizes.keys()].map((name) => sequenceOf(name) ?? 0);
  return ok({
    manifests,
    orphans: [...sizes.keys()].filter(
      (name) => name.endsWith(".tar.gz") && sequenceOf(name) !== undefined && !described.has(name),
    ),
    lost,
    unreadable,
    nextSequence: Math.max(0, ...sequences) + 1,
  });
};

/** A manifest that cannot be read stops a run: to guess would be to forget what it protects. */
export const readWholeShelf = async (files: MaintenanceFiles, backupRoot: string): Promise<Result<Shelf, HostError>> => {
  const shelf = await readShelf(files, backupRoot);
  const wrong = shelf.ok ? shelf.value.unreadable[0] : undefined;
  if (wrong === undefined) return shelf;
  return err({
    type: "failed",
    reason: `the manifest ${wrong.name} ${wrong.reason}; set it aside together with its archive to go on`,
  });
};

/** What the backup holds of one data root: roots that share a backup do not see each other's files. */
export const catalogFor = (shelf: Pick<Shelf, "manifests">, sourceRoot: string): Catalog =>
  catalogOf(shelf.manifests.filter(({ manifest }) => manifest.sourceRoot === sourceRoot));

/** Free bytes wanted before archiving: as the last archive compressed, with half as much again; all of it the first time. */
export const spaceNeeded = (sourceBytes: number, manifests: Shelf["manifests"]): number => {
  const last = manifests.at(-1)?.manifest;
  const lastSourceBytes = last?.files.reduce((sum, { size }) => sum + size, 0) ?? 0;
  const ratio = last === undefined || lastSourceBytes === 0 ? 1 : Math.min(1, (last.archiveBytes / lastSourceBytes) * 1.5);
  return Math.ceil(sourceBytes * ratio) + 65_536;
};

export const archivePathOf = (backupRoot: string, sequence: number): string => `${backupRoot}/${archiveName(sequence)}`;
