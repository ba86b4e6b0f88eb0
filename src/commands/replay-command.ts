/**
 * What all `qts … replay` commands are: a file of a person's own through real machines, an answer on standard output, and what is
 * wrong with the file on standard error, with its line and the remedy. Nothing is sent and nothing is written.
 *
 * Two kinds. Facts come line by line and are answered line by line, as long as they can be read. A series is answered as a whole
 * or, with one bad cell in it, not at all: half an answer looks like one.
 */
import { resolve } from "node:path";
import type { ParseArgsOptionsConfig } from "node:util";
import { readLines, readText } from "#adapters/host/input.ts";
import type { Config } from "#config/config.ts";
import { printable } from "#core/printable.ts";
import type { Result } from "#core/result.ts";
import { type Command, type CommandIo, exitCodes, readOptions, UsageError } from "./command.ts";
import { readConfigFile, tellProblems } from "./config-file.ts";
import { tellUnread } from "./unreadable.ts";

interface ReplayPage {
  /** As it is typed: `order replay`. */
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  /** What the page calls the file: FACTS.jsonl. */
  readonly file: string;
}

export const factsExitCodesHelp = `Exit codes: 0 the whole file was read (refused facts are an answer, not a failure), 1 a line or the file cannot be read,
2 usage, 130 or 143 stopped.
`;

export interface FactsReplay<Fact, Row> extends ReplayPage {
  /** @returns the fact of one line, or a sentence without its full stop: what is wrong, and how it must be */
  readonly parse: (text: string) => Result<Fact, string>;
  /** Begins one replay. @returns what is answered to each fact in turn, `line` counting from 1 */
  readonly begin: () => (line: number, fact: Fact) => readonly Row[];
  /** One row for a person; with --json it is the object itself. */
  readonly shown: (row: Row) => string;
}

/** A replay of facts, one per line: JSONL. Blank lines are skipped; it ends at the first line that cannot be read. */
export const factsReplay = <Fact, Row extends object>({
  name,
  summary,
  help,
  file,
  parse,
  begin,
  shown,
}: FactsReplay<Fact, Row>): Command => ({
  name,
  summary,
  help,
  run: async (args, io) => {
    const { values, positionals } = readOptions(name, args, { json: { type: "boolean" } }, [file]);
    const path = positionals[0] as string;
    const replay = begin();
    let line = 0;
    let bad: string | undefined;
    const read = await readLines(resolve(io.cwd, path), io.signal, (text) => {
      line += 1;
      // trim also takes a byte order mark.
      const content = text.trim();
      if (content === "") return true;
      const fact = parse(content);
      if (!fact.ok) {
        bad = fact.error;
        return false;
      }
      for (const row of replay(line, fact.value)) io.out(`${values.json ? JSON.stringify(row) : printable(shown(row))}\n`);
      return true;
    });
    if (!read.ok) return tellUnread(read.error, path, exitCodes.failed, io);
    if (bad === undefined) return exitCodes.ok;
    io.err(`${printable(`${path}, line ${line}: ${bad}.`)}\n`);
    return exitCodes.failed;
  },
});

export const seriesOptionsHelp = `  --config FILE     thresholds from a configuration file instead of the defaults
  --csv             only the answer, without what is said about it on standard error
  --json            everything as one JSON document
  --help            this page
`;
export const seriesExitCodesHelp = `Exit codes: 0 done, 1 the file cannot be read, 2 usage, 4 refused (a bad cell: nothing is decided),
78 configuration, 130 or 143 stopped.
`;

/** A cell that is none; `problem` has value and remedy. */
export interface BadCell {
  readonly line: number;
  readonly column: string;
  readonly problem: string;
}

export interface SeriesAnswer {
  /** Of the CSV that is the answer, its header first. */
  readonly lines: readonly string[];
  /** Sentences about it. */
  readonly notes: readonly string[];
  /** The whole of it for --json, beside the file's name. */
  readonly document: object;
}

const seriesOptions = { config: { type: "string" }, csv: { type: "boolean" }, json: { type: "boolean" } } as const;
type OwnOptions = { readonly [name: string]: { readonly type: "string" | "boolean" } };
type OwnValues<O extends OwnOptions> = {
  readonly [N in keyof O]?: (O[N]["type"] extends "string" ? string : boolean) | undefined;
};

export interface SeriesReplay<O extends OwnOptions, Settings, Series> extends ReplayPage {
  /** Beside those that every series has. */
  readonly options: O;
  /** Reads the command's own options first, before any file; what it throws is a UsageError. */
  readonly settings: (values: OwnValues<O>) => (config: Config) => Settings;
  /** @returns the rows, or every bad cell */
  readonly parse: (text: string) => Result<Series, readonly BadCell[]>;
  readonly answer: (series: Series, settings: Settings) => SeriesAnswer;
}

/** Of a CSV; a century of rows by the minute has a tenth of it. */
const seriesBytesMax = 2 ** 28;

/** A replay of a series: CSV, one row per moment, answered as CSV or as one JSON document. */
export const seriesReplay = <const O extends OwnOptions, Settings, Series>({
  name,
  summary,
  help,
  file,
  options,
  settings,
  parse,
  answer,
}: SeriesReplay<O, Settings, Series>): Command => {
  const run = async (args: readonly string[], io: CommandIo): Promise<number> => {
    const all: ParseArgsOptionsConfig = { ...options, ...seriesOptions };
    const { values: given, positionals } = readOptions(name, args, all, [file]);
    const values = given as OwnValues<O> & OwnValues<typeof seriesOptions>;
    const settingsOf = settings(values);
    const { csv = false, json = false, config } = values;
    if (csv && json) throw new UsageError("--csv and --json exclude each other.");
    const configured = await readConfigFile(config, io);
    if (!configured.ok) return tellProblems(configured, io);

    const path = positionals[0] as string;
    const text = await readText(resolve(io.cwd, path), seriesBytesMax, io.signal);
    if (!text.ok) return tellUnread(text.error, path, exitCodes.failed, io);
    const series = parse(text.value);
    if (!series.ok) {
      for (const { line, column, problem } of series.error) io.err(`${printable(`${path}:${line}: ${column} ${problem}.`)}\n`);
      return exitCodes.refused;
    }
    const { lines, notes, document } = answer(series.value, settingsOf(configured.config));
    if (json) io.out(`${JSON.stringify({ file: path, ...document }, null, 2)}\n`);
    else io.out(`${lines.map(printable).join("\n")}\n`);
    if (!json && !csv) for (const note of notes) io.err(`${printable(note)}\n`);
    return exitCodes.ok;
  };
  return { name, summary, help, run };
};

/** The value of an option that is one of a few names, in whatever case it was written. */
export const oneOf = <const T extends readonly string[]>(
  option: string,
  given: string | undefined,
  names: T,
): T[number] | undefined => {
  if (given === undefined) return undefined;
  const found = names.find((name) => name.toLowerCase() === given.toLowerCase());
  if (found !== undefined) return found;
  throw new UsageError(`--${option} must be one of ${names.join(", ")}, not "${given}".`);
};
