/**
 * Heartbeat: does a dead-man's switch outside hear that the house lives?
 *
 * Each beat has gone through the house before it leaves: its deadline through the corridor and the journal to this machine, and
 * the effect back out once its cause is durable. A house that hangs, or cannot write, is silent, and the switch sounds.
 */
import { assign, emit, enqueueActions, setup } from "xstate";
import type { Alert, TimerClear, TimerSet } from "./effects.ts";
import type { EventOf, FactType } from "./facts/catalog.ts";
import { type HeartbeatPace, isLasting, outcomeMsMax, retryMs } from "./heartbeat.rules.ts";

export interface HeartbeatInput extends HeartbeatPace {
  /** False without an address. The address itself is a secret and never comes in here, where snapshots and inspectors look. */
  readonly isOn: boolean;
}

export const heartbeatTakes = [
  "session.started",
  "session.ended",
  "heartbeat.sent",
  "heartbeat.failed",
  "timer.due",
] as const satisfies readonly FactType[];
export type HeartbeatEvent = EventOf<typeof heartbeatTakes>;

export type HeartbeatEffect =
  /** Tell the switch outside, once the cause is durable; answered by heartbeat.sent or heartbeat.failed of the same beat. */
  { readonly type: "heartbeat.send"; readonly beat: number } | TimerSet | TimerClear | Alert;

export interface HeartbeatContext {
  readonly policy: HeartbeatInput;
  /** Number of the latest beat. */
  readonly beat: number;
  /** Beats in a row that did not arrive, and since when; 0 and null while they do. */
  readonly failures: number;
  readonly failingSince: number | null;
  /** AN092 is out and has not been resolved. */
  readonly isAlerted: boolean;
}

/** Timer id of this machine: the next beat, or the latest time for the outcome of this one. */
export const heartbeatTimer = "heartbeat";

const untroubled = { failures: 0, failingSince: null, isAlerted: false } as const;

export const heartbeatMachine = setup({
  types: {
    context: {} as HeartbeatContext,
    input: {} as HeartbeatInput,
    events: {} as HeartbeatEvent,
    emitted: {} as HeartbeatEffect,
  },
  guards: {
    isOn: ({ context }) => context.policy.isOn,
    isDue: ({ event }) => event.type === "timer.due" && event.id === heartbeatTimer,
    isThisBeat: ({ context, event }) => "beat" in event && event.beat === context.beat,
  },
  actions: {
    // The process that alerts are open in is gone; the new one tells people itself.
    forget: assign(untroubled),
    countBeat: assign({ beat: ({ context }) => context.beat + 1 }),
    send: emit(({ context }) => ({ type: "heartbeat.send" as const, beat: context.beat })),
    setNext: emit(({ context, event }) => ({
      type: "timer.set" as const,
      id: heartbeatTimer,
      at: event.at + context.policy.everyMs,
    })),
    setLimit: emit(({ context, event }) => ({
      type: "timer.set" as const,
      id: heartbeatTimer,
      at: event.at + outcomeMsMax(context.policy),
    })),
    setRetry: emit(({ context, event }) => ({
      type: "timer.set" as const,
      id: heartbeatTimer,
      at: event.at + retryMs(context.failures, context.policy),
    })),
    clearTimer: emit({ type: "timer.clear", id: heartbeatTimer }),
    noteFailure: enqueueActions(({ context, event, enqueue }) => {
      const { failures, policy, isAlerted } = context;
      const failingSince = context.failingSince ?? event.at;
      const lasts = isLasting(failingSince, event.at, policy);
      enqueue.assign({ failures: failures + 1, failingSince, isAlerted: lasts });
      if (!lasts || isAlerted) return;
      const cause = event.type === "heartbeat.failed" ? event.reason : `no outcome within ${outcomeMsMax(policy)} ms`;
      const text = `no heartbeat has arrived for ${event.at - failingSince} ms: ${cause}`;
      enqueue.emit({ type: "alert.warning", code: "AN092", text });
    }),
    noteArrival: enqueueActions(({ context, enqueue }) => {
      if (context.isAlerted) enqueue.emit({ type: "alert.resolved", code: "AN092", text: "heartbeats arrive again" });
      enqueue.assign(untroubled);
    }),
  },
}).createMachine({
  id: "heartbeat",
  context: ({ input }) => ({ policy: input, beat: 0, ...untroubled }),
  initial: "silent",
  on: {
    // What was under way died with the process before.
    "session.started": [
      { guard: "isOn", target: ".beating", actions: "forget" },
      { target: ".silent", actions: ["forget", "clearTimer"] },
    ],
    "session.ended": { target: ".silent", actions: "clearTimer" },
  },
  states: {
    silent: { description: "Nobody is told: there is no address, or the session has not begun or is over." },
    resting: {
      description: "The last heartbeat arrived; the next one waits for its time.",
      entry: "setNext",
      on: { "timer.due": { guard: "isDue", target: "beating" } },
    },
    beating: {
      description: "A heartbeat waits for the journal or for its answer.",
      entry: ["countBeat", "send", "setLimit"],
      on: {
        "heartbeat.sent": { guard: "isThisBeat", target: "resting", actions: "noteArrival" },
        "heartbeat.failed": { guard: "isThisBeat", target: "missing", actions: "noteFailure" },
        "timer.due": { guard: "isDue", target: "missing", actions: "noteFailure" },
      },
    },
    missing: {
      description: "The last heartbeat did not arrive; it is tried again, ever later, up to the pace of the heartbeat itself.",
      entry: "setRetry",
      on: { "timer.due": { guard: "isDue", target: "beating" } },
    },
  },
});
