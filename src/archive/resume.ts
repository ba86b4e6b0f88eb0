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
  const segments = listed.value
    .flatMap(({ path, bytes }): Found[] => {
      const name = bytes > 0 ? readSegmentPath(path) : undefined;
      return name === undefined ? [] : [{ path, name }];
    })
    .sort((a, b) => bySegmentTime(b.name, a.name));

  const rows: Record<Stage, number> = { scalp: 0, swing: 0 };
  const found: { [symbol: string]: ResumePoint["symbols"][string] } = {};
  const take = ({ meta, context: { symbol }, observation: { inputs, computed } }: SnapshotRecord, stage: Stage): void => {
    if (meta.sequence > rows[stage]) rows[stage] = meta.sequence;
    if (stage !== "scalp" || found[symbol] !== undefined) return;
    const { sequence, exchangeAt, priceMinor, quantity } = inputs;
    found[symbol] = { sequence, exchangeAt, priceMinor, quantity, cumulativeVolume: computed.cumulativeVolume };
  };

  for (const stage of ["scalp", "swing"] as const) {
    for (const { path, name } of segments) {
      if (name.stream !== stage) continue;
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
