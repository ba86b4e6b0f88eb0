/**
 * Why is the house in the state it is in, what would move it, what blocks that now, and until when (spec S17)?
 *
 * Reads the machines' contexts through the same pure functions that the machines' guards call; decides nothing.
 */

import { dayMs, hourMs } from "#machines/durations.ts";
import type { OperatingContext } from "#machines/operating-state.context.ts";
import { operatingView } from "#machines/operating-state.machine.ts";
import { type MetricStatus, metricNames } from "#machines/operating-state.metrics.ts";
import type { Override } from "#machines/operating-state.override.ts";
import type { OperatingState } from "#machines/operating-state.policy.ts";
import {
  type Clause,
  clausesOf,
  clauseText,
  cooledAt,
  heldDaysWanted,
  heldUntil,
  isConfirmed,
  isHaltedAtOnce,
  isRuleTrue,
  promotionBlock,
  type RuleName,
  ruleEdges,
  rulesRunningIn,
} from "#machines/operating-state.rules.ts";
import { describeCode, isSafetyCode } from "#machines/safety.codes.ts";
import { type SafetyContext, type SafetyState, tradingAllowed } from "#machines/safety.machine.ts";

export interface ExplainedClause {
  /** As printed by `qts operating replay`. */
  readonly clause: string;
  readonly value: number | string | boolean | null;
  /** null: the input is unknown, so it satisfies nothing. */
  readonly holds: boolean | null;
  /** Why an input is unknown. */
  readonly status?: MetricStatus;
  /** When the input was measured, epoch ms. */
  readonly measuredAt?: number;
}

export interface Block {
  /** In the origin's words: min_duration_not_met, cooldown_period, confirmation_pending 1/2 … */
  readonly reason: string;
  /** Epoch ms, where it ends by time alone. */
  readonly until?: number;
}

export interface ExplainedMove {
  readonly to: string;
  readonly rule: string;
  readonly clauses: readonly ExplainedClause[];
  /** Empty: the next evaluation that finds the rule true makes this move. */
  readonly blocks: readonly Block[];
}

export interface Explanation {
  readonly sentence: string;
  readonly state: string;
  readonly since: number;
  readonly moves: readonly ExplainedMove[];
}

export interface OperatingExplanation extends Explanation {
  readonly ruleState: OperatingState;
  readonly reading: string;
  readonly safety: string;
  readonly override: Override | null;
  readonly cooldownUntil: number | null;
  readonly evaluatedAt: number | null;
  readonly nextEvaluationBy: number | null;
}

const explained = (clause: Clause, context: OperatingContext): ExplainedClause => {
  const text = { clause: clauseText(clause), value: clause.value, holds: clause.holds };
  // A safety clause shows what is wanted, not what is: the value stands beside it.
  if (clause.metric === "safety") return { ...text, clause: clause.limit === "NORMAL" ? "safety=NORMAL" : "safety>=WARNING" };
  const { status, at } = context.metrics[clause.metric];
  return {
    ...text,
    ...(clause.holds === null ? { status } : {}),
    ...(at === null ? {} : { measuredAt: at }),
  };
};

const heldClause = (rule: RuleName, context: OperatingContext, at: number): readonly ExplainedClause[] => {
  const wanted = heldDaysWanted(rule, context.policy);
  if (wanted === 0) return [];
  const enteredAt = context.enteredAt ?? at;
  const days = Math.floor(((at - enteredAt) / dayMs) * 100) / 100;
  return [{ clause: `held_days>=${wanted}`, value: days, holds: at >= heldUntil(rule, context.policy, enteredAt) }];
};

const confirmationBlock = (rule: RuleName, context: OperatingContext): readonly Block[] => {
  const { policy, confirmations, readings } = context;
  const running = confirmations[rule];
  if (isConfirmed(running, policy) || isHaltedAtOnce(rule, policy, readings)) return [];
  const { cycles, hours } = policy.confirmation;
  const reason = `confirmation_pending ${Math.min(running?.cycles ?? 0, cycles)}/${cycles}`;
  return [running === undefined ? { reason } : { reason, until: running.since + hours * hourMs }];
};

const blocksOf = (rule: RuleName, ruleState: OperatingState, context: OperatingContext, at: number): readonly Block[] => {
  const { policy, readings, safety, override, enteredAt, lastMoveAt, lockdown } = context;
  const blocks: Block[] = [];
  if (safety === "FAIL") blocks.push({ reason: "safety_fail_force_defensive" });
  if (safety === "LOCKDOWN") blocks.push({ reason: "safety_lockdown" });
  else if (lockdown)
    blocks.push({ reason: ruleState === "AGGRESSIVE" ? "lockdown_release_conservative" : "lockdown_release_same_state" });
  if (override !== null) blocks.push({ reason: "manual_override_active", until: override.expiresAt });
  if (ruleEdges[rule].from !== ruleState) blocks.push({ reason: "one_step_per_evaluation" });
  if (!isRuleTrue(rule, policy, readings, safety)) blocks.push({ reason: "no_transition_needed" });
  else blocks.push(...confirmationBlock(rule, context));
  const held = heldUntil(rule, policy, enteredAt ?? at);
  if (at < held) blocks.push({ reason: "min_duration_not_met", until: held });
  const cooled = cooledAt(rule, policy, lastMoveAt);
  if (cooled !== undefined && at < cooled) blocks.push({ reason: "cooldown_period", until: cooled });
  const guard = promotionBlock(rule, policy, readings, safety);
  if (guard !== undefined) blocks.push({ reason: `promotion_blocked: ${guard}` });
  return blocks;
};

const iso = (at: number): string => new Date(at).toISOString();

/**
 * @param snapshot of the operating machine
 * @param at now, epoch ms of the Clock port
 */
export const explainOperating = (
  snapshot: { readonly value: unknown; readonly context: OperatingContext },
  at: number,
): OperatingExplanation => {
  const { context } = snapshot;
  const { policy, safety, override, readings, lastMoveAt, evaluatedAt } = context;
  const { state, since, rule, reason, ruleState } = operatingView(snapshot);
  const moves = rulesRunningIn(ruleState, policy).map((name): ExplainedMove => {
    const clauses = clausesOf(name, policy, readings, safety).map((clause) => explained(clause, context));
    return {
      to: ruleEdges[name].to,
      rule: name,
      clauses: [...clauses, ...heldClause(name, context, at)],
      blocks: blocksOf(name, ruleState, context, at),
    };
  });
  const pinned = override === null ? "" : ` ${override.operator} pinned ${override.state} until ${iso(override.expiresAt)}.`;
  const absent = context.absent.length === 0 ? "" : ` Unknown: ${context.absent.join(", ")}.`;
  const waiting = metricNames.flatMap((name) => {
    const { status, why } = context.metrics[name];
    return status === "notYet" ? [`${name} (${why})`] : [];
  });
  const rest = Object.entries(context.metrics).flatMap(([name, { status }]) => (status === "resting" ? [name] : []));
  const resting = rest.length === 0 ? "" : ` Until its market opens: ${rest.join(", ")}.`;
  const notYet = waiting.length === 0 ? "" : ` Not yet: ${waiting.join(", ")}.`;
  const why = rule === null ? "as configured" : `by ${rule} (${reason})`;
  return {
    sentence: `The operating state is ${state} ${why}; safety is ${safety}.${pinned}${absent}${resting}${notYet}`,
    state,
    since: since ?? at,
    moves,
    ruleState,
    reading: policy.reading,
    safety,
    override,
    cooldownUntil: lastMoveAt === null ? null : lastMoveAt + policy.cooldownHours * hourMs,
    evaluatedAt,
    nextEvaluationBy: evaluatedAt === null ? null : evaluatedAt + policy.evaluationEveryMs,
  };
};

export interface SafetyExplanation extends Explanation {
  readonly trading: boolean;
  readonly cause: { readonly code: string; readonly reason: string; readonly at: number; readonly runbook: string | null } | null;
}

const endOf = (state: SafetyState, { cause, quietUntil, killSwitch }: SafetyContext): readonly ExplainedMove[] => {
  switch (state) {
    case "NORMAL":
      return [];
    case "WARNING":
      return [
        {
          to: "NORMAL",
          rule: "quiet_period",
          clauses: [{ clause: "no anomaly in the quiet period", value: null, holds: false }],
          blocks: quietUntil === null ? [] : [{ reason: "quiet_period", until: quietUntil }],
        },
      ];
    case "FAIL":
      return [
        {
          to: "NORMAL",
          rule: "cause_cleared",
          clauses: [{ clause: `${cause?.code} is reported as cleared`, value: false, holds: false }],
          blocks: [{ reason: `cause_not_cleared ${cause?.code}` }],
        },
      ];
    case "LOCKDOWN":
      return [
        {
          to: "NORMAL",
          rule: "operator_release",
          clauses: [
            { clause: "the kill switch is off", value: killSwitch === null, holds: killSwitch === null },
            { clause: "a named operator releases it with a reason", value: false, holds: false },
          ],
          blocks: [
            ...(killSwitch === null ? [] : [{ reason: `kill_switch_on: ${killSwitch.reason}` }]),
            { reason: "operator_release_needed" },
          ],
        },
      ];
    default:
      return state satisfies never;
  }
};

export const explainSafety = (
  snapshot: { readonly value: unknown; readonly context: SafetyContext },
  at: number,
): SafetyExplanation => {
  const { context } = snapshot;
  const state = snapshot.value as SafetyState;
  const { cause } = context;
  const known = cause !== null && isSafetyCode(cause.code) ? describeCode(cause.code) : undefined;
  const trading = tradingAllowed(state);
  const what =
    cause === null
      ? ""
      : ` because of ${cause.code} (${(known?.sentence ?? "an unknown code").replace(/\.$/, "")}): ${cause.reason}`;
  return {
    sentence: `Safety is ${state}${what}. New orders ${trading ? "may" : "may not"} leave; a cancel that is asked for always may.`,
    state,
    since: context.since ?? at,
    moves: endOf(state, context),
    trading,
    cause: cause === null ? null : { ...cause, runbook: known?.runbook ?? null },
  };
};
