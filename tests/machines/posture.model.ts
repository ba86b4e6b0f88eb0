/**
 * Safety and operating state together, as one logic that xstate/graph can explore: facts go to safety, what it announces
 * goes to the operating state in the same step, as the house does it.
 */
import { type AnyStateMachine, type AnyTransitionDefinition, createActor, fromTransition } from "xstate";
import type { OperatingContext, OperatingEffect, OperatingEvent } from "#machines/operating-state.context.ts";
import { operatingMachine, operatingView } from "#machines/operating-state.machine.ts";
import type { OperatingInput, OperatingState } from "#machines/operating-state.policy.ts";
import { isConfirmed, ruleNames } from "#machines/operating-state.rules.ts";
import { type SafetyContext, type SafetyEffect, type SafetyEvent, safetyMachine } from "#machines/safety.machine.ts";
import { dayMs, hourMs, measuredAt, neutral, type PlainMetrics, startAt, sunny } from "../core/state/posture-series.ts";
import { operatingDefaults } from "./operating-state.drive.ts";

export const safetyPolicy = { quietPeriodMs: 600_000, brokerGraceMs: 30_000 };

/** One thing that may happen, with how much later it happens; the time itself comes from the state. */
export interface PostureFact {
  readonly type: string;
  readonly afterMs: number;
  readonly make: (at: number) => SafetyEvent | OperatingEvent;
}
const minute = 60_000;
const cause = { code: "FS070", reason: "model" };
const metrics = (type: string, afterMs: number, values: PlainMetrics): PostureFact => ({
  type,
  afterMs,
  make: (at) => ({ type: "operating.metrics.measured", at, metrics: measuredAt(values, at) }),
});
const pin = (state: OperatingState): PostureFact => ({
  type: `pin ${state}`,
  afterMs: minute,
  make: (at) => ({
    type: "operating.override.requested",
    at,
    state,
    operator: "kim",
    reason: "model",
    expiresAt: at + 3 * dayMs,
  }),
});
const timer = (id: string, afterMs: number): PostureFact => ({
  type: `${id} after ${afterMs / minute} min`,
  afterMs,
  make: (at) => ({ type: "timer.due", at, id, dueAt: at }),
});

export const postureFacts: readonly PostureFact[] = [
  metrics("storm", hourMs, { ...neutral, vix: 35 }),
  metrics("gust", hourMs, { ...neutral, vix: 26 }),
  metrics("halt", hourMs, { ...neutral, circuitBreaker: true }),
  metrics("calm", hourMs, neutral),
  metrics("sun", 2 * hourMs, sunny),
  metrics("sun after eleven days", 11 * dayMs, sunny),
  metrics("late metrics", -minute, sunny),
  { type: "anomaly", afterMs: minute, make: (at) => ({ type: "anomaly.raised", at, ...cause, code: "AN010" }) },
  { type: "guardrail", afterMs: minute, make: (at) => ({ type: "guardrail.tripped", at, ...cause, code: "GR020" }) },
  { type: "fail-safe", afterMs: minute, make: (at) => ({ type: "failsafe.tripped", at, ...cause }) },
  { type: "cleared", afterMs: minute, make: (at) => ({ type: "failsafe.cleared", at, ...cause }) },
  { type: "emergency", afterMs: minute, make: (at) => ({ type: "emergency.stop.requested", at, reason: "model" }) },
  { type: "kill switch", afterMs: minute, make: (at) => ({ type: "kill.switch.tripped", at, reason: "model" }) },
  { type: "kill switch off", afterMs: minute, make: (at) => ({ type: "kill.switch.cleared", at, reason: "model" }) },
  { type: "lockdown", afterMs: minute, make: (at) => ({ type: "operator.lockdown.requested", at, reason: "model" }) },
  {
    type: "release",
    afterMs: minute,
    make: (at) => ({ type: "operator.lockdown.released", at, operator: "kim", reason: "model" }),
  },
  {
    type: "disconnected",
    afterMs: 1000,
    make: (at) => ({ type: "broker.disconnected", at, broker: "kis", reason: "model" }),
  },
  { type: "connected", afterMs: 1000, make: (at) => ({ type: "broker.connected", at, broker: "kis" }) },
  timer("safety.quiet", minute),
  timer("safety.quiet", 11 * minute),
  timer("safety.broker", 1000),
  timer("safety.broker", minute),
  timer("operating.override", minute),
  timer("operating.override", 4 * dayMs),
  pin("AGGRESSIVE"),
  pin("BALANCED"),
  pin("DEFENSIVE"),
  {
    type: "too long a pin",
    afterMs: minute,
    make: (at) => ({
      type: "operating.override.requested",
      at,
      state: "DEFENSIVE",
      operator: "kim",
      reason: "model",
      expiresAt: at + 8 * dayMs,
    }),
  },
  {
    type: "unpin",
    afterMs: minute,
    make: (at) => ({ type: "operating.override.cleared", at, operator: "kim", reason: "model" }),
  },
];
const factsByType = new Map(postureFacts.map((fact) => [fact.type, fact]));

interface Part<Context> {
  readonly value: string;
  readonly context: Context;
}
export interface PostureModelState {
  readonly at: number;
  readonly safety: Part<SafetyContext>;
  readonly operating: Part<OperatingContext>;
  /** What the last fact made the machines emit. */
  readonly effects: readonly (SafetyEffect | OperatingEffect)[];
}

const nameOf = ({ source, eventType, target }: AnyTransitionDefinition): string => {
  const siblings = eventType === "" ? (source.always ?? []) : (source.transitions.get(eventType) ?? []);
  return `${source.id} ${eventType || "always"} → ${target?.[0]?.key ?? "stays"}${siblings.length > 1 ? ` (${guardOf(siblings, eventType, target)})` : ""}`;
};
const guardOf = (
  siblings: readonly AnyTransitionDefinition[],
  eventType: string,
  target: AnyTransitionDefinition["target"],
): string => String(siblings.findIndex((sibling) => sibling.eventType === eventType && sibling.target === target));

/** Every transition of a chart, once each. */
export const transitionsOf = (machine: AnyStateMachine): ReadonlySet<AnyTransitionDefinition> =>
  new Set(Object.values(machine.states).flatMap((node) => [...[...node.transitions.values()].flat(), ...(node.always ?? [])]));
export const transitionName = (transition: AnyTransitionDefinition): string => nameOf(transition);

const step = <Context>(
  machine: AnyStateMachine,
  part: Part<Context>,
  event: SafetyEvent | OperatingEvent,
  taken: Set<AnyTransitionDefinition>,
): { readonly part: Part<Context>; readonly effects: readonly (SafetyEffect | OperatingEffect)[] } => {
  const effects: (SafetyEffect | OperatingEffect)[] = [];
  const actor = createActor(machine, {
    snapshot: machine.resolveState({ value: part.value, context: part.context as never }) as never,
    inspect: (inspection) => {
      if (inspection.type === "@xstate.microstep") for (const transition of inspection._transitions) taken.add(transition);
    },
  });
  actor.on("*", (effect) => {
    effects.push(effect as SafetyEffect | OperatingEffect);
  });
  actor.start();
  actor.send(event);
  const { value, context } = actor.getSnapshot();
  actor.stop();
  return { part: { value: value as string, context: context as Context }, effects };
};

const isForSafety = (event: { readonly type: string }): boolean =>
  !event.type.startsWith("operating.") && event.type !== "safety.changed";
const isForOperating = (event: { readonly type: string }): boolean =>
  event.type.startsWith("operating.") || event.type === "timer.due";

/**
 * @param taken collects the transitions that any step took
 * @param given what differs from the default configuration
 */
export const postureLogic = (taken: Set<AnyTransitionDefinition>, given: Partial<OperatingInput> = {}) => {
  const input = { ...operatingDefaults, ...given };
  const began = createActor(operatingMachine, {
    input,
    inspect: (inspection) => {
      if (inspection.type === "@xstate.microstep") for (const transition of inspection._transitions) taken.add(transition);
    },
  }).start();
  const safetyContext = createActor(safetyMachine, { input: safetyPolicy }).getSnapshot().context;
  const initial: PostureModelState = {
    at: startAt,
    safety: { value: "NORMAL", context: safetyContext },
    operating: { value: input.initial, context: began.getSnapshot().context },
    effects: [],
  };
  return fromTransition((state: PostureModelState, { type }: { readonly type: string }): PostureModelState => {
    const fact = factsByType.get(type);
    if (fact === undefined) return state;
    const at = state.at + fact.afterMs;
    const event = fact.make(at);
    let { safety, operating } = state;
    const effects: (SafetyEffect | OperatingEffect)[] = [];
    const tell = (told: OperatingEvent): void => {
      const outcome = step(operatingMachine, operating, told, taken);
      operating = outcome.part;
      effects.push(...outcome.effects);
    };
    if (isForSafety(event)) {
      const outcome = step(safetyMachine, safety, event, taken);
      safety = outcome.part;
      effects.push(...outcome.effects);
      for (const effect of outcome.effects)
        if (effect.type === "safety.announce") tell({ ...effect, type: "safety.changed", at } as OperatingEvent);
    }
    if (isForOperating(event)) tell(event as OperatingEvent);
    return { at: Math.max(at, state.at), safety, operating, effects };
  }, initial);
};

/** What makes two states of the model the same: everything but absolute times. */
export const postureKey = ({ safety, operating, at }: PostureModelState): string => {
  const { override, confirmations, policy, lockdown, enteredAt, effective } = operating.context;
  const running = ruleNames.map((rule) => {
    const confirmation = confirmations[rule];
    return confirmation === undefined ? 0 : isConfirmed(confirmation, policy) ? 2 : 1;
  });
  return [
    safety.value,
    safety.context.cause?.code === "FS040" ? "broker" : "",
    safety.context.brokerDueAt === null ? "" : "grace",
    operating.value,
    effective.state,
    override?.state ?? "free",
    lockdown ? "locked" : "",
    running.join(""),
    enteredAt !== null && at - enteredAt >= 10 * dayMs ? "held" : "young",
  ].join(" ");
};

export const viewOf = ({ operating }: PostureModelState) => operatingView(operating);
