/** `qts operating replay`: what the posture would have been, for a person's own series of metrics. */
import { parsePostureCsv, postureColumns } from "#core/state/posture-csv.ts";
import { type PostureReplay, postureCsvLines, replayPosture } from "#core/state/posture-replay.ts";
import { operatingStates } from "#machines/operating-state.policy.ts";
import type { Command } from "./command.ts";
import { oneOf, seriesExitCodesHelp, seriesOptionsHelp, seriesReplay } from "./replay-command.ts";

const help = `qts operating replay: what would the operating state have been?

Drives the real machine with a CSV file, one evaluation per row, and prints one line per transition:
timestamp,from,to,rule,clauses

Usage: qts operating replay METRICS.csv [options]

Options:
  --reading NAME    safety-first (default) or literal; docs/machines/operating-state.md
  --initial STATE   AGGRESSIVE, BALANCED (default) or DEFENSIVE
${seriesOptionsHelp}
Columns, in any order: ${postureColumns.join(", ")}.
Timestamps are ISO-8601; without an offset they are UTC. Fractions, not percent (0.05 is 5 %). An empty cell, or a column
that is not there, is unknown: it promotes nothing and demotes nothing. The rules and the names of the clauses are in
docs/reference/operating-replay.md.

${seriesExitCodesHelp}`;

const readings = ["safety-first", "literal"] as const;

const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;

const summary = ({ evaluations, transitions, final, timeInMs }: PostureReplay): string => {
  const total = operatingStates.reduce((sum, state) => sum + timeInMs[state], 0);
  const shares =
    total === 0 ? "" : `; ${operatingStates.map((state) => `${state} ${share(timeInMs[state], total)}`).join(", ")} of the time`;
  return `${evaluations} evaluations, ${transitions.length} transitions, ${final} at the end${shares}.`;
};

export const command: Command = seriesReplay({
  name: "operating replay",
  summary: "what the operating state would have been, for a CSV file of metrics",
  help,
  file: "METRICS.csv",
  options: { reading: { type: "string" }, initial: { type: "string" } },
  settings: (values) => {
    const reading = oneOf("reading", values.reading, readings);
    const initial = oneOf("initial", values.initial, operatingStates);
    return ({ operating }) => ({ ...operating, reading: reading ?? operating.reading, initial: initial ?? operating.initial });
  },
  parse: parsePostureCsv,
  answer: ({ rows, absentColumns }, settings) => {
    const replay = replayPosture(rows, settings);
    const absent = absentColumns.length === 0 ? [] : [`Not in the file, so unknown in every row: ${absentColumns.join(", ")}.`];
    const { reading, initial } = settings;
    return {
      lines: postureCsvLines(replay.transitions),
      notes: [...absent, summary(replay)],
      document: { reading, initial, ...replay },
    };
  },
});
