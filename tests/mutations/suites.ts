/**
 * The machines whose charts are mutated, each with the suite that must notice, and the mutants that cannot be noticed
 * because they behave the same: each with its reason.
 */
import type { AnyStateMachine } from "xstate";
import { safetyMachine } from "#machines/safety.machine.ts";
import type { Scenario } from "../machines/drive.ts";
import { safetyScenarios } from "../machines/safety.scenarios.ts";

export interface MutationSuite {
  readonly machine: AnyStateMachine;
  readonly scenarios: readonly Scenario<never>[];
  /** Mutant id ⇒ why it is equivalent. */
  readonly equivalent: { readonly [mutant: string]: string };
}

export const mutationSuites: { readonly [name: string]: MutationSuite } = {
  safety: { machine: safetyMachine, scenarios: safetyScenarios, equivalent: {} },
};

/** All scenarios in order; the first that fails throws. */
export const suiteOf =
  ({ scenarios }: MutationSuite) =>
  (machine: AnyStateMachine): void => {
    for (const { run } of scenarios) run(machine as never);
  };
