/**
 * What a session needs besides its configuration, made before anything is written: the source of its market data and the strategy.
 *
 * `qts run` begins with it, and `qts config check` asks the same question, so that no file is called valid and then refused.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Config, ConfigProblem } from "#config/config.ts";
import { liveProblem } from "#core/execution/live-keys.ts";
import { err, ok, type Result } from "#core/result.ts";
import type { CreateStrategy } from "#core/strategy/strategy.ts";
import { feeds, type MarketSource } from "#src/sources.ts";
import { type CommandIo, exitCodes } from "./command.ts";
import { ownDaysDirectory } from "./days-directory.ts";
import { adapterIsLive } from "./session-broker.ts";
import { whyUnreadable } from "./unreadable.ts";

export interface SessionInputs {
  readonly source: MarketSource;
  readonly createStrategy: CreateStrategy;
}

export interface SessionRefusal {
  /** 78 for what another configuration would mend, 4 for what it would not. */
  readonly exitCode: number;
  readonly problems: readonly ConfigProblem[];
}

const loadStrategy = async (name: string, cwd: string): Promise<Result<CreateStrategy, string>> => {
  if (name === "moving-average-cross") return ok((await import("#core/strategy/moving-average-cross.ts")).createStrategy);
  const file = resolve(cwd, name);
  try {
    // The import of a pipe would wait for its writer, and hear no signal.
    if (!statSync(file).isFile()) return err(`the strategy ${file} is no file; give the path of your module`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      return err(`there is no strategy ${file}; give moving-average-cross or the path of your module`);
    return err(`the strategy ${file} cannot be read: ${whyUnreadable(error)}`);
  }
  try {
    const loaded = (await import(pathToFileURL(file).href)) as { createStrategy?: CreateStrategy };
    if (typeof loaded.createStrategy === "function") return ok(loaded.createStrategy);
    return err(`the strategy module ${file} does not export createStrategy; docs/examples/strategy.md shows one`);
  } catch (error) {
    return err(`the strategy "${name}" cannot be loaded from ${file}: ${String(error).split("\n")[0]}`);
  }
};

/** @returns what the session is made of, or why it would not start */
export const openSessionInputs = async (
  config: Config,
  { cwd, env }: Pick<CommandIo, "cwd" | "env">,
): Promise<Result<SessionInputs, SessionRefusal>> => {
  const problems: ConfigProblem[] = [];
  const source = feeds[config.session.feed].prepare(config, ownDaysDirectory({ cwd, env }));
  const damaged = !source.ok && source.error.isDamaged ? source.error.problems : undefined;
  if (!source.ok && damaged === undefined) problems.push(...source.error.problems);
  const createStrategy = await loadStrategy(config.execution.strategy, cwd);
  if (!createStrategy.ok) problems.push({ key: "execution.strategy", problem: `is refused: ${createStrategy.error}` });
  const { adapter } = config.broker;
  const live = liveProblem(
    { liveEnabled: config.live.enabled, tradingEnabled: config.trading.enabled, acknowledgement: env.QTS_LIVE_ACK },
    { name: adapter, live: adapterIsLive[adapter] },
  );
  if (live !== undefined) problems.push({ key: "live.enabled", problem: `is refused: ${live.replace(/\.$/, "")}` });
  if (problems.length > 0) return err({ exitCode: exitCodes.config, problems });
  if (damaged !== undefined) return err({ exitCode: exitCodes.refused, problems: damaged });
  if (!source.ok || !createStrategy.ok) throw new Error("broken assumption: a refusal names no problem");
  return ok({ source: source.value, createStrategy: createStrategy.value });
};
