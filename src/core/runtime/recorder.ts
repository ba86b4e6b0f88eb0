/**
 * Facts on their way into the journal.
 *
 * `record` numbers a fact at once and collects it; a batch goes to the journal at the next turn of the event loop, or at once
 * when an effect that cannot be undone needs its cause on disk. `whenDurable` is what such an effect waits for. When the journal refuses,
 * nothing waits for ever: every wait answers false, and trading stops (an unrecorded decision is worse than none).
 */
import type { Fact } from "../event/catalog.ts";
import type { Clock, Journal, JournalError, JournalRecord } from "../ports.ts";

export interface Recorder {
  /** Sequence of the last recorded fact, durable or not. */
  readonly seq: () => number;
  /** The JSON body is made here, before anything handles the fact. */
  readonly record: (fact: Fact) => void;
  /** Sends what was collected; cheap when there is nothing. */
  readonly flush: () => void;
  /** Resolves true once everything up to `seq` is on disk, false when it never will be. */
  readonly whenDurable: (seq: number) => Promise<boolean>;
  readonly pending: () => number;
  readonly failure: () => JournalError | undefined;
}

/** More facts than this waiting for the disk and the replayed market stands still until they are written. */
const backlogMax = 20_000;
/** A journal that somebody else holds is waited for in memory, and no longer than this many facts. */
const pendingMax = 100_000;

export const createRecorder = ({
  journal,
  clock,
  onFailure,
}: {
  readonly journal: Journal;
  readonly clock: Clock;
  /** Called once, at the first refusal. */
  readonly onFailure: (error: JournalError) => void;
}): Recorder => {
  let seq = journal.lastSeq;
  let durableSeq = journal.lastSeq;
  let sentSeq = journal.lastSeq;
  let batch: JournalRecord[] = [];
  let failure: JournalError | undefined;
  const waiting: { readonly seq: number; readonly resolve: (isDurable: boolean) => void }[] = [];

  const fail = (error: JournalError): void => {
    if (failure !== undefined) return;
    failure = error;
    batch = [];
    for (const { resolve } of waiting.splice(0)) resolve(false);
    onFailure(error);
  };

  const flush = (): void => {
    if (batch.length === 0 || failure !== undefined) return;
    const records = batch;
    const expectedSeq = sentSeq;
    batch = [];
    sentSeq += records.length;
    const append = journal.append(records, { expectedSeq }).then((result) => {
      if (!result.ok) return fail(result.error);
      durableSeq = result.value.lastSeq;
      while (waiting.length > 0 && (waiting[0]?.seq ?? 0) <= durableSeq) waiting.shift()?.resolve(true);
    });
    if (sentSeq - durableSeq > backlogMax) void clock.hold(append, undefined, "the journal, which is being written");
  };

  return {
    seq: () => seq,
    record: (fact) => {
      if (failure !== undefined) return;
      if (seq - durableSeq >= pendingMax)
        return fail({
          type: "journal.unavailable",
          reason: `${pendingMax} facts wait for the journal, and no more are kept in memory`,
        });
      seq += 1;
      batch.push({ seq, at: fact.at, type: fact.type, body: JSON.stringify(fact) });
      if (batch.length >= 1000) flush();
      // The last fact before a quiet hour must not wait for the next one.
      else if (batch.length === 1) void clock.yieldToIo().then(flush);
    },
    flush,
    whenDurable: (wanted) => {
      if (failure !== undefined) return Promise.resolve(false);
      if (wanted <= durableSeq) return Promise.resolve(true);
      const durable = new Promise<boolean>((resolve) => {
        waiting.push({ seq: wanted, resolve });
      });
      flush();
      return clock.hold(durable, undefined, "the journal, which is being written");
    },
    pending: () => seq - durableSeq,
    failure: () => failure,
  };
};
