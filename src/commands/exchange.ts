/** `qts exchange`: the paper exchange as a process of its own, with a ledger of its own. */
import { mkdirSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { stampProblem } from "#adapters/host/home-stamp.ts";
import { acquireLease } from "#adapters/host/lease.ts";
import { openAbove, strangerAt } from "#adapters/host/own-files.ts";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import { createExchangeServer } from "#adapters/paper/exchange-server.ts";
import { readLedger } from "#adapters/paper/oracle.ts";
import { type Config, parseConfig } from "#config/config.ts";
import { printable } from "#core/printable.ts";
import { homeOf } from "./ask.ts";
import { type Command, type CommandIo, exitCodes, portNumber, readOptions, UsageError, wholeNumber } from "./command.ts";
import { readConfigFile, tellProblems } from "./config-file.ts";

const help = `qts exchange: the paper exchange as a process of its own, on loopback.

Usage: qts exchange [options]

It keeps orders, fills, cash and positions in its own ledger and matches them against the market trades that the trading
process sends it; market time comes from there too. Point a session at it with \`qts run --broker URL\`, or with
broker.adapter: exchange and broker.exchange.url. Either side may be killed at any moment; started again on the same ledger it has the same book.

Options:
  --home DIR      its ledgers lie in DIR/exchange, and it continues the newest that has not ended (default: QTS_HOME, else ./var)
  --ledger FILE   this ledger, instead
  --port N        on 127.0.0.1 (default 0: any free port)
  --seed N        of latency and faults; the same seed, orders and trades give the same ledger
  --fault NAME=N  one line of the fault menu, for example lostResponseShare=0.05; may be given several times
  --config FILE   YAML laid over the defaults: instruments, session.hours, broker.paper
  --json          where it listens, what it held when it stopped, or why it does not start: one JSON line each
  --help          this page

The frames and the fault menu: docs/reference/paper-exchange.md.

Exit codes: 0 stopped by Ctrl-C or SIGTERM, 1 the ledger could no longer be written, 2 usage, 4 refused (ledger damaged or
in use, port taken), 78 configuration.
`;

const options = {
  home: { type: "string" },
  ledger: { type: "string" },
  port: { type: "string" },
  seed: { type: "string" },
  fault: { type: "string", multiple: true },
  config: { type: "string" },
  json: { type: "boolean" },
} as const;

const faultsOf = (given: readonly string[]): Record<string, number> => {
  const pairs = given.map((text) => {
    const [, name, value] = /^(\w+)=(\d+(?:\.\d+)?)$/.exec(text) ?? [];
    if (name === undefined) throw new UsageError(`--fault is "${text}" and must be NAME=N, for example lostResponseShare=0.05.`);
    return [name, Number(value)] as const;
  });
  return Object.fromEntries(pairs);
};

const readConfig = async (
  file: string | undefined,
  faults: Record<string, number>,
  io: CommandIo,
): Promise<{ readonly config: Config } | { readonly exitCode: number }> => {
  const read = await readConfigFile(file, io);
  if (!read.ok) return { exitCode: tellProblems(read, io) };
  const checked = parseConfig(read.config, { broker: { paper: { faults } } });
  return checked.ok ? { config: checked.config } : { exitCode: tellProblems({ ...checked, file: undefined }, io) };
};

/** One level, so that a mistyped path does not grow a tree; undefined when it is there. */
const makeFolder = (path: string): string | undefined => {
  try {
    mkdirSync(path, { mode: 0o700 });
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "EEXIST") return `${path} cannot be made (${message}); make its parent folder, or give another one.`;
    const stranger = strangerAt(path) ?? openAbove(path);
    return stranger === undefined ? undefined : `The folder of the ledger is not safe to use: ${stranger}.`;
  }
};

/** The newest ledger of the home that has not ended, else the next one. */
const ledgerIn = (directory: string): string => {
  const numbers = readdirSync(directory).flatMap((name) => /^session-(\d{4,})\.jsonl$/.exec(name)?.[1] ?? []);
  const newest = numbers.toSorted((a, b) => Number(b) - Number(a))[0];
  const named = (number: string): string => join(directory, `session-${number}.jsonl`);
  if (newest !== undefined && !readLedger(named(newest)).ended) return named(newest);
  return named(String(Number(newest ?? 0) + 1).padStart(4, "0"));
};

const stopped = (signal: AbortSignal | undefined): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal?.aborted) resolve(undefined);
    signal?.addEventListener("abort", () => resolve(undefined), { once: true });
  });

const run = async (args: readonly string[], io: CommandIo): Promise<number> => {
  const { values } = readOptions("exchange", args, options);
  const port = portNumber("exchange", values.port) ?? 0;
  const seed = wholeNumber("exchange", "seed", values.seed);
  const read = await readConfig(values.config, faultsOf(values.fault ?? []), io);
  if ("exitCode" in read) return read.exitCode;
  const { config } = read;
  const refuse = (sentence: string): number => {
    if (values.json) io.out(`${JSON.stringify({ type: "exchange.refused", reason: sentence })}\n`);
    io.err(`${printable(`qts exchange: ${sentence}`)}\n`);
    return exitCodes.refused;
  };

  const home = homeOf(values.home, io);
  const directory = values.ledger === undefined ? join(home, "exchange") : dirname(resolve(io.cwd, values.ledger));
  const foreign = values.ledger === undefined ? stampProblem(home) : undefined;
  if (foreign !== undefined) return refuse(foreign);
  for (const folder of values.ledger === undefined ? [home, directory] : [directory]) {
    const problem = makeFolder(folder);
    if (problem !== undefined) return refuse(problem);
  }
  const lease = acquireLease({ home: directory, command: `qts exchange ${args.join(" ")}`.trim(), now: Date.now() });
  if (!lease.ok) return refuse(lease.error.problem);

  // Its ledger goes on whether or not somebody reads what it prints.
  io.onOutputLost?.(() => {});
  try {
    const ledgerPath = values.ledger === undefined ? ledgerIn(directory) : resolve(io.cwd, values.ledger);
    const started = await createExchangeServer({
      config: config.broker.paper,
      instruments: config.instruments,
      hours: config.session.hours,
      seed: seed ?? config.session.seed,
      ledgerPath,
      clock: createSimulatedClock({ startAt: 0 }),
      port,
    });
    if (!started.ok) return refuse(started.error.reason);
    const { url, tokenFile, tornBytes, recovered, failed, close } = started.value;
    const say = (figures: object, sentence: string): void =>
      io.out(values.json ? `${JSON.stringify(figures)}\n` : `${sentence}\n`);
    say(
      { type: "exchange.listening", url, pid: process.pid, ledger: ledgerPath, tokenFile, recovered, tornBytes },
      `The paper exchange listens on ${url} and writes to ${printable(ledgerPath)} (${recovered} records found).\nA session of another home trades there with --broker ${url} --broker-token ${printable(tokenFile)}.\nStop it with Ctrl-C.`,
    );
    const failure = await Promise.race([failed, stopped(io.signal)]);
    await close();
    if (failure !== undefined) {
      io.err(`${printable(`qts exchange: ${failure}`)}\n`);
      return exitCodes.failed;
    }
    const { orders, fills, positions, cashMinor, duplicateSubmits } = readLedger(ledgerPath);
    const figures = {
      orders: orders.length,
      fills: fills.length,
      duplicateSubmits: duplicateSubmits.length,
      positions,
      cashMinor,
    };
    say(
      { type: "exchange.stopped", ...figures },
      `Stopped with ${figures.orders} orders and ${figures.fills} fills in the ledger.`,
    );
    return exitCodes.ok;
  } finally {
    await lease.value.release();
  }
};

export const command: Command = {
  name: "exchange",
  summary: "the paper exchange as a process of its own, with its own ledger",
  help,
  run,
};
