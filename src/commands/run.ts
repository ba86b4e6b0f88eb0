/** `qts run`: the session itself, from options to report. Everything that touches the world is made here and handed to the root. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createArchiveFiles, realPulse } from "#adapters/host/archive-files.ts";
import { createMaintenanceFiles } from "#adapters/host/backup/maintenance-files.ts";
import { createBackupThread } from "#adapters/host/backup/thread.ts";
import { createHostClock } from "#adapters/host/clock.ts";
import { createControlServer } from "#adapters/host/control/server.ts";
import { openHome } from "#adapters/host/home.ts";
import { journalSentence } from "#adapters/host/journal/errors.ts";
import { openSessionJournal } from "#adapters/host/journal/sessions.ts";
import { acquireLease } from "#adapters/host/lease.ts";
import { createLog } from "#adapters/host/log.ts";
import { createHttpServer } from "#adapters/host/page/http.ts";
import { createTerminalView } from "#adapters/host/terminal/terminal.ts";
import { watchVitalSigns } from "#adapters/host/vitals.ts";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import { rulesFor } from "#adapters/paper/market-rules.ts";
import { createReplayFeed } from "#adapters/replay/feed.ts";
import { openRecordedDay, volatilityOf } from "#adapters/replay/recorded-days.ts";
import { playedAt } from "#adapters/replay/timed-values.ts";
import { type Config, parseConfig } from "#config/config.ts";
import { liveProblem } from "#core/execution/live-keys.ts";
import type { SessionReport } from "#core/runtime/report.ts";
import type { CreateStrategy } from "#core/strategy/strategy.ts";
import { createHealthMonitor } from "#ops/automation/health.ts";
import { houseChecks } from "#ops/automation/house-checks.ts";
import { createHouseMetrics } from "#ops/automation/metrics.ts";
import { createRoot } from "#src/root.ts";
import { homeOf } from "./ask.ts";
import { type Command, type CommandIo, exitCodes, portNumber, readOptions, UsageError, wholeNumber } from "./command.ts";
import { qtsVersion } from "./command-line.ts";
import { problemLines, readConfigFile } from "./config-file.ts";
import { openSessionBroker, orderSeriesFor } from "./session-broker.ts";

const help = `qts run: play or trade a session, until its data ends or you stop it.

Usage: qts run [options]            npm start -- run [options]

Without options it plays the regular session of a recorded day (SPY and IBM, 2013-10-07) on paper at 60 times its speed,
shows a live view in a terminal and JSON log lines elsewhere, and ends with a report. Ctrl-C stops cleanly with the same
report, a second one at once. Start again on the same home and it goes on where it was.

Options:
  --speed N|max        market seconds per real second (default 60); max: as fast as the machine can
  --session WHICH      regular (default) or all: the whole recorded day
  --home DIR           where everything is kept (default: QTS_HOME, else ./var)
  --config FILE        YAML laid over the defaults; \`qts config show\` prints them all
  --broker URL         trade at the paper exchange that \`qts exchange\` runs there (ws://127.0.0.1:PORT), not at the one
                       inside this process
  --strategy NAME|FILE the sample strategy moving-average-cross, or your module (docs/examples/strategy.md)
  --seed N             seed of everything random; the same seed gives the same run
  --port N             of the dashboard, /status and /metrics on loopback (default 8420); 0: any free port
  --new-session        leave an unfinished session as it is and begin a new one
  --without-ops        no maintenance, no scheduler; core runs all the same
  --no-view            JSON log lines also in a terminal
  --json               print the report as one JSON document on standard output
  --help               this page

The report's JSON Schema: docs/reference/session-report.schema.json.

Exit codes: 0 the session ended or was stopped, 1 it failed, 2 usage, 4 refused (home in use or unusable, port taken,
data or journal damaged), 78 configuration.
`;

const options = {
  speed: { type: "string" },
  session: { type: "string" },
  home: { type: "string" },
  config: { type: "string" },
  broker: { type: "string" },
  strategy: { type: "string" },
  seed: { type: "string" },
  port: { type: "string" },
  "new-session": { type: "boolean" },
  "without-ops": { type: "boolean" },
  "no-view": { type: "boolean" },
  json: { type: "boolean" },
} as const;

const healthEveryMs = 5000;

const speedOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  if (text === "max") return 0;
  const speed = Number(text);
  if (!(speed > 0) || !Number.isFinite(speed)) throw new UsageError(`--speed is "${text}" and must be a number above 0, or max.`);
  return speed;
};

const sessionOf = (text: string | undefined): "regular" | "all" | undefined => {
  if (text === undefined || text === "regular" || text === "all") return text;
  throw new UsageError(`--session is "${text}" and must be regular or all.`);
};

/** Leaves out what was not given, so that the configuration's value stays. */
const given = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

const loadStrategy = async (name: string, cwd: string): Promise<CreateStrategy | string> => {
  if (name === "moving-average-cross") return (await import("#core/strategy/moving-average-cross.ts")).createStrategy;
  const file = resolve(cwd, name);
  if (!existsSync(file)) return `there is no strategy ${file}; give moving-average-cross or the path of your module.`;
  try {
    const loaded = (await import(pathToFileURL(file).href)) as { createStrategy?: CreateStrategy };
    if (typeof loaded.createStrategy === "function") return loaded.createStrategy;
    return `the strategy module ${file} does not export createStrategy; docs/examples/strategy.md shows one.`;
  } catch (error) {
    return `the strategy "${name}" cannot be loaded from ${file}: ${String(error).split("\n")[0]}.`;
  }
};

/** What a person reads at the end. */
const reportText = (report: SessionReport, { instruments }: Config): string => {
  const { currency = "", priceScale = 0 } = instruments[0] ?? {};
  const { market, archive, orders, maintenance, lanes } = report;
  const positions = Object.entries(report.positions).map(([symbol, lots]) => `${symbol} ${lots}`);
  const grouped = (count: number): string => count.toLocaleString("en-US");
  const time = (iso: string | null): string => (iso === null ? "" : `${iso.slice(0, 19).replace("T", " ")}`);
  const lane = ([name, figures]: [string, SessionReport["lanes"]["P0"]]): string => {
    const { handled, dropped, sampled, deadLettered, left, p99Ms } = figures;
    const lost = Object.entries({ dropped, "sampled out": sampled, "given up": deadLettered, left })
      .filter(([, count]) => count > 0)
      .map(([fate, count]) => `${grouped(count)} ${fate}`);
    return `${name} ${grouped(handled)}${lost.length > 0 ? ` (${lost.join(", ")})` : ""} p99 ${p99Ms} ms`;
  };
  return `
Session report${report.recovered ? ", recovered from an earlier run" : ""}
  market       ${market.from === null ? "no trade" : `${time(market.from)} … ${time(market.to)} UTC`}, ${grouped(market.ticks)} ticks
  archive      received ${grouped(archive.received)}, persisted ${grouped(archive.persisted)}, refused ${archive.refused}, errored ${archive.errored}
  orders       ${orders.total}: filled ${orders.filled}, canceled ${orders.canceled}, expired ${orders.expired}, rejected ${orders.rejected}, denied ${orders.denied}, unknown ${orders.unknown}, open ${orders.open}
  positions    ${positions.join(", ") || "none"}
  profit       ${(report.pnlMinor / 10 ** priceScale).toFixed(2)} ${currency}
  posture      safety ${report.safety}, operating ${report.operating}
  maintenance  backed up ${maintenance.backedUp}, verified ${maintenance.verified}, deleted ${maintenance.deleted}, kept ${maintenance.kept}
  lanes        ${Object.entries(lanes).map(lane).join(" · ")}
  took         ${(report.elapsedMs / 1000).toFixed(1)} s
`;
};

const readConfig = (
  values: ReturnType<typeof readOptions<typeof options>>["values"],
  io: CommandIo,
): { readonly config: Config } | { readonly exitCode: number } => {
  const read = readConfigFile(values.config, io);
  if (!read.ok) {
    io.err(problemLines(read.file, read.problems));
    return { exitCode: exitCodes.config };
  }
  const parsed = parseConfig(read.config, {
    session: given({
      speed: speedOf(values.speed),
      hours: sessionOf(values.session),
      seed: wholeNumber("run", "seed", values.seed),
    }),
    http: given({ port: portNumber("run", values.port) }),
    broker: values.broker === undefined ? {} : { adapter: "exchange", exchange: { url: values.broker } },
    execution: given({ strategy: values.strategy }),
    maintenance: given({ enabled: values["without-ops"] ? false : undefined }),
  });
  if (parsed.ok) return { config: parsed.config };
  io.err(problemLines(undefined, parsed.problems));
  return { exitCode: exitCodes.config };
};

const run = async (args: readonly string[], io: CommandIo): Promise<number> => {
  const { values } = readOptions("run", args, options);
  const read = readConfig(values, io);
  if ("exitCode" in read) return read.exitCode;
  const { config } = read;
  const refuse = (sentence: string, exitCode: number = exitCodes.refused): number => {
    io.err(`qts: ${sentence}\n`);
    return exitCode;
  };

  // What can be checked without writing anything comes first, so that a mistake leaves nothing half-written.
  const day = openRecordedDay(config.session.day);
  if (!day.ok) return refuse(day.error);
  const createStrategy = await loadStrategy(config.execution.strategy, io.cwd);
  if (typeof createStrategy === "string") return refuse(createStrategy, exitCodes.config);

  const home = openHome(homeOf(values.home, io));
  if (!home.ok) return refuse(home.error.problem);
  const lease = acquireLease({ home: home.value.path, command: `qts run ${args.join(" ")}`.trim(), now: Date.now() });
  if (!lease.ok) return refuse(lease.error.problem);

  const isTerminal = process.stdout.isTTY === true && !values.json && !values["no-view"];
  // In a terminal the view has the screen; the log goes to a file that every start begins anew.
  const log = createLog({ level: config.log.level, to: isTerminal ? join(home.value.path, "ops", "logs", "qts.log") : 2 });
  const { logger } = log;
  const closers: (() => Promise<unknown> | unknown)[] = [() => lease.value.release(), () => log.close()];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };

  try {
    const opened = await openSessionJournal(home.value, {
      fresh: values["new-session"] ?? false,
      snapshotsKept: config.journal.snapshotsKept,
      recordsKept: config.journal.recordsKept,
    });
    if (!opened.ok)
      return refuse(
        `${journalSentence(opened.error)}; keep a copy of ${home.value.journal}, docs/operations/journal.md says how to go on, \`--new-session\` begins without it.`,
      );
    const { journal, session, continued, markEnded } = opened.value;
    closers.push(() => journal.close());
    for (const notice of journal.notices) logger.warn(notice);

    // The replay's own clock drains the house whenever it lets I/O have its turn.
    let settle: () => Promise<void> | undefined = () => undefined;
    const clock = createSimulatedClock({
      startAt: day.value.header.midnightAt,
      yieldToIo: async () => {
        void settle();
        await new Promise((done) => setImmediate(done));
        void settle();
      },
    });
    const feed = createReplayFeed({
      day: day.value,
      hours: config.session.hours,
      speed: config.session.speed,
      clock,
      settle: () => settle(),
    });
    const ledgerPath = join(home.value.paper, `session-${session}.jsonl`);
    const orderSeries = orderSeriesFor(config, { ledgerPath, epoch: lease.value.epoch, startedAt: Date.now() });
    const broker = await openSessionBroker(config, { clock, ledgerPath });
    if (!broker.ok) return refuse(broker.error);
    closers.push(() => broker.value.close());
    const live = liveProblem(
      { liveEnabled: config.live.enabled, tradingEnabled: config.trading.enabled, acknowledgement: io.env.QTS_LIVE_ACK },
      { name: broker.value.name, live: broker.value.capabilities.live },
    );
    if (live !== undefined) return refuse(live);

    const ops = values["without-ops"] ? undefined : { files: createMaintenanceFiles(), worker: createBackupThread() };
    const vitals = watchVitalSigns(config.safety);
    closers.push(() => vitals.stop());
    const rules = new Map(
      config.instruments.map((instrument) => [instrument.symbol, rulesFor(instrument, config.session.hours)]),
    );
    const root = createRoot(config, {
      version: qtsVersion(),
      home: home.value,
      session,
      continued,
      epoch: lease.value.epoch,
      orderSeries,
      clock,
      journal,
      markEnded,
      broker: broker.value,
      feed,
      startsAt: feed.startsAt,
      onTrade: ({ symbol, priceMinor, quantity, exchangeAt, sequence }) =>
        broker.value.onTrade({ symbol, priceMinor, quantity, at: exchangeAt, sequence }),
      endOfDay: () => broker.value.endOfSession(),
      strategy: createStrategy({ instruments: config.instruments, seed: config.session.seed }),
      archiveFiles: createArchiveFiles(),
      loopDelayMs: vitals.loopDelayMs,
      tickAt: (symbol, priceMinor) => rules.get(symbol)?.tickAt(priceMinor) ?? 1,
      log: logger,
      wallClock: createHostClock(),
      pulse: realPulse,
      vix: playedAt(clock, volatilityOf(config.session.day)),
      oddities: vitals.oddities,
      ...(ops === undefined ? {} : { ops }),
    });
    settle = root.settle;

    const archiveFiles = createArchiveFiles();
    const hostClock = createHostClock();
    const health = createHealthMonitor({
      clock: hostClock,
      checks: houseChecks({
        status: root.status,
        archive: root.archiveCounts,
        now: hostClock.now,
        loopDelayMsMax: config.safety.loopDelayMsMax,
        disk: {
          ...config.disk,
          free: async () => {
            const space = await archiveFiles.diskSpace(home.value.path);
            if (!space.ok) throw new Error(space.error.reason);
            return space.value;
          },
        },
      }),
      changed: ({ name, state, reason }) =>
        logger[state === "ok" ? "info" : "warn"]({ check: name, state }, `health of ${name}: ${reason}`),
    });
    const checkHealth = setInterval(() => void health.runChecks(), healthEveryMs);
    checkHealth.unref();
    closers.push(() => clearInterval(checkHealth));

    io.onReload?.(() => {
      const again = readConfig(values, { ...io, err: (text) => logger.error(text.trim()) });
      if ("exitCode" in again) logger.error("the changed configuration is refused; the present one stays in force");
      else logger.info(root.reload(again.config), "the configuration was read again");
    });

    const metrics = createHouseMetrics();
    const http = createHttpServer({
      host: config.http.host,
      port: config.http.port,
      status: root.status,
      health: health.results,
      metrics: () => metrics.collect(root.status(), root.stages()),
      metricsContentType: metrics.contentType,
    });
    const listening = await http.listen();
    if (!listening.ok) return refuse(listening.error.sentence);
    closers.push(() => http.close());
    const control = createControlServer({ directory: home.value.control });
    closers.push(() => control.close());

    const opening = await control.open();
    if (!opening.ok) return refuse(opening.error.sentence);

    const whyStopped = (): string => `stopped by ${String(io.signal?.reason ?? "a signal")}`;
    // A signal is heard at the next turn of the event loop, and making the house had none.
    await new Promise((resolve) => setImmediate(resolve));
    if (io.signal?.aborted) {
      io.err(`qts: ${whyStopped()} before the session had begun.\n`);
      return exitCodes.ok;
    }
    const started = await root.start();
    if (!started.ok) return refuse(started.error);
    await control.listen(root.answer);
    // Whoever wanted to stop a house that was half open has waited until it could be closed in order.
    const stop = (): void => root.requestStop(whyStopped());
    if (io.signal?.aborted) stop();
    else io.signal?.addEventListener("abort", stop);
    logger.info(
      { session, epoch: lease.value.epoch, recovered: continued, dashboard: listening.value.url, home: home.value.path },
      "the session has started",
    );

    const view = isTerminal
      ? createTerminalView({ out: process.stdout, status: root.status, address: listening.value.url, clock, env: io.env })
      : undefined;
    view?.start();
    const { report, failure } = await root.finished;
    view?.stop();
    logger.info({ report }, failure ?? "the session has ended");
    io.out(values.json ? `${JSON.stringify(report)}\n` : reportText(report, config));
    if (failure === undefined) return exitCodes.ok;
    io.err(`qts: ${failure}\n`);
    return exitCodes.failed;
  } finally {
    await closeAll();
  }
};

export const command: Command = { name: "run", summary: "play or trade a session (the default)", help, run };
