/**
 * The venue's own durable book-keeping: an append-only file of JSON lines.
 *
 * Nothing leaves the venue before its record is on the disk. Appends that wait together share one write and one
 * fdatasync (group commit), both on the thread pool. A failed write ends the ledger: after an fsync error nobody knows
 * what the page cache still holds, so the file is opened and read anew or not at all.
 */
import { constants, type Stats } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { err, ok, type Result } from "#core/result.ts";
import { type LedgerEntry, type LedgerError, type LedgerRecord, readRecords } from "./ledger-record.ts";

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;

export interface Ledger {
  /** Number of the last record that survives a power cut. */
  readonly durableN: number;
  /** Why nothing more can be recorded; undefined while the ledger is sound. */
  readonly failure: LedgerError | undefined;
  /** Numbers the record and queues it; it is durable after `flushed`. */
  append(entry: LedgerEntry): LedgerRecord;
  /** Resolves when everything appended so far is durable, or when the ledger has failed. */
  flushed(): Promise<void>;
  close(): Promise<void>;
}

export interface OpenedLedger {
  readonly ledger: Ledger;
  /** What the file held, without the torn tail. */
  readonly history: readonly LedgerRecord[];
  /** Bytes of an interrupted write that were cut off. */
  readonly tornBytes: number;
}

export interface LedgerOptions {
  readonly path: string;
  /** Wraps each real wait: market time stands still during it. */
  readonly hold: <T>(work: Promise<T>) => Promise<T>;
}

const unavailable = (path: string, error: unknown): LedgerError => ({
  type: "ledger.unavailable",
  reason: `the paper ledger ${path} cannot be used: ${(error as Error).message}`,
});

const strangerProblem = (found: Stats): string | undefined => {
  const us = process.geteuid?.();
  if (!found.isFile()) return "it is no plain file; move it away";
  if (us !== undefined && found.uid !== us && found.uid !== 0) return `it belongs to uid ${found.uid}, and this is uid ${us}`;
  return us !== undefined && (found.mode & 0o022) !== 0 ? "others may write it; chmod go-w it if you trust it" : undefined;
};

/** One level: a mistyped path should not grow a tree. */
const makeDirectory = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
};

/** Makes the new name itself durable. */
const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
};

const writeAll = async (file: FileHandle, bytes: Buffer, position: number): Promise<void> => {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    // A full disk answers with a short count before it answers with an error (measured, spec reliability §0).
    if (bytesWritten === 0) throw new Error("the disk takes no more bytes");
    written += bytesWritten;
  }
};

/**
 * Opens the ledger, or begins it.
 *
 * @returns the ledger positioned behind its last whole record; `ledger.corrupt` for damage in the middle,
 * `ledger.unavailable` for a path that cannot be read and written
 */
export const openLedger = async ({ path, hold }: LedgerOptions): Promise<Result<OpenedLedger, LedgerError>> => {
  let file: FileHandle;
  let bytes: Buffer;
  try {
    await makeDirectory(dirname(path));
    // Written through nothing that somebody has planted: no link, no pipe, no file that others may write.
    file = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    const stranger = strangerProblem(await file.stat());
    if (stranger !== undefined) {
      await file.close();
      throw new Error(stranger);
    }
    await syncDirectory(dirname(path));
    bytes = await file.readFile();
  } catch (error) {
    return err(unavailable(path, error));
  }
  const { records, soundBytes, tornBytes, damage } = readRecords(bytes);
  if (damage !== undefined) {
    await file.close();
    return err({
      type: "ledger.corrupt",
      line: damage.line,
      reason: `line ${damage.line} of the paper ledger ${path} ${damage.reason}; it is left as it is, move it away to begin a new one`,
    });
  }
  if (tornBytes > 0) {
    await file.truncate(soundBytes);
    await file.datasync();
  }

  let size = soundBytes;
  let lastN = records.length;
  let durableN = lastN;
  let waiting: string[] = [];
  let failure: LedgerError | undefined;
  let flushing: Promise<void> | undefined;

  const flush = async (): Promise<void> => {
    try {
      while (waiting.length > 0) {
        const batch = Buffer.from(waiting.join(""));
        const batchN = lastN;
        waiting = [];
        await writeAll(file, batch, size);
        await file.datasync();
        size += batch.length;
        durableN = batchN;
      }
    } catch (error) {
      failure = unavailable(path, error);
      waiting = [];
    } finally {
      flushing = undefined;
    }
  };

  const append = (entry: LedgerEntry): LedgerRecord => {
    lastN += 1;
    const record = { n: lastN, ...entry } as LedgerRecord;
    if (failure !== undefined) return record;
    waiting.push(`${JSON.stringify(record)}\n`);
    // The first record of a burst starts the write at the end of this turn, so that the burst shares it.
    flushing ??= hold(Promise.resolve().then(flush));
    return record;
  };

  const ledger: Ledger = {
    get durableN() {
      return durableN;
    },
    get failure() {
      return failure;
    },
    append,
    flushed: async () => {
      while (flushing !== undefined) await flushing;
    },
    close: async () => {
      while (flushing !== undefined) await flushing;
      await file.close();
    },
  };
  return ok({ ledger, history: records, tornBytes });
};
