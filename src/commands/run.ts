/** `qts run`: the session itself, from options to report. */
import { resolve } from "node:path";
import { createTerminalView, type TerminalView } from "#adapters/host/terminal/terminal.ts";
import { createWatchdog } from "#adapters/host/watchdog.ts";
import { type Config, parseConfig } from "#config/config.ts";
import { printable } from "#core/printable.ts";
import { recoveringText } from "#core/runtime/status.ts";
import { type Closers, openHost } from "#src/host.ts";
import { createRoot } from "#src/root.ts";
import { homeOf } from "./ask.ts";
import { type Command, type CommandIo, exitCodes, portNumber, readOptions, UsageError, wholeNumber } from "./command.ts";
import { problemLines, tellProblems } from "./config-file.ts";
import { withDaysDirectory } from "./days-directory.ts";
import { reportText, tellHowItWent, tellMsMax } from "./run-end.ts";
import { feedOf, readSessionConfig, symbolsOf } from "./session-config.ts";
import { openSessionInputs } from "./session-inputs.ts";

const help = `qts run: play or trade a session, until its data ends or you stop it.

Usage: qts run [options]            npm start -- run [options]

Without options it plays the regular session of a recorded day (SPY and IBM, 2013-10-07) on paper at 60 times its speed,
shows a live view in a terminal and JSON log lines elsewhere, and ends with a report. Ctrl-C stops cleanly with the same
report, a second one at once. Start again on the same home and it goes on where it was.

With --feed upbit it trades on paper on Upbit's live public prices, on this machine's clock, without an account, until you
stop it (docs/operations/live.md).

Options:
  --feed NAME          replay (default) or upbit
  --symbols A,B        what a live feed trades, written as the venue does: KRW-BTC,KRW-ETH (default KRW-BTC)
  --speed N|max        market seconds per real second (default 60); max: as fast as the machine can
  --session WHICH      regular (default) or all: the whole recorded day
  --day NAME           another recorded day: \`qts days\` lists them, \`qts import\` makes them of your own data
  --days FROM..TO      a row of days of yours in one session, nights and weekends between them at full speed:
                       005930-20180118..20180226
  --days-dir DIR       where your days lie (default: QTS_DAYS, else ./days)
  --home DIR           where everything is kept (default: QTS_HOME, else ./var)
  --config FILE        YAML laid over the defaults; \`qts config show\` prints them all
  --broker URL         trade at the paper exchange that \`qts exchange\` runs there (ws://127.0.0.1:PORT), not at the one
                       inside this process
  --broker-token FILE  the token that \`qts exchange\` keeps beside its ledger (default: exchange/token in the home)
  --strategy NAME|FILE the sample strategy moving-average-cross, or your module (docs/examples/strategy.md)
  --seed N             seed of everything random; the same seed gives the same run
  --port N             of the page, /status and /metrics on loopback (default 8420); 0: any free port
  --new-session        leave an unfinished session as it is and begin a new one
  --without-ops        no maintenance, scheduler or heartbeat; core runs all the same
  --no-view            JSON log lines also in a terminal
  --json               print the report as one JSON document on standard output
  --report FILE.html   also writes how the session went as one page with plots; \`qts report\` does so at any time
  --help               this page

The report's JSON Schema: docs/reference/session-report.schema.json.

Exit codes: 0 the session ended or was stopped, 1 it failed, 2 usage, 4 refused (home in use, unusable or of a newer QTS,
port taken, data or journal damaged or of another version), 78 configuration.
`;

const options = {
  feed: { type: "string" },
  symbols: { type: "string" },
  speed: { type: "string" },
  session: { type: "string" },
  day: { type: "string" },
  days: { type: "string" },
  "days-dir": { type: "string" },
  home: { type: "string" },
  config: { type: "string" },
  broker: { type: "string" },
  "broker-token": { type: "string" },
  strategy: { type: "string" },
  seed: { type: "string" },
  port: { type: "string" },
  "new-session": { type: "boolean" },
  "without-ops": { type: "boolean" },
  "no-view": { type: "boolean" },
  json: { type: "boolean" },
  report: { type: "string" },
} as const;

const tokenFileOf = (values: { readonly [option: string]: unknown }, { cwd }: CommandIo): string | undefined => {
  const file = values["broker-token"];
  return typeof file === "string" ? resolve(cwd, file) : undefined;
};

const recoverySaidEveryMs = 2000;

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

/** What is played, as `session.day` has it. */
const dayOf = ({
  feed,
  day,
  days,
}: {
  readonly feed?: string | undefined;
  readonly day?: string | undefined;
  readonly days?: string | undefined;
}): string | undefined => {
  if (day === undefined && days === undefined) return undefined;
  if (day !== undefined && days !== undefined)
    throw new UsageError("--day is one day and --days a row of them; give one of both.");
  if (feed !== undefined && feed !== "replay")
    throw new UsageError(
      `--${day === undefined ? "days" : "day"} is for recorded days, and --feed ${feed} is live; give one of both.`,
    );
  if (days !== undefined && !days.includes(".."))
    throw new UsageError(`--days is "${days}" and must be FROM..TO, like 005930-20180118..20180226; one day is --day ${days}.`);
  return day ?? days;
};

/** Leaves out what was not given, so that the configuration's value stays. */
const filled = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

const readConfig = async (
  values: ReturnType<typeof readOptions<typeof options>>["values"],
  io: CommandIo,
): Promise<{ readonly config: Config } | { readonly exitCode: number }> => {
  const day = dayOf(values);
  const asked = feedOf(values.feed) ?? (day === undefined ? undefined : "replay");
  const read = await readSessionConfig(values.config, io, { feed: asked, day });
  if (!read.ok) return { exitCode: tellProblems(read, io) };
  const feed = asked ?? read.config.session.feed;
  const parsed = parseConfig(read.config, {
    ...symbolsOf(feed, values.symbols),
    session: filled({
      feed,
      day,
      speed: speedOf(values.speed),
      hours: sessionOf(values.session),
      seed: wholeNumber("run", "seed", values.seed),
    }),
    http: filled({ port: portNumber("run", values.port) }),
    broker:
      values.broker === undefined
        ? {}
        : { adapter: "exchange", exchange: filled({ url: values.broker, tokenFile: tokenFileOf(values, io) }) },
    execution: filled({ strategy: values.strategy }),
    maintenance: filled({ enabled: values["without-ops"] ? false : undefined }),
  });
  return parsed.ok ? { config: parsed.config } : { exitCode: tellProblems({ ...parsed, file: undefined }, io) };
};

const run = async (args: readonly string[], given: CommandIo): Promise<number> => {
  const { values } = readOptions("run", args, options);
  const io = withDaysDirectory(given, values["days-dir"]);
  const read = await readConfig(values, io);
  if ("exitCode" in read) return read.exitCode;
  const { config } = read;
  const refuse = (sentence: string, exitCode: number = exitCodes.refused): number => {
    io.err(`${printable(`qts: ${sentence}`)}\n`);
    return exitCode;
  };

  const watchdog = createWatchdog();
  const closers: Closers = [() => watchdog.stop()];
  // What can be checked without writing anything comes first, so that a mistake leaves nothing half-written.
  const inputs = await openSessionInputs(config, { ...io, enter: watchdog.enter });
  if (!inputs.ok) {
    await watchdog.stop();
    io.err(problemLines(undefined, inputs.error.problems));
    return inputs.error.exitCode;
  }

  const screen = process.stdout; // tidy-ok: the view's own; what others say in it is printable
  const isTerminal = screen.isTTY === true && !values.json && !values["no-view"];
  let hasEnded = false;
  let ended: { readonly exitCode: number; readonly session: string; readonly home: string };
  try {
    const host = await openHost(
      {
        config,
        ...inputs.value,
        watchdog,
        home: homeOf(values.home, io),
        commandLine: `qts run ${args.join(" ")}`.trim(),
        newSession: values["new-session"] ?? false,
        withOps: !values["without-ops"],
        // In a terminal the view has the screen; the log goes to a file that every start begins anew.
        logToFile: isTerminal,
        liveAcknowledgement: io.env.QTS_LIVE_ACK,
      },
      closers,
    );
    if (!host.ok) return refuse(host.error);
    const { ports, clock, setSettle, openDoors } = host.value;
    const { logger } = host.value.log;
    const root = createRoot(config, ports);
    setSettle(root.settle);

    // Trading does not end because nobody looks on any more.
    let view: TerminalView | undefined;
    io.onOutputLost?.((error) => {
      if (hasEnded) return;
      view?.stop();
      logger.warn(
        `standard output is lost (${error.message}): the session goes on${view === undefined ? "" : " without its view"}; kill ${process.pid} stops it in order`,
      );
    });
    const reload = async (): Promise<void> => {
      const again = await readConfig(values, { ...io, err: (text) => logger.error(text.trim()) });
      if ("exitCode" in again) logger.error("the changed configuration is refused; the present one stays in force");
      else logger.info(root.reload(again.config), "the configuration was read again");
    };
    io.onReload?.(() => {
      if (hasEnded) return;
      // Whatever is wrong with a file must not end a session.
      reload().catch((error: unknown) => logger.error({ error }, "the configuration could not be read; the present one stays"));
    });
    let guestFault: string | undefined;
    io.guests?.onFault((sentence) => {
      // One is enough: a timer may fail at every beat until the session has ended.
      if (guestFault !== undefined || hasEnded) return;
      guestFault = `${sentence}; the session was stopped in order`;
      logger.error(guestFault);
      root.requestStop(sentence);
    });
    const doors = await openDoors(root);
    if (!doors.ok) return refuse(doors.error);
    const { url, urlWithToken } = doors.value;

    const whyStopped = (): string => `stopped by ${String(io.signal?.reason ?? "a signal")}`;
    // A signal is heard at the next turn of the event loop, and making the house had none.
    await new Promise((resolve) => setImmediate(resolve));
    const isStopped = (): boolean => io.signal?.aborted ?? false;
    const stopBeforeStart = (): number => {
      io.err(`qts: ${whyStopped()} before the session had begun.\n`);
      return exitCodes.ok;
    };
    if (isStopped()) return stopBeforeStart();
    view = isTerminal
      ? createTerminalView({
          out: screen,
          status: root.status,
          address: url,
          addressWithToken: urlWithToken,
          clock,
          env: io.env,
        })
      : undefined;
    // Before the recovery: a long one must not look like a hang.
    view?.start();
    closers.push(() => view?.stop());
    const sayProgress = setInterval(() => {
      const { recovering } = root.status();
      if (recovering !== null) logger.info(recovering, recoveringText(recovering));
    }, recoverySaidEveryMs);
    const started = await root.start(isStopped).finally(() => clearInterval(sayProgress));
    if (!started.ok || started.value === "stopped") {
      // The sentence must not go with the view's screen.
      view?.stop();
      return started.ok ? stopBeforeStart() : refuse(started.error);
    }
    await doors.value.listen();
    // Whoever wanted to stop a house that was half open has waited until it could be closed in order.
    const stop = (): void => root.requestStop(whyStopped());
    if (io.signal?.aborted) stop();
    else io.signal?.addEventListener("abort", stop);
    logger.info(
      { session: ports.session, epoch: ports.epoch, recovered: root.status().recovered, dashboard: url, home: ports.home.path },
      "the session has started",
    );

    const { report, failure = guestFault } = await root.finished;
    hasEnded = true;
    // Letting go may take long, and no guest is called any more.
    await watchdog.stop();
    view?.stop();
    logger.info({ report }, failure ?? "the session has ended");
    io.out(values.json ? `${JSON.stringify(report)}\n` : reportText(report, config));
    if (failure !== undefined) io.err(`${printable(`qts: ${failure}`)}\n`);
    ended = { exitCode: failure === undefined ? exitCodes.ok : exitCodes.failed, session: ports.session, home: ports.home.path };
  } finally {
    for (const close of closers.splice(0).reverse()) await close();
  }
  const { report: page, json: isQuiet = false } = values;
  if (isQuiet && page === undefined) return ended.exitCode;
  const end = { ...ended, config, page, isQuiet };
  const isTold = await tellHowItWent(end, io, io.hearAgain?.(), AbortSignal.timeout(tellMsMax));
  return page === undefined || isTold ? ended.exitCode : exitCodes.failed;
};

export const command: Command = { name: "run", summary: "play or trade a session (the default)", help, run };
