/**
 * What a session needs besides its configuration, made before anything is written: the source of its market data, the strategy,
 * and the channels of its alerts.
 *
 * `qts run` begins with it, and `qts config check` asks the same question, so that no file is called valid and then refused.
 */
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Place } from "#adapters/host/watchdog.ts";
import type { Config, ConfigProblem } from "#config/config.ts";
import { liveProblem } from "#core/execution/live-keys.ts";
import { err, ok, type Result } from "#core/result.ts";
import { faultText, whyNoStrategy } from "#core/strategy/guest.ts";
import type { CreateStrategy, Strategy } from "#core/strategy/strategy.ts";
import type { OutsideChannel } from "#ops/automation/alert-channels.ts";
import { feeds, type MarketSource } from "#src/sources.ts";
import { openAlertChannels } from "./alert-channels.ts";
import { type CommandIo, exitCodes } from "./command.ts";
import { ownDaysDirectory } from "./days-directory.ts";
import { adapterIsLive } from "./session-broker.ts";
import { whyUnreadable } from "./unreadable.ts";

export interface SessionInputs {
  readonly source: MarketSource;
  readonly strategy: Strategy;
  /** Beside the log. */
  readonly alertChannels: readonly OutsideChannel[];
}

export interface SessionRefusal {
  /** 78 for what another configuration would mend, 4 for what it would not. */
  readonly exitCode: number;
  readonly problems: readonly ConfigProblem[];
}

/** Real ms for a strategy's module to be loaded: its top level may wait for something, and must not wait for ever. */
const loadMsMax = 10_000;

/** `file:12`, where a file cannot be read as code: the loader's error names it for some mistakes, `node --check` for all. */
const syntaxPlaceOf = (error: unknown, file: string): string | undefined => {
  const named = /^(\/[^\n]*:\d+)\n/;
  const { stack = "" } = error as Error;
  return (
    named.exec(stack)?.[1] ??
    named.exec(spawnSync(process.execPath, ["--check", file], { encoding: "utf8", timeout: loadMsMax }).stderr ?? "")?.[1]
  );
};

/** Runs the guest's module to the end of its top level. */
const importGuest = async (
  file: string,
  { guests, signal }: Pick<CommandIo, "guests" | "signal">,
  msMax: number,
): Promise<Result<unknown, string>> => {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<Result<never, string>>();
  const overdue = setTimeout(
    () => stop(err(`it has not finished loading after ${msMax / 1000} s: a top-level await waits for what does not come`)),
    msMax,
  );
  const onAbort = (): void => stop(err("QTS was told to stop while it was loaded"));
  signal?.addEventListener("abort", onAbort, { once: true });
  guests?.welcome(file);
  const deafen = guests?.onFault((sentence) => stop(err(sentence)));
  try {
    return await Promise.race([import(pathToFileURL(file).href).then(ok), stopped]);
  } catch (error) {
    const place = error instanceof SyntaxError ? syntaxPlaceOf(error, file) : undefined;
    return err(place === undefined ? faultText(error) : `${faultText(error).replace(/ \([^()]*:\d+:\d+\)$/, "")} (${place})`);
  } finally {
    clearTimeout(overdue);
    deafen?.();
    signal?.removeEventListener("abort", onAbort);
  }
};

const make = (createStrategy: CreateStrategy, { instruments, session }: Config): Result<Strategy, string> => {
  try {
    const made: unknown = createStrategy({ instruments, seed: session.seed });
    const problem = whyNoStrategy(made);
    return problem === undefined ? ok(made as Strategy) : err(problem);
  } catch (error) {
    return err(`createStrategy threw ${faultText(error)}`);
  }
};

const loadStrategy = async (config: Config, io: SessionIo): Promise<Result<Strategy, string>> => {
  const { strategy: name } = config.execution;
  const { cwd } = io;
  if (name === "moving-average-cross")
    return make((await import("#core/strategy/moving-average-cross.ts")).createStrategy, config);
  const file = resolve(cwd, name);
  try {
    // The import of a pipe would wait for its writer, and hear no signal.
    if (!statSync(file).isFile()) return err(`the strategy ${file} is no file; give the path of your module`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      return err(`there is no strategy ${file}; give moving-average-cross or the path of your module`);
    return err(`the strategy ${file} cannot be read: ${whyUnreadable(error)}`);
  }
  const loaded = await importGuest(file, io, io.loadMsMax ?? loadMsMax);
  if (!loaded.ok) return err(`the strategy "${name}" cannot be loaded from ${file}: ${loaded.error}`);
  const { createStrategy } = loaded.value as { readonly createStrategy?: CreateStrategy };
  if (typeof createStrategy !== "function")
    return err(`the strategy module ${file} does not export createStrategy; docs/examples/strategy.md shows one`);
  const made = make(createStrategy, config);
  return made.ok ? made : err(`the strategy ${file} cannot be used: ${made.error}`);
};

/** What loading a guest needs of the process. */
export type SessionIo = Pick<CommandIo, "cwd" | "env" | "guests" | "signal"> & {
  /** Real ms for its module. */
  readonly loadMsMax?: number;
  /** Told whose work has the main thread, until what it returned is called. */
  readonly enter?: (place: Place) => () => void;
};

/** @returns what the session is made of, or why it would not start */
export const openSessionInputs = async (config: Config, io: SessionIo): Promise<Result<SessionInputs, SessionRefusal>> => {
  const problems: ConfigProblem[] = [];
  const feed = feeds[config.session.feed];
  const leaveDays = feed.clock === "replay" ? io.enter?.("the check of the recorded days") : undefined;
  const source = feed.prepare(config, ownDaysDirectory(io));
  leaveDays?.();
  const damaged = !source.ok && source.error.isDamaged ? source.error.problems : undefined;
  if (!source.ok && damaged === undefined) problems.push(...source.error.problems);
  const { env } = io;
  const leaveModule = io.enter?.("the strategy's module");
  const strategy = await loadStrategy(config, io).finally(leaveModule);
  if (!strategy.ok) problems.push({ key: "execution.strategy", problem: `is refused: ${strategy.error}` });
  const { adapter } = config.broker;
  const live = liveProblem(
    { liveEnabled: config.live.enabled, tradingEnabled: config.trading.enabled, acknowledgement: env.QTS_LIVE_ACK },
    { name: adapter, live: adapterIsLive[adapter] },
  );
  if (live !== undefined) problems.push({ key: "live.enabled", problem: `is refused: ${live.replace(/\.$/, "")}` });
  const channels = openAlertChannels(config, env);
  if (!channels.ok) problems.push(...channels.error);
  if (problems.length > 0) return err({ exitCode: exitCodes.config, problems });
  if (damaged !== undefined) return err({ exitCode: exitCodes.refused, problems: damaged });
  if (!source.ok || !strategy.ok || !channels.ok) throw new Error("broken assumption: a refusal names no problem");
  return ok({ source: source.value, strategy: strategy.value, alertChannels: channels.value });
};
