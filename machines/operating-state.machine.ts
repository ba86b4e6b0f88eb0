/**
 * How boldly may this process trade: AGGRESSIVE, BALANCED or DEFENSIVE?
 *
 * The chart's state is what the rules have come to. A person may pin another one for a while; `operatingView` says which is
 * in force. An evaluation only takes readings and advances confirmations; the transitions that follow it read the rest from
 * the context, where everything a restart must bring back is kept (spec S16).
 */
import { and, enqueueActions, setup } from "xstate";
import type { Alert, SafetyReport, TimerClear, TimerSet } from "./effects.ts";
import {
  clockToleranceMs,
  type MetricName,
  noMetrics,
  noReadings,
  type Readings,
  type ReadMetrics,
  readMetrics,
} from "./operating-state.metrics.ts";
import { effectiveState, type Override, overrideProblem } from "./operating-state.override.ts";
import {
  lowerRisk,
  type OperatingInput,
  type OperatingPolicy,
  type OperatingState,
  policyOf,
  type StateProperties,
} from "./operating-state.policy.ts";
import {
  advanceConfirmations,
  type Confirmations,
  clauseText,
  cooledAt,
  decidingClauses,
  heldDaysWanted,
  heldUntil,
  isConfirmed,
  isHaltedAtOnce,
  promotionBlock,
  type RuleName,
  ruleEdges,
  type SafetyView,
} from "./operating-state.rules.ts";

export type MoveRule = RuleName | "SAFETY_FAIL" | "LOCKDOWN_RESUME" | "OVERRIDE" | "OVERRIDE_EXPIRED";

export type OperatingEvent =
  | { type: "operating.metrics.measured"; at: number; metrics: unknown }
  | { type: "safety.changed"; at: number; from: string; to: SafetyView; code: string; reason: string }
  | {
      type: "operating.override.requested";
      at: number;
      state: OperatingState;
      reason: string;
      operator: string;
      expiresAt: number;
    }
  | { type: "operating.override.cleared"; at: number; operator: string; reason: string }
  | { type: "timer.due"; at: number; id: string; dueAt: number };

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
  | SafetyReport
  | Alert;

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

interface Step {
  /** A rule may be followed in this evaluation. */
  readonly open: boolean;
  /** LOCKDOWN is over and the state is to become this one. */
  readonly resumeTo: OperatingState | null;
  /** An override is over and its lower state is kept. */
  readonly releaseTo: OperatingState | null;
}
const noStep: Step = { open: false, resumeTo: null, releaseTo: null };

/** Timer id of this machine. */
export const overrideTimer = "operating.override";

interface Outcome {
  readonly context: OperatingContext;
  readonly effects: readonly OperatingEffect[];
}

const entryOf = (
  context: OperatingContext,
  entry: Omit<HistoryEntry, "metrics" | "pinned" | "operator"> & { readonly operator?: string | null },
): OperatingEffect => ({
  type: "operating.history.append",
  entry: { operator: null, ...entry, metrics: context.readings, pinned: context.override?.state ?? null },
});

/** Announces the state in force when it has changed; each such change starts the cooldown. */
const settle = (state: OperatingState, context: OperatingContext, at: number, rule: MoveRule, reason: string): Outcome => {
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
const seen = (context: OperatingContext, at: number): Outcome => {
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
const endOverride = (
  state: OperatingState,
  context: OperatingContext,
  at: number,
  { operator, reason }: { readonly operator: string | null; readonly reason: string },
): Outcome => {
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

const evaluate = (state: OperatingState, context: OperatingContext, event: OperatingEvent & { metrics: unknown }): Outcome => {
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
  const apply = (outcome: Outcome): void => {
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

const move = (context: OperatingContext, at: number, rule: MoveRule, from: OperatingState, to: OperatingState): Outcome => {
  const { policy, readings, safety, step } = context;
  const isRule = rule in ruleEdges;
  const clauses = isRule
    ? [
        ...decidingClauses(rule as RuleName, policy, readings, safety).map(clauseText),
        ...(ruleEdges[rule as RuleName].isPromotion ? [`held_days>=${heldDaysWanted(rule as RuleName, policy)}`] : []),
      ]
    : rule === "LOCKDOWN_RESUME" || rule === "SAFETY_FAIL"
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

const noteSafety = (state: OperatingState, context: OperatingContext, event: OperatingEvent & { to: SafetyView }): Outcome => {
  const { to, at } = event;
  const halted = to === "LOCKDOWN" || to === "FAIL";
  return settle(
    state,
    {
      ...context,
      safety: to,
      lockdown: context.lockdown || to === "LOCKDOWN",
      confirmations: halted ? {} : context.confirmations,
    },
    at,
    context.lockdown ? "LOCKDOWN_RESUME" : "OVERRIDE",
    context.lockdown ? "lockdown_release_conservative" : `safety is ${to}: the lower of pinned and rule state`,
  );
};

/** FAIL: DEFENSIVE at once, whatever was pinned, held or pending. */
const force = (from: OperatingState, context: OperatingContext, event: OperatingEvent & { reason: string }): Outcome => {
  const { at } = event;
  const reason = `safety_fail_force_defensive: ${event.reason}`;
  const inForce = context.effective.state;
  const forced: OperatingContext = { ...context, safety: "FAIL", override: null, confirmations: {} };
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

interface InState {
  readonly state: OperatingState;
}

const base = setup({
  types: {
    context: {} as OperatingContext,
    input: {} as OperatingInput,
    events: {} as OperatingEvent,
    emitted: {} as OperatingEffect,
  },
  guards: {
    isOutOfOrder: ({ context, event }) => context.evaluatedAt !== null && event.at < context.evaluatedAt,
    isFail: ({ event }) => event.type === "safety.changed" && event.to === "FAIL",
    isOverrideDue: ({ context, event }) =>
      event.type === "timer.due" &&
      event.id === overrideTimer &&
      context.override !== null &&
      event.at >= context.override.expiresAt,
    mayOverride: ({ context, event }, { state }: InState) =>
      event.type === "operating.override.requested" && overrideProblem(event, event.at, state, context) === undefined,
    resumesTo: ({ context }, { state }: InState) => context.step.resumeTo === state,
    releasesTo: ({ context }, { state }: InState) => context.step.releaseTo === state,
    // Facts between evaluations find the step of the last one still open; only an evaluation may use its own.
    isStepOpen: ({ context, event }) => context.step.open && event.type === "operating.metrics.measured",
    isConfirmed: ({ context }, { rule }: { rule: RuleName }) =>
      isConfirmed(context.confirmations[rule], context.policy) || isHaltedAtOnce(rule, context.policy, context.readings),
    hasDwelled: ({ context, event }, { rule }: { rule: RuleName }) =>
      event.at >= heldUntil(rule, context.policy, context.enteredAt ?? event.at),
    isCooledDown: ({ context, event }, { rule }: { rule: RuleName }) =>
      event.at >= (cooledAt(rule, context.policy, context.lastMoveAt) ?? event.at),
    isTargetCalm: ({ context }, { rule }: { rule: RuleName }) =>
      promotionBlock(rule, context.policy, context.readings, context.safety) === undefined,
  },
  actions: {
    evaluate: enqueueActions(({ context, event, enqueue }, { state }: InState) => {
      if (event.type !== "operating.metrics.measured") return;
      const found = seen(context, event.at);
      const outcome = evaluate(state, found.context, event);
      enqueue.assign(outcome.context);
      for (const effect of [...found.effects, ...outcome.effects]) enqueue.emit(effect);
    }),
    refuseEvaluation: enqueueActions(({ context, event, enqueue }) => {
      const { context: next, effects } = seen(context, event.at);
      // Without this the step that the previous evaluation left open could be taken now.
      enqueue.assign({ ...next, step: noStep });
      for (const effect of effects) enqueue.emit(effect);
      const lateMs = (context.evaluatedAt ?? event.at) - event.at;
      enqueue.emit({
        type: "safety.report",
        kind: "anomaly",
        code: "AN012",
        reason: `at is ${lateMs} ms before the previous evaluation`,
      });
    }),
    move: enqueueActions(
      ({ context, event, enqueue }, { rule, from, to }: { rule: MoveRule; from: OperatingState; to: OperatingState }) => {
        const { context: next, effects } = move(context, event.at, rule, from, to);
        enqueue.assign(next);
        for (const effect of effects) enqueue.emit(effect);
      },
    ),
    noteSafety: enqueueActions(({ context, event, enqueue }, { state }: InState) => {
      if (event.type !== "safety.changed") return;
      const found = seen(context, event.at);
      const outcome = noteSafety(state, found.context, event);
      enqueue.assign(outcome.context);
      for (const effect of [...found.effects, ...outcome.effects]) enqueue.emit(effect);
    }),
    forceDefensive: enqueueActions(({ context, event, enqueue }, { state }: InState) => {
      if (event.type !== "safety.changed") return;
      const outcome = force(state, seen(context, event.at).context, event);
      enqueue.assign(outcome.context);
      for (const effect of outcome.effects) enqueue.emit(effect);
    }),
    setOverride: enqueueActions(({ context, event, enqueue }, { state }: InState) => {
      if (event.type !== "operating.override.requested") return;
      const { operator, reason, at, expiresAt } = event;
      const found = seen(context, at).context;
      const pinned: OperatingContext = { ...found, override: { state: event.state, operator, reason, setAt: at, expiresAt } };
      const settled = settle(state, pinned, at, "OVERRIDE", reason);
      enqueue.assign(settled.context);
      enqueue.emit({ type: "timer.set", id: overrideTimer, at: expiresAt });
      enqueue.emit(
        entryOf(found, {
          at,
          from: context.effective.state,
          to: settled.context.effective.state,
          rule: "OVERRIDE",
          clauses: [],
          operator,
          reason,
        }),
      );
      for (const effect of settled.effects) enqueue.emit(effect);
    }),
    refuseOverride: enqueueActions(({ context, event, enqueue }, { state }: InState) => {
      if (event.type !== "operating.override.requested") return;
      const { at, operator } = event;
      const reason = overrideProblem(event, at, state, context) ?? "";
      const { state: inForce } = context.effective;
      enqueue.emit(entryOf(context, { at, from: inForce, to: inForce, rule: "OVERRIDE_REFUSED", clauses: [], operator, reason }));
    }),
    endOverride: enqueueActions(({ context, event, enqueue }, { state }: InState) => {
      const cause =
        event.type === "operating.override.cleared"
          ? { operator: event.operator, reason: `override_cleared: ${event.reason}` }
          : { operator: null, reason: "override_expired" };
      const outcome = endOverride(state, seen(context, event.at).context, event.at, cause);
      enqueue.assign(outcome.context);
      for (const effect of outcome.effects) enqueue.emit(effect);
    }),
    // The timer came before its time, because the clock stepped back: it is asked for again.
    askAgain: enqueueActions(({ context, event, enqueue }) => {
      if (event.type === "timer.due" && event.id === overrideTimer && context.override !== null)
        enqueue.emit({ type: "timer.set", id: overrideTimer, at: context.override.expiresAt });
    }),
  },
});

const moving = (rule: MoveRule, from: OperatingState, to: OperatingState) =>
  ({ target: to, actions: { type: "move", params: { rule, from, to } } }) as const;
/** A rule is followed once per evaluation, when it is confirmed and, where the reading says so, held and cooled down. */
const demotes = (rule: RuleName) =>
  and([
    "isStepOpen",
    { type: "isConfirmed", params: { rule } },
    { type: "hasDwelled", params: { rule } },
    { type: "isCooledDown", params: { rule } },
  ]);
/** A promotion waits for all of that, and does not lead into a state that must be left again. */
const promotes = (rule: RuleName) =>
  and([
    "isStepOpen",
    { type: "isConfirmed", params: { rule } },
    { type: "hasDwelled", params: { rule } },
    { type: "isCooledDown", params: { rule } },
    { type: "isTargetCalm", params: { rule } },
  ]);
const releases = (to: OperatingState) => ({ type: "releasesTo", params: { state: to } }) as const;

/** What every state does with facts that do not leave it by a rule. */
const listening = (state: OperatingState) =>
  ({
    "operating.metrics.measured": [
      { guard: "isOutOfOrder", actions: "refuseEvaluation" },
      { actions: { type: "evaluate", params: { state } } },
    ],
    "operating.override.requested": [
      { guard: { type: "mayOverride", params: { state } }, actions: { type: "setOverride", params: { state } } },
      { actions: { type: "refuseOverride", params: { state } } },
    ],
    "operating.override.cleared": { actions: { type: "endOverride", params: { state } } },
    "timer.due": [{ guard: "isOverrideDue", actions: { type: "endOverride", params: { state } } }, { actions: "askAgain" }],
  }) as const;

export const operatingMachine = base.createMachine({
  id: "operating",
  context: ({ input }) => {
    const policy = policyOf(input);
    return {
      policy,
      safety: "NORMAL",
      lockdown: false,
      enteredAt: null,
      lastMoveAt: null,
      metrics: noMetrics,
      readings: noReadings,
      absent: [],
      evaluatedAt: null,
      steppedAt: null,
      seenAt: null,
      confirmations: {},
      override: null,
      effective: { state: policy.initial, since: null, rule: null, reason: "initial" },
      step: noStep,
    };
  },
  initial: "starting",
  states: {
    starting: {
      description: "Goes at once to the state that the configuration names; never seen from outside.",
      always: [
        { guard: ({ context }) => context.policy.initial === "AGGRESSIVE", target: "AGGRESSIVE" },
        { guard: ({ context }) => context.policy.initial === "DEFENSIVE", target: "DEFENSIVE" },
        { target: "BALANCED" },
      ],
    },
    AGGRESSIVE: {
      description:
        "Left downwards by A_TO_B, LOCKDOWN_RESUME or the end of a lower override, one step per evaluation; by FAIL at once.",
      on: {
        ...listening("AGGRESSIVE"),
        "safety.changed": [
          { guard: "isFail", target: "DEFENSIVE", actions: { type: "forceDefensive", params: { state: "AGGRESSIVE" } } },
          { actions: { type: "noteSafety", params: { state: "AGGRESSIVE" } } },
        ],
      },
      always: [
        { guard: releases("DEFENSIVE"), ...moving("OVERRIDE_EXPIRED", "AGGRESSIVE", "DEFENSIVE") },
        { guard: releases("BALANCED"), ...moving("OVERRIDE_EXPIRED", "AGGRESSIVE", "BALANCED") },
        { guard: { type: "resumesTo", params: { state: "BALANCED" } }, ...moving("LOCKDOWN_RESUME", "AGGRESSIVE", "BALANCED") },
        { guard: demotes("A_TO_B"), ...moving("A_TO_B", "AGGRESSIVE", "BALANCED") },
      ],
    },
    BALANCED: {
      description: "Left downwards by B_TO_D or the end of a lower override, upwards by B_TO_A; by FAIL at once.",
      on: {
        ...listening("BALANCED"),
        "safety.changed": [
          { guard: "isFail", target: "DEFENSIVE", actions: { type: "forceDefensive", params: { state: "BALANCED" } } },
          { actions: { type: "noteSafety", params: { state: "BALANCED" } } },
        ],
      },
      always: [
        { guard: releases("DEFENSIVE"), ...moving("OVERRIDE_EXPIRED", "BALANCED", "DEFENSIVE") },
        { guard: demotes("B_TO_D"), ...moving("B_TO_D", "BALANCED", "DEFENSIVE") },
        { guard: promotes("B_TO_A"), ...moving("B_TO_A", "BALANCED", "AGGRESSIVE") },
      ],
    },
    DEFENSIVE: {
      description: "Left upwards by D_TO_B only; in the literal reading also when LOCKDOWN is released.",
      on: {
        ...listening("DEFENSIVE"),
        "safety.changed": [
          { guard: "isFail", actions: { type: "forceDefensive", params: { state: "DEFENSIVE" } } },
          { actions: { type: "noteSafety", params: { state: "DEFENSIVE" } } },
        ],
      },
      always: [
        { guard: { type: "resumesTo", params: { state: "BALANCED" } }, ...moving("LOCKDOWN_RESUME", "DEFENSIVE", "BALANCED") },
        { guard: promotes("D_TO_B"), ...moving("D_TO_B", "DEFENSIVE", "BALANCED") },
      ],
    },
  },
});

/** What the risk gates enforce and what a person is shown (spec S19). */
export interface OperatingView {
  /** The state in force. */
  readonly state: OperatingState;
  readonly properties: StateProperties;
  /** Epoch ms; null before the first fact. */
  readonly since: number | null;
  readonly rule: string | null;
  readonly reason: string;
  /** The state the rules have come to; differs from `state` while a person has pinned another one. */
  readonly ruleState: OperatingState;
  readonly override: Override | null;
}

export const operatingView = (snapshot: { readonly value: unknown; readonly context: OperatingContext }): OperatingView => {
  const { effective, policy, override } = snapshot.context;
  return {
    ...effective,
    properties: policy.states[effective.state],
    ruleState: snapshot.value as OperatingState,
    override,
  };
};
