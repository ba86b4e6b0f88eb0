/**
 * Is an archive whole? Read with knowledge of the contract only (docs/reference/archive.md), never of the code that wrote it, so
 * that it also judges trees that something else wrote (spec A14).
 *
 * Every number of the source between the first and the last that is seen must be a row, or be declared in a gap line; what is
 * neither is silent loss. The caller feeds the system stream first, then the market streams in the order of time.
 */
import { NumberRanges } from "./number-ranges.ts";
import { dayMs, dayStartsAt, type PathRules, readSegmentPath, type Stream } from "./paths.ts";

type Json = { readonly [key: string]: unknown };

export interface CheckOptions extends Pick<PathRules, "timeZone"> {
  /** Trades per symbol that the source holds, numbered from 1: makes a lost beginning and end visible. */
  readonly expected?: { readonly [symbol: string]: number };
  /** The parts of a time span in which a market held its regular session. */
  readonly regularSpans: (
    market: string,
    fromAt: number,
    toAt: number,
  ) => readonly { readonly fromAt: number; readonly untilAt: number }[];
}

/** A silence of this length in session is a gap and has a line in the system stream (spec A7). */
const gapMs: { readonly [stream: string]: number } = { scalp: 10_000, swing: 660_000 };

export interface ArchiveReport {
  readonly files: number;
  readonly bytes: number;
  readonly lines: number;
  readonly streams: { readonly [S in Stream]: { readonly files: number; readonly rows: number } };
  /** Lines that cannot be read, the last one of a file without its newline apart. */
  readonly badLines: number;
  readonly tornFiles: number;
  readonly duplicates: number;
  /** Rows whose exchange time lies before that of the row above of the same symbol. */
  readonly outOfOrder: number;
  /** Rows in a segment that begins after them, which is where late rows go; and rows that belong to a later day. */
  readonly late: number;
  readonly misplaced: number;
  /** Lines behind the trusted end of a segment whose fsync failed: they are repeated elsewhere and not read. */
  readonly suspectLines: number;
  /** Files that are not segments: torn tails kept aside, and others. */
  readonly otherFiles: number;
  readonly gaps: {
    readonly quiet: number;
    readonly hole: number;
    readonly refused: number;
    readonly lost: number;
    /** Silences in session without a line, of rows whose numbers show that nothing is missing. */
    readonly undeclaredQuiet: number;
    /** Silences in session without a line, of rows without numbers: nobody can say whether something is missing. */
    readonly undeclared: number;
  };
  /** Rows of the source that are not in the archive. */
  readonly missing: { readonly declared: number; readonly silent: number };
  /** The first hundred findings, each with its place. */
  readonly problems: readonly string[];
  /** Nothing is bad, torn, doubled, misplaced or silently missing. */
  readonly ok: boolean;
}

export interface ArchiveCheck {
  /** Reads one file; `path` is relative to the archive's directory. */
  file(path: string, text: string): void;
  report(): ArchiveReport;
}

interface SymbolTrack {
  readonly session: string;
  readonly stream: Stream;
  readonly symbol: string;
  market: string;
  readonly numbers: NumberRanges;
  lastAt: number | undefined;
  lastNumber: number | undefined;
}

interface DeclaredGap {
  readonly from: number;
  readonly to: number;
}

const problemsMax = 100;

const objectAt = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const numberAt = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;
const textAt = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** The order in which files are to be given: what declares first, then by time and part. */
export const checkOrder = (a: string, b: string): number => {
  const rank = (path: string): string => {
    const name = readSegmentPath(path);
    if (name === undefined) return `0${path}`;
    const { stream, day, fromMs, part } = name;
    return `${stream === "system" ? 1 : 2}${stream}${day}${String(fromMs).padStart(9, "0")}${String(part).padStart(6, "0")}`;
  };
  const [left, right] = [rank(a), rank(b)];
  return left < right ? -1 : left > right ? 1 : 0;
};

export const createArchiveCheck = (options: CheckOptions): ArchiveCheck => {
  const counts = { files: 0, bytes: 0, lines: 0, badLines: 0, tornFiles: 0, duplicates: 0, outOfOrder: 0, late: 0 };
  const more = { misplaced: 0, suspectLines: 0, otherFiles: 0 };
  const gaps = { quiet: 0, hole: 0, refused: 0, lost: 0, undeclaredQuiet: 0, undeclared: 0 };
  const streams = { scalp: { files: 0, rows: 0 }, swing: { files: 0, rows: 0 }, system: { files: 0, rows: 0 } };
  const tracks = new Map<string, SymbolTrack>();
  const declaredMissing = new Map<string, NumberRanges>();
  const declaredGaps = new Map<string, DeclaredGap[]>();
  const trustedBytes = new Map<string, number>();
  const problems: string[] = [];
  const found = (problem: string): void => {
    if (problems.length < problemsMax) problems.push(problem);
  };

  const keyOf = (session: string, stream: string, symbol: string): string => `${session}\u0000${stream}\u0000${symbol}`;

  const systemRow = (row: Json): void => {
    if (row.type === "suspect") {
      const [path, bytes] = [textAt(row.path), numberAt(row.trustedBytes)];
      if (path !== undefined && bytes !== undefined) trustedBytes.set(path, bytes);
    }
    if (row.type !== "gap") return;
    const reason = textAt(row.reason) ?? "hole";
    if (reason in gaps) gaps[reason as keyof typeof gaps] += 1;
    const session = textAt(objectAt(row.meta).session) ?? "";
    const key = keyOf(session, textAt(row.stream) ?? "scalp", textAt(row.symbol) ?? "");
    const [from, to] = [numberAt(row.from), numberAt(row.to)];
    if (from !== undefined && to !== undefined) declaredGaps.set(key, [...(declaredGaps.get(key) ?? []), { from, to }]);
    const [first, last] = [numberAt(row.firstMissing), numberAt(row.lastMissing)];
    if (first === undefined || last === undefined) return;
    const numbers = declaredMissing.get(key) ?? new NumberRanges();
    numbers.addRange(first, last);
    declaredMissing.set(key, numbers);
  };

  const silence = (track: SymbolTrack, at: number, number: number | undefined): void => {
    const limit = gapMs[track.stream];
    if (limit === undefined || track.lastAt === undefined || at - track.lastAt < limit) return;
    const declared = declaredGaps.get(keyOf(track.session, track.stream, track.symbol)) ?? [];
    for (const { fromAt, untilAt } of options.regularSpans(track.market, track.lastAt, at)) {
      if (untilAt - fromAt < limit || declared.some(({ from, to }) => from < untilAt && to > fromAt)) continue;
      if (track.stream === "scalp" && number !== undefined && number === (track.lastNumber ?? Number.NaN) + 1) {
        gaps.undeclaredQuiet += 1;
        continue;
      }
      // Rows whose numbers jump here are counted as missing, not again as a silence.
      if (number !== undefined && track.lastNumber !== undefined && track.stream === "scalp") continue;
      gaps.undeclared += 1;
      const seconds = (untilAt - fromAt) / 1000;
      found(`${track.stream} ${track.symbol}: ${seconds} s of silence from ${new Date(fromAt).toISOString()} is not declared`);
    }
  };

  const marketRow = (
    row: Json,
    stream: Stream,
    where: string,
    segment: { readonly fromAt: number; readonly dayEndsAt: number },
  ): void => {
    const [meta, context] = [objectAt(row.meta), objectAt(row.context)];
    const inputs = objectAt(objectAt(row.observation).inputs);
    const symbol = textAt(context.symbol) ?? textAt(row.symbol) ?? "";
    const session = textAt(meta.session) ?? textAt(meta.session_id) ?? "";
    const at = numberAt(inputs.exchangeAt) ?? numberAt(meta.at) ?? numberAt(meta.timestamp_ms);
    // A swing row repeats the number of the last trade, so that its own row number is its key; it counts over all symbols.
    const isOwn = stream === "swing";
    const number = isOwn ? numberAt(meta.sequence) : (numberAt(inputs.sequence) ?? numberAt(meta.sequence));
    const track = trackOf(session, stream, symbol);
    const numbered = isOwn ? trackOf(session, stream, "") : track;
    track.market = textAt(context.market) ?? track.market;
    if (number !== undefined && !numbered.numbers.add(number)) {
      counts.duplicates += 1;
      found(`${where}: ${stream} ${symbol} ${number} is there twice`);
      return;
    }
    if (at !== undefined) {
      if (at < segment.fromAt) counts.late += 1;
      if (at >= segment.dayEndsAt) {
        more.misplaced += 1;
        found(`${where}: belongs to another day (${new Date(at).toISOString()})`);
      }
      if (track.lastAt !== undefined && at < track.lastAt) counts.outOfOrder += 1;
      silence(track, at, number);
      track.lastAt = Math.max(at, track.lastAt ?? at);
    }
    track.lastNumber = number;
  };

  const trackOf = (session: string, stream: Stream, symbol: string): SymbolTrack => {
    const key = keyOf(session, stream, symbol);
    let track = tracks.get(key);
    if (track === undefined) {
      track = { session, stream, symbol, market: "", numbers: new NumberRanges(), lastAt: undefined, lastNumber: undefined };
      tracks.set(key, track);
    }
    return track;
  };

  const missingRows = (): { declared: number; silent: number } => {
    const missing = { declared: 0, silent: 0 };
    const lookFor = (track: SymbolTrack, from: number, to: number): void => {
      const declared = declaredMissing.get(keyOf(track.session, track.stream, track.symbol)) ?? new NumberRanges();
      for (const hole of track.numbers.holes(from, to)) {
        const silent = declared.holes(hole.first, hole.last);
        const silentRows = silent.reduce((sum, { first, last }) => sum + last - first + 1, 0);
        missing.silent += silentRows;
        missing.declared += hole.last - hole.first + 1 - silentRows;
        for (const { first, last } of silent)
          found(
            `${track.stream} ${track.symbol || "rows"} ${first} to ${last} of session ${track.session} are missing and not declared`,
          );
      }
    };
    for (const track of tracks.values()) {
      const { first, last } = track.numbers;
      if (first === undefined || last === undefined) continue;
      const expected = track.stream === "scalp" ? options.expected?.[track.symbol] : undefined;
      // Without the source's own count a beginning that is missing may have been removed by retention.
      lookFor(track, expected === undefined ? first : 1, Math.max(last, expected ?? last));
    }
    for (const [symbol, count] of Object.entries(options.expected ?? {}))
      if (![...tracks.values()].some((track) => track.stream === "scalp" && track.symbol === symbol))
        lookFor({ ...trackOf("", "scalp", symbol) }, 1, count);
    return missing;
  };

  return {
    file: (path, text) => {
      const name = readSegmentPath(path);
      if (name === undefined) {
        more.otherFiles += 1;
        return;
      }
      const { stream, day, fromMs } = name;
      const startsAt = dayStartsAt(day, options.timeZone);
      const segment = { fromAt: startsAt + fromMs, dayEndsAt: startsAt + dayMs };
      counts.files += 1;
      streams[stream].files += 1;
      // Bytes and characters are the same for the ASCII that rows are made of; a stranger's text is counted as UTF-8.
      counts.bytes += new TextEncoder().encode(text).length;
      const trusted = trustedBytes.get(path);
      let offset = 0;
      let number = 0;
      for (const line of text.split("\n")) {
        number += 1;
        const where = `${path}:${number}`;
        const isLast = offset + line.length >= text.length;
        const start = offset;
        offset += line.length + 1;
        if (isLast && line === "") break;
        if (trusted !== undefined && start >= trusted) {
          more.suspectLines += 1;
          continue;
        }
        if (isLast) {
          counts.tornFiles += 1;
          found(`${where}: the last line has no end`);
          break;
        }
        counts.lines += 1;
        let row: unknown;
        try {
          row = JSON.parse(line);
        } catch {
          row = undefined;
        }
        if (typeof row !== "object" || row === null || Array.isArray(row)) {
          counts.badLines += 1;
          found(`${where}: is not a JSON object`);
          continue;
        }
        streams[stream].rows += 1;
        if (stream === "system") systemRow(row as Json);
        else marketRow(row as Json, stream, where, segment);
      }
    },
    report: () => {
      const missing = missingRows();
      const isWhole =
        counts.badLines + counts.tornFiles + counts.duplicates + more.misplaced + missing.silent + gaps.undeclared === 0;
      return {
        ...counts,
        ...more,
        streams: { scalp: { ...streams.scalp }, swing: { ...streams.swing }, system: { ...streams.system } },
        gaps: { ...gaps },
        missing,
        problems: [...problems],
        ok: isWhole,
      };
    },
  };
};
