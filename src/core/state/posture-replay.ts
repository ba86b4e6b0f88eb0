/**
 * What would the posture have been? Drives the real operating machine with a file's evaluations (spec S20); there is no
 * second copy of the rules.
 */
import { createActor } from "xstate";
import { operatingMachine } from "#machines/operating-state.machine.ts";
import { type OperatingInput, type OperatingState, operatingStates } from "#machines/operating-state.policy.ts";
import type { SafetyView } from "#machines/operating-state.rules.ts";
import type { PostureRow } from "./posture-csv.ts";

export interface PostureTransition {
  /** As written in the row that caused it. */
  readonly timestamp: string;
  readonly at: number;
  readonly from: OperatingState;
  readonly to: OperatingState;
  readonly rule: string;
  readonly clauses: readonly string[];
}

export interface PostureReplay {
  readonly evaluations: number;
  readonly transitions: readonly PostureTransition[];
  readonly final: OperatingState;
  /** Milliseconds from one row to the next, by the state that was in force in between. */
  readonly timeInMs: { readonly [S in OperatingState]: number };
}

/**
 * In a file the safety column says what safety was, so an unknown cell does not also hold back a promotion whose own
 * conditions are all known; and an empty target is unknown, not the configured one.
 */
const asWritten = (input: OperatingInput): OperatingInput => ({ ...input, promotionNeedsEveryInput: false, targetCagr: null });

/**
 * @param rows evaluations in time order; two at the same time count once
 * @param input the configuration's `operating` section, with the reading and initial state to be tried
 */
export const replayPosture = (rows: Iterable<PostureRow>, input: OperatingInput): PostureReplay => {
  const actor = createActor(operatingMachine, { input: asWritten(input) });
  const transitions: PostureTransition[] = [];
  const timeInMs: { [S in OperatingState]: number } = { AGGRESSIVE: 0, BALANCED: 0, DEFENSIVE: 0 };
  let row: PostureRow | undefined;
  actor.on("operating.history.append", ({ entry: { from, to, rule, clauses } }) => {
    if (row === undefined || from === to) return;
    transitions.push({ timestamp: row.timestamp, at: row.at, from, to, rule, clauses });
  });
  actor.start();
  const stateNow = (): OperatingState => operatingStates.find((state) => state === actor.getSnapshot().value) ?? input.initial;
  let safety: SafetyView = "NORMAL";
  let evaluations = 0;
  for (const next of rows) {
    if (row !== undefined) timeInMs[stateNow()] += next.at - row.at;
    row = next;
    evaluations += 1;
    if (next.safety !== safety) {
      actor.send({
        type: "safety.changed",
        at: next.at,
        from: safety,
        to: next.safety,
        code: "FS199",
        reason: `safety is ${next.safety} in the file`,
      });
      safety = next.safety;
    }
    actor.send({ type: "operating.metrics.measured", at: next.at, metrics: next.metrics });
  }
  const final = stateNow();
  actor.stop();
  return { evaluations, transitions, final, timeInMs };
};

/** The printed form, header first, without a final newline. */
export const postureCsvLines = (transitions: readonly PostureTransition[]): readonly string[] => [
  "timestamp,from,to,rule,clauses",
  ...transitions.map(({ timestamp, from, to, rule, clauses }) => [timestamp, from, to, rule, clauses.join("|")].join(",")),
];
