/** The journal's failures: from what SQLite or Node threw to the port's value, and from that to a sentence. */
import type { JournalError } from "#core/ports.ts";
import { describeFailure } from "./sqlite.errors.ts";

/** `seq` is 0 where the damage has no record. */
export const journalErrorOf = (error: unknown, file: string): JournalError => {
  const { isDamage, reason } = describeFailure(error, file);
  return isDamage ? { type: "journal.corrupt", seq: 0, reason } : { type: "journal.unavailable", reason };
};

/** What happened, for a person; without a full stop, so that a remedy can follow. */
export const journalSentence = (error: JournalError): string => {
  switch (error.type) {
    case "journal.corrupt":
      return error.seq > 0
        ? `the journal is damaged at record ${error.seq}: ${error.reason}`
        : `the journal is damaged: ${error.reason}`;
    case "journal.other.version":
      return `the journal was written by another version of QTS: ${error.reason}`;
    case "journal.stale.owner":
      return `somebody else appended to the journal: it ends at ${error.actualSeq}, and this process last saw ${error.expectedSeq}`;
    case "journal.unavailable":
      return error.reason;
    default:
      return error satisfies never;
  }
};
