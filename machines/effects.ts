/** Effects that several machines emit. Someone else performs them and reports the outcome as a new fact. */
import type { SafetyCode } from "./safety.codes.ts";

/** Ask for `timer.due { id, dueAt }` once time reaches `at`; setting an id again replaces its deadline. */
export type TimerSet = { readonly type: "timer.set"; readonly id: string; readonly at: number };
export type TimerClear = { readonly type: "timer.clear"; readonly id: string };

/** Tell a person; each code has a runbook section. `resolved` closes the alert. */
export type Alert =
  | { readonly type: "alert.critical"; readonly code: SafetyCode; readonly text: string }
  | { readonly type: "alert.warning"; readonly code: SafetyCode; readonly text: string }
  | { readonly type: "alert.resolved"; readonly code: SafetyCode; readonly text: string };

/** Tell the safety machine, as a fact: anomaly.raised, guardrail.tripped, failsafe.tripped or failsafe.cleared. */
export type SafetyReport = {
  readonly type: "safety.report";
  readonly kind: "anomaly" | "guardrail" | "failsafe" | "cleared";
  readonly code: SafetyCode;
  readonly reason: string;
};
