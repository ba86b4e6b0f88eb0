/** How far the journal is, and how much of it is not on disk yet. */
import type { Subject } from "./subject.ts";

export const registerJournal: Subject = ({ gauge }) => {
  const lastSequence = gauge("journal_last_sequence", "Sequence number of the last durable journal record.");
  const pending = gauge("journal_pending", "Records waiting to become durable.");

  return ({ journal }) => {
    lastSequence.set(journal.lastSeq - journal.pending);
    pending.set(journal.pending);
  };
};
