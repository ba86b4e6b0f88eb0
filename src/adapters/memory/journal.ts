/**
 * A journal without a disk, for tests, examples and bounded simulations. It keeps every record.
 *
 * The storage outlives its owners, as a file does: open a second journal on it to see what a restart, or a second owner, sees.
 */
import type { Journal, JournalError, JournalRecord, StateSnapshot } from "#core/ports.ts";
import { assert, err, ok } from "#core/result.ts";

export interface JournalStorage {
  readonly records: JournalRecord[];
  /** Oldest first. */
  readonly snapshots: StateSnapshot[];
}

export const createJournalStorage = (): JournalStorage => ({ records: [], snapshots: [] });

export interface MemoryJournal extends Journal {
  readonly storage: JournalStorage;
  /** From now on every append and snapshot is refused with this error, like a journal whose disk has failed. */
  fail(error: JournalError): void;
  /** Somebody else holds it, for this reason, until `undefined`: appends wait. */
  setBusy(reason: string | undefined): void;
}

export const createMemoryJournal = ({
  storage = createJournalStorage(),
  snapshotsKept = 2,
  durable = () => Promise.resolve(),
}: {
  readonly storage?: JournalStorage;
  readonly snapshotsKept?: number;
  /** The fsync: records are stored, and `append` resolves, once it has resolved. Answers keep their order. */
  readonly durable?: () => Promise<void>;
} = {}): MemoryJournal => {
  const { records, snapshots } = storage;
  let lastSeq = records.length;
  let failure: JournalError | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let free = Promise.withResolvers<void>();
  free.resolve();
  let tellBusy: (reason: string | undefined) => void = () => undefined;

  const inTurn = <T>(work: () => T): Promise<T> => {
    const done = turn
      .then(durable)
      .then(() => free.promise)
      .then(work);
    turn = done;
    return done;
  };
  const isStale = (): boolean => records.length !== lastSeq;

  return {
    storage,
    get lastSeq() {
      return lastSeq;
    },
    async append(appended, { expectedSeq }) {
      for (const [i, { seq }] of appended.entries())
        assert(seq === expectedSeq + i + 1, `record ${seq} was appended where ${expectedSeq + i + 1} belongs`);
      return inTurn(() => {
        if (failure !== undefined) return err(failure);
        if (expectedSeq !== records.length)
          return err({ type: "journal.stale.owner" as const, expectedSeq, actualSeq: records.length });
        for (const record of appended) records.push(record);
        lastSeq = records.length;
        return ok({ lastSeq });
      });
    },
    async *read(afterSeq) {
      const throughSeq = lastSeq;
      for (let seq = afterSeq; seq < throughSeq; seq++) yield records[seq] as JournalRecord;
    },
    saveSnapshot: (snapshot) =>
      inTurn(() => {
        if (failure !== undefined) return err(failure);
        if (isStale()) return err({ type: "journal.stale.owner" as const, expectedSeq: lastSeq, actualSeq: records.length });
        snapshots.push(snapshot);
        if (snapshots.length > snapshotsKept) snapshots.shift();
        return ok(undefined);
      }),
    loadSnapshot: () => inTurn(() => (failure === undefined ? ok(snapshots.at(-1)) : err(failure))),
    fail(error) {
      failure = error;
    },
    setBusy(reason) {
      if (reason === undefined) free.resolve();
      else free = Promise.withResolvers();
      tellBusy(reason);
    },
    onBusy(listener) {
      tellBusy = listener;
    },
    async close() {
      await turn;
      failure ??= { type: "journal.unavailable", reason: "the journal is closed" };
    },
  };
};
