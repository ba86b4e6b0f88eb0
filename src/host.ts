/**
 * What this machine gives to a session: the home with its lease, log and journal, a clock and a market, a broker, and the
 * doors through which people look in. No decision is made here; `createRoot` composes the house from these ports.
 */
import { join } from "node:path";
import { createArchiveFiles, realPulse } from "#adapters/host/archive-files.ts";
import { createMaintenanceFiles } from "#adapters/host/backup/maintenance-files.ts";
import { createBackupThread } from "#adapters/host/backup/thread.ts";
import { createHostClock } from "#adapters/host/clock.ts";
import { createControlServer } from "#adapters/host/control/server.ts";
import { openHome } from "#adapters/host/home.ts";
import { stampHome } from "#adapters/host/home-stamp.ts";
import { openSessionJournal } from "#adapters/host/journal/sessions.ts";
import { createKillSwitch, killSwitchPath } from "#adapters/host/kill-switch.ts";
import { acquireLease } from "#adapters/host/lease.ts";
import { createLog, type Log } from "#adapters/host/log.ts";
import { post } from "#adapters/host/outgoing.ts";
import { createHttpServer } from "#adapters/host/page/http.ts";
import { secretsOf } from "#adapters/host/page/inspector.redaction.ts";
import { pageToken, presentPageToken, publishPage } from "#adapters/host/page/inspector.token.ts";
import { createInspector } from "#adapters/host/page/inspector.ts";
import { watchVitalSigns } from "#adapters/host/vitals.ts";
import { stuckNotePath, type Watchdog, watchedStrategy } from "#adapters/host/watchdog.ts";
import { rulesFor } from "#adapters/paper/market-rules.ts";
import { qtsVersion } from "#commands/command-line.ts";
import { openSessionBroker, orderSeriesFor } from "#commands/session-broker.ts";
import type { Config } from "#config/config.ts";
import { liveProblem } from "#core/execution/live-keys.ts";
import { journalSentence } from "#core/journal-sentence.ts";
import { err, ok, type Result } from "#core/result.ts";
import type { Strategy } from "#core/strategy/strategy.ts";
import { createHouseMetrics } from "#ops/automation/metrics.ts";
import type { SessionPorts } from "#parts/ports.ts";
import type { Root } from "#src/root.ts";
import { clocks, feedOfSession, type MarketSource } from "#src/sources.ts";

export interface HostOptions {
  readonly config: Config;
  readonly source: MarketSource;
  readonly strategy: Strategy;
  readonly watchdog: Watchdog;
  readonly alertChannels: SessionPorts["alertChannels"] & object;
  /** Path of the home. */
  readonly home: string;
  /** The command line, for whoever finds the home in use. */
  readonly commandLine: string;
  readonly newSession: boolean;
  readonly withOps: boolean;
  /** The log goes to a file of the home, because the terminal shows the live view. */
  readonly logToFile: boolean;
  readonly liveAcknowledgement: string | undefined;
}

export interface Host {
  readonly ports: SessionPorts;
  readonly log: Log;
  readonly clock: SessionPorts["clock"];
  /** What the house does whenever I/O has had its turn; told once there is a house. */
  readonly setSettle: (settle: Root["settle"]) => void;
  /** Opens the page, /status and /metrics, and the control socket, which answers once `listen` is called. */
  readonly openDoors: (root: Root) => Promise<Result<Doors, string>>;
}

export interface Doors {
  /** Of the page. */
  readonly url: string;
  /** The same with the token that shows machines and orders: for a person's screen, never for a log. */
  readonly urlWithToken: string;
  /** From now on commands are answered. */
  readonly listen: () => Promise<void>;
}

/** Frees what was taken, the last first; filled while the host is opened, also when opening ends half-way. */
export type Closers = (() => Promise<unknown> | unknown)[];

/**
 * @param closers gets what must be closed, whatever comes of it
 * @returns one sentence that says what is in the way and the remedy, when the session cannot be opened
 */
export const openHost = async (options: HostOptions, closers: Closers): Promise<Result<Host, string>> => {
  const { config, source } = options;
  const home = openHome(options.home);
  if (!home.ok) return err(home.error.problem);
  const lease = acquireLease({ home: home.value.path, command: options.commandLine, now: Date.now() });
  if (!lease.ok) return err(lease.error.problem);
  closers.push(() => lease.value.release());

  const logFile = options.logToFile ? join(home.value.path, "ops", "logs", "qts.log") : undefined;
  const log = createLog({ level: config.log.level, to: logFile ?? 2 });
  closers.push(() => log.close());
  options.watchdog.settleIn({ note: stuckNotePath(home.value.path), ...(logFile === undefined ? {} : { log: logFile }) });
  const opened = await openSessionJournal(home.value, {
    fresh: options.newSession,
    snapshotsKept: config.journal.snapshotsKept,
    recordsKept: config.journal.recordsKept,
  });
  if (!opened.ok)
    return err(
      `${journalSentence(opened.error)}; keep a copy of ${home.value.journal}, docs/operations/journal.md says how to go on, \`--new-session\` begins without it.`,
    );
  const { journal, session, continued, markEnded } = opened.value;
  closers.push(() => journal.close());
  for (const notice of journal.notices) log.logger.warn(notice);

  const { fingerprint } = source;
  const otherFeed = feedOfSession({ paper: home.value.paper, session, continued, fingerprint, ...config.session });
  if (otherFeed !== undefined) return err(otherFeed);

  let settle: Root["settle"] = () => undefined;
  const { clock, stop } = clocks[config.session.mode]({ startAt: source.clockStartsAt, settle: () => settle() });
  closers.push(stop);
  const { hours } = config.session;
  const { feed, startsAt, vix } = source.open({ clock, settle: () => settle(), say: (sentence) => log.logger.warn(sentence) });
  const ledgerPath = join(home.value.paper, `session-${session}.jsonl`);
  const orderSeries = orderSeriesFor(config, { ledgerPath, epoch: lease.value.epoch, startedAt: Date.now() });
  const broker = await openSessionBroker(config, { clock, ledgerPath, home: home.value.path });
  if (!broker.ok) return broker;
  closers.push(() => broker.value.close());
  const live = liveProblem(
    {
      liveEnabled: config.live.enabled,
      tradingEnabled: config.trading.enabled,
      acknowledgement: options.liveAcknowledgement,
    },
    { name: broker.value.name, live: broker.value.capabilities.live },
  );
  if (live !== undefined) return err(live);

  const vitals = watchVitalSigns(config.safety);
  closers.push(() => vitals.stop());
  const rules = new Map(config.instruments.map((instrument) => [instrument.symbol, rulesFor(instrument, hours)]));
  const archiveFiles = createArchiveFiles();
  const ports: SessionPorts = {
    version: qtsVersion(),
    home: home.value,
    session,
    epoch: lease.value.epoch,
    orderSeries,
    clock,
    journal,
    markEnded,
    stampHome: () => stampHome(home.value.path, qtsVersion()),
    broker: broker.value,
    feed,
    startsAt,
    onTrade: ({ symbol, priceMinor, quantity, exchangeAt, sequence }) =>
      broker.value.onTrade({ symbol, priceMinor, quantity, at: exchangeAt, sequence }),
    endOfDay: () => broker.value.endOfSession(),
    strategy: watchedStrategy(options.strategy, options.watchdog),
    archiveFiles,
    loopDelayMs: vitals.loopDelayMs,
    memoryBytes: () => process.memoryUsage.rss(),
    tickAt: (symbol, priceMinor) => rules.get(symbol)?.tickAt(priceMinor) ?? 1,
    diskSpace: async () => {
      const space = await archiveFiles.diskSpace(home.value.path);
      if (!space.ok) throw new Error(space.error.reason);
      return space.value;
    },
    post,
    alertChannels: options.alertChannels,
    log: log.logger,
    logLinesLost: () => log.dropped(),
    wallClock: createHostClock(),
    pulse: realPulse,
    vix,
    killSwitch: createKillSwitch(killSwitchPath(home.value.path)),
    oddities: vitals.oddities,
    ...(options.withOps ? { ops: { files: createMaintenanceFiles(), worker: createBackupThread() } } : {}),
  };

  const openDoors = async (root: Root): Promise<Result<Doors, string>> => {
    const metrics = createHouseMetrics();
    const token = pageToken(home.value.control);
    if (!token.ok) return token;
    let known = token.value;
    // Read again each time: `qts inspect --new-token` changes the file. A disk that fails throws nobody out.
    const presentToken = (): string => {
      try {
        known = presentPageToken(home.value.control);
      } catch {
        // The last one that could be read stays.
      }
      return known;
    };
    const http = createHttpServer({
      inspector: createInspector({
        inspection: root.inspection,
        token: presentToken,
        secrets: secretsOf(process.env, config),
        onFailure: (error) => log.logger.error({ error }, "the page could not be shown; whoever looked is let go"),
      }),
      host: config.http.host,
      port: config.http.port,
      status: root.status,
      health: root.view.health,
      metrics: () => metrics.collect(root.status(), root.view.stages()),
      metricsContentType: metrics.contentType,
    });
    const listening = await http.listen();
    if (!listening.ok) return err(listening.error.sentence);
    closers.push(() => http.close());
    const control = createControlServer({ directory: home.value.control });
    closers.push(() => control.close());
    const opening = await control.open();
    if (!opening.ok) return err(opening.error.sentence);
    const { url } = listening.value;
    const published = publishPage(home.value.control, url);
    if (!published.ok) return published;
    closers.push(published.value);
    return ok({ url, urlWithToken: `${url}#token=${token.value}`, listen: () => control.listen(root.answer) });
  };

  return ok({
    ports,
    log,
    clock,
    setSettle: (given) => {
      settle = given;
    },
    openDoors,
  });
};
