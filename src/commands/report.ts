/** `qts report`: how a session went, from its journal: for a running session, one that ended, or a copy of a home. */
import { closeSync, constants, openSync } from "node:fs";
import { resolve } from "node:path";
import { writeAllSync } from "#adapters/host/durable-files.ts";
import { homePaths } from "#adapters/host/home.ts";
import { journalErrorOf } from "#adapters/host/journal/errors.ts";
import { type JournalStore, openStore } from "#adapters/host/journal/store.ts";
import { chooseDays, shippedDays } from "#adapters/replay/recorded-days.ts";
import type { Config } from "#config/config.ts";
import { type ActorEvent, isFactType } from "#core/event/catalog.ts";
import { moneyScaleOf } from "#core/instrument.ts";
import { journalSentence } from "#core/journal-sentence.ts";
import { createPerformance } from "#core/performance.ts";
import type { Performance } from "#core/performance-figures.ts";
import { printable } from "#core/printable.ts";
import { err, ok, type Result } from "#core/result.ts";
import { tradingDayOf } from "#market/calendar.ts";
import { liveFeedOf, ownDaysOf } from "#src/sources.ts";
import { homeOf } from "./ask.ts";
import { type Command, type CommandIo, exitCodes, readOptions, stoppedCode } from "./command.ts";
import { qtsVersion } from "./command-line.ts";
import { tellProblems } from "./config-file.ts";
import { ownDaysDirectory, withDaysDirectory } from "./days-directory.ts";
import { readRecords, sessionFileOf } from "./journal-records.ts";
import { performancePage } from "./report-page.ts";
import { type MoneyText, moneyTextOf, performanceText } from "./report-text.ts";
import { readSessionConfig } from "./session-config.ts";
import { whyUnreadable } from "./unreadable.ts";

/** Facts between two looks at signals. */
const factsPerTurn = 5_000;

export interface SessionPerformance {
  readonly performance: Performance;
  /** Facts before the first that is left; they are in no figure. */
  readonly forgotten: number;
}

const accountOf = ({ instruments }: Config): { readonly currency: string; readonly scale: number } => ({
  currency: instruments[0]?.currency ?? "",
  scale: moneyScaleOf(instruments[0] ?? { priceScale: 0 }),
});

export const moneyOf = (config: Config): MoneyText => {
  const { currency, scale } = accountOf(config);
  return moneyTextOf(currency, scale);
};

/**
 * Reads a whole journal; hears a signal now and then.
 *
 * @returns "stopped" when it was told to, or the sentence of what is wrong with the journal
 */
export const readPerformance = async (
  file: string,
  config: Config,
  signal?: AbortSignal,
): Promise<Result<SessionPerformance, string>> => {
  const performance = createPerformance({
    startingCashMinor: config.broker.paper.cashMinor,
    desk: {
      instruments: config.instruments,
      limits: { unknownDeadlineMs: config.broker.unknownDeadlineMs, pendingDeadlineMs: config.broker.pendingDeadlineMs },
      dayOf: tradingDayOf(config.instruments),
    },
    safety: config.safety,
    operating: config.operating.initial,
    dayOf: tradingDayOf(config.instruments),
  });
  let store: JournalStore;
  try {
    store = openStore(file, { readOnly: true });
  } catch (error) {
    return err(journalSentence(journalErrorOf(error, file)));
  }
  try {
    const forgotten = store.prunedThrough;
    const records = readRecords(store, 0);
    let count = 0;
    if (signal?.aborted) return err("stopped");
    for (let next = records.next(); ; next = records.next()) {
      if (next.done === true) {
        if (next.value !== undefined) return err(journalSentence(next.value));
        return ok({ performance: performance.shown(), forgotten });
      }
      const { at, type, body } = next.value;
      const { payload } = JSON.parse(body) as { readonly payload?: object };
      if (isFactType(type)) performance.take({ ...payload, type, at } as ActorEvent);
      count += 1;
      if (count % factsPerTurn > 0) continue;
      await new Promise((turn) => setImmediate(turn));
      if (signal?.aborted) return err("stopped");
    }
  } finally {
    store.abandon();
  }
};

const notesOf = ({ forgotten }: SessionPerformance): readonly string[] =>
  forgotten === 0
    ? []
    : [
        `The journal keeps its newest facts only (journal.recordsKept): the first ${forgotten.toLocaleString("en-US")} are in no figure, and equity counts from there.`,
      ];

/** Writes the page over an older one. @returns why it could not be written */
export const writePage = (file: string, session: string, found: SessionPerformance, config: Config): Result<void, string> => {
  const scales = new Map(config.instruments.map(({ symbol, priceScale }) => [symbol, priceScale]));
  const page = performancePage(found.performance, {
    session,
    version: qtsVersion(),
    money: moneyOf(config),
    priceOf: (symbol, minor) => (minor / 10 ** (scales.get(symbol) ?? 0)).toFixed(scales.get(symbol) ?? 0),
    notes: notesOf(found),
  });
  try {
    // Through no link, and into no pipe that nobody reads.
    const handle = openSync(
      file,
      constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      0o600,
    );
    try {
      writeAllSync(handle, Buffer.from(page));
    } finally {
      closeSync(handle);
    }
    return ok(undefined);
  } catch (error) {
    return err(`the report ${file} cannot be written: ${whyUnreadable(error)}`);
  }
};

const run = async (args: readonly string[], given: CommandIo): Promise<number> => {
  const { values } = readOptions("report", args, {
    home: { type: "string" },
    session: { type: "string" },
    config: { type: "string" },
    html: { type: "string" },
    "days-dir": { type: "string" },
    json: { type: "boolean" },
  });
  const io = withDaysDirectory(given, values["days-dir"]);
  const paths = homePaths(homeOf(values.home, io));
  const session = sessionFileOf(paths, values.session, io);
  if (session === undefined) return exitCodes.failed;
  const { newest } = session;
  // Your own days know their instruments; the home remembers which days they were.
  const day = ownDaysOf(paths.paper, newest.session);
  const ownDays = ownDaysDirectory(io);
  if (day !== undefined && values.config === undefined && !chooseDays(day, [shippedDays, ownDays]).ok) {
    io.err(
      `Session ${newest.session} played ${day}, which is not in ${ownDays}: how its money is counted stands there; give --days-dir, or --config with its instruments.\n`,
    );
    return exitCodes.failed;
  }
  // A live feed's money is its venue's, whichever symbols were traded.
  const live = liveFeedOf(paths.paper, newest.session);
  const read = await readSessionConfig(
    values.config,
    io,
    day !== undefined ? { feed: "replay", day } : live !== undefined ? { feed: live } : {},
  );
  if (!read.ok) return tellProblems(read, io);
  const { config } = read;
  const found = await readPerformance(newest.file, config, io.signal);
  if (!found.ok) {
    if (io.signal?.aborted) return stoppedCode(io);
    io.err(`${printable(found.error)}; \`qts journal verify\` looks at everything.\n`);
    return exitCodes.failed;
  }
  if (values.html !== undefined) {
    const file = resolve(io.cwd, values.html);
    const written = writePage(file, newest.session, found.value, config);
    if (!written.ok) {
      io.err(`qts: ${printable(written.error)}\n`);
      return exitCodes.failed;
    }
    if (values.json !== true) io.out(`Written to ${printable(file)}.\n`);
  }
  if (values.json) io.out(`${JSON.stringify({ session: newest.session, ...found.value })}\n`);
  else
    io.out(
      `Session ${newest.session}\n${performanceText(found.value.performance, moneyOf(config)) || "  no fact is recorded yet\n"}${notesOf(
        found.value,
      )
        .map((note) => `  ${note}\n`)
        .join("")}`,
    );
  return exitCodes.ok;
};

export const command: Command = {
  name: "report",
  summary: "how a session went: equity, drawdown, trades, fills, safety",
  help: `qts report: how a session went, from its journal alone. It may be running, have ended, or lie in a copied home.

Usage: qts report [options]

Options:
  --home DIR       the home (default: QTS_HOME, else ./var)
  --session NNNN   another session than the newest
  --days-dir DIR   where your days lie, when the session played them (default: QTS_DAYS, else ./days)
  --config FILE    the configuration that the session ran with: instruments and starting cash are in it
  --html FILE      also writes one page with plots of equity, states and fills; it asks nothing of any server
  --json           one JSON document
  --help           this page

Exit codes: 0 ok, 1 failed (no journal, damage, the page cannot be written), 2 usage, 78 configuration, 130 or 143 stopped.
`,
  run,
};
