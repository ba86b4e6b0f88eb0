/** From argv to an exit code: finds the command, shows its help, and turns every failure into one sentence. */
import { readFileSync } from "node:fs";
import { printable, sendable } from "#core/printable.ts";
import { type CommandIo, exitCodes, UsageError } from "./command.ts";
import { overview } from "./help.ts";
import { nearest } from "./nearest.ts";
import type { TableRow } from "./table.ts";

const defaultCommand = "run";

export const qtsVersion = (): string =>
  (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }).version;

interface Found {
  readonly row: TableRow;
  readonly args: readonly string[];
}

/** The longest name wins: `config check` before `config`. Without a name the arguments belong to `run`. */
const findCommand = (argv: readonly string[], table: readonly TableRow[]): Found => {
  const rowOf = (name: string): TableRow | undefined => table.find((row) => row.name === name);
  const [first, second] = argv;
  if (first === undefined || first.startsWith("-")) {
    const row = rowOf(defaultCommand);
    if (row !== undefined) return { row, args: argv };
    throw new UsageError("qts needs a command; `qts --help` lists them.");
  }
  const two = second === undefined ? undefined : rowOf(`${first} ${second}`);
  if (two !== undefined) return { row: two, args: argv.slice(2) };
  const one = rowOf(first);
  if (one !== undefined) return { row: one, args: argv.slice(1) };
  const family = table.filter((row) => row.name.startsWith(`${first} `)).map((row) => row.name);
  if (family.length > 0) {
    const known = family.map((name) => `\`qts ${name}\``).join(", ");
    if (second === undefined || second.startsWith("-")) throw new UsageError(`qts ${first} needs one more word: ${known}.`);
    const meant = nearest(`${first} ${second}`, family);
    throw new UsageError(
      `"${first} ${second}" is not a command of qts${meant === undefined ? `; there ${family.length > 1 ? "are" : "is"} ${known}` : ` (did you mean \`qts ${meant}\`?)`}.`,
    );
  }
  const typed = second === undefined || second.startsWith("-") ? first : `${first} ${second}`;
  const names = table.map((row) => row.name);
  const guess = nearest(typed, names) ?? nearest(first, names);
  throw new UsageError(
    `"${first}" is not a command of qts${guess === undefined ? "" : ` (did you mean \`qts ${guess}\`?)`}; \`qts --help\` lists them all.`,
  );
};

const asksForHelp = (args: readonly string[]): boolean => {
  const end = args.indexOf("--");
  const options = end === -1 ? args : args.slice(0, end);
  return options.includes("--help") || options.includes("-h");
};

/**
 * Runs one command line to its end.
 *
 * @param argv what follows the program's name
 * @returns the exit code; never throws: an unexpected failure is one sentence on `err`, with the stack under --debug
 */
export const runCommandLine = async (argv: readonly string[], table: readonly TableRow[], given: CommandIo): Promise<number> => {
  const io: CommandIo = {
    ...given,
    out: (text) => given.out(sendable(text)),
    err: (text) => given.err(sendable(text)),
  };
  const debug = argv.includes("--debug") || Boolean(io.env.QTS_DEBUG);
  const words = argv.filter((arg) => arg !== "--debug");
  try {
    const [first, second] = words;
    if (first === "--version" || first === "-v") {
      io.out(`${qtsVersion()}\n`);
      return exitCodes.ok;
    }
    if (first === "help" && second !== undefined) return await runCommandLine([...words.slice(1), "--help"], table, given);
    if (first === "help" || first === "--help" || first === "-h") {
      io.out(await overview(table));
      return exitCodes.ok;
    }
    const family = second !== undefined && asksForHelp([second]) ? table.filter(({ name }) => name.startsWith(`${first} `)) : [];
    if (family.length > 0) {
      io.out((await Promise.all(family.map(async ({ load }) => (await load()).help))).join("\n"));
      return exitCodes.ok;
    }
    const { row, args } = findCommand(words, table);
    const command = await row.load();
    if (asksForHelp(args)) {
      io.out(command.help);
      return exitCodes.ok;
    }
    return await command.run(args, io);
  } catch (error) {
    if (error instanceof UsageError) {
      io.err(`${printable(error.message)}\n`);
      return exitCodes.usage;
    }
    io.err(crashSentence(error, debug));
    return exitCodes.failed;
  }
};

/** What a person reads when QTS itself is at fault. */
export const crashSentence = (error: unknown, debug: boolean): string => {
  const what = error instanceof Error ? error.message : String(error);
  const stack = debug && error instanceof Error ? `${error.stack}\n` : "";
  const how = debug ? "" : " (run it again with --debug for the details)";
  return sendable(
    `qts stopped because of a fault of its own: ${what.split("\n")[0]}. Please report it with the command you ran${how}.\n${stack}`,
  );
};
