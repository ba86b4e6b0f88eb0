/**
 * One stream's rows on their way into its segments: batches by window, one write each, fsync by interval, roll, retry.
 *
 * After any error the segment is as long as its last good write, or it is abandoned: a half line in the middle of a file
 * would swallow the line after it.
 */
import type { Clock } from "#core/ports.ts";
import type { StreamFigures } from "./jsonl-sink.ts";
import { type PathRules, type Stream, segmentPath, type Window, windowOf } from "./paths.ts";
import type { ArchiveFiles, FileError, SegmentFile } from "./ports.ts";

export interface FailedWrite {
  readonly path: string;
  readonly error: FileError;
}

export interface StreamWriterOptions extends PathRules {
  readonly directory: string;
  readonly files: ArchiveFiles;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly fsyncEveryMs: number;
}

export interface StreamWriterListener {
  readonly failed: (stream: Stream, failure: FailedWrite) => void;
  readonly written: (stream: Stream, path: string, rows: number) => void;
  /** An fsync failed: of the segment at this relative path only so many bytes are certain. */
  readonly suspect: (path: string, trustedBytes: number, error: FileError) => void;
}

interface Batch {
  /** Start of the window, which tells the segment. */
  readonly fromAt: number;
  text: string;
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
const batchCharsMax = 256 * 1024;
// What is kept for an fsync that may fail is bounded too.
const unsyncedBytesMax = 8 * 1024 * 1024;

export class StreamWriter {
  readonly #stream: Stream;
  readonly #options: StreamWriterOptions;
  readonly #listener: StreamWriterListener;
  readonly #queue: Batch[] = [];
  #window: Window | undefined;
  #segment: Segment | undefined;
  /** Half lines that could not be cut back when they were left. */
  readonly #leftTails: { readonly path: string; readonly size: number }[] = [];
  #accepted = 0;
  #lost = 0;
  #bytes = 0;
  #segments = 0;
  pending = 0;
  persisted = 0;
  turnedAway = 0;

  constructor(stream: Stream, options: StreamWriterOptions, listener: StreamWriterListener) {
    this.#stream = stream;
    this.#options = options;
    this.#listener = listener;
  }

  get openPath(): string | undefined {
    return this.#segment?.path;
  }

  /** @returns true when enough waits for a write of its own */
  append(at: number, line: string): boolean {
    // A row that comes late goes where the stream is: a sealed segment is never opened again.
    if (this.#window === undefined || at >= this.#window.untilAt) this.#window = windowOf(this.#stream, at, this.#options);
    let batch = this.#queue.at(-1);
    const isFull = batch !== undefined && batch.text.length >= batchCharsMax;
    if (batch === undefined || isFull || batch.fromAt !== this.#window.fromAt) {
      batch = { fromAt: this.#window.fromAt, text: "", rows: 0 };
      this.#queue.push(batch);
    }
    batch.text += line;
    batch.rows += 1;
    this.#accepted += 1;
    this.pending += 1;
    return batch.text.length >= batchCharsMax;
  }

  /** Writes everything that waits, until it is done or fails; fsyncs when that is due, or always when `isFinal`. */
  async work(isFinal: boolean): Promise<void> {
    for (let batch = this.#queue.shift(); batch !== undefined; batch = this.#queue.shift()) {
      if (!(await this.#write(batch))) return;
    }
    if (this.#isSyncDue(isFinal)) await this.#sync();
  }

  /** Fsyncs and closes; what still waits is lost. */
  async seal(): Promise<void> {
    await this.#leave();
    await this.#cutLeftTails();
    const rows = this.#queue.reduce((sum, batch) => sum + batch.rows, 0);
    this.#queue.length = 0;
    this.#lost += rows;
    this.pending -= rows;
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

  #isSyncDue(isFinal: boolean): boolean {
    const segment = this.#segment;
    if (segment === undefined || segment.unsynced.length === 0) return false;
    if (isFinal || segment.size - segment.syncedSize > unsyncedBytesMax) return true;
    return this.#options.clock.monotonicMs() - segment.syncedAtMs >= this.#options.fsyncEveryMs;
  }

  async #write(batch: Batch): Promise<boolean> {
    if (this.#segment !== undefined && this.#segment.fromAt !== batch.fromAt) {
      this.#queue.unshift(batch);
      // A failed fsync puts rows of the segment before in front of this batch: begin again with them.
      if (!(await this.#leave())) return false;
      return this.#write(this.#queue.shift() as Batch);
    }
    const segment = this.#segment ?? (await this.#create(batch));
    if (segment === undefined) {
      this.#queue.unshift(batch);
      return false;
    }
    const appended = await segment.file.append(batch.text);
    if (!appended.ok) {
      this.#queue.unshift(batch);
      const cut = await segment.file.truncate(segment.size);
      if (!cut.ok) await this.#abandon(segment, segment.size);
      this.#fail(segment.path, appended.error);
      return false;
    }
    segment.size += appended.value;
    segment.unsynced.push(batch);
    this.#bytes += appended.value;
    this.pending -= batch.rows;
    this.persisted += batch.rows;
    if (this.#isSyncDue(false) && !(await this.#sync())) return false;
    this.#listener.written(this.#stream, segment.path, batch.rows);
    return true;
  }

  async #create({ fromAt }: Batch): Promise<Segment | undefined> {
    await this.#cutLeftTails();
    const { directory, files, clock } = this.#options;
    for (let part = 1; ; part++) {
      const path = segmentPath(this.#stream, fromAt, part, this.#options);
      const created = await files.create(`${directory}/${path}`);
      if (created.ok) {
        this.#segments += 1;
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

  /** Fsyncs; when that fails nothing since the last one is certain: its rows are taken back and written to a new segment. */
  async #sync(): Promise<boolean> {
    const segment = this.#segment;
    if (segment === undefined || segment.unsynced.length === 0) return true;
    const synced = await segment.file.datasync();
    if (synced.ok) {
      segment.unsynced = [];
      segment.syncedSize = segment.size;
      segment.syncedAtMs = this.#options.clock.monotonicMs();
      return true;
    }
    const rows = segment.unsynced.reduce((sum, batch) => sum + batch.rows, 0);
    this.persisted -= rows;
    this.pending += rows;
    this.#bytes -= segment.size - segment.syncedSize;
    this.#queue.unshift(...segment.unsynced);
    const cut = await segment.file.truncate(segment.syncedSize);
    await this.#abandon(segment, cut.ok ? undefined : segment.syncedSize);
    this.#listener.suspect(segment.path, segment.syncedSize, synced.error);
    this.#fail(segment.path, synced.error);
    return false;
  }

  /** Fsyncs and closes the open segment, for ever. */
  async #leave(): Promise<boolean> {
    const segment = this.#segment;
    if (segment === undefined) return true;
    if (!(await this.#sync())) return false;
    this.#segment = undefined;
    const closed = await segment.file.close();
    // Everything was fsynced before, so that an error here costs nothing but the descriptor.
    if (!closed.ok) this.#fail(segment.path, closed.error);
    return true;
  }

  async #abandon(segment: Segment, cutTo: number | undefined): Promise<void> {
    this.#segment = undefined;
    if (cutTo !== undefined) this.#leftTails.push({ path: segment.path, size: cutTo });
    await segment.file.close();
  }

  async #cutLeftTails(): Promise<void> {
    for (let tail = this.#leftTails[0]; tail !== undefined; tail = this.#leftTails[0]) {
      const cut = await this.#options.files.cutTo(`${this.#options.directory}/${tail.path}`, tail.size);
      if (!cut.ok) return;
      this.#leftTails.shift();
    }
  }

  #fail(path: string, error: FileError): void {
    this.#listener.failed(this.#stream, { path, error });
  }
}
