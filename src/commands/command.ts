/**
 * What a command of the `qts` command line is: a name, its help, and a function of arguments that ends in an exit code.
 *
 * A command never touches `process`: what it reads and writes comes in by `io`, so a test runs it like any function.
 * Each command file exports its command (or commands) and is listed, lazily loaded, in table.ts.
 */
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import type { GuestFaults } from "./guest-faults.ts";
import { nearest } from "./nearest.ts";

export interface CommandIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by the first Ctrl-C or SIGTERM: stop cleanly. The second one ends the process without asking. */
  readonly signal?: AbortSignal;
  /** What the signal asked for is done: the next one is a first one again, of the signal returned. */
  readonly hearAgain?: () => AbortSignal;
  /**
   * Calls the listener once when standard output is lost: its reader left, the terminal was closed, the disk is full. Who
   * listens goes on with its work; for all others the process ends.
   */
  readonly onOutputLost?: (listener: (error: Error) => void) => void;
  /** Calls the listener at every SIGHUP: read the configuration again. */
  readonly onReload?: (listener: () => void) => void;
  /** What a strategy's code does wrong outside of its calls. */
  readonly guests?: GuestFaults;
}

export interface Command {
  /** As it is typed: `run`, `config check`. */
  readonly name: string;
  /** One line for `qts --help`. */
  readonly summary: string;
  /** The whole page of `qts NAME --help`, ending in a newline. */
  readonly help: string;
  /**
   * @param args what follows the name
   * @returns an exit code; throws only UsageError, for arguments that cannot be understood
   */
  readonly run: (args: readonly string[], io: CommandIo) => Promise<number>;
}

/** The exit codes are a contract (spec M15): docs/reference/exit-codes.md. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, notRunning: 3, refused: 4, config: 78 } as const;

/** Of a command that only reads and was told to stop: 128 and the signal's number, as a shell has it. */
export const stoppedCode = ({ signal }: CommandIo): number => (signal?.reason === "SIGTERM" ? 143 : 130);

/**
 * The arguments make no sense. Thrown, unlike other expected failures, because it always ends the command before
 * anything has begun; the command line prints the sentence and exits with 2.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

type Options = ParseArgsOptionsConfig;
type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; strict: true; allowPositionals: true; tokens: false }>
>;

/**
 * Reads a command's options in the manner of node:util parseArgs, with sentences for people.
 *
 * @param name the command, for the remedy in the sentence
 * @param positionals names of the positional arguments, in order; one ending in "?" may be absent, in "…" may repeat
 * @returns values by option name, and the positionals
 * @throws UsageError for an unknown option, a missing value, too many or too few positionals
 */
export const readOptions = <const O extends Options>(
  name: string,
  args: readonly string[],
  options: O,
  positionals: readonly string[] = [],
): Parsed<O> => {
  let parsed: Parsed<O>;
  try {
    parsed = parseArgs({ args: [...args], options, strict: true, allowPositionals: true, tokens: false });
  } catch (error) {
    throw new UsageError(
      `${sentenceOf(error as NodeJS.ErrnoException, args, options)}; \`qts ${name} --help\` lists the options.`,
    );
  }
  // `--home "$UNSET"` is no wish for the present directory.
  const empty = Object.entries(parsed.values).find(([, value]) => typeof value === "string" && value.trim() === "");
  if (empty !== undefined)
    throw new UsageError(`--${empty[0]} is empty and needs a value; \`qts ${name} --help\` shows how it is called.`);
  const given = parsed.positionals;
  const missing = positionals.slice(given.length).find((wanted) => !wanted.endsWith("?"));
  if (missing !== undefined) {
    throw new UsageError(`qts ${name} needs ${missing.replace("…", "")}; \`qts ${name} --help\` shows how it is called.`);
  }
  const surplus = positionals.at(-1)?.endsWith("…") ? undefined : given[positionals.length];
  if (surplus !== undefined) {
    throw new UsageError(
      `qts ${name} does not know what to do with "${surplus}"; \`qts ${name} --help\` shows how it is called.`,
    );
  }
  return parsed;
};

const sentenceOf = (error: NodeJS.ErrnoException, args: readonly string[], options: Options): string => {
  const quoted = /'(-[^' =]*)/.exec(error.message)?.[1] ?? args.find((arg) => arg.startsWith("-")) ?? "an option";
  if (error.code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
    const guess = nearest(quoted.replace(/^-+/, ""), Object.keys(options));
    return `${quoted} is not an option here${guess === undefined ? "" : ` (did you mean --${guess}?)`}`;
  }
  const option = /--([\w-]+)/.exec(error.message)?.[1] ?? quoted.replace(/^-+/, "");
  if (options[option]?.type === "boolean") return `--${option} takes no value`;
  const next = args[args.indexOf(`--${option}`) + 1] ?? "";
  const negative = /^-\d/.test(next) ? `; a number below zero is written --${option}=${next}` : "";
  return `--${option} needs a value${negative}`;
};

/** The value of an option that counts something. */
export const wholeNumber = (name: string, option: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`--${option} is "${text}" and must be a whole number; \`qts ${name} --help\` explains it.`);
};

/** The value of --port; 0: any free one. */
export const portNumber = (name: string, text: string | undefined): number | undefined => {
  const port = wholeNumber(name, "port", text);
  if (port === undefined || port <= 65_535) return port;
  throw new UsageError(`--port is ${port} and must be at most 65535; \`qts ${name} --help\` explains it.`);
};

/** The value of a required option. */
export const required = (name: string, option: string, value: string | undefined): string => {
  if (value !== undefined && value.trim() !== "") return value.trim();
  throw new UsageError(`qts ${name} needs --${option}; \`qts ${name} --help\` shows how it is called.`);
};
