/** The files that `qts import` was given, as lines with their place: opened, unpacked, and read a piece at a time. */
import { closeSync, createReadStream, fstatSync, openSync, readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
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
export const formatOf = (path: string): Format => {
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
export const archiveFiles = (given: string): { readonly scalp: readonly string[]; readonly system: readonly string[] } => {
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
export const partsOf = (path: string, shown: string, format: Format): Result<readonly Part[], string> => {
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
