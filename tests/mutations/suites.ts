/**
 * The machines whose charts are mutated, each with the suite that must notice, and the mutants that cannot be noticed
 * because they behave the same: each with its reason.
 */
import type { AnyStateMachine } from "xstate";
import { archiveMachine } from "#machines/archive.machine.ts";
import { executionLoopMachine } from "#machines/execution-loop.machine.ts";
import { feedMachine } from "#machines/feed.machine.ts";
import { heartbeatMachine } from "#machines/heartbeat.machine.ts";
import { maintenanceMachine } from "#machines/maintenance.machine.ts";
import { operatingMachine } from "#machines/operating-state.machine.ts";
import { orderMachine } from "#machines/order.machine.ts";
import { reconciliationMachine } from "#machines/reconciliation.machine.ts";
import { safetyMachine } from "#machines/safety.machine.ts";
import { schedulerMachine } from "#machines/scheduler.machine.ts";
import { sessionMachine } from "#machines/session.machine.ts";
import { archiveScenarios } from "../machines/archive.scenarios.ts";
import type { Scenario } from "../machines/drive.ts";
import { executionLoopScenarios } from "../machines/execution-loop.scenarios.ts";
import { feedScenarios } from "../machines/feed.scenarios.ts";
import { heartbeatScenarios } from "../machines/heartbeat.scenarios.ts";
import { maintenanceScenarios } from "../machines/maintenance.scenarios.ts";
import { personScenarios } from "../machines/operating-state.person.scenarios.ts";
import { ruleScenarios } from "../machines/operating-state.rules.scenarios.ts";
import { orderScenarios } from "../machines/order.scenarios.ts";
import { reconciliationScenarios } from "../machines/reconciliation.scenarios.ts";
import { safetyScenarios } from "../machines/safety.scenarios.ts";
import { schedulerScenarios } from "../machines/scheduler.scenarios.ts";
import { sessionScenarios } from "../machines/session.scenarios.ts";
import { opsOfQuietParts, opsScenarios, supervisorOfQuietParts, supervisorScenarios } from "../machines/supervision.scenarios.ts";
import type { Sentence } from "./mutate.ts";
import { orderEquivalents } from "./order.equivalent.ts";

export interface MutationSuite {
  readonly machine: AnyStateMachine;
  readonly scenarios: readonly Sentence[];
  /** Mutant id ⇒ why it is equivalent. */
  readonly equivalent: { readonly [mutant: string]: string };
}

const suite = <M extends AnyStateMachine>(
  machine: M,
  scenarios: readonly Scenario<M>[],
  equivalent: MutationSuite["equivalent"] = {},
  // A mutant has the machine's facts, context and effects; only its chart is damaged.
): MutationSuite => ({ machine, scenarios: scenarios as readonly Sentence[], equivalent });

export const mutationSuites: { readonly [name: string]: MutationSuite } = {
  safety: suite(safetyMachine, safetyScenarios),
  "operating-state": suite(operatingMachine, [...ruleScenarios, ...personScenarios]),
  order: suite(orderMachine, orderScenarios, orderEquivalents),
  reconciliation: suite(reconciliationMachine, reconciliationScenarios),
  "execution-loop": suite(executionLoopMachine, executionLoopScenarios),
  maintenance: suite(maintenanceMachine, maintenanceScenarios),
  feed: suite(feedMachine, feedScenarios),
  archive: suite(archiveMachine, archiveScenarios),
  scheduler: suite(schedulerMachine, schedulerScenarios),
  heartbeat: suite(heartbeatMachine, heartbeatScenarios),
  session: suite(
    sessionMachine,
    sessionScenarios,
    Object.fromEntries(
      ["running", "endingDay"].map((state) => [
        `session.${state} session.end.requested[0]: to opened instead of stopping`,
        "opened goes on to stopping at once, because the wish to end is remembered by then",
      ]),
    ),
  ),
  supervisor: suite(supervisorOfQuietParts, supervisorScenarios),
  ops: suite(opsOfQuietParts, opsScenarios),
};
