/**
 * Rows to disk: append only, one write per batch, fsync by interval and on roll (spec A5).
 *
 * What it promises: after kill -9 at any moment every line in the tree is whole once `open` has run, none is there twice, and
 * of the rows before the last one written none is missing. After a power cut at most the fsync interval is gone.
 * Rows are handed over synchronously and written by one worker, so that a slow disk never stops the caller.
 */
import type { Offer } from "#core/event/catalog.ts";
import type { Clock } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import { type PathRules, readSegmentPath, type Stream, streams } from "./paths.ts";
import type { ArchiveFiles, FileError, Pulse } from "./ports.ts";
import { type FailedWrite, type StreamFigures, StreamWriter } from "./stream-writer.ts";
import { type SystemRecord, systemLine } from "./system-record.ts";

export interface SinkOptions extends PathRules {
  /** Absolute; `archiveDirectory(home)`. */
  readonly directory: string;
  readonly session: string;
  readonly run: string;
  /** As the feed says of its numbers: a reader must know whether a jump is a loss. */
  readonly numbers?: "sparse" | undefined;
  readonly files: ArchiveFiles;
  readonly clock: Pick<Clock, "now" | "monotonicMs">;
  readonly pulse: Pulse;
  readonly offer: Offer;
  readonly writeEveryMs: number;
  readonly fsyncEveryMs: number;
  readonly bufferRowsMax: number;
}

export interface JsonlSink {
  /**
   * Cuts torn tails and makes sure that a file can be made here. Rows may be appended before; they wait.
   * Offers archive.opened or archive.write.failed, and returns the same.
   */
  open(): Promise<Result<{ readonly tornFiles: number; readonly tornBytes: number }, FileError>>;
  /** Takes a line, newline included, that belongs to the time `at`; false when the buffer is full or the sink is closed. */
  append(stream: Stream, at: number, line: string): boolean;
  /** Whether a line for this stream would be taken now. */
  hasRoom(stream: Stream): boolean;
  /** Adds a line about the archive itself to the system stream. */
  note(at: number, record: SystemRecord): void;
  /** A promise while the disk is behind and healthy: a source that can wait should. Undefined while there is room. */
  room(): Promise<void> | undefined;
  /** Writes what waits, fsyncs, seals; rows that the disk does not take now are lost and counted. Offers archive.closed. */
  close(): Promise<void>;
  figures(): { readonly [S in Stream]: StreamFigures };
  /** Segments that are being written, relative to the directory: maintenance leaves them alone. */
  openPaths(): readonly string[];
}

// A failing disk is tried again after this long: soon enough to resume well within a minute, rare enough to cost nothing.
const retryEveryMs = 1000;
const stalledMsMax = 30_000;

export const createJsonlSink = (options: SinkOptions): JsonlSink => {
  const { directory, session, run, numbers, files, clock, pulse, offer, writeEveryMs, bufferRowsMax } = options;
  let stage: "new" | "open" | "closed" = "new";
  let endPulse: (() => void) | undefined;
  let isNoted = false;
  let systemSequence = 0;
  let waiting: (() => void)[] = [];

  /** The streams that could not write, and how much had been turned away by then. */
  const failing = new Set<Stream>();
  let turnedAwayBefore = 0;
  let retryAtMs = 0;
  let lastFailure: FailedWrite | undefined;

  const marketRows = (): number => writers.scalp.waiting + writers.swing.waiting;
  const turnedAway = (): number => writers.scalp.turnedAway + writers.swing.turnedAway;

  const hasRoom = (stream: Stream): boolean => stage !== "closed" && (stream === "system" || marketRows() < bufferRowsMax);

  const letGo = (): void => {
    if (waiting.length === 0) return;
    if (failing.size === 0 && stage !== "closed" && marketRows() > bufferRowsMax / 4) return;
    const freed = waiting;
    waiting = [];
    for (const resolve of freed) resolve();
  };

  const failed = (stream: Stream, failure: FailedWrite): void => {
    if (failing.size === 0) {
      turnedAwayBefore = turnedAway();
      const { path, error } = failure;
      offer({
        type: "archive.write.failed",
        source: "archive",
        payload: { path, code: error.code, reason: error.reason, bufferedRows: marketRows() },
      });
    }
    failing.add(stream);
    lastFailure = failure;
    retryAtMs = clock.monotonicMs() + retryEveryMs;
    letGo();
  };
  const written = (stream: Stream, path: string, rows: number): void => {
    if (failing.delete(stream) && failing.size === 0 && stage === "open")
      offer({
        type: "archive.write.resumed",
        source: "archive",
        payload: { path, replayedRows: rows + marketRows(), lostRows: turnedAway() - turnedAwayBefore },
      });
    letGo();
  };

  const note = (at: number, record: SystemRecord): void => {
    systemSequence += 1;
    writers.system.append(at, systemLine({ at, session, run, sequence: systemSequence }, record));
  };

  const writerOf = (stream: Stream): StreamWriter =>
    new StreamWriter(stream, options, {
      failed,
      written,
      suspect: (path, trustedBytes, error) =>
        note(clock.now(), { type: "suspect", path, trustedBytes, reason: `${error.code}: ${error.reason}` }),
    });
  const writers: { readonly [S in Stream]: StreamWriter } = {
    scalp: writerOf("scalp"),
    swing: writerOf("swing"),
    system: writerOf("system"),
  };

  let working: Promise<void> = Promise.resolve();
  let isQueued = false;
  let busySinceMs: number | undefined;
  /**
   * The system stream goes first, and is certain before a market row is written: a hole in a market stream must not be on disk, not
   * even after a power cut, before the line that declares it. While the line cannot be written the rows behind it wait.
   */
  const work = (isFinal: boolean): Promise<void> => {
    isQueued = true;
    working = working.then(async () => {
      isQueued = false;
      busySinceMs = clock.monotonicMs();
      const { system, scalp, swing } = writers;
      // Cut together: a row that comes while the system stream is written may belong to a line that is not written yet.
      const [lines, ticks, bars] = [system.cut(), scalp.cut(), swing.cut()];
      await system.work(lines, true);
      if (!failing.has("system") || system.waiting === 0) {
        await scalp.work(ticks, isFinal);
        await swing.work(bars, isFinal);
      }
      busySinceMs = undefined;
    });
    return working;
  };
  const kick = (): void => {
    if (stage !== "open" || isQueued) return;
    if (failing.size > 0 && clock.monotonicMs() < retryAtMs) return;
    void work(false);
  };
  const beat = (): void => {
    // A write that never returns reports nothing: the disk hangs, and somebody must be told.
    if (busySinceMs !== undefined && clock.monotonicMs() - busySinceMs > stalledMsMax && failing.size === 0)
      failed("system", {
        path: writers.scalp.openPaths[0] ?? directory,
        error: { code: "ESTALLED", reason: `a write has not returned for ${stalledMsMax} ms` },
      });
    kick();
  };

  return {
    open: async () => {
      if (stage !== "new") {
        // Asked again by a machine that was restarted: the answer is the same, minus what was cut then.
        if (stage === "open") offer({ type: "archive.opened", source: "archive", payload: { directory, recoveredBytes: 0 } });
        return ok({ tornFiles: 0, tornBytes: 0 });
      }
      const cut = await cutTornTails(files, directory);
      if (!cut.ok) {
        failed("system", { path: directory, error: cut.error });
        return cut;
      }
      // The first line proves that files can be made and written here, before anybody relies on it.
      if (!isNoted) note(clock.now(), { type: "opened", ...cut.value, ...(numbers === undefined ? {} : { numbers }) });
      isNoted = true;
      lastFailure = undefined;
      await writers.system.work(writers.system.cut(), true);
      const failure = lastFailure as FailedWrite | undefined;
      if (failure !== undefined) return err(failure.error);
      failing.clear();
      stage = "open";
      endPulse = pulse(writeEveryMs, beat);
      offer({ type: "archive.opened", source: "archive", payload: { directory, recoveredBytes: cut.value.tornBytes } });
      kick();
      return cut;
    },
    append: (stream, at, line) => {
      const writer = writers[stream];
      if (!hasRoom(stream)) {
        writer.turnedAway += 1;
        return false;
      }
      if (writer.append(at, line)) kick();
      return true;
    },
    hasRoom,
    note,
    room: () => {
      if (failing.size > 0 || stage === "closed" || marketRows() <= bufferRowsMax / 2) return undefined;
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
    close: async () => {
      if (stage === "closed") return;
      endPulse?.();
      const wasOpen = stage === "open";
      const marketWriters = [writers.scalp, writers.swing];
      const persisted = marketWriters.reduce((sum, { persisted: rows, pending }) => sum + rows + pending, 0);
      if (wasOpen) note(clock.now(), { type: "closed", persisted });
      stage = "closed";
      if (wasOpen) await work(true);
      // One more try for what a first error left behind.
      if (wasOpen && marketRows() + writers.system.waiting > 0) await work(true);
      for (const stream of streams) await writers[stream].seal();
      letGo();
      offer({
        type: "archive.closed",
        source: "archive",
        payload: { persisted: writers.scalp.persisted + writers.swing.persisted },
      });
    },
    figures: () => ({ scalp: writers.scalp.figures(), swing: writers.swing.figures(), system: writers.system.figures() }),
    openPaths: () => streams.flatMap((stream) => writers[stream].openPaths),
  };
};

/** A process that was killed leaves at most one torn line at the end of each file it had open. */
const cutTornTails = async (
  files: ArchiveFiles,
  directory: string,
): Promise<Result<{ readonly tornFiles: number; readonly tornBytes: number }, FileError>> => {
  const found = await files.list(directory);
  if (!found.ok) return found;
  let [tornFiles, tornBytes] = [0, 0];
  for (const { path, bytes } of found.value) {
    if (bytes === 0 || readSegmentPath(path) === undefined) continue;
    const cut = await files.cutTornTail(`${directory}/${path}`);
    if (!cut.ok) return cut;
    if (cut.value > 0) {
      tornFiles += 1;
      tornBytes += cut.value;
    }
  }
  return ok({ tornFiles, tornBytes });
};
