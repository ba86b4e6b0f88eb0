/**
 * Where a session goes on after its process died: read from the rows themselves, because they are what must be neither lost
 * nor doubled. Run after the sink has cut the torn tails.
 */
import { ok, type Result } from "#core/result.ts";
import type { ResumePoint } from "#market/ports.ts";
import type { SnapshotRecord, Stage } from "#market/snapshot.ts";
import { bySegmentTime, readSegmentPath, type SegmentName } from "./paths.ts";
import type { ArchiveFiles, FileError } from "./ports.ts";

interface Found {
  readonly path: string;
  readonly name: SegmentName;
}

const parse = (line: string): SnapshotRecord | undefined => {
  try {
    const record = JSON.parse(line) as Partial<SnapshotRecord> | null;
    return record?.meta === undefined || record.context === undefined || record.observation === undefined
      ? undefined
      : (record as SnapshotRecord);
  } catch {
    return undefined;
  }
};

// No zone sets its clocks back by more than three hours; a replay that was killed makes a day's swing snapshots again.
const unsureMs: { readonly [S in Stage]: number } = { scalp: 3 * 3_600_000, swing: 24 * 3_600_000 };
const nameTime = ({ day, fromMs }: SegmentName): number =>
  Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6, 8))) + fromMs;

/**
 * Segments of one stream, the newest first, as their rows count them. Where the clocks were set back an hour's names come twice, so
 * that names alone would take the end of the first hour for the end of all; what lies near the end is ordered by row numbers.
 */
const newestFirst = async (
  segments: readonly Found[],
  stage: Stage,
  firstLine: (path: string) => Promise<Result<string | undefined, FileError>>,
): Promise<Result<readonly Found[], FileError>> => {
  const byName = segments.filter(({ name }) => name.stream === stage).sort((a, b) => bySegmentTime(b.name, a.name));
  const newest = byName[0];
  if (newest === undefined) return ok([]);
  const near = byName.filter(({ name }) => nameTime(name) >= nameTime(newest.name) - unsureMs[stage]);
  // Without a second part among them no time came twice, and their names say enough.
  if (near.every(({ name }) => name.part === 1)) return ok(byName);
  const numbered: { readonly found: Found; readonly number: number }[] = [];
  for (const found of near) {
    const line = await firstLine(found.path);
    if (!line.ok) return line;
    numbered.push({ found, number: (line.value === undefined ? undefined : parse(line.value)?.meta.sequence) ?? 0 });
  }
  const byNumber = numbered.sort((a, b) => b.number - a.number).map(({ found }) => found);
  return ok([...byNumber, ...byName.slice(near.length)]);
};

/**
 * Reads the newest segments of a session until the last row of every symbol is found.
 *
 * A session whose symbols have all traded is found in its newest segment; one with a symbol that never did is read whole.
 *
 * @param symbols those that are looked for
 * @returns where to go on; rows of other sessions on the same home are passed over
 */
export const readResumePoint = async ({
  files,
  directory,
  session,
  symbols,
}: {
  readonly files: ArchiveFiles;
  readonly directory: string;
  readonly session: string;
  readonly symbols: readonly string[];
}): Promise<Result<ResumePoint, FileError>> => {
  const listed = await files.list(directory);
  if (!listed.ok) return listed;
  const segments = listed.value.flatMap(({ path, bytes }): Found[] => {
    const name = bytes > 0 ? readSegmentPath(path) : undefined;
    return name === undefined ? [] : [{ path, name }];
  });

  const rows: Record<Stage, number> = { scalp: 0, swing: 0 };
  const found: { [symbol: string]: ResumePoint["symbols"][string] } = {};
  const take = ({ meta, context: { symbol }, observation: { inputs, computed } }: SnapshotRecord, stage: Stage): void => {
    if (meta.sequence > rows[stage]) rows[stage] = meta.sequence;
    if (stage !== "scalp" || found[symbol] !== undefined) return;
    const { sequence, series, exchangeAt, priceMinor, quantity } = inputs;
    const { cumulativeVolume } = computed;
    const which = series === undefined ? {} : { series };
    found[symbol] = { sequence, ...which, exchangeAt, priceMinor, quantity, cumulativeVolume };
  };

  for (const stage of ["scalp", "swing"] as const) {
    const ordered = await newestFirst(segments, stage, (path) => files.readFirstLine(`${directory}/${path}`));
    if (!ordered.ok) return ordered;
    for (const { path } of ordered.value) {
      const isDone = stage === "scalp" ? symbols.every((symbol) => found[symbol] !== undefined) : rows.swing > 0;
      if (isDone) break;
      // A segment belongs to one run, and so to one session.
      const first = await files.readFirstLine(`${directory}/${path}`);
      if (!first.ok) return first;
      if (first.value === undefined || parse(first.value)?.meta.session !== session) continue;
      const lines = await files.readLines(`${directory}/${path}`);
      if (!lines.ok) return lines;
      for (let index = lines.value.length - 1; index >= 0; index--) {
        const record = parse(lines.value[index] as string);
        if (record !== undefined) take(record, stage);
        if (stage === "swing" || symbols.every((symbol) => found[symbol] !== undefined)) break;
      }
    }
  }
  return ok({ rows, symbols: found });
};
