/**
 * The machines whose charts are mutated, each with the suite that must notice, and the mutants that cannot be noticed
 * because they behave the same: each with its reason.
 */
import type { AnyStateMachine } from "xstate";
import { operatingMachine } from "#machines/operating-state.machine.ts";
import { safetyMachine } from "#machines/safety.machine.ts";
import type { Scenario } from "../machines/drive.ts";
import { personScenarios } from "../machines/operating-state.person.scenarios.ts";
import { ruleScenarios } from "../machines/operating-state.rules.scenarios.ts";
import { safetyScenarios } from "../machines/safety.scenarios.ts";

export interface MutationSuite {
  readonly machine: AnyStateMachine;
  readonly scenarios: readonly Scenario<never>[];
  /** Mutant id ⇒ why it is equivalent. */
  readonly equivalent: { readonly [mutant: string]: string };
}

export const mutationSuites: { readonly [name: string]: MutationSuite } = {
  safety: { machine: safetyMachine, scenarios: safetyScenarios, equivalent: {} },
  "operating-state": { machine: operatingMachine, scenarios: [...ruleScenarios, ...personScenarios], equivalent: {} },
};

/** All scenarios in order; the first that fails throws. */
export const suiteOf =
  ({ scenarios }: MutationSuite) =>
  (machine: AnyStateMachine): void => {
    for (const { run } of scenarios) run(machine as never);
  };
