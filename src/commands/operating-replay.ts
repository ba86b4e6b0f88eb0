/** `qts operating replay`: what the posture would have been, for a person's own series of metrics. */
import { resolve } from "node:path";
import { readText } from "#adapters/host/input.ts";
import { printable } from "#core/printable.ts";
import { parsePostureCsv, postureColumns } from "#core/state/posture-csv.ts";
import { type PostureReplay, postureCsvLines, replayPosture } from "#core/state/posture-replay.ts";
import { type OperatingState, operatingStates } from "#machines/operating-state.policy.ts";
import { type Command, type CommandIo, exitCodes, readOptions, UsageError } from "./command.ts";
import { readConfigFile, tellProblems } from "./config-file.ts";
import { tellUnread } from "./unreadable.ts";

const help = `qts operating replay: what would the operating state have been?

Drives the real machine with a CSV file, one evaluation per row, and prints one line per transition:
timestamp,from,to,rule,clauses

Usage: qts operating replay METRICS.csv [options]

Options:
  --reading NAME    safety-first (default) or literal; docs/machines/operating-state.md
  --initial STATE   AGGRESSIVE, BALANCED (default) or DEFENSIVE
  --config FILE     thresholds from a configuration file instead of the defaults
  --csv             only the transitions, without the summary on standard error
  --json            everything as one JSON document
  --help            this page

Columns, in any order: ${postureColumns.join(", ")}.
Timestamps are ISO-8601; without an offset they are UTC. Fractions, not percent (0.05 is 5 %). An empty cell, or a column
that is not there, is unknown: it promotes nothing and demotes nothing. The rules and the names of the clauses are in
docs/reference/operating-replay.md.

Exit codes: 0 done, 1 the file cannot be read, 2 usage, 4 refused (a bad cell: nothing is decided),
78 configuration, 130 or 143 stopped.
`;

const readings = ["safety-first", "literal"] as const;

const chosen = <const T extends readonly string[]>(option: string, given: string, names: T): T[number] => {
  const found = names.find((name) => name.toLowerCase() === given.toLowerCase());
  if (found !== undefined) return found;
  throw new UsageError(`--${option} must be one of ${names.join(", ")}, not "${given}".`);
};

const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;

const summary = ({ evaluations, transitions, final, timeInMs }: PostureReplay): string => {
  const total = operatingStates.reduce((sum, state) => sum + timeInMs[state], 0);
  const shares =
    total === 0 ? "" : `; ${operatingStates.map((state) => `${state} ${share(timeInMs[state], total)}`).join(", ")} of the time`;
  return `${evaluations} evaluations, ${transitions.length} transitions, ${final} at the end${shares}.`;
};

/** Of a CSV; a century of evaluations by the minute has a tenth of it. */
const bytesMax = 2 ** 28;

const run = async (args: readonly string[], io: CommandIo): Promise<number> => {
  const { values, positionals } = readOptions(
    "operating replay",
    args,
    {
      reading: { type: "string" },
      initial: { type: "string" },
      config: { type: "string" },
      csv: { type: "boolean" },
      json: { type: "boolean" },
    },
    ["METRICS.csv"],
  );
  const reading = values.reading === undefined ? undefined : chosen("reading", values.reading, readings);
  const initial: OperatingState | undefined =
    values.initial === undefined ? undefined : chosen("initial", values.initial, operatingStates);
  if (values.csv === true && values.json === true) throw new UsageError("--csv and --json exclude each other.");

  const given = await readConfigFile(values.config, io);
  if (!given.ok) return tellProblems(given, io);

  const path = positionals[0] as string;
  const file = await readText(resolve(io.cwd, path), bytesMax, io.signal);
  if (!file.ok) return tellUnread(file.error, path, exitCodes.failed, io);
  const rows = parsePostureCsv(file.value);
  if (!rows.ok) {
    for (const { line, column, problem } of rows.error) io.err(`${printable(`${path}:${line}: ${column} ${problem}.`)}\n`);
    return exitCodes.refused;
  }

  const { operating } = given.config;
  const input = { ...operating, reading: reading ?? operating.reading, initial: initial ?? operating.initial };
  const replay = replayPosture(rows.value.rows, input);
  if (values.json === true) {
    const { reading: readAs, initial: begunAs } = input;
    io.out(`${JSON.stringify({ file: path, reading: readAs, initial: begunAs, ...replay }, null, 2)}\n`);
    return exitCodes.ok;
  }
  io.out(`${postureCsvLines(replay.transitions).join("\n")}\n`);
  if (values.csv !== true) {
    if (rows.value.absentColumns.length > 0)
      io.err(`Not in the file, so unknown in every row: ${rows.value.absentColumns.join(", ")}.\n`);
    io.err(`${summary(replay)}\n`);
  }
  return exitCodes.ok;
};

export const command: Command = {
  name: "operating replay",
  summary: "what the operating state would have been, for a CSV file of metrics",
  help,
  run,
};
