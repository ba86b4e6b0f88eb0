/** The journal's failures: from what SQLite or Node threw to the port's value. */
import type { JournalError } from "#core/ports.ts";
import { holdersOf, holdersText } from "../lock-holders.ts";
import { describeFailure } from "./sqlite.errors.ts";

/** `seq` is 0 where the damage has no record. */
export const journalErrorOf = (error: unknown, file: string): JournalError => {
  const { isDamage, isBusy, reason } = describeFailure(error, file);
  if (isBusy) return { type: "journal.unavailable", reason: busyReason(file) };
  return isDamage ? { type: "journal.corrupt", seq: 0, reason } : { type: "journal.unavailable", reason };
};

/** Names who holds the file, where the kernel tells. */
export const busyReason = (file: string): string => {
  const holders = holdersOf([file, `${file}-wal`, `${file}-shm`]);
  const who = holders.length === 0 ? "another process" : holdersText(holders);
  return `${file} is held by ${who}; end the program that holds it`;
};
