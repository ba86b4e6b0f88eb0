/**
 * One stream's rows on their way into its segments: batches by window, one write each, fsync by interval, roll, retry.
 *
 * After any error the segment is as long as its last good write, or it is abandoned: a half line in the middle of a file
 * would swallow the line after it.
 */
import type { Clock } from "#core/ports.ts";
import { Lines } from "./lines.ts";
import { type PathRules, type Stream, segmentPath, type Window, windowOf } from "./paths.ts";
import type { ArchiveFiles, FileError, SegmentFile } from "./ports.ts";

export interface FailedWrite {
  readonly path: string;
  readonly error: FileError;
}

/** accepted = persisted + pending + lost, at any moment. */
export interface StreamFigures {
  readonly accepted: number;
  /** An fsync has covered them: the number never goes back. */
  readonly persisted: number;
  /** Waiting for their write, or for its fsync. */
  readonly pending: number;
  /** Given up at close because the disk would not take them. */
  readonly lost: number;
  /** Turned away because the buffer was full: never accepted. */
  readonly turnedAway: number;
  readonly bytes: number;
  readonly segments: number;
}

export interface StreamWriterOptions extends PathRules {
  readonly directory: string;
  readonly files: ArchiveFiles;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly fsyncEveryMs: number;
}

export interface StreamWriterListener {
  readonly failed: (stream: Stream, failure: FailedWrite) => void;
  /** Rows were written; after a failure only once an fsync has proved that the disk takes them again. */
  readonly written: (stream: Stream, path: string, rows: number) => void;
  /** An fsync failed: of the segment at this relative path only so many bytes are certain. */
  readonly suspect: (path: string, trustedBytes: number, error: FileError) => void;
}

interface Batch {
  /** Start of the window, which tells the segment. */
  readonly fromAt: number;
  readonly lines: Lines;
  rows: number;
}

interface Segment {
  /** Relative to the archive's directory. */
  readonly path: string;
  readonly fromAt: number;
  readonly file: SegmentFile;
  /** Bytes that were written whole. */
  size: number;
  /** Bytes that an fsync has covered. */
  syncedSize: number;
  syncedAtMs: number;
  /** Kept until the fsync, because one that fails means that they must be written again elsewhere. */
  unsynced: Batch[];
}

// One write is this large at most under load: larger ones gain nothing, smaller ones cost a system call per few rows.
const batchBytesMax = 256 * 1024;
// What is kept for an fsync that may fail is bounded too.
const unsyncedBytesMax = 8 * 1024 * 1024;
// Memory of batches that are done, kept for the next ones: as much as an fsync may have to give back.
const sparesMax = unsyncedBytesMax / batchBytesMax;
// Segments that are being fsynced for the last time while the next one is written; a replay rolls hundreds of times a second.
const sealingMax = 8;

export class StreamWriter {
  readonly #stream: Stream;
  readonly #options: StreamWriterOptions;
  readonly #listener: StreamWriterListener;
  readonly #queue: Batch[] = [];
  #window: Window | undefined;
  #segment: Segment | undefined;
  readonly #openPaths = new Set<string>();
  readonly #sealing = new Set<Promise<void>>();
  readonly #spares: Lines[] = [];
  /** Half lines that could not be cut back when they were left. */
  readonly #leftTails: { readonly path: string; readonly size: number }[] = [];
  #isTailOpen = false;
  /** The disk failed last: only an fsync proves that it is well again. */
  #isDoubted = false;
  #failures = 0;
  #accepted = 0;
  #lost = 0;
  #bytes = 0;
  #segments = 0;
  /** Rows that wait for their write: what the memory is bounded by. */
  waiting = 0;
  /** Rows that are written and wait for their fsync. */
  #unsyncedRows = 0;
  persisted = 0;
  turnedAway = 0;

  constructor(stream: Stream, options: StreamWriterOptions, listener: StreamWriterListener) {
    this.#stream = stream;
    this.#options = options;
    this.#listener = listener;
  }

  get pending(): number {
    return this.waiting + this.#unsyncedRows;
  }

  /** Segments that are not closed yet, the one being written last. */
  get openPaths(): readonly string[] {
    return [...this.#openPaths];
  }

  /** @returns true when enough waits for a write of its own */
  append(at: number, line: string): boolean {
    // A row that comes late goes where the stream is: a sealed segment is never opened again.
    if (this.#window === undefined || at >= this.#window.untilAt) this.#window = windowOf(this.#stream, at, this.#options);
    let batch = this.#queue.at(-1);
    const isFull = batch !== undefined && batch.lines.length >= batchBytesMax;
    if (batch === undefined || isFull || !this.#isTailOpen || batch.fromAt !== this.#window.fromAt) {
      batch = { fromAt: this.#window.fromAt, lines: this.#spares.pop() ?? new Lines(), rows: 0 };
      this.#queue.push(batch);
      this.#isTailOpen = true;
    }
    batch.lines.append(line);
    batch.rows += 1;
    this.#accepted += 1;
    this.waiting += 1;
    return batch.lines.length >= batchBytesMax;
  }

  /** Ends the batch that is being filled, so that what comes from now on is not among the batches that wait; how many they are. */
  cut(): number {
    this.#isTailOpen = false;
    return this.#queue.length;
  }

  /** Writes the first `batches` that wait, until it is done or fails; fsyncs when that is due, or always when `isFinal`. */
  async work(batches: number, isFinal: boolean): Promise<void> {
    const failuresBefore = this.#failures;
    for (let written = 0; written < batches; written++) {
      const batch = this.#queue.shift();
      if (batch === undefined) break;
      await this.#write(batch);
      // A seal that fails behind our back returns its rows to the queue: trying them again at once could go on for ever.
      if (this.#failures !== failuresBefore) break;
    }
    const segment = this.#segment;
    if (segment !== undefined && this.#isSyncDue(segment, isFinal) && !(await this.#sync(segment))) this.#segment = undefined;
    if (isFinal) await Promise.all(this.#sealing);
  }

  /** Fsyncs and closes; what still waits is lost. */
  async seal(): Promise<void> {
    await this.#leave();
    await Promise.all(this.#sealing);
    await this.#cutLeftTails();
    const rows = this.#queue.reduce((sum, batch) => sum + batch.rows, 0);
    this.#queue.length = 0;
    this.#lost += rows;
    this.waiting -= rows;
  }

  figures(): StreamFigures {
    return {
      accepted: this.#accepted,
      persisted: this.persisted,
      pending: this.pending,
      lost: this.#lost,
      turnedAway: this.turnedAway,
      bytes: this.#bytes,
      segments: this.#segments,
    };
  }

  #isSyncDue(segment: Segment, isFinal: boolean): boolean {
    if (segment.unsynced.length === 0) return false;
    if (isFinal || segment.size - segment.syncedSize > unsyncedBytesMax) return true;
    return this.#options.clock.monotonicMs() - segment.syncedAtMs >= this.#options.fsyncEveryMs;
  }

  async #write(batch: Batch): Promise<void> {
    if (this.#segment !== undefined && this.#segment.fromAt !== batch.fromAt) await this.#leave();
    const segment = this.#segment ?? (await this.#create(batch));
    if (segment === undefined) {
      this.#queue.unshift(batch);
      return;
    }
    const appended = await segment.file.append(batch.lines.bytes);
    if (!appended.ok) {
      this.#queue.unshift(batch);
      const cut = await segment.file.truncate(segment.size);
      if (!cut.ok) {
        // The rows before the half line stay where they are, once an fsync has made them certain.
        this.#leftTails.push({ path: segment.path, size: segment.size });
        await this.#leave();
      }
      this.#fail(segment.path, appended.error);
      return;
    }
    segment.size += appended.value;
    segment.unsynced.push(batch);
    this.#bytes += appended.value;
    this.waiting -= batch.rows;
    this.#unsyncedRows += batch.rows;
    if (this.#isSyncDue(segment, this.#isDoubted) && !(await this.#sync(segment))) this.#segment = undefined;
    else this.#listener.written(this.#stream, segment.path, batch.rows);
  }

  async #create({ fromAt }: Batch): Promise<Segment | undefined> {
    await this.#cutLeftTails();
    const { directory, files, clock } = this.#options;
    for (let part = 1; ; part++) {
      const path = segmentPath(this.#stream, fromAt, part, this.#options);
      const created = await files.create(`${directory}/${path}`);
      if (created.ok) {
        this.#segments += 1;
        this.#openPaths.add(path);
        this.#segment = {
          path,
          fromAt,
          file: created.value,
          size: 0,
          syncedSize: 0,
          syncedAtMs: clock.monotonicMs(),
          unsynced: [],
        };
        return this.#segment;
      }
      if (created.error.code !== "EEXIST") {
        this.#fail(path, created.error);
        return undefined;
      }
    }
  }

  /**
   * Fsyncs; when that fails nothing since the last one is certain: its rows are taken back to be written to a new segment, and
   * this one is cut to what is certain and closed.
   */
  async #sync(segment: Segment): Promise<boolean> {
    if (segment.unsynced.length === 0) return true;
    const synced = await segment.file.datasync();
    const rows = segment.unsynced.reduce((sum, batch) => sum + batch.rows, 0);
    this.#unsyncedRows -= rows;
    if (synced.ok) {
      this.#isDoubted = false;
      this.persisted += rows;
      this.#reuse(segment.unsynced);
      segment.unsynced = [];
      segment.syncedSize = segment.size;
      segment.syncedAtMs = this.#options.clock.monotonicMs();
      return true;
    }
    this.waiting += rows;
    this.#bytes -= segment.size - segment.syncedSize;
    this.#queue.unshift(...segment.unsynced);
    const cut = await segment.file.truncate(segment.syncedSize);
    if (!cut.ok) this.#leftTails.push({ path: segment.path, size: segment.syncedSize });
    await segment.file.close();
    this.#openPaths.delete(segment.path);
    this.#listener.suspect(segment.path, segment.syncedSize, synced.error);
    this.#fail(segment.path, synced.error);
    return false;
  }

  /** Leaves the open segment for ever; its last fsync and its closing go on beside the next segment's writes. */
  async #leave(): Promise<void> {
    const segment = this.#segment;
    if (segment === undefined) return;
    this.#segment = undefined;
    const sealed = this.#close(segment).finally(() => this.#sealing.delete(sealed));
    this.#sealing.add(sealed);
    if (this.#sealing.size >= sealingMax) await Promise.race(this.#sealing);
  }

  async #close(segment: Segment): Promise<void> {
    if (!(await this.#sync(segment))) return;
    const closed = await segment.file.close();
    this.#openPaths.delete(segment.path);
    // Everything was fsynced before, so that an error here costs nothing but the descriptor.
    if (!closed.ok) this.#fail(segment.path, closed.error);
  }

  async #cutLeftTails(): Promise<void> {
    for (let tail = this.#leftTails[0]; tail !== undefined; tail = this.#leftTails[0]) {
      const cut = await this.#options.files.cutTo(`${this.#options.directory}/${tail.path}`, tail.size);
      if (!cut.ok) return;
      this.#leftTails.shift();
    }
  }

  #reuse(done: readonly Batch[]): void {
    for (const { lines } of done) {
      if (this.#spares.length >= sparesMax) return;
      lines.clear();
      this.#spares.push(lines);
    }
  }

  #fail(path: string, error: FileError): void {
    this.#failures += 1;
    this.#isDoubted = true;
    this.#listener.failed(this.#stream, { path, error });
  }
}
