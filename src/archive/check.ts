/**
 * Is an archive whole? Read with knowledge of the contract only (docs/reference/archive.md), never of the code that wrote it, so
 * that it also judges trees that something else wrote (spec A14).
 *
 * Every number of the source between the first and the last that is seen must be a row, or be declared in a gap line; what is
 * neither is silent loss. Where a source's numbers are not consecutive, or rows have none, silence in session is judged instead.
 * The caller feeds the system stream first, then the market streams in the order of time.
 */
import type { Span } from "#core/zoned-time.ts";
import { createGapLedger } from "./check.gaps.ts";
import { linesOf, parseLine } from "./check.lines.ts";
import type { ArchiveReport } from "./check.report.ts";
import { type Json, judgeMarketRow, judgeSystemRow, type Mapping, type MarketRow, type RowIdentity } from "./check.rows.ts";
import { countOf, NumberRanges } from "./number-ranges.ts";
import { daySpan, type PathRules, readSegmentPath, type Stream } from "./paths.ts";

/** What is asked of a market's calendar. */
export interface CheckCalendar {
  /** The parts of a time span in which a market trades continuously. */
  regularSpans(fromAt: number, toAt: number): readonly Span[];
  /** Why the hours of this moment are not known, in one sentence. */
  unknownProblem(at: number): string | undefined;
}

export interface CheckOptions extends Pick<PathRules, "timeZone"> {
  /** Trades per symbol that the source holds, numbered from 1: makes a lost beginning and end visible. */
  readonly expected?: { readonly [symbol: string]: number };
  /** Nothing was removed by retention: what lies before the first row that is seen is missing too. */
  readonly isComplete?: boolean;
  /** Every source's numbers are unique and not consecutive; a session may also say so in its own `opened` line. */
  readonly isSparse?: boolean;
  /** Where rows without `_schema` say what must be known. */
  readonly mapping: Mapping;
  readonly calendarOf: (market: string) => CheckCalendar | undefined;
}

/** A silence of this length in session is a gap and has a line in the system stream (spec A7). */
const gapMs: { readonly [S in Stream]: number } = { scalp: 10_000, swing: 660_000, system: Number.POSITIVE_INFINITY };
/** Older than this a row was not archived: it belongs to another day and to backfill. */
const lateMsMax = 86_400_000;

export type { ArchiveReport } from "./check.report.ts";

export interface ArchiveCheck {
  /** Reads one file; `path` is relative to the archive's directory. */
  file(path: string, bytes: Uint8Array): void;
  /** Something in the tree that is no regular file. */
  foreign(path: string, why: string): void;
  report(): ArchiveReport;
}

interface Series {
  readonly numbers: NumberRanges;
  /** The same by run: a later run may bring what an earlier one declared missing. */
  readonly numbersByRun: Map<string, NumberRanges>;
}

interface Track {
  readonly session: string;
  readonly stream: Stream;
  readonly symbol: string;
  /** The source's numbers, anew each time they begin again. */
  readonly series: Map<number, Series>;
  lastAt: number | undefined;
  last: MarketRow | undefined;
}

interface Place {
  readonly stream: Stream;
  readonly where: string;
  readonly fromAt: number;
  readonly day: Span;
}

const problemsMax = 100;
const inSeries = (series: number): string => (series > 1 ? ` of series ${series}` : "");
const utc = (at: number): string => new Date(at).toISOString();

export const createArchiveCheck = (options: CheckOptions): ArchiveCheck => {
  const counts = { files: 0, bytes: 0, lines: 0, badLines: 0, tornFiles: 0, impossible: 0, unjudged: 0, duplicates: 0 };
  const more = {
    outOfOrder: 0,
    unordered: 0,
    late: 0,
    misplaced: 0,
    suspectLines: 0,
    otherFiles: 0,
    foreignFiles: 0,
    lostFiles: 0,
  };
  const silences = { undeclaredQuiet: 0, undeclared: 0 };
  const streams = { scalp: { files: 0, rows: 0 }, swing: { files: 0, rows: 0 }, system: { files: 0, rows: 0 } };
  const tracks = new Map<string, Track>();
  /** Row numbers by session and stream. */
  const rowNumbers = new Map<string, NumberRanges>();
  const lastRowNumbers = new Map<string, number>();
  const rowsByRun = new Map<string, number>();
  const closedRuns = new Map<string, { readonly persisted: number; readonly where: string }>();
  const systemNumbers = new Map<string, NumberRanges>();
  const sparseSessions = new Set<string>();
  const suspects = new Map<string, { readonly trustedBytes: number; readonly where: string }>();
  const sizes = new Map<string, number>();
  const unknownMarkets = new Set<string>();
  /** Read, but not judged before all are there: a line about a segment may lie in a later part. */
  const systemFiles: { readonly path: string; readonly bytes: Uint8Array }[] = [];
  const problems: string[] = [];
  const found = (problem: string): void => {
    if (problems.length < problemsMax) problems.push(problem);
  };
  const ledger = createGapLedger();

  const keyOf = (...parts: readonly string[]): string => parts.join("\u0000");
  const isSparse = (session: string): boolean => options.isSparse === true || sparseSessions.has(session);
  const rangesOf = (map: Map<string, NumberRanges>, key: string): NumberRanges => {
    let ranges = map.get(key);
    if (ranges === undefined) {
      ranges = new NumberRanges();
      map.set(key, ranges);
    }
    return ranges;
  };

  const trackOf = (session: string, stream: Stream, symbol: string): Track => {
    const key = keyOf(session, stream, symbol);
    let track = tracks.get(key);
    if (track === undefined) {
      track = {
        session,
        stream,
        symbol,
        series: new Map(),
        lastAt: undefined,
        last: undefined,
      };
      tracks.set(key, track);
    }
    return track;
  };

  const seriesOf = (track: Track, series: number): Series => {
    const known = track.series.get(series);
    if (known !== undefined) return known;
    const made: Series = { numbers: new NumberRanges(), numbersByRun: new Map() };
    track.series.set(series, made);
    return made;
  };

  const systemRow = (row: Json, { where, day }: Place): void => {
    const line = judgeSystemRow(row);
    if (line.type === "impossible") {
      counts.impossible += 1;
      found(`${where}: ${line.why}`);
      return;
    }
    if (line.at >= day.untilAt || line.at < day.fromAt - lateMsMax) {
      more.misplaced += 1;
      found(`${where}: belongs to another day (${utc(line.at)})`);
    }
    if (!rangesOf(systemNumbers, keyOf(line.session, line.run)).add(line.sequence)) {
      counts.duplicates += 1;
      found(`${where}: system line ${line.sequence} of session ${line.session}, run ${line.run} is there twice`);
      return;
    }
    if (line.type === "gap") ledger.declare(line, where);
    else if (line.type === "opened" && line.numbers === "sparse") sparseSessions.add(line.session);
    else if (line.type === "closed") closedRuns.set(keyOf(line.session, line.run), { persisted: line.persisted, where });
  };

  /** Uses up a row's numbers; false when they were there before. */
  const isNew = ({ session, run, symbol, number, series = 1, rowNumber }: RowIdentity, { stream, where }: Place): boolean => {
    // A swing row repeats the number of the last trade: its key is its own row number, which counts over all symbols.
    if (stream === "scalp" && number !== undefined) {
      const { numbers, numbersByRun } = seriesOf(trackOf(session, stream, symbol), series);
      if (!numbers.add(number)) {
        counts.duplicates += 1;
        found(`${where}: ${stream} ${symbol} ${number}${inSeries(series)} is there twice`);
        return false;
      }
      rangesOf(numbersByRun, run).add(number);
    }
    const key = keyOf(session, stream);
    if (rowNumber === undefined) return true;
    if (!rangesOf(rowNumbers, key).add(rowNumber)) {
      counts.duplicates += 1;
      found(`${where}: ${stream} row ${rowNumber} of session ${session} is there twice`);
      return false;
    }
    const before = lastRowNumbers.get(key);
    lastRowNumbers.set(key, rowNumber);
    rowsByRun.set(keyOf(session, run), (rowsByRun.get(keyOf(session, run)) ?? 0) + 1);
    if (before === undefined || rowNumber > before) return true;
    more.unordered += 1;
    found(`${where}: ${stream} row ${rowNumber} comes after row ${before}`);
    return true;
  };

  /** Nothing lies between two rows, as the source's numbers tell. */
  const followsDirectly = ({ number, series = 1 }: MarketRow, before: MarketRow | undefined): boolean => {
    if (before === undefined || series === (before.series ?? 1) + 1) return number === 1;
    return series === (before.series ?? 1) && number === (before.number ?? Number.NaN) + 1;
  };

  const silence = (track: Track, row: MarketRow, where: string): void => {
    const { stream, symbol, lastAt } = track;
    const limit = gapMs[stream];
    if (lastAt === undefined || row.at - lastAt < limit) return;
    const isNumbered = stream === "scalp" && row.number !== undefined && !isSparse(row.session);
    const goesOn = isNumbered && followsDirectly(row, track.last);
    // Rows whose numbers jump here are counted as missing, not again as a silence.
    if (isNumbered && !goesOn) return;
    const calendar = options.calendarOf(row.market);
    const unknown = calendar === undefined ? `the market ${row.market} has no calendar` : calendar.unknownProblem(row.at);
    if (unknown !== undefined && !isNumbered) {
      counts.unjudged += 1;
      if (!unknownMarkets.has(row.market)) found(`${where}: silence cannot be judged: ${unknown}`);
      unknownMarkets.add(row.market);
      return;
    }
    for (const span of calendar?.regularSpans(lastAt, row.at) ?? [])
      for (const { fromAt, untilAt } of ledger.undeclared(row.session, stream, symbol, span)) {
        if (untilAt - fromAt < limit) continue;
        if (goesOn) {
          silences.undeclaredQuiet += 1;
          continue;
        }
        silences.undeclared += 1;
        found(`${stream} ${symbol}: ${(untilAt - fromAt) / 1000} s of silence from ${utc(fromAt)} is not declared`);
      }
  };

  /** A row's figures follow from those of the row before, where the source's numbers say that nothing lies between. */
  const figuresProblem = (row: MarketRow, before: MarketRow | undefined): string | undefined => {
    const { figures } = row;
    if (figures === undefined) return undefined;
    const { cumulativeVolume, quantity, priceMinor, changeMinor } = figures;
    const previous = before?.figures;
    const atLeast = (previous?.cumulativeVolume ?? 0) + quantity;
    const isNext = !isSparse(row.session) && followsDirectly(row, before);
    if (isNext ? cumulativeVolume !== atLeast : cumulativeVolume < atLeast)
      return `its cumulativeVolume is ${cumulativeVolume}, and ${previous?.cumulativeVolume ?? 0} and its quantity ${quantity} make ${atLeast}`;
    const change = previous === undefined ? 0 : priceMinor - previous.priceMinor;
    return isNext && changeMinor !== change ? `its changeMinor is ${changeMinor}, and the price changed by ${change}` : undefined;
  };

  const orderProblem = (row: MarketRow, { last, lastAt, stream }: Track): string | undefined => {
    const isBack = lastAt !== undefined && row.at < lastAt;
    if (isBack) more.outOfOrder += 1;
    const { number = Number.NaN, series = 1 } = row;
    const before = { number: last?.number ?? Number.NaN, series: last?.series ?? 1 };
    if (stream === "scalp" && last !== undefined && series < before.series)
      return `series ${series} of the source's numbers comes after series ${before.series}`;
    if (stream === "scalp" && !isSparse(row.session) && series === before.series && number < before.number)
      return `number ${number} comes after number ${before.number}`;
    // A swing row has no flag to say so: after a kill a replay makes the snapshots of the same minutes again.
    if (stream === "swing" && row.figures !== undefined) return undefined;
    // A new run knows the last row only, not the newest time before it.
    const newest = last?.run === row.run ? lastAt : last?.at;
    if (!isBack || row.saysOutOfOrder || newest === undefined || row.at >= newest) return undefined;
    return `its time ${utc(row.at)} lies before ${utc(newest)} of the row above, and it does not say so`;
  };

  const marketRow = (json: Json, place: Place): void => {
    const { stream, where, day, fromAt } = place;
    const judged = judgeMarketRow(json, stream, options.mapping);
    if (judged.kind === "unjudged") {
      counts.unjudged += 1;
      found(`${where}: cannot be judged: ${judged.why}`);
      return;
    }
    if (judged.kind === "impossible") {
      counts.impossible += 1;
      found(`${where}: ${judged.why}`);
      if (judged.identity !== undefined) isNew(judged.identity, place);
      return;
    }
    const { row } = judged;
    if (!isNew(row, place)) return;
    if (row.at < fromAt) more.late += 1;
    if (row.at >= day.untilAt || row.at < day.fromAt - lateMsMax) {
      more.misplaced += 1;
      found(`${where}: belongs to another day (${utc(row.at)})`);
      return;
    }
    const track = trackOf(row.session, stream, row.symbol);
    const disorder = orderProblem(row, track);
    if (disorder !== undefined) {
      more.unordered += 1;
      found(`${where}: ${disorder}`);
    }
    const wrong = stream === "scalp" ? figuresProblem(row, track.last) : undefined;
    if (wrong !== undefined) {
      counts.impossible += 1;
      found(`${where}: ${wrong}`);
    }
    if (track.lastAt === undefined || row.at >= track.lastAt) {
      const gap = ledger.quietAt(row, stream);
      if (gap !== undefined) found(`${gap}: says that nothing came, and ${where} came within`);
    }
    silence(track, row, where);
    track.lastAt = Math.max(row.at, track.lastAt ?? row.at);
    track.last = row;
  };

  const readLines = (path: string, file: Uint8Array, take: (row: Json, where: string) => void): void => {
    const trusted = suspects.get(path)?.trustedBytes ?? Number.POSITIVE_INFINITY;
    for (const { number, start, bytes, isTorn } of linesOf(file)) {
      const where = `${path}:${number}`;
      if (start >= trusted) more.suspectLines += 1;
      else if (isTorn) {
        counts.tornFiles += 1;
        found(`${where}: the last line has no end`);
      } else {
        counts.lines += 1;
        const row = parseLine(bytes);
        if (typeof row !== "string") take(row, where);
        else {
          counts.badLines += 1;
          found(`${where}: ${row}`);
        }
      }
    }
  };

  /** Segments whose fsync failed are known from the system stream, and may be segments of the system stream. */
  const noteSuspects = (path: string, file: Uint8Array): void => {
    for (const { number, bytes } of linesOf(file)) {
      const row = parseLine(bytes);
      const line = typeof row === "string" || row.type !== "suspect" ? undefined : judgeSystemRow(row);
      if (line?.type !== "suspect") continue;
      const trustedBytes = Math.min(line.trustedBytes, suspects.get(line.path)?.trustedBytes ?? line.trustedBytes);
      suspects.set(line.path, { trustedBytes, where: `${path}:${number}` });
    }
  };

  const readSegment = (path: string, bytes: Uint8Array): void => {
    const name = readSegmentPath(path);
    if (name === undefined) return;
    const { stream, day: dayName, fromMs } = name;
    const day = daySpan(dayName, options.timeZone);
    readLines(path, bytes, (row, where) => {
      streams[stream].rows += 1;
      const place = { stream, where, day, fromAt: day.fromAt + fromMs };
      if (stream === "system") systemRow(row, place);
      else marketRow(row, place);
    });
  };

  const readSystem = (): void => {
    for (const { path, bytes } of systemFiles) noteSuspects(path, bytes);
    for (const { path, bytes } of systemFiles.splice(0)) readSegment(path, bytes);
  };

  const foreign = (path: string, why: string): void => {
    more.otherFiles += 1;
    if (!/^(scalp|swing|system)\//.test(path) || /\.jsonl\.torn$/.test(path)) return;
    more.foreignFiles += 1;
    found(`${path}: ${why}`);
  };

  const judgeSuspects = (): void => {
    const present = [...sizes.keys()];
    for (const [path, { trustedBytes, where }] of suspects) {
      const size = sizes.get(path);
      // Retention removes the oldest first: what is older than all that is there may have gone that way.
      const stream = path.slice(0, path.indexOf("/") + 1);
      if (
        size === undefined &&
        (options.isComplete === true || present.some((other) => other.startsWith(stream) && other < path))
      ) {
        more.lostFiles += 1;
        found(`${path}: is not there, and ${where} names it`);
      } else if (size !== undefined && size < trustedBytes) {
        more.lostFiles += 1;
        found(`${path}: has ${size} bytes, and ${where} says that ${trustedBytes} may be trusted`);
      }
    }
  };

  const missingRows = (): ArchiveReport["missing"] => {
    const missing = { declared: 0, silent: 0, beginning: 0 };
    /** Numbers of the source without a row, and row numbers without one, by session. */
    const bySession = new Map<string, number>();
    const lookFor = (
      { session, stream, symbol, series = 1 }: Pick<Track, "session" | "stream" | "symbol"> & { readonly series?: number },
      numbers: NumberRanges,
      from: number,
      to: number,
    ): void => {
      const declared = ledger.missingOf(session, stream, symbol, series);
      for (const hole of numbers.holes(from, to)) {
        const silent = declared.holes(hole.first, hole.last);
        const silentRows = countOf(silent);
        missing.silent += silentRows;
        missing.declared += hole.last - hole.first + 1 - silentRows;
        if (stream === "scalp") bySession.set(session, (bySession.get(session) ?? 0) + hole.last - hole.first + 1);
        for (const { first, last } of silent)
          found(
            `${stream} ${symbol || "rows"} ${first} to ${last}${inSeries(series)} of session ${session} are missing and not declared`,
          );
      }
    };
    /** Without the source's own count a beginning that is missing may have been removed by retention. */
    const beginsAt = (numbers: NumberRanges, declared: NumberRanges): number => {
      const { first = 1 } = numbers;
      if (options.isComplete === true) return 1;
      missing.beginning += countOf(declared.holes(1, first - 1));
      return first;
    };
    for (const { session, stream, symbol, series: all } of tracks.values()) {
      const [oldest = 1] = [...all.keys()].sort((a, b) => a - b);
      for (const [series, { numbers }] of all) {
        const { last } = numbers;
        if (last === undefined || isSparse(session)) continue;
        // The count that is expected is of numbers that begin once.
        const expected = series === 1 ? options.expected?.[symbol] : undefined;
        // What lies before the oldest that is seen may have gone with retention; a later series is there from its first number.
        const isWhole = expected !== undefined || series > oldest;
        const from = isWhole ? 1 : beginsAt(numbers, ledger.missingOf(session, stream, symbol, series));
        lookFor({ session, stream, symbol, series }, numbers, from, Math.max(last, expected ?? last));
      }
    }
    for (const [symbol, count] of Object.entries(options.expected ?? {}))
      if (![...tracks.values()].some((track) => track.stream === "scalp" && track.symbol === symbol))
        lookFor({ session: "", stream: "scalp", symbol }, new NumberRanges(), 1, count);
    const unseen = new Map<string, number>();
    for (const [key, numbers] of rowNumbers) {
      const [session = "", stream] = key.split("\u0000");
      const last = numbers.last ?? 0;
      unseen.set(session, (unseen.get(session) ?? 0) + countOf(numbers.holes(1, last)));
      if (stream === "swing") lookFor({ session, stream, symbol: "" }, numbers, beginsAt(numbers, new NumberRanges()), last);
      if (stream !== "scalp") continue;
      // A row number is skipped where a row was lost after it was made, which a gap line says by the source's number.
      const skipped = countOf(numbers.holes(numbers.first ?? 1, last));
      const accounted = (bySession.get(session) ?? 0) + (isSparse(session) ? ledger.declaredRowsOf(session) : 0);
      if (skipped <= accounted) continue;
      missing.silent += skipped - accounted;
      found(`scalp: ${skipped} row numbers of session ${session} are missing, and gap lines and holes account for ${accounted}`);
    }
    for (const [key, { persisted, where }] of closedRuns) {
      const [session = ""] = key.split("\u0000");
      const explained = unseen.get(session) ?? 0;
      const absent = persisted - (rowsByRun.get(key) ?? 0);
      unseen.set(session, Math.max(0, explained - absent));
      // Rows that are gone without any that came after them leave no hole: only the run's own count tells of an end.
      if (absent <= explained) continue;
      if (rowsByRun.has(key) || options.isComplete === true) {
        missing.silent += absent - explained;
        found(
          `${where}: says that its run wrote ${persisted} rows, and ${absent - explained} more are not there than numbers show`,
        );
      } else missing.beginning += absent - explained;
    }
    return missing;
  };

  return {
    file: (path, bytes) => {
      const name = readSegmentPath(path);
      if (name === undefined) {
        foreign(path, "is no segment of the contract; rows in it are not read");
        return;
      }
      counts.files += 1;
      counts.bytes += bytes.length;
      streams[name.stream].files += 1;
      sizes.set(path, bytes.length);
      if (name.stream === "system") {
        systemFiles.push({ path, bytes });
        return;
      }
      readSystem();
      readSegment(path, bytes);
    },
    foreign,
    report: () => {
      readSystem();
      judgeSuspects();
      for (const { session, stream, symbol, series: all } of tracks.values())
        for (const [series, { numbersByRun }] of all)
          for (const wrong of ledger.declaredThoughThere(session, stream, symbol, series, numbersByRun)) found(wrong);
      const missing = missingRows();
      const rows = streams.scalp.rows + streams.swing.rows + streams.system.rows;
      if (counts.files > 0 && rows === 0 && counts.badLines + counts.tornFiles === 0) found("there is no row in any file");
      const gaps = { ...ledger.counts(), ...silences };
      const { badLines, tornFiles, impossible, unjudged, duplicates } = counts;
      const { unordered, misplaced, foreignFiles, lostFiles } = more;
      const findings =
        badLines + tornFiles + impossible + unjudged + duplicates + unordered + misplaced + foreignFiles + lostFiles;
      return {
        ...counts,
        ...more,
        streams: { scalp: { ...streams.scalp }, swing: { ...streams.swing }, system: { ...streams.system } },
        gaps,
        missing,
        problems: [...problems],
        ok: rows > 0 && findings + missing.silent + gaps.undeclared + gaps.wrong === 0,
      };
    },
  };
};
