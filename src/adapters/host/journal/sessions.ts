/**
 * One journal per session: `journal/session-0001.sqlite`, `session-0002.sqlite` …
 *
 * A session that was interrupted goes on in its journal; one that came to its end is over, and the next start begins anew.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { JournalError } from "#core/ports.ts";
import { ok, type Result } from "#core/result.ts";
import { type HostJournal, openJournal } from "./journal.ts";

/** Of a home, the directory that holds its journals. */
interface JournalFolder {
  readonly journal: string;
}

export interface SessionFile {
  /** "0001", "0002" … */
  readonly session: string;
  readonly file: string;
}

export interface SessionJournal {
  readonly journal: HostJournal;
  readonly session: string;
  /** It holds facts of an earlier process: starting is recovering. */
  readonly continued: boolean;
  /** Durably notes why the session is over; the next start begins a new one. */
  markEnded(cause: string): Promise<Result<void, JournalError>>;
}

/** The sessions of a home, oldest first; none when it has no journal directory. */
export const sessionsOf = ({ journal }: JournalFolder): readonly SessionFile[] => {
  let names: string[];
  try {
    names = readdirSync(journal);
  } catch {
    return [];
  }
  return names
    .flatMap((name) => {
      const session = /^session-(\d{4,})\.sqlite$/.exec(name)?.[1];
      return session === undefined ? [] : [{ session, file: join(journal, name) }];
    })
    .sort((one, other) => Number(one.session) - Number(other.session));
};

/**
 * Opens the journal of the newest session, or of a new one when that is over or `fresh` is asked for.
 *
 * @param fresh leaves the newest session as it is, even a damaged one, and begins a new one
 * @returns the journal; the errors of `openJournal`
 */
export const openSessionJournal = async (
  home: JournalFolder,
  { fresh = false, ...kept }: { readonly fresh?: boolean; readonly snapshotsKept?: number; readonly recordsKept?: number } = {},
): Promise<Result<SessionJournal, JournalError>> => {
  const newest = sessionsOf(home).at(-1);
  if (newest !== undefined && !fresh) {
    const opened = await openJournal({ file: newest.file, ...kept });
    if (!opened.ok) return opened;
    if (opened.value.ended === undefined) return ok(asSession(newest.session, opened.value));
    await opened.value.close();
  }
  const session = `${Number(newest?.session ?? 0) + 1}`.padStart(4, "0");
  const opened = await openJournal({ file: join(home.journal, `session-${session}.sqlite`), ...kept });
  return opened.ok ? ok(asSession(session, opened.value)) : opened;
};

const asSession = (session: string, journal: HostJournal): SessionJournal => ({
  journal,
  session,
  continued: journal.lastSeq > 0,
  markEnded: (cause) => journal.markEnded(cause),
});
