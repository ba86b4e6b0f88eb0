/** A failure of the journal in words, for a person: what happened, and how to go on. */
import type { JournalError } from "./ports.ts";

/** What happened; without a full stop, so that a remedy can follow. @param journal which one, for example "the journal in DIRECTORY" */
export const journalSentence = (error: JournalError, journal = "the journal"): string => {
  switch (error.type) {
    case "journal.corrupt":
      return `${journal} is damaged${error.seq > 0 ? ` at record ${error.seq}` : ""}: ${error.reason}`;
    case "journal.other.version":
      return `${journal} was written by another version of QTS, most likely a newer one: ${error.reason}`;
    case "journal.stale.owner":
      return `${journal} has ${error.actualSeq} records where ${error.expectedSeq} were expected: another process writes to it`;
    case "journal.unavailable":
      return error.reason;
    default:
      return error satisfies never;
  }
};

/** Why the house does not start on the journal in `directory`, and how to go on without losing the evidence. */
export const journalRefusal = (error: JournalError, directory: string): string => {
  const sentence = journalSentence(error, `the journal in ${directory}`);
  switch (error.type) {
    case "journal.stale.owner":
      return `${sentence}; stop that one first.`;
    case "journal.unavailable":
      return sentence;
    case "journal.corrupt":
      return `${sentence}. Nothing was changed: copy that directory, then see docs/operations/journal.md; \`qts run --new-session\` begins without it.`;
    case "journal.other.version":
      return `${sentence}. The journal is whole and no fact was added: start the version that wrote it, see "A new version" in docs/operations/README.md.`;
    default:
      return error satisfies never;
  }
};
