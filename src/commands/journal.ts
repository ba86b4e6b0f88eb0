/** `qts journal`: what was recorded, for people. Reads the file itself, so it works with and without a running QTS. */
import { homePaths } from "#adapters/host/home.ts";
import { journalErrorOf } from "#adapters/host/journal/errors.ts";
import type { SessionFile } from "#adapters/host/journal/sessions.ts";
import { type JournalStore, openStore } from "#adapters/host/journal/store.ts";
import { inspectWal } from "#adapters/host/journal/wal.ts";
import { journalSentence } from "#core/journal-sentence.ts";
import type { JournalRecord } from "#core/ports.ts";
import { printable } from "#core/printable.ts";
import { parseTimestamp } from "#core/timestamp.ts";
import { homeOf } from "./ask.ts";
import { type Command, type CommandIo, exitCodes, readOptions, UsageError } from "./command.ts";
import { parseCount, readRecords, sessionFileOf } from "./journal-records.ts";
import { nearest } from "./nearest.ts";

const actions = ["list", "show", "verify", "path"] as const;

const help = `qts journal: the facts that changed a machine, as they were recorded.

Usage: qts journal [list] [options]   the newest facts, oldest of them first
       qts journal show SEQ           one fact, whole
       qts journal verify             reads every record of every session and checks it
       qts journal path               where the newest session's file is (any SQLite program reads it)

Options:
  --home DIR       the home (default: QTS_HOME, else ./var); QTS may be running on it
  --session NNNN   another session than the newest
  --since TIME     facts from this time on, market time in a replay: 2013-10-07T14:30 (UTC), or with an offset
  --type NAME      facts of this type; a name that ends with a dot takes all below it: order.
  --order ID       facts of one order
  --limit N        at most so many, the newest (default 50); 0: all
  --json           list: one JSON object per line; show and verify: one JSON document
  --help           this page

Exit codes: 0 ok, 1 failed (no journal, no such record, damage), 2 usage.
`;

const options = {
  home: { type: "string" },
  session: { type: "string" },
  since: { type: "string" },
  type: { type: "string" },
  order: { type: "string" },
  limit: { type: "string" },
  json: { type: "boolean" },
} as const;

interface Filter {
  readonly since: number | undefined;
  readonly type: string | undefined;
  readonly order: string | undefined;
}

/** A fact as the recorder wrote it. Its own door is recovery; here anything that is JSON can be shown. */
interface ShownFact {
  readonly priority?: string;
  readonly source?: string;
  readonly correlationId?: string;
  readonly payload?: { readonly [name: string]: unknown };
}

const parseSince = (text: string): number => {
  const at = parseTimestamp(text);
  if (at === undefined)
    throw new UsageError(`--since is "${text}" and must be a time like 2013-10-07T14:30 (UTC) or 2013-10-07T10:30-04:00.`);
  return at;
};

const isWanted = ({ at, type, body }: JournalRecord, filter: Filter): boolean => {
  if (filter.since !== undefined && at < filter.since) return false;
  if (filter.type !== undefined && !(filter.type.endsWith(".") ? type.startsWith(filter.type) : type === filter.type))
    return false;
  // Most records are not of this order: look at the text before parsing it.
  if (filter.order === undefined) return true;
  if (!body.includes(JSON.stringify(filter.order))) return false;
  const { correlationId, payload } = JSON.parse(body) as ShownFact;
  return correlationId === filter.order || payload?.orderId === filter.order;
};

/** Six digits of a fraction are enough to read; `show` and --json have them all. */
const shownValue = (value: unknown): string => {
  if (typeof value === "string" && /^[^\s="]+$/.test(value)) return value;
  return typeof value === "number" && !Number.isInteger(value) ? `${Number(value.toPrecision(6))}` : JSON.stringify(value);
};

const asLine = ({ seq, at, type, body }: JournalRecord): string => {
  const { priority = "  ", payload = {} } = JSON.parse(body) as ShownFact;
  const fields = Object.entries(payload).map(([name, value]) => `${name}=${shownValue(value)}`);
  const said = printable(`${priority}  ${type}  ${fields.join(" ")}`.trimEnd());
  return `${`${seq}`.padStart(7)}  ${new Date(at).toISOString().replace("T", " ").replace("Z", "")}  ${said}`;
};

const asJson = ({ seq, at, type, body }: JournalRecord): string => JSON.stringify({ seq, at, type, fact: JSON.parse(body) });

const nothingFound = (session: string, { type, order, since }: Filter): string => {
  const wanted = [
    ...(type === undefined ? [] : [`of type ${type}`]),
    ...(order === undefined ? [] : [`of order ${order}`]),
    ...(since === undefined ? [] : [`from ${new Date(since).toISOString().slice(0, 19)} on`]),
  ];
  const remedy = type === undefined || type.endsWith(".") ? "" : `; \`--type ${type}.\` takes all below it`;
  const sentence = `No fact of session ${session} is ${wanted.length === 0 ? "recorded yet" : wanted.join(" and ")}${remedy}`;
  // A type that ends with a dot takes all below it, and ends the sentence too.
  return sentence.endsWith(".") ? sentence : `${sentence}.`;
};

const list = (store: JournalStore, session: string, filter: Filter, limit: number, json: boolean, io: CommandIo): number => {
  const isUnfiltered = Object.values(filter).every((wanted) => wanted === undefined);
  const found: JournalRecord[] = [];
  const records = readRecords(store, isUnfiltered && limit > 0 ? store.lastSeq - limit : 0);
  const print = (record: JournalRecord): void => io.out(`${json ? asJson(record) : asLine(record)}\n`);
  let next = records.next();
  let count = 0;
  for (; next.done !== true; next = records.next()) {
    if (!isWanted(next.value, filter)) continue;
    count += 1;
    if (limit === 0) print(next.value);
    else if (found.push(next.value) >= 2 * limit) found.splice(0, limit);
  }
  for (const record of found.slice(-limit)) print(record);
  if (next.value === undefined) {
    if (count === 0) io.err(`${printable(nothingFound(session, filter))}\n`);
    return exitCodes.ok;
  }
  io.err(`${printable(`${journalSentence(next.value)}; \`qts journal verify\` looks at everything.`)}\n`);
  return exitCodes.failed;
};

const show = (store: JournalStore, seq: number, json: boolean, io: CommandIo): number => {
  const removed = store.prunedThrough;
  if (seq < 1 || seq > store.lastSeq || seq <= removed) {
    io.err(`There is no record ${seq}: the journal holds ${removed + 1} to ${store.lastSeq}.\n`);
    return exitCodes.failed;
  }
  const { value } = readRecords(store, seq - 1).next();
  if (value === undefined || !("body" in value)) {
    io.err(`${value === undefined ? `Record ${seq} is gone` : printable(journalSentence(value))}.\n`);
    return exitCodes.failed;
  }
  io.out(json ? `${asJson(value)}\n` : `${asLine(value)}\n${JSON.stringify(JSON.parse(value.body), null, 2)}\n`);
  return exitCodes.ok;
};

interface SessionVerdict {
  readonly session: string;
  readonly file: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly snapshots: number;
  readonly ended?: string;
  readonly problems: readonly string[];
}

const inspectSession = ({ session, file }: SessionFile): SessionVerdict => {
  const problems: string[] = [];
  let verdict = { firstSeq: 0, lastSeq: 0, snapshots: 0 };
  try {
    // Looked at twice: a worker may be writing while it is read, but damage stays.
    const log = inspectWal(`${file}-wal`).type === "damaged" ? inspectWal(`${file}-wal`) : undefined;
    if (log?.type === "damaged") problems.push(`the log ${file}-wal is damaged: ${log.reason}`);
    const store = openStore(file, { readOnly: true });
    try {
      const structure = store.structureProblem();
      if (structure !== undefined) problems.push(`SQLite finds: ${structure}`);
      const snapshots = store.snapshots();
      for (const { seq, isWhole } of snapshots) if (!isWhole) problems.push(`the snapshot at record ${seq} is damaged`);
      const firstSeq = store.prunedThrough + 1;
      const records = readRecords(store, 0);
      let next = records.next();
      while (next.done !== true) next = records.next();
      if (next.value !== undefined) problems.push(journalSentence(next.value));
      const ended = store.meta("ended");
      verdict = { firstSeq, lastSeq: store.lastSeq, snapshots: snapshots.length, ...(ended !== undefined && { ended }) };
    } finally {
      store.abandon();
    }
  } catch (error) {
    problems.push(journalSentence(journalErrorOf(error, file)));
  }
  return { session, file, ...verdict, problems };
};

const verify = (sessions: readonly SessionFile[], json: boolean, io: CommandIo): number => {
  const verdicts = sessions.map(inspectSession);
  if (json) io.out(`${JSON.stringify({ sessions: verdicts })}\n`);
  else
    for (const { session, firstSeq, lastSeq, snapshots, ended, problems } of verdicts) {
      const range = lastSeq === 0 ? "no facts" : `facts ${firstSeq} to ${lastSeq}`;
      const state = problems.length > 0 ? "DAMAGED" : "whole";
      io.out(
        `session ${session}: ${state}; ${range}, ${snapshots} snapshots${ended === undefined ? "" : `; ended: ${printable(ended)}`}\n`,
      );
      for (const problem of problems) io.err(`session ${session}: ${printable(problem)}\n`);
    }
  return verdicts.every(({ problems }) => problems.length === 0) ? exitCodes.ok : exitCodes.failed;
};

const run = async (args: readonly string[], io: CommandIo): Promise<number> => {
  const { values, positionals } = readOptions("journal", args, options, ["ACTION?", "SEQ?"]);
  const [action = "list", seq] = positionals;
  if (!actions.some((known) => known === action)) {
    const guess = nearest(action, actions);
    throw new UsageError(
      `qts journal does not know "${action}"${guess === undefined ? "" : ` (did you mean ${guess}?)`}; \`qts journal --help\` lists what it does.`,
    );
  }
  if (action === "show" && seq === undefined)
    throw new UsageError("qts journal show needs the number of a record: qts journal show 12.");
  if (action !== "show" && seq !== undefined)
    throw new UsageError(`qts journal ${action} does not know what to do with "${seq}".`);
  const wantedSeq = seq === undefined ? 0 : parseCount("SEQ", seq);
  const limit = values.limit === undefined ? 50 : parseCount("--limit", values.limit);
  const filter: Filter = {
    since: values.since === undefined ? undefined : parseSince(values.since),
    type: values.type,
    order: values.order,
  };
  const json = values.json === true;

  const home = homePaths(homeOf(values.home, io));
  const found = sessionFileOf(home, values.session, io);
  if (found === undefined) return exitCodes.failed;
  const { newest, sessions } = found;
  if (action === "path") {
    io.out(`${printable(newest.file)}\n`);
    return exitCodes.ok;
  }
  if (action === "verify") return verify(sessions, json, io);
  let store: JournalStore;
  try {
    store = openStore(newest.file, { readOnly: true });
  } catch (error) {
    io.err(`${printable(journalSentence(journalErrorOf(error, newest.file)))}.\n`);
    return exitCodes.failed;
  }
  try {
    return action === "show" ? show(store, wantedSeq, json, io) : list(store, newest.session, filter, limit, json, io);
  } finally {
    store.abandon();
  }
};

export const command: Command = { name: "journal", summary: "the recorded facts: list, show, verify, path", help, run };
