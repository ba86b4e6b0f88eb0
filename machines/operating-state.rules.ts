/**
 * When may the operating state change?
 *
 * Pure functions of readings, safety and time. Time is `at`, a field of the event, so the journal replayed next year gives
 * the same answer. Thresholds and their source: default.yaml, seed 004 §6.2, spec S10–S13.
 */

import { dayMs, hourMs } from "./durations.ts";
import type { MetricName, Readings } from "./operating-state.metrics.ts";
import type { OperatingPolicy, OperatingState } from "./operating-state.policy.ts";
import type { SafetyState } from "./safety.machine.ts";

/** Unknown only where a file says nothing about safety: it is no NORMAL, and no WARNING either. */
export type SafetyView = SafetyState | "UNKNOWN";

export const ruleNames = ["A_TO_B", "B_TO_D", "D_TO_B", "B_TO_A"] as const;
export type RuleName = (typeof ruleNames)[number];

export interface RuleEdge {
  readonly from: OperatingState;
  readonly to: OperatingState;
  readonly isPromotion: boolean;
}
export const ruleEdges: { readonly [R in RuleName]: RuleEdge } = {
  A_TO_B: { from: "AGGRESSIVE", to: "BALANCED", isPromotion: false },
  B_TO_D: { from: "BALANCED", to: "DEFENSIVE", isPromotion: false },
  D_TO_B: { from: "DEFENSIVE", to: "BALANCED", isPromotion: true },
  B_TO_A: { from: "BALANCED", to: "AGGRESSIVE", isPromotion: true },
};
/** The rule that would take a promotion back. */
const demotionOf: { readonly [S in OperatingState]: RuleName | undefined } = {
  AGGRESSIVE: "A_TO_B",
  BALANCED: "B_TO_D",
  DEFENSIVE: undefined,
};

/** One comparison of a rule with what it found; `holds` is null when the input is unknown. */
export interface Clause {
  readonly metric: MetricName | "safety";
  readonly column: string;
  readonly op: ">" | "<" | ">=" | "=" | "is";
  readonly limit: number | string | boolean | null;
  readonly value: number | string | boolean | null;
  readonly holds: boolean | null;
}

/** As printed: `drawdown>0.05`, `cagr>target`, `circuit_breaker`, `safety=WARNING`. */
export const clauseText = ({ column, op, limit, value }: Clause): string => {
  if (op === "is") return column;
  if (op === "=") return `${column}=${value ?? limit}`;
  return `${column}${op}${column === "cagr" ? "target" : limit}`;
};

type Numeric = Exclude<MetricName, "circuitBreaker">;
const above = (metric: Numeric, column: string, value: number | null, limit: number | null): Clause => ({
  metric,
  column,
  op: ">",
  limit,
  value,
  holds: value === null || limit === null ? null : value > limit,
});
const below = (metric: Numeric, column: string, value: number | null, limit: number): Clause => ({
  metric,
  column,
  op: "<",
  limit,
  value,
  holds: value === null ? null : value < limit,
});
const atLeast = (metric: Numeric, column: string, value: number | null, limit: number): Clause => ({
  metric,
  column,
  op: ">=",
  limit,
  value,
  holds: value === null ? null : value >= limit,
});
const safetyIs = (safety: SafetyView, limit: string, holds: boolean | null): Clause => ({
  metric: "safety",
  column: "safety",
  op: "=",
  limit,
  value: safety === "UNKNOWN" ? null : safety,
  holds,
});

const defensiveClauses = (policy: OperatingPolicy, readings: Readings, safety: SafetyView): Clause[] => {
  const { drawdownAbove, vixAbove } = policy.rules.balancedToDefensive;
  return [
    above("drawdown", "drawdown", readings.drawdown, drawdownAbove),
    above("vix", "vix", readings.vix, vixAbove),
    {
      metric: "circuitBreaker",
      column: "circuit_breaker",
      op: "is",
      limit: true,
      value: readings.circuitBreaker,
      holds: readings.circuitBreaker,
    },
    safetyIs(safety, "WARNING", safety === "UNKNOWN" ? null : safety !== "NORMAL"),
  ];
};

/**
 * The clauses of a rule, in the order of the seed. "held ≥ n days" is not among them: it is asked only at the moment of the
 * move and must not reset a confirmation (spec S12).
 */
export const clausesOf = (rule: RuleName, policy: OperatingPolicy, readings: Readings, safety: SafetyView): readonly Clause[] => {
  switch (rule) {
    case "A_TO_B": {
      const limits = policy.rules.aggressiveToBalanced;
      const own = [
        above("drawdown", "drawdown", readings.drawdown, limits.drawdownAbove),
        above("vix", "vix", readings.vix, limits.vixAbove),
        above(
          "consecutiveScalpLosses",
          "consecutive_losses",
          readings.consecutiveScalpLosses,
          limits.consecutiveScalpLossesAbove,
        ),
        above("dailyLoss", "daily_loss", readings.dailyLoss, limits.dailyLossAbove),
      ];
      return policy.details.aggressiveHeedsDefensiveRule ? [...own, ...defensiveClauses(policy, readings, safety)] : own;
    }
    case "B_TO_D":
      return defensiveClauses(policy, readings, safety);
    case "D_TO_B": {
      const limits = policy.rules.defensiveToBalanced;
      return [
        below("drawdown", "drawdown", readings.drawdown, limits.drawdownBelow),
        below("vix", "vix", readings.vix, limits.vixBelow),
        atLeast("profitableDays", "profitable_days", readings.profitableDays, limits.profitableDaysMin),
        safetyIs(safety, "NORMAL", safety === "UNKNOWN" ? null : safety === "NORMAL"),
      ];
    }
    case "B_TO_A": {
      const limits = policy.rules.balancedToAggressive;
      return [
        above("cagr", "cagr", readings.cagr, readings.targetCagr),
        below("vix", "vix", readings.vix, limits.vixBelow),
        above("growth", "growth", readings.growth, limits.growthAbove),
        above("winRate", "win_rate", readings.winRate, limits.winRateAbove),
      ];
    }
    default:
      return rule satisfies never;
  }
};

const isTrueFor = (rule: RuleName, clauses: readonly Clause[]): boolean =>
  ruleEdges[rule].isPromotion ? clauses.every(({ holds }) => holds === true) : clauses.some(({ holds }) => holds === true);

/** De-risking: any clause. Re-risking: all of them. An unknown input satisfies neither. */
export const isRuleTrue = (rule: RuleName, policy: OperatingPolicy, readings: Readings, safety: SafetyView): boolean =>
  isTrueFor(rule, clausesOf(rule, policy, readings, safety));

/** The clauses that decided, each input once: a deeper threshold of the same metric adds nothing. */
export const decidingClauses = (
  rule: RuleName,
  policy: OperatingPolicy,
  readings: Readings,
  safety: SafetyView,
): readonly Clause[] => {
  const seen = new Set<string>();
  return clausesOf(rule, policy, readings, safety).filter(({ column, holds }) => {
    if (holds !== true || seen.has(column)) return false;
    seen.add(column);
    return true;
  });
};

/** How long a rule has been true without interruption, in time and in evaluations. */
export interface Confirmation {
  readonly since: number;
  readonly lastAt: number;
  readonly cycles: number;
}
export type Confirmations = { readonly [R in RuleName]?: Confirmation };

/**
 * Two evaluations at the same `at` count once; one in which the rule is false starts over.
 *
 * @param mayStart false in a repeated evaluation that has already led to a step: it was not the new state's first one
 */
export const advanceConfirmation = (
  confirmation: Confirmation | undefined,
  isTrue: boolean,
  at: number,
  mayStart = true,
): Confirmation | undefined => {
  if (!isTrue) return undefined;
  if (confirmation === undefined) return mayStart ? { since: at, lastAt: at, cycles: 1 } : undefined;
  if (at <= confirmation.lastAt) return confirmation;
  return { since: confirmation.since, lastAt: at, cycles: confirmation.cycles + 1 };
};

export const isConfirmed = (confirmation: Confirmation | undefined, { confirmation: wanted }: OperatingPolicy): boolean =>
  confirmation !== undefined &&
  confirmation.cycles >= wanted.cycles &&
  confirmation.lastAt - confirmation.since >= wanted.hours * hourMs;

/** What one evaluation found. */
export interface Evaluation {
  readonly policy: OperatingPolicy;
  readonly readings: Readings;
  readonly safety: SafetyView;
  readonly mayStart: boolean;
}

/** The rules whose confirmation runs while the rule state is `state`. */
export const rulesRunningIn = (state: OperatingState, { details }: OperatingPolicy): readonly RuleName[] => {
  if (state === "AGGRESSIVE") return details.confirmsOneStateAhead ? ["A_TO_B", "B_TO_D"] : ["A_TO_B"];
  return state === "BALANCED" ? ["B_TO_D", "B_TO_A"] : ["D_TO_B"];
};

/** Days that must have been spent in the state before this rule may leave it; 0 where the reading lets it leave at once. */
export const heldDaysWanted = (rule: RuleName, policy: OperatingPolicy): number => {
  const { from, isPromotion } = ruleEdges[rule];
  const stay = policy.minimumStayDays[from];
  if (!isPromotion) return policy.details.holdDelaysDerisking ? stay : 0;
  const own = rule === "D_TO_B" ? policy.rules.defensiveToBalanced : policy.rules.balancedToAggressive;
  return Math.max(own.heldDaysMin, stay);
};

/** First moment at which the minimum stay is over; inclusive: exactly then the state may be left. */
export const heldUntil = (rule: RuleName, policy: OperatingPolicy, enteredAt: number): number =>
  enteredAt + heldDaysWanted(rule, policy) * dayMs;

/** First moment after the cooldown; undefined when this rule does not wait for it. */
export const cooledAt = (rule: RuleName, policy: OperatingPolicy, lastMoveAt: number | null): number | undefined =>
  lastMoveAt === null || !(ruleEdges[rule].isPromotion || policy.details.cooldownDelaysDerisking)
    ? undefined
    : lastMoveAt + policy.cooldownHours * hourMs;

/** An exchange that has halted the market is not confirmed by waiting two hours (spec S12). */
export const isHaltedAtOnce = (rule: RuleName, policy: OperatingPolicy, readings: Readings): boolean =>
  readings.circuitBreaker === true &&
  !policy.details.circuitBreakerNeedsConfirmation &&
  (rule === "B_TO_D" || (rule === "A_TO_B" && policy.details.aggressiveHeedsDefensiveRule));

/** Why a promotion would walk into a state that must be left again, or undefined. */
export const promotionBlock = (
  rule: RuleName,
  policy: OperatingPolicy,
  readings: Readings,
  safety: SafetyView,
): string | undefined => {
  const { to, isPromotion } = ruleEdges[rule];
  if (!isPromotion || !policy.details.promotionsAreGuarded) return undefined;
  if (safety !== "NORMAL") return `safety is ${safety}`;
  const demotion = demotionOf[to];
  if (demotion === undefined) return undefined;
  const demoting = decidingClauses(demotion, policy, readings, safety);
  if (demoting.length > 0) return `${demotion} is true in ${to}: ${demoting.map(clauseText).join("|")}`;
  if (!policy.promotionNeedsEveryInput) return undefined;
  const unknown = clausesOf(demotion, policy, readings, safety).filter(({ holds }) => holds === null);
  return unknown.length === 0 ? undefined : `unknown: ${[...new Set(unknown.map(({ column }) => column))].join("|")}`;
};

/** Every confirmation after one more evaluation in `state`; one that does not run there is dropped. */
export const advanceConfirmations = (
  state: OperatingState,
  before: Confirmations,
  at: number,
  { policy, readings, safety, mayStart }: Evaluation,
): Confirmations => {
  const after: { [R in RuleName]?: Confirmation } = {};
  for (const rule of rulesRunningIn(state, policy)) {
    // What guards a promotion is part of its rule (spec S12): one good hour after a bad one promotes nobody.
    const holdsNow = isRuleTrue(rule, policy, readings, safety) && promotionBlock(rule, policy, readings, safety) === undefined;
    const next = advanceConfirmation(before[rule], holdsNow, at, mayStart);
    if (next !== undefined) after[rule] = next;
  }
  return after;
};

/** The confirmations that outlive a change of safety: none do LOCKDOWN, and no promotion's a WARNING, however short it is. */
export const confirmationsAfter = (to: SafetyView, before: Confirmations, { details }: OperatingPolicy): Confirmations => {
  if (to === "LOCKDOWN") return {};
  if (to === "NORMAL" || !details.promotionsAreGuarded) return before;
  return Object.fromEntries(Object.entries(before).filter(([rule]) => !ruleEdges[rule as RuleName].isPromotion));
};
