import { type OperatingState, operatingStates } from "#machines/facts/safety.ts";
import { ask, askOptions, askOptionsHelp } from "./ask.ts";
import { type Command, readOptions, required, UsageError } from "./command.ts";
import { durationMs } from "./duration.ts";
import { nearest } from "./nearest.ts";

const stateOf = (given: string): OperatingState => {
  const state = operatingStates.find((name) => name === given.toUpperCase());
  if (state !== undefined) return state;
  const guess = nearest(given.toUpperCase(), [...operatingStates, "CLEAR"]);
  throw new UsageError(
    `"${given}" is not an operating state${guess === undefined ? "" : ` (did you mean ${guess}?)`}; there are ${operatingStates.join(", ")}, and \`qts override clear\`.`,
  );
};

export const override: Command = {
  name: "override",
  summary: "pin the operating state for some days, or clear the pin",
  help: `qts override: pins the operating state. Safety still beats it, and it never raises risk while safety is not NORMAL.

Usage: qts override STATE --for TIME --operator NAME --reason TEXT [--replace] [--home DIR] [--json]
       qts override clear --operator NAME --reason TEXT [--home DIR] [--json]

  STATE              AGGRESSIVE, BALANCED or DEFENSIVE
  --for TIME         how long: 90m, 12h, 3d; more than seven days is refused
  --operator NAME    who
  --reason TEXT      why; kept in the journal
  --replace          also when somebody else has pinned a state that still holds
${askOptionsHelp}
Exit codes: 0 done, 1 it did not answer within 15 seconds and may still do it, 2 usage, 3 not running, 4 refused, 130 or
143 not waited for.
`,
  run: async (args, io) => {
    const { values, positionals } = readOptions(
      "override",
      args,
      {
        ...askOptions,
        for: { type: "string" },
        reason: { type: "string" },
        operator: { type: "string" },
        replace: { type: "boolean" },
      },
      ["STATE or clear"],
    );
    const wanted = positionals[0] as string;
    const clears = wanted.toLowerCase() === "clear";
    const state = clears ? undefined : stateOf(wanted);
    if (clears && values.for !== undefined) throw new UsageError("qts override clear takes no --for: it ends the override now.");
    const forMs = clears ? undefined : durationMs("for", required("override", "for", values.for));
    const who = {
      operator: required("override", "operator", values.operator),
      reason: required("override", "reason", values.reason),
    };
    const type = "operator.command";
    return state === undefined || forMs === undefined
      ? ask({ type, command: "override.clear", ...who }, values, io)
      : ask({ type, command: "override.set", state, forMs, ...who, ...(values.replace ? { replace: true } : {}) }, values, io);
  },
};
