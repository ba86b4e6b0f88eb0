/**
 * How boldly may this process trade: AGGRESSIVE, BALANCED or DEFENSIVE?
 *
 * The chart's state is what the rules have come to. A person may pin another one for a while; `operatingView` says which is
 * in force. An evaluation only takes readings and advances confirmations; the transitions that follow it read the rest from
 * the context, where everything a restart must bring back is kept (spec S16).
 */
import { and, enqueueActions, setup } from "xstate";
import type { MoveRule, OperatingContext, OperatingEffect, OperatingEvent } from "./operating-state.context.ts";
import { noMetrics, noReadings } from "./operating-state.metrics.ts";
import { type Override, overrideProblem } from "./operating-state.override.ts";
import { type OperatingInput, type OperatingState, policyOf, type StateProperties } from "./operating-state.policy.ts";
import { cooledAt, heldUntil, isConfirmed, isHaltedAtOnce, type RuleName } from "./operating-state.rules.ts";
import {
  atTime,
  endOverride,
  entryOf,
  evaluate,
  force,
  move,
  noStep,
  noteSafety,
  overrideTimer,
  settle,
} from "./operating-state.steps.ts";

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
  },
  actions: {
    evaluate: enqueueActions(({ context, event, enqueue }, { state }: InState) => {
      if (event.type !== "operating.metrics.measured") return;
      const found = atTime(context, event.at);
      const outcome = evaluate(state, found.context, event);
      enqueue.assign(outcome.context);
      for (const effect of [...found.effects, ...outcome.effects]) enqueue.emit(effect);
    }),
    refuseEvaluation: enqueueActions(({ context, event, enqueue }) => {
      const { context: next, effects } = atTime(context, event.at);
      enqueue.assign(next);
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
      const found = atTime(context, event.at);
      const outcome = noteSafety(state, found.context, event);
      enqueue.assign(outcome.context);
      for (const effect of [...found.effects, ...outcome.effects]) enqueue.emit(effect);
    }),
    forceDefensive: enqueueActions(({ context, event, enqueue }, { state }: InState) => {
      if (event.type !== "safety.changed") return;
      const outcome = force(state, atTime(context, event.at).context, event);
      enqueue.assign(outcome.context);
      for (const effect of outcome.effects) enqueue.emit(effect);
    }),
    setOverride: enqueueActions(({ context, event, enqueue }, { state }: InState) => {
      if (event.type !== "operating.override.requested") return;
      const { operator, reason, at, expiresAt } = event;
      const found = atTime(context, at).context;
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
      const outcome = endOverride(state, atTime(context, event.at).context, event.at, cause);
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
  ({ target: to, description: `by ${rule}`, actions: { type: "move", params: { rule, from, to } } }) as const;
/**
 * A rule is followed once per evaluation, when it is confirmed and, where the reading says so, held and cooled down. What guards
 * a promotion is confirmed with it.
 */
const follows = (rule: RuleName) =>
  and([
    "isStepOpen",
    { type: "isConfirmed", params: { rule } },
    { type: "hasDwelled", params: { rule } },
    { type: "isCooledDown", params: { rule } },
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
        { guard: ({ context }) => context.policy.initial === "AGGRESSIVE", target: "AGGRESSIVE", description: "configured so" },
        { guard: ({ context }) => context.policy.initial === "DEFENSIVE", target: "DEFENSIVE", description: "configured so" },
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
        { guard: follows("A_TO_B"), ...moving("A_TO_B", "AGGRESSIVE", "BALANCED") },
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
        { guard: follows("B_TO_D"), ...moving("B_TO_D", "BALANCED", "DEFENSIVE") },
        { guard: follows("B_TO_A"), ...moving("B_TO_A", "BALANCED", "AGGRESSIVE") },
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
        { guard: follows("D_TO_B"), ...moving("D_TO_B", "DEFENSIVE", "BALANCED") },
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
