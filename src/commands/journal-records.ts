/** The journals of a home, read as files: with and without a running QTS. For every command that looks at the past. */
import { type SessionFile, sessionsOf } from "#adapters/host/journal/sessions.ts";
import { type JournalStore, unpack } from "#adapters/host/journal/store.ts";
import type { JournalError, JournalRecord } from "#core/ports.ts";
import { printable } from "#core/printable.ts";
import { type CommandIo, UsageError } from "./command.ts";

/** @throws {UsageError} when it is none */
export const parseCount = (name: string, text: string): number => {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`${name} is "${text}" and must be a whole number.`);
};

/** Records after `afterSeq`; ends with the damage it met. A worker may be removing old records meanwhile: it goes on behind them. */
export function* readRecords(store: JournalStore, afterSeq: number): Generator<JournalRecord, JournalError | undefined> {
  let seq = Math.max(afterSeq, store.prunedThrough);
  while (seq < store.lastSeq) {
    const chunk = store.chunk(seq, store.lastSeq);
    if (chunk.ok) {
      yield* unpack(seq, chunk.value);
      seq += chunk.value.at.length;
    } else if (store.prunedThrough > seq) seq = store.prunedThrough;
    else return chunk.error;
  }
  return undefined;
}

/**
 * @param option the value of --session; undefined: the newest
 * @returns the session that was asked for, and all that fit; undefined when there is none, and why is told
 */
export const sessionFileOf = (
  home: { readonly journal: string },
  option: string | undefined,
  io: CommandIo,
): { readonly newest: SessionFile; readonly sessions: readonly SessionFile[] } | undefined => {
  const all = sessionsOf(home);
  const wanted = option === undefined ? undefined : parseCount("--session", option);
  const sessions = wanted === undefined ? all : all.filter(({ session }) => Number(session) === wanted);
  const newest = sessions.at(-1);
  if (newest !== undefined) return { newest, sessions };
  const there =
    all.length === 0
      ? "`qts run` begins one, or give another --home"
      : `there are ${all.map(({ session }) => session).join(", ")}`;
  io.err(`${printable(`${home.journal} has no ${wanted === undefined ? "journal" : `session ${option}`}; ${there}.`)}\n`);
  return undefined;
};
