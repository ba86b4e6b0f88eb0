/** The files that `qts import` was given, as lines with their place: opened, unpacked, and read a piece at a time. */
import { closeSync, createReadStream, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { type LeanName, leanNameOf } from "#adapters/import/lean.ts";
import { createLineSplitter } from "#adapters/import/lines.ts";
import { zipContent, zipEntries } from "#adapters/import/zip.ts";
import { archiveDirectory, bySegmentTime, readSegmentPath } from "#archive/paths.ts";
import { err, ok, type Result } from "#core/result.ts";
import { whyUnreadable } from "./unreadable.ts";

export const formats = ["csv", "jsonl", "lean", "archive"] as const;
export type Format = (typeof formats)[number];

/** What a path is, by its name and kind. */
const formatOf = (path: string): Format => {
  if (statSync(path).isDirectory()) return "archive";
  const name = path.toLowerCase().replace(/\.gz$/, "");
  if (name.endsWith(".zip")) return "lean";
  return name.endsWith(".jsonl") || name.endsWith(".ndjson") ? "jsonl" : "csv";
};

/** Some lines: a file, or one in a zip. */
export interface Part {
  /** As a person finds it: `trades.csv`, `spy.zip:20131007_spy_Trade_Tick.csv`. */
  readonly place: string;
  /** In a zip of Lean: what its name says. */
  readonly lean?: LeanName;
  /** For progress: bytes on disk, and how many of them were read. */
  readonly bytes: number;
  readonly open: (read: (bytes: number) => void) => AsyncIterable<Uint8Array>;
}

/** Segments of the stream that holds every tick, in the order of time, and those that tell of the archive itself. */
const archiveFiles = (given: string): { readonly scalp: readonly string[]; readonly system: readonly string[] } => {
  const own = archiveDirectory(given);
  const directory = statSync(own, { throwIfNoEntry: false })?.isDirectory() ? own : given;
  const found = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .flatMap((path) => {
      const segment = readSegmentPath(relative(directory, path).split(sep).join("/"));
      return segment === undefined ? [] : [{ path, segment }];
    })
    .sort((a, b) => bySegmentTime(a.segment, b.segment));
  const of = (stream: string): string[] => found.filter(({ segment }) => segment.stream === stream).map(({ path }) => path);
  return { scalp: of("scalp"), system: of("system") };
};

async function* plain(path: string, read: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path);
  let content: Readable = file;
  if (path.toLowerCase().endsWith(".gz")) {
    const unpacked = createGunzip();
    // An error of the file would otherwise be nobody's.
    file.on("error", (error) => unpacked.destroy(error));
    content = file.pipe(unpacked);
  }
  for await (const piece of content as AsyncIterable<Buffer>) {
    read(file.bytesRead);
    yield piece;
  }
}

/** @param shown the path as it was given */
const partsOf = (path: string, shown: string, format: Format): Result<readonly Part[], string> => {
  const { size } = statSync(path);
  if (format !== "lean") return ok([{ place: shown, bytes: size, open: (read) => plain(path, read) }]);
  const fd = openSync(path, "r");
  let entries: ReturnType<typeof zipEntries>;
  try {
    entries = zipEntries(fd, fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
  if (!entries.ok) return err(`${shown} ${entries.error}.`);
  const parts: Part[] = [];
  for (const entry of entries.value) {
    const lean = leanNameOf(entry.name);
    if (lean === undefined)
      return err(
        `${shown} has ${JSON.stringify(entry.name)} in it, which is no tick file of Lean's trades (20131007_spy_Trade_Tick.csv); unpack it, and import what is in it as CSV.`,
      );
    parts.push({
      place: `${shown}:${entry.name}`,
      lean,
      bytes: entry.packedBytes,
      open: async function* (read) {
        const zip = openSync(path, "r");
        try {
          yield* zipContent(path, zip, entry);
          read(entry.packedBytes);
        } finally {
          closeSync(zip);
        }
      },
    });
  }
  return parts.length === 0 ? err(`${shown} is an empty zip.`) : ok(parts);
};

/**
 * Gives every line to `take`, until it returns a sentence.
 *
 * @returns the sentence with the line's place, "stopped", or undefined at the end
 */
export const readPart = async (
  { place, open }: Part,
  signal: AbortSignal | undefined,
  read: (bytes: number) => void,
  take: (line: string, number: number) => string | undefined,
): Promise<string | undefined> => {
  const splitter = createLineSplitter();
  const said = (problem: { readonly line: number; readonly problem: string }): string =>
    // Some sentences have a field for their subject, the others the line itself.
    `${place}:${problem.line}: ${/^(is|has|came|did) /.test(problem.problem) ? "the line " : ""}${problem.problem}.`;
  try {
    for await (const piece of open(read)) {
      if (signal?.aborted) return "stopped";
      const taken = splitter.push(piece, take);
      if (!taken.ok) return said(taken.error);
      // Signals and the clock have their turn also where the disk is faster than we are.
      await new Promise((turn) => setImmediate(turn));
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "Z_DATA_ERROR" || code === "Z_BUF_ERROR")
      return `${place} cannot be unpacked: it is ${code === "Z_BUF_ERROR" ? "cut short" : "damaged, or no gzip"}; fetch it again.`;
    return `${place} cannot be read: ${whyUnreadable(error)}.`;
  }
  const ended = splitter.end(take);
  return ended.ok ? undefined : said(ended.error);
};

/** A file whose first line is of Creon's minute bars says its zone and that a time is a bar's end. */
const isKoreanBars = (path: string): boolean => {
  if (path.toLowerCase().endsWith(".gz")) return false;
  const fd = openSync(path, "r");
  try {
    const head = Buffer.alloc(64);
    readSync(fd, head);
    return head.toString("latin1").includes("yyyymmddhhmm_kst");
  } finally {
    closeSync(fd);
  }
};

/** Sessions of an archive whose source's numbers are not consecutive: the lines about itself say so. */
const sparseSessions = (system: readonly string[]): ReadonlySet<string> => {
  const sparse = new Set<string>();
  for (const path of system)
    for (const line of readFileSync(path, "utf8").split("\n")) {
      if (!line.includes('"sparse"')) continue;
      try {
        const row = JSON.parse(line) as {
          readonly type?: string;
          readonly numbers?: string;
          readonly meta?: { readonly session?: string };
        };
        if (row.numbers === "sparse" && row.meta?.session !== undefined) sparse.add(row.meta.session);
      } catch {
        // `qts archive check` judges the line; here it only says that rows have no numbers.
      }
    }
  return sparse;
};

/** All that is to be read, in one form. */
export interface ImportFiles {
  readonly format: Format;
  readonly parts: readonly Part[];
  /** Minute bars in Korean time. */
  readonly isKorean: boolean;
  /** Sessions of an archive whose source's numbers are not consecutive. */
  readonly sparse: ReadonlySet<string>;
}

/**
 * @param given paths as they were typed, one at least
 * @param asked the form that was named; undefined: each file's name says it
 * @returns or one sentence about the first path that cannot be read so
 */
export const filesToImport = (given: readonly string[], asked: Format | undefined, cwd: string): Result<ImportFiles, string> => {
  const parts: Part[] = [];
  const sparse = new Set<string>();
  let format: Format | undefined;
  let isKorean = false;
  try {
    for (const shown of given) {
      const path = resolve(cwd, shown);
      const of = asked ?? formatOf(path);
      if (format !== undefined && of !== format)
        return err(
          `${shown} is read as ${of} and the files before it as ${format}: import one form at a time, or say which with --format.`,
        );
      format = of;
      if (of === "archive") {
        if (!statSync(path).isDirectory()) return err(`${shown} is no directory; give a home of QTS, or its config/observer.`);
        const found = archiveFiles(path);
        if (found.scalp.length === 0)
          return err(
            `there is no archive at ${shown}: no file below it has a path of the scalp stream (docs/reference/archive.md).`,
          );
        for (const session of sparseSessions(found.system)) sparse.add(session);
        for (const file of found.scalp) {
          const own = partsOf(file, file, of);
          if (own.ok) parts.push(...own.value);
        }
        continue;
      }
      if (!statSync(path).isFile())
        return err(`${shown} is no file; give a file${asked === undefined ? "" : ` of the form ${of}`}.`);
      if (of === "csv") isKorean ||= isKoreanBars(path);
      const own = partsOf(path, shown, of);
      if (!own.ok) return own;
      parts.push(...own.value);
    }
  } catch (error) {
    return err(`${(error as NodeJS.ErrnoException).path ?? "A file"} cannot be read: ${whyUnreadable(error)}.`);
  }
  if (format === undefined) throw new Error("broken assumption: no path was given");
  return ok({ format, parts, isKorean, sparse });
};
