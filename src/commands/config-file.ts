/** The configuration file that a command line names, read and checked, or every problem with it as a sentence. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { type Config, type ConfigProblem, defaultYaml, parseConfig } from "#config/config.ts";
import type { CommandIo } from "./command.ts";
import { nearest } from "./nearest.ts";
import { whyUnreadable } from "./unreadable.ts";

export type ReadConfig =
  | { readonly ok: true; readonly config: Config; readonly file: string | undefined }
  | { readonly ok: false; readonly file: string | undefined; readonly problems: readonly ConfigProblem[] };

/** A key that nearly exists gets the name it probably should have. */
const withGuess = (problem: ConfigProblem): ConfigProblem => {
  if (!problem.problem.startsWith("is not a key of QTS;")) return problem;
  const path = problem.key.split(".");
  const siblings = path
    .slice(0, -1)
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], parseYaml(defaultYaml()));
  const guess = nearest(path.at(-1) as string, typeof siblings === "object" && siblings !== null ? Object.keys(siblings) : []);
  return guess === undefined
    ? problem
    : { ...problem, problem: `${problem.problem} (did you mean ${[...path.slice(0, -1), guess].join(".")}?)` };
};

/**
 * Reads the user's file over the defaults.
 *
 * @param option the value of --config; undefined: the defaults alone
 * @param below laid over the defaults, under the file
 */
export const readConfigFile = (option: string | undefined, io: CommandIo, ...below: readonly object[]): ReadConfig => {
  const file = option === undefined ? undefined : resolve(io.cwd, option);
  let text = "";
  if (file !== undefined) {
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      return { ok: false, file, problems: [{ key: "(file)", problem: `cannot be read: ${whyUnreadable(error)}` }] };
    }
  }
  const parsed = parseConfig(...below, text);
  return parsed.ok ? { ok: true, config: parsed.config, file } : { ok: false, file, problems: parsed.problems.map(withGuess) };
};

/** One line per problem: the key's path, its value, what is wanted. */
export const problemLines = (file: string | undefined, problems: readonly ConfigProblem[]): string =>
  problems
    .map(({ key, problem }) => (key === "(file)" ? `${file ?? "The configuration"} ${problem}.\n` : `${key} ${problem}.\n`))
    .join("");
