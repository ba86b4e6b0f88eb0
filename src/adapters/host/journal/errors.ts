/** The journal's failures: from what SQLite or Node threw to the port's value. */
import type { JournalError } from "#core/ports.ts";
import { describeFailure } from "./sqlite.errors.ts";

/** `seq` is 0 where the damage has no record. */
export const journalErrorOf = (error: unknown, file: string): JournalError => {
  const { isDamage, reason } = describeFailure(error, file);
  return isDamage ? { type: "journal.corrupt", seq: 0, reason } : { type: "journal.unavailable", reason };
};
