/** What the operating machine is told, what it keeps, and what it asks for. */
import type { SafetyReport, TimerClear, TimerSet } from "./effects.ts";
import type { ActorEvent, FactType } from "./facts/catalog.ts";
import type { MetricName, Readings, ReadMetrics } from "./operating-state.metrics.ts";
import type { Override } from "./operating-state.override.ts";
import type { OperatingPolicy, OperatingState } from "./operating-state.policy.ts";
import type { Confirmations, RuleName, SafetyView } from "./operating-state.rules.ts";

export type MoveRule = RuleName | "SAFETY_FAIL" | "LOCKDOWN_RESUME" | "OVERRIDE" | "OVERRIDE_EXPIRED";

export const operatingTakes = [
  "operating.metrics.measured",
  "safety.changed",
  "operating.override.requested",
  "operating.override.cleared",
  "timer.due",
] as const satisfies readonly FactType[];
export type OperatingEvent =
  | ActorEvent<Exclude<(typeof operatingTakes)[number], "safety.changed">>
  /** A file that is replayed may not say what safety was. */
  | (Omit<ActorEvent<"safety.changed">, "from" | "to"> & { readonly from: SafetyView; readonly to: SafetyView });

/** One line of the append-only history. */
export interface HistoryEntry {
  readonly at: number;
  readonly from: OperatingState;
  readonly to: OperatingState;
  readonly rule: MoveRule | "OVERRIDE_REFUSED";
  /** The conditions that decided, as printed by `qts operating replay`. */
  readonly clauses: readonly string[];
  /** What the metrics were, null where unknown. */
  readonly metrics: Readings;
  readonly operator: string | null;
  readonly reason: string;
  /** The state a person had pinned at that time: the move happened in the background. */
  readonly pinned: OperatingState | null;
}

export type OperatingEffect =
  | {
      readonly type: "operating.announce";
      readonly from: OperatingState;
      readonly to: OperatingState;
      readonly rule: string;
      readonly reason: string;
    }
  | { readonly type: "operating.history.append"; readonly entry: HistoryEntry }
  | TimerSet
  | TimerClear
  | SafetyReport;

export interface OperatingContext {
  readonly policy: OperatingPolicy;
  readonly safety: SafetyView;
  /** LOCKDOWN was seen; the first evaluation after its release settles it. */
  readonly lockdown: boolean;
  /** The hold clock of the rule state; null before the first fact. */
  readonly enteredAt: number | null;
  /** The cooldown counts from here; null before the first transition. */
  readonly lastMoveAt: number | null;
  readonly metrics: ReadMetrics;
  readonly readings: Readings;
  readonly absent: readonly MetricName[];
  /** The newest evaluation, and the one in which a rule was last followed: one step per evaluation. */
  readonly evaluatedAt: number | null;
  readonly steppedAt: number | null;
  /** Time of the newest fact, to notice a clock that went back. */
  readonly seenAt: number | null;
  readonly confirmations: Confirmations;
  readonly override: Override | null;
  /** The state in force, since when and why. */
  readonly effective: {
    readonly state: OperatingState;
    readonly since: number | null;
    readonly rule: string | null;
    readonly reason: string;
  };
  /** What the event under way asks of the chart. */
  readonly step: Step;
}

/** What one fact asks of the chart. */
export interface Step {
  /** A rule may be followed in this evaluation. */
  readonly open: boolean;
  /** LOCKDOWN is over and the state is to become this one. */
  readonly resumeTo: OperatingState | null;
  /** An override is over and its lower state is kept. */
  readonly releaseTo: OperatingState | null;
}
