/** `qts explain …`: why the house is in the state it is in, and what would move it. */
import { type Explanation, explanationSchema } from "#adapters/host/control/wire.ts";
import { printable } from "#core/printable.ts";
import { ask, askOptions, askOptionsHelp } from "./ask.ts";
import { type Command, readOptions } from "./command.ts";

const time = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
const marks = new Map([
  [true, "yes"],
  [false, "no"],
  [null, "?"],
]);

type Clause = Explanation["moves"][number]["clauses"][number];

/** What the clause looks at now; a clause that is itself a yes or no needs no figure. */
const nowOf = ({ value, holds, status }: Clause): string => {
  if (holds === null) return `  (unknown${typeof status === "string" ? `: ${status === "notYet" ? "not yet" : status}` : ""})`;
  return value === null || typeof value === "boolean"
    ? ""
    : `  (now ${typeof value === "number" ? Number(value.toPrecision(6)) : value})`;
};

const moveLines = ({ to, clauses, blocks }: Explanation["moves"][number]): readonly string[] => [
  "",
  `To ${to}:`,
  ...clauses.map((clause) => `  ${(marks.get(clause.holds) as string).padEnd(4)} ${clause.clause}${nowOf(clause)}`),
  ...blocks.map(({ reason, until }) => `  blocked: ${reason}${until === undefined ? "" : ` until ${time(until)}`}`),
];

/** An explanation as text; undefined when the body is not one. */
export const explanationText = (body: unknown): string | undefined => {
  const explanation = explanationSchema.safeParse(body).data;
  if (explanation === undefined) return undefined;
  const { sentence, state, since, moves } = explanation;
  return [sentence, `${state} since ${time(since)}.`, ...moves.flatMap(moveLines)].map(printable).join("\n");
};

const explainState = (subject: "operating" | "safety", summary: string, more: string): Command => ({
  name: `explain ${subject}`,
  summary,
  help: `qts explain ${subject}: ${more}

Usage: qts explain ${subject} [--home DIR] [--json]

${askOptionsHelp}
Exit codes: 0 ok, 1 it did not answer within 15 seconds, 2 usage, 3 not running, 4 refused, 130 or 143 not waited for.
`,
  run: async (args, io) => {
    const { values } = readOptions(`explain ${subject}`, args, askOptions);
    return ask({ type: "operator.command", command: "explain", subject }, values, io, explanationText);
  },
});

export const explainOperating = explainState(
  "operating",
  "why the operating state is what it is, and what would move it",
  "which state, since when, what each possible move needs, what blocks it now and until when.",
);

export const explainSafety = explainState(
  "safety",
  "why the safety state is what it is, and what would clear it",
  "which state, since when, from which cause, and what clears it.",
);
