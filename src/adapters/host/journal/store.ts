/**
 * One journal file: facts, state snapshots and a few words about itself, in SQLite.
 *
 * Everything here is synchronous and belongs in the journal's worker thread, or in a command that only reads. SQLite's own
 * failures are thrown and become values in `journalErrorOf`.
 */
import { closeSync, existsSync, fsyncSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { crc32 } from "node:zlib";
import type { JournalError, JournalRecord, StateSnapshot } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import { claimFile } from "../own-files.ts";
import { journalErrorOf } from "./errors.ts";

/** Consecutive records, column by column: a tenth of the cost of a list of objects on the way between threads. */
export interface PackedRecords {
  readonly at: readonly number[];
  readonly type: readonly string[];
  readonly body: readonly string[];
}

export interface Append extends PackedRecords {
  readonly expectedSeq: number;
}

export interface JournalBounds {
  readonly snapshotsKept: number;
  /** Records younger than this many stay even when no snapshot needs them: they explain orders to people. */
  readonly recordsKept: number;
}

export interface JournalStore {
  readonly lastSeq: number;
  /** Records up to this one have been removed; 0 when none were. Asked anew in a read-only store: a worker may be removing. */
  readonly prunedThrough: number;
  /** All appends in one transaction, each accepted or refused on its own. */
  append(appends: readonly Append[]): readonly Result<{ readonly lastSeq: number }, JournalError>[];
  /** The next records after `afterSeq`, at most `throughSeq`; checks every one, and that none is missing. */
  chunk(afterSeq: number, throughSeq: number): Result<PackedRecords, JournalError>;
  /** Keeps the newest `snapshotsKept`. */
  saveSnapshot(snapshot: StateSnapshot): Result<void, JournalError>;
  /** The newest snapshot that is whole, and the seqs of newer ones that are not. */
  loadSnapshot(): Result<{ readonly snapshot?: StateSnapshot; readonly damaged: readonly number[] }, JournalError>;
  /** Every snapshot, newest first. */
  snapshots(): readonly { readonly seq: number; readonly isWhole: boolean }[];
  /** What SQLite finds wrong with the file's structure; reads all of it. */
  structureProblem(): string | undefined;
  /** Removes one slice of records that neither the kept snapshots nor `recordsKept` need. @returns true when there is more */
  prune(): boolean;
  meta(key: MetaKey): string | undefined;
  setMeta(key: MetaKey, value: string): void;
  /** How long each later call waits for another process before it throws. */
  setBusyMs(ms: number): void;
  /** Notes that everything is in place, moves the log into the database and closes the file. */
  close(): void;
  /** Closes the file as it is, after a failure. */
  abandon(): void;
}

/** `closed`: the last record at the last clean close. `ended`: why the session is over. `opened`: how often it was opened. */
export type MetaKey = "prunedThrough" | "closed" | "ended" | "opened";

const applicationId = 0x51545331; // "QTS1"
const formatVersion = 1;
// https://sqlite.org/fileformat2.html#the_database_header
const sqliteHeaderBytes = 100;
const userVersionOffset = 60;
const applicationIdOffset = 68;
const chunkRecordsMax = 4096;
const chunkCharactersMax = 4_000_000;
/** One slice takes about 10 ms, so that appends never wait long behind housekeeping. */
const pruneRecordsMax = 2000;
/** How long to wait for another process that has the file (a backup, `sqlite3`) before saying so. */
const busyMsMax = 5000;

const schema = `
  CREATE TABLE facts (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
  CREATE TABLE snapshots (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${formatVersion};
`;

const sumOf = (seq: number, at: number, rest: string): number => crc32(`${seq} ${at} ${rest}`);

/**
 * Opens a journal file, creating it unless `readOnly`. A read-only store can look at a journal that a worker is writing.
 *
 * @throws SQLite's and Node's errors; see `journalErrorOf`
 */
export const openStore = (
  file: string,
  {
    readOnly = false,
    busyMs = busyMsMax,
    bounds = { snapshotsKept: 2, recordsKept: 1_000_000 },
  }: {
    readonly readOnly?: boolean;
    /** How long one call waits for another process before it throws. */
    readonly busyMs?: number;
    readonly bounds?: JournalBounds;
  } = {},
): JournalStore => {
  const isNew = !existsSync(file);
  // SQLite gives its log the mode of the database.
  if (!readOnly) claimFile(file);
  const db = openDatabase(file, readOnly, busyMs);
  try {
    return attach(db, file, { readOnly, isNew, bounds });
  } catch (error) {
    db.close();
    throw error;
  }
};

const openDatabase = (file: string, readOnly: boolean, timeout: number): DatabaseSync => {
  if (!readOnly) return new DatabaseSync(file, { timeout });
  // A closed journal on a read-only disk has no log, and SQLite could not make one to coordinate with a writer.
  const isStill = !existsSync(`${file}-wal`);
  if (!isStill) return new DatabaseSync(file, { readOnly, timeout });
  const url = pathToFileURL(file);
  url.searchParams.set("immutable", "1");
  return new DatabaseSync(url, { readOnly, timeout });
};

const attach = (
  db: DatabaseSync,
  file: string,
  { readOnly, isNew, bounds }: { readonly readOnly: boolean; readonly isNew: boolean; readonly bounds: JournalBounds },
): JournalStore => {
  const pragma = (name: string): number => (db.prepare(`PRAGMA ${name}`).get() as Record<string, number>)[name] as number;
  const isEmpty = pragma("schema_version") === 0;
  if (!isEmpty && pragma("application_id") !== applicationId) throw new ForeignFile("it is a database of something else");
  if (pragma("user_version") > formatVersion) throw new ForeignFile("it was written by a newer QTS");
  if (!readOnly) {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;");
    if (isEmpty) db.exec(`BEGIN IMMEDIATE; ${schema} COMMIT;`);
    // Left-over frames of a crash would look like damage at the next one; an empty log has none.
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    if (isNew) syncDirectory(dirname(file));
  }

  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const insert = db.prepare("INSERT INTO facts (seq, at, type, body, crc) VALUES (?, ?, ?, ?, ?)");
  const newest = db.prepare("SELECT max(seq) AS seq FROM facts");
  const select = db.prepare("SELECT seq, at, type, body, crc FROM facts WHERE seq > ? AND seq <= ? ORDER BY seq");
  select.setReturnArrays(true);
  const metaRow = db.prepare("SELECT value FROM meta WHERE key = ?");
  const upsertMeta = db.prepare(
    "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  );
  const deleteFacts = db.prepare("DELETE FROM facts WHERE seq <= ?");
  const snapshotSeqs = db.prepare("SELECT seq FROM snapshots ORDER BY seq DESC");
  const snapshotRow = db.prepare("SELECT seq, at, body, crc FROM snapshots WHERE seq = ?");
  const upsertSnapshot = db.prepare("INSERT OR REPLACE INTO snapshots (seq, at, body, crc) VALUES (?, ?, ?, ?)");
  const deleteSnapshots = db.prepare(
    "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?)",
  );

  const namesOf = (): string => [file, `${file}-wal`].map((path) => statSync(path, { throwIfNoEntry: false })?.ino).join();
  const namesAtOpening = namesOf();

  const inTransaction = <T>(work: () => T): T => {
    begin.run();
    try {
      const value = work();
      commit.run();
      return value;
    } catch (error) {
      // SQLite rolls back by itself after a full disk or an I/O error.
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  };
  const meta = (key: MetaKey): string | undefined => (metaRow.get(key) as { value: string } | undefined)?.value;
  const setMeta = (key: MetaKey, value: string): void => void upsertMeta.run(key, value);
  const seqs = (): number[] => (snapshotSeqs.all() as { seq: number }[]).map(({ seq }) => seq);

  const storedPruned = (): number => Number(meta("prunedThrough") ?? 0);
  let prunedThrough = storedPruned();
  const lastStored = (): number => (newest.get() as { seq: number | null }).seq ?? prunedThrough;
  let lastSeq = lastStored();

  return {
    get lastSeq() {
      return lastSeq;
    },
    get prunedThrough() {
      return readOnly ? storedPruned() : prunedThrough;
    },
    append(appends) {
      return inTransaction(() => {
        // SQLite goes on writing to a file that has no name any more, and all of it would be gone with this process.
        if (namesOf() !== namesAtOpening) throw new Error("it was deleted or replaced while it was in use");
        // Asked of the file, not of memory: another process may have appended.
        let last = lastStored();
        return appends.map(({ expectedSeq, at, type, body }): Result<{ readonly lastSeq: number }, JournalError> => {
          if (expectedSeq !== last) return err({ type: "journal.stale.owner", expectedSeq, actualSeq: last });
          for (let i = 0; i < at.length; i++) {
            last += 1;
            const [a, t, b] = [at[i] as number, type[i] as string, body[i] as string];
            insert.run(last, a, t, b, sumOf(last, a, `${t} ${b}`));
          }
          lastSeq = last;
          return ok({ lastSeq: last });
        });
      });
    },
    chunk(afterSeq, throughSeq) {
      if (afterSeq < prunedThrough)
        return err({
          type: "journal.corrupt",
          seq: afterSeq + 1,
          reason: `facts 1 to ${prunedThrough} have been removed and no readable snapshot replaces them`,
        });
      const at: number[] = [];
      const type: string[] = [];
      const body: string[] = [];
      let characters = 0;
      let seq = afterSeq;
      try {
        for (const row of select.iterate(afterSeq, throughSeq) as Iterable<unknown>) {
          const [rowSeq, rowAt, rowType, rowBody, crc] = row as [number, number, string, string, number];
          if (rowSeq !== seq + 1)
            return err({ type: "journal.corrupt", seq: seq + 1, reason: `the record is missing; the next one is ${rowSeq}` });
          if (crc !== sumOf(rowSeq, rowAt, `${rowType} ${rowBody}`))
            return err({ type: "journal.corrupt", seq: rowSeq, reason: "the record does not match its checksum" });
          seq = rowSeq;
          at.push(rowAt);
          type.push(rowType);
          body.push(rowBody);
          characters += rowBody.length;
          if (at.length >= chunkRecordsMax || characters >= chunkCharactersMax) break;
        }
      } catch (error) {
        const failure = journalErrorOf(error, file);
        return err(failure.type === "journal.corrupt" ? { ...failure, seq: seq + 1 } : failure);
      }
      if (at.length === 0 && afterSeq < throughSeq)
        return err({
          type: "journal.corrupt",
          seq: afterSeq + 1,
          reason: `the record is missing, and the journal ends at ${throughSeq}`,
        });
      return ok({ at, type, body });
    },
    saveSnapshot({ seq, at, body }) {
      return inTransaction(() => {
        const actualSeq = lastStored();
        if (actualSeq !== lastSeq) return err({ type: "journal.stale.owner", expectedSeq: lastSeq, actualSeq });
        upsertSnapshot.run(seq, at, body, sumOf(seq, at, body));
        deleteSnapshots.run(bounds.snapshotsKept);
        return ok(undefined);
      });
    },
    loadSnapshot() {
      const damaged: number[] = [];
      for (const seq of seqs()) {
        if (seq > lastSeq)
          return err({
            type: "journal.corrupt",
            seq: lastSeq + 1,
            reason: `a snapshot includes record ${seq}, and the journal ends at ${lastSeq}`,
          });
        const snapshot = readSnapshot(seq);
        if (snapshot !== undefined && seq >= prunedThrough) return ok({ snapshot, damaged });
        damaged.push(seq);
      }
      if (prunedThrough > 0)
        return err({
          type: "journal.corrupt",
          seq: prunedThrough,
          reason: `no snapshot can be read, and facts 1 to ${prunedThrough} have been removed`,
        });
      return ok({ damaged });
    },
    snapshots: () => seqs().map((seq) => ({ seq, isWhole: readSnapshot(seq) !== undefined })),
    structureProblem() {
      const { integrity_check: found } = db.prepare("PRAGMA integrity_check(1)").get() as { integrity_check: string };
      return found === "ok" ? undefined : found;
    },
    prune() {
      const kept = seqs();
      // One snapshot alone is no ground to remove facts: if it is damaged, they are all there is.
      if (kept.length < bounds.snapshotsKept) return false;
      const through = Math.min(kept.at(-1) ?? 0, lastSeq - Math.max(bounds.recordsKept, 1));
      if (through <= prunedThrough) return false;
      const slice = Math.min(through, prunedThrough + pruneRecordsMax);
      inTransaction(() => {
        deleteFacts.run(slice);
        setMeta("prunedThrough", `${slice}`);
      });
      prunedThrough = slice;
      return slice < through;
    },
    meta,
    setMeta,
    setBusyMs: (ms) => db.exec(`PRAGMA busy_timeout = ${ms}`),
    close() {
      if (!readOnly) {
        setMeta("closed", `${lastSeq}`);
        db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      }
      db.close();
    },
    abandon: () => db.close(),
  };

  function readSnapshot(seq: number): StateSnapshot | undefined {
    try {
      const { at, body, crc } = snapshotRow.get(seq) as { at: number; body: string; crc: number };
      return crc === sumOf(seq, at, body) ? { seq, at, body } : undefined;
    } catch (error) {
      if (journalErrorOf(error, file).type === "journal.corrupt") return undefined;
      throw error;
    }
  }
};

/**
 * Looks at a file's header without opening it as a database, which may write beside it.
 *
 * @returns true for a journal of a later format; false for anything else, also for what cannot be read
 */
export const isOfNewerFormat = (file: string): boolean => {
  const header = Buffer.alloc(sqliteHeaderBytes);
  try {
    const handle = openSync(file, "r");
    try {
      if (readSync(handle, header, 0, header.length, 0) < header.length) return false;
    } finally {
      closeSync(handle);
    }
  } catch {
    return false;
  }
  return header.readUInt32BE(applicationIdOffset) === applicationId && header.readUInt32BE(userVersionOffset) > formatVersion;
};

/** Unpacks a chunk that starts right after `afterSeq`. */
export function* unpack(afterSeq: number, { at, type, body }: PackedRecords): Generator<JournalRecord> {
  for (let i = 0; i < at.length; i++)
    yield { seq: afterSeq + i + 1, at: at[i] as number, type: type[i] as string, body: body[i] as string };
}

/** Neither damage nor a fault of the disk: the file belongs to something else. */
class ForeignFile extends Error {}

const syncDirectory = (directory: string): void => {
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};
