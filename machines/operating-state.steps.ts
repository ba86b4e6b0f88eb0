/**
 * What each fact does to the operating machine's context, and what it makes the machine ask for: pure functions that the
 * chart's actions call.
 */

import type {
  HistoryEntry,
  MoveRule,
  OperatingContext,
  OperatingEffect,
  OperatingEvent,
  Step,
} from "./operating-state.context.ts";
import { clockToleranceMs, type ReadMetrics, readMetrics } from "./operating-state.metrics.ts";
import { effectiveState } from "./operating-state.override.ts";
import { lowerRisk, type OperatingState } from "./operating-state.policy.ts";
import {
  advanceConfirmations,
  clauseText,
  confirmationsAfter,
  decidingClauses,
  heldDaysWanted,
  type RuleName,
  ruleEdges,
  type SafetyView,
} from "./operating-state.rules.ts";

/** Timer id of this machine. */
export const overrideTimer = "operating.override";

/** No step is open. */
export const noStep: Step = { open: false, resumeTo: null, releaseTo: null };

export interface StepOutcome {
  readonly context: OperatingContext;
  readonly effects: readonly OperatingEffect[];
}

/** An entry of the history, with the metrics and the pin of that moment. */
export const entryOf = (
  context: OperatingContext,
  entry: Omit<HistoryEntry, "metrics" | "pinned" | "operator"> & { readonly operator?: string | null },
): OperatingEffect => ({
  type: "operating.history.append",
  entry: { operator: null, ...entry, metrics: context.readings, pinned: context.override?.state ?? null },
});

/** Announces the state in force when it has changed; each such change starts the cooldown. */
export const settle = (
  state: OperatingState,
  context: OperatingContext,
  at: number,
  rule: MoveRule,
  reason: string,
): StepOutcome => {
  const to = effectiveState(state, context);
  const { state: from } = context.effective;
  if (to === from) return { context, effects: [] };
  return {
    context: { ...context, lastMoveAt: at, effective: { state: to, since: at, rule, reason } },
    effects: [{ type: "operating.announce", from, to, rule, reason }],
  };
};

/**
 * The context as a fact at `at` finds it. After a real step backwards every time that now lies in the future is moved to
 * `at`: durations count on from there, so that the step neither confirms nor expires anything (spec S18) and a clock that
 * was a year ahead does not freeze the posture for a year.
 */
export const atTime = (context: OperatingContext, at: number): StepOutcome => {
  const { seenAt, override } = context;
  const since = context.effective.since ?? at;
  if (seenAt === null || at >= seenAt - clockToleranceMs) {
    return {
      context: {
        ...context,
        seenAt: seenAt === null ? at : Math.max(at, seenAt),
        enteredAt: context.enteredAt ?? at,
        effective: context.effective.since === null ? { ...context.effective, since } : context.effective,
      },
      effects: [],
    };
  }
  const past = <T extends number | null>(time: T): T => (time === null ? time : (Math.min(time as number, at) as T));
  const shifted =
    override === null || override.setAt <= at
      ? override
      : { ...override, setAt: at, expiresAt: at + override.expiresAt - override.setAt };
  return {
    context: {
      ...context,
      seenAt: at,
      enteredAt: past(context.enteredAt),
      lastMoveAt: past(context.lastMoveAt),
      evaluatedAt: past(context.evaluatedAt),
      steppedAt: past(context.steppedAt),
      metrics: Object.fromEntries(
        Object.entries(context.metrics).map(([name, metric]) => [name, { ...metric, at: past(metric.at) }]),
      ) as unknown as ReadMetrics,
      confirmations: Object.fromEntries(
        Object.entries(context.confirmations).map(([rule, confirmation]) => [
          rule,
          { ...confirmation, since: past(confirmation.since), lastAt: past(confirmation.lastAt) },
        ]),
      ),
      override: shifted,
      effective: { ...context.effective, since: past(since) },
    },
    effects: shifted === null || shifted === override ? [] : [{ type: "timer.set", id: overrideTimer, at: shifted.expiresAt }],
  };
};

/** Ends an override: the lower of pinned and rule state stays, promotions then go the normal way (spec S15). */
export const endOverride = (
  state: OperatingState,
  context: OperatingContext,
  at: number,
  { operator, reason }: { readonly operator: string | null; readonly reason: string },
): StepOutcome => {
  const { override } = context;
  if (override === null) return { context, effects: [] };
  const kept = lowerRisk(override.state, state);
  const from = context.effective.state;
  const freed: OperatingContext = {
    ...context,
    override: null,
    step: { ...context.step, releaseTo: kept === state ? null : kept },
  };
  const settled = settle(kept, freed, at, "OVERRIDE_EXPIRED", reason);
  const to = settled.context.effective.state;
  return {
    context: settled.context,
    effects: [
      { type: "timer.clear", id: overrideTimer },
      entryOf(freed, { at, from, to, rule: "OVERRIDE_EXPIRED", clauses: [], operator, reason }),
      ...settled.effects,
    ],
  };
};

/** One evaluation: readings, the end of an override, the resume after LOCKDOWN, confirmations. The chart then takes the step. */
export const evaluate = (
  state: OperatingState,
  context: OperatingContext,
  event: OperatingEvent & { metrics: unknown },
): StepOutcome => {
  const { at } = event;
  const { policy, safety } = context;
  const effects: OperatingEffect[] = [];
  const { metrics, readings, absent, refused } = readMetrics(event.metrics, at, policy, context.metrics);
  for (const sentence of refused) effects.push({ type: "safety.report", kind: "anomaly", code: "AN012", reason: sentence });
  // Reported when it begins, not at every evaluation: an endless WARNING would de-risk by itself (spec S13).
  const newlyAbsent = absent.filter((name) => !context.absent.includes(name));
  if (newlyAbsent.length > 0) {
    const reason = newlyAbsent.map((name) => `${name} is ${metrics[name].status}`).join(", ");
    effects.push({ type: "safety.report", kind: "anomaly", code: "AN011", reason });
  }
  let next: OperatingContext = { ...context, metrics, readings, absent, evaluatedAt: at, step: noStep };
  const { override } = next;
  const apply = (outcome: StepOutcome): void => {
    next = outcome.context;
    effects.push(...outcome.effects);
  };
  if (override !== null && at >= override.expiresAt)
    apply(endOverride(state, next, at, { operator: null, reason: "override_expired" }));

  if (safety === "FAIL" || safety === "LOCKDOWN") {
    next = { ...next, confirmations: {}, lockdown: safety === "LOCKDOWN" };
  } else {
    // The first evaluation at this time, or one that has not led to a step yet.
    const isFirst = next.steppedAt !== at;
    let ruleState = next.step.releaseTo ?? state;
    if (next.lockdown) {
      const resumed = ruleState === "AGGRESSIVE" || policy.details.releaseAlwaysToBalanced ? "BALANCED" : ruleState;
      next = { ...next, lockdown: false };
      if (next.override?.state === "AGGRESSIVE")
        apply(endOverride(resumed, next, at, { operator: null, reason: "lockdown_release_conservative" }));
      if (resumed !== ruleState) next = { ...next, step: { ...next.step, resumeTo: resumed } };
      else if (!policy.details.lockdownCountsAsHeld) next = { ...next, enteredAt: at };
      ruleState = resumed;
    }
    next = {
      ...next,
      confirmations: advanceConfirmations(ruleState, next.confirmations, at, { policy, readings, safety, mayStart: isFirst }),
      step: { ...next.step, open: isFirst },
    };
  }
  // A circuit breaker may limit or free a pin.
  if (next.override !== null)
    apply(settle(state, next, at, "OVERRIDE", "a circuit breaker limits the override, or no longer does"));
  return { context: next, effects };
};

/** The context in the state that a transition leads to, and what is told and recorded about it. */
export const move = (
  context: OperatingContext,
  at: number,
  rule: MoveRule,
  from: OperatingState,
  to: OperatingState,
): StepOutcome => {
  const { policy, readings, safety, step } = context;
  const isRule = rule in ruleEdges;
  const clauses = isRule
    ? [
        ...decidingClauses(rule as RuleName, policy, readings, safety).map(clauseText),
        ...(ruleEdges[rule as RuleName].isPromotion ? [`held_days>=${heldDaysWanted(rule as RuleName, policy)}`] : []),
      ]
    : rule === "LOCKDOWN_RESUME"
      ? [`safety=${safety}`]
      : [];
  const reason = isRule ? clauses.join("|") : rule === "LOCKDOWN_RESUME" ? "lockdown_release_conservative" : "override_expired";
  const moved: OperatingContext = {
    ...context,
    enteredAt: at,
    lastMoveAt: at,
    ...(isRule ? { steppedAt: at } : {}),
    step: {
      ...step,
      open: step.open && !isRule,
      resumeTo: rule === "LOCKDOWN_RESUME" ? null : step.resumeTo,
      releaseTo: rule === "OVERRIDE_EXPIRED" ? null : step.releaseTo,
    },
  };
  const settled = settle(to, moved, at, rule, reason);
  // The end of an override has its own entry already.
  const history = rule === "OVERRIDE_EXPIRED" ? [] : [entryOf(context, { at, from, to, rule, clauses, reason })];
  return { context: settled.context, effects: [...history, ...settled.effects] };
};

/** Any change of safety but one to FAIL. */
export const noteSafety = (
  state: OperatingState,
  context: OperatingContext,
  event: OperatingEvent & { to: SafetyView },
): StepOutcome => {
  const { to, at } = event;
  return settle(
    state,
    {
      ...context,
      safety: to,
      lockdown: context.lockdown || to === "LOCKDOWN",
      confirmations: confirmationsAfter(to, context.confirmations, context.policy),
    },
    at,
    context.lockdown ? "LOCKDOWN_RESUME" : "OVERRIDE",
    context.lockdown ? "lockdown_release_conservative" : `safety is ${to}: the lower of pinned and rule state`,
  );
};

/** FAIL: DEFENSIVE at once, whatever was pinned, held or pending. */
export const force = (
  from: OperatingState,
  context: OperatingContext,
  event: OperatingEvent & { reason: string },
): StepOutcome => {
  const { at } = event;
  const reason = `safety_fail_force_defensive: ${event.reason}`;
  const inForce = context.effective.state;
  // Time in LOCKDOWN never counts as held, also when FAIL follows it (spec S14).
  const restarts = context.lockdown && !context.policy.details.lockdownCountsAsHeld;
  const enteredAt = restarts ? at : context.enteredAt;
  const forced: OperatingContext = { ...context, safety: "FAIL", override: null, confirmations: {}, enteredAt };
  if (from === "DEFENSIVE" && inForce === "DEFENSIVE" && context.override === null) return { context: forced, effects: [] };
  const isMove = from !== "DEFENSIVE" || inForce !== "DEFENSIVE";
  const settled = settle("DEFENSIVE", isMove ? { ...forced, enteredAt: at, lastMoveAt: at } : forced, at, "SAFETY_FAIL", reason);
  return {
    context: settled.context,
    effects: [
      ...(context.override === null ? [] : [{ type: "timer.clear" as const, id: overrideTimer }]),
      entryOf(context, {
        at,
        from: from === "DEFENSIVE" ? inForce : from,
        to: "DEFENSIVE",
        rule: "SAFETY_FAIL",
        clauses: ["safety=FAIL"],
        reason,
      }),
      ...settled.effects,
    ],
  };
};
