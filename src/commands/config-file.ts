/** The configuration file that a command line names, read and checked, or every problem with it as a sentence. */
import { resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { readText } from "#adapters/host/input.ts";
import { type Config, type ConfigProblem, defaultYaml, parseConfig } from "#config/config.ts";
import { printable } from "#core/printable.ts";
import { type CommandIo, exitCodes, stoppedCode } from "./command.ts";
import { nearest } from "./nearest.ts";
import { tooLarge, whyUnreadable } from "./unreadable.ts";

export type ReadConfig =
  | { readonly ok: true; readonly config: Config; readonly file: string | undefined }
  | {
      readonly ok: false;
      readonly file: string | undefined;
      readonly problems: readonly ConfigProblem[];
      /** The command was told to stop before the file was read to its end. */
      readonly isStopped?: boolean;
    };

/** default.yaml has 14 kB, and rows for all symbols of a large exchange 300 kB; reading stays well below a second. */
const bytesMax = 2 ** 19;
/** A person mends these first, and the next check names the rest. */
const shownMax = 50;
/** No key of QTS is nearly as long. */
const guessedLengthMax = 64;

/** A key that nearly exists gets the name it probably should have. */
const guessIn =
  (defaults: unknown) =>
  (problem: ConfigProblem): ConfigProblem => {
    if (!problem.problem.startsWith("is not a key of QTS;") || problem.key.length > guessedLengthMax) return problem;
    const path = problem.key.split(".");
    const siblings = path
      .slice(0, -1)
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined | null)?.[key], defaults);
    const guess = nearest(path.at(-1) as string, typeof siblings === "object" && siblings !== null ? Object.keys(siblings) : []);
    return guess === undefined
      ? problem
      : { ...problem, problem: `${problem.problem} (did you mean ${[...path.slice(0, -1), guess].join(".")}?)` };
  };

/** At most so many, each with a guess. */
export const firstProblems = (problems: readonly ConfigProblem[]): readonly ConfigProblem[] => {
  const defaults: unknown = parseYaml(defaultYaml());
  return problems.slice(0, shownMax).map(guessIn(defaults));
};

/**
 * Reads the user's file over the defaults.
 *
 * @param option the value of --config; undefined: the defaults alone
 * @param below what is laid over the defaults and under the file, which says on what it depends
 */
export const readConfigFile = async (
  option: string | undefined,
  io: CommandIo,
  below: (config: Config) => object = () => ({}),
): Promise<ReadConfig> => {
  const file = option === undefined ? undefined : resolve(io.cwd, option);
  const unread = (problem: string, isStopped = false): ReadConfig => ({
    ok: false,
    file,
    problems: [{ key: "(file)", problem }],
    isStopped,
  });
  let text = "";
  if (file !== undefined) {
    const read = await readText(file, bytesMax, io.signal);
    if (!read.ok) {
      const { error } = read;
      if (error.type === "input.aborted") return unread("was not read to its end: QTS was told to stop", true);
      return unread(`cannot be read: ${error.type === "input.too.large" ? tooLarge(bytesMax) : whyUnreadable(error.error)}`);
    }
    text = read.value;
  }
  const parsed = parseConfig(text);
  const layer = parsed.ok ? below(parsed.config) : {};
  const layered = Object.keys(layer).length === 0 ? parsed : parseConfig(layer, text);
  return layered.ok ? { ok: true, config: layered.config, file } : { ok: false, file, problems: layered.problems };
};

/** One line per problem: the key's path, its value, what is wanted. The first fifty, and how many more there are. */
export const problemLines = (file: string | undefined, problems: readonly ConfigProblem[]): string => {
  const lines = firstProblems(problems).map(
    ({ key, problem }) => `${printable(`${key === "(file)" ? (file ?? "The configuration") : key} ${problem}`)}.\n`,
  );
  if (problems.length > shownMax) lines.push(`… and ${(problems.length - shownMax).toLocaleString("en-US")} more.\n`);
  return lines.join("");
};

/** Tells every problem on standard error. @returns the exit code: 78, or the signal's */
export const tellProblems = (read: ReadConfig & { readonly ok: false }, io: CommandIo): number => {
  io.err(problemLines(read.file, read.problems));
  return read.isStopped ? stoppedCode(io) : exitCodes.config;
};
