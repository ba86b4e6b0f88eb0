/**
 * What a session needs besides its configuration, made before anything is written: the recorded day and the strategy.
 *
 * `qts run` begins with it, and `qts config check` asks the same question, so that no file is called valid and then refused.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { openRecordedDay, recordedDays } from "#adapters/replay/recorded-days.ts";
import type { Config, ConfigProblem } from "#config/config.ts";
import { liveProblem } from "#core/execution/live-keys.ts";
import { err, ok, type Result } from "#core/result.ts";
import type { CreateStrategy } from "#core/strategy/strategy.ts";
import { type CommandIo, exitCodes } from "./command.ts";
import { adapterIsLive } from "./session-broker.ts";
import { whyUnreadable } from "./unreadable.ts";

export interface SessionInputs {
  readonly day: Extract<ReturnType<typeof openRecordedDay>, { readonly ok: true }>["value"];
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
  const known = recordedDays();
  const isKnown = known.length === 0 || known.includes(config.session.day);
  if (!isKnown)
    problems.push({
      key: "session.day",
      problem: `is ${JSON.stringify(config.session.day)}: there is no such recorded day; choose one of ${known.join(", ")}`,
    });
  const createStrategy = await loadStrategy(config.execution.strategy, cwd);
  if (!createStrategy.ok) problems.push({ key: "execution.strategy", problem: `is refused: ${createStrategy.error}` });
  const { adapter } = config.broker;
  const live = liveProblem(
    { liveEnabled: config.live.enabled, tradingEnabled: config.trading.enabled, acknowledgement: env.QTS_LIVE_ACK },
    { name: adapter, live: adapterIsLive[adapter] },
  );
  if (live !== undefined) problems.push({ key: "live.enabled", problem: `is refused: ${live.replace(/\.$/, "")}` });
  if (problems.length > 0 || !createStrategy.ok) return err({ exitCode: exitCodes.config, problems });
  const day = openRecordedDay(config.session.day);
  if (!day.ok)
    return err({ exitCode: exitCodes.refused, problems: [{ key: "session.day", problem: `is refused: ${day.error}` }] });
  return ok({ day: day.value, createStrategy: createStrategy.value });
};
