/**
 * When does an evaluation cycle run, and when does the loop stop?
 *
 * The loop itself knows no strategy and no risk arithmetic (seed 001 §2.1): it emits `cycle.run` and waits for the outcome.
 * There is never a second cycle before the first has answered. Intervals, retries and stop policies: default.yaml, spec O9.
 */
import { and, assign, emit, setup } from "xstate";
import type { Alert, SafetyReport, TimerClear, TimerSet } from "./effects.ts";
import type { EventOf, FactType } from "./facts/catalog.ts";

export interface ExecutionLoopInput {
  readonly intervalMs: number;
  readonly errorBackoffMs: number;
  /** Errors in a row after which the loop waits `errorBackoffMs` instead of the interval. */
  readonly retriesMax: number;
  readonly cycleBudgetMs: number;
  /** Stop policies; 0 means no limit. */
  readonly cyclesMax: number;
  readonly consecutiveErrorsMax: number;
}

export const executionTakes = [
  "session.started",
  "execution.start.requested",
  "execution.stop.requested",
  "cycle.completed",
  "cycle.failed",
  "safety.changed",
  "timer.due",
] as const satisfies readonly FactType[];
export type ExecutionLoopEvent = EventOf<typeof executionTakes>;

export type ExecutionLoopEffect =
  | { readonly type: "cycle.run"; readonly cycle: number }
  | TimerSet
  | TimerClear
  | SafetyReport
  | Alert;

interface ExecutionLoopContext {
  readonly policy: ExecutionLoopInput;
  readonly cycle: number;
  readonly intents: number;
  readonly consecutiveErrors: number;
  readonly overruns: number;
  readonly stopCause: string | null;
  /** Known in every state, so that a loop that is started in LOCKDOWN, after a clean stop too, does not evaluate. */
  readonly isLockedDown: boolean;
}

/** Timer ids of this machine. */
export const cycleTimer = "execution.cycle";
export const budgetTimer = "execution.budget";

export const executionLoopMachine = setup({
  types: {
    context: {} as ExecutionLoopContext,
    input: {} as ExecutionLoopInput,
    events: {} as ExecutionLoopEvent,
    emitted: {} as ExecutionLoopEffect,
  },
  guards: {
    isCycleDue: ({ event }) => event.type === "timer.due" && event.id === cycleTimer,
    isBudgetSpent: ({ event }) => event.type === "timer.due" && event.id === budgetTimer,
    isThisCycle: ({ context, event }) =>
      (event.type === "cycle.completed" || event.type === "cycle.failed") && event.cycle === context.cycle,
    isLockdown: ({ event }) => event.type === "safety.changed" && event.to === "LOCKDOWN",
    isLockdownOver: ({ event }) => event.type === "safety.changed" && event.from === "LOCKDOWN",
    isInLockdown: ({ context }) => context.isLockedDown,
    wasLastCycle: ({ context }) => context.policy.cyclesMax > 0 && context.cycle >= context.policy.cyclesMax,
    wasLastError: ({ context }) => context.consecutiveErrors + 1 >= context.policy.consecutiveErrorsMax,
  },
  actions: {
    setNextCycle: emit(({ context, event }) => ({
      type: "timer.set" as const,
      id: cycleTimer,
      at:
        event.at +
        (context.consecutiveErrors > context.policy.retriesMax ? context.policy.errorBackoffMs : context.policy.intervalMs),
    })),
    clearNextCycle: emit({ type: "timer.clear", id: cycleTimer }),
    setBudget: emit(({ context, event }) => ({
      type: "timer.set" as const,
      id: budgetTimer,
      at: event.at + context.policy.cycleBudgetMs,
    })),
    clearBudget: emit({ type: "timer.clear", id: budgetTimer }),
    runCycle: emit(({ context }) => ({ type: "cycle.run" as const, cycle: context.cycle })),
    countIntents: assign(({ context, event }) =>
      event.type === "cycle.completed" ? { intents: context.intents + event.intents, consecutiveErrors: 0 } : {},
    ),
    countError: assign(({ context }) => ({ consecutiveErrors: context.consecutiveErrors + 1 })),
    countOverrun: assign(({ context }) => ({ overruns: context.overruns + 1 })),
    reportOverrun: emit(({ context }) => ({
      type: "safety.report" as const,
      kind: "anomaly" as const,
      code: "AN040" as const,
      reason: `cycle ${context.cycle} is over its budget of ${context.policy.cycleBudgetMs} ms`,
    })),
    noteSafety: assign(({ event }) => (event.type === "safety.changed" ? { isLockedDown: event.to === "LOCKDOWN" } : {})),
    noteStopCause: assign(({ event }) => (event.type === "execution.stop.requested" ? { stopCause: event.cause } : {})),
    forgetStop: assign({ stopCause: null, consecutiveErrors: 0 }),
    noteLastCycle: assign({ stopCause: "the configured number of cycles is done" }),
    noteLastError: assign({ stopCause: "too many cycles failed in a row" }),
    reportErrors: emit(({ context, event }) => ({
      type: "safety.report" as const,
      kind: "failsafe" as const,
      code: "FS060" as const,
      reason: `${context.policy.consecutiveErrorsMax} cycles failed in a row${event.type === "cycle.failed" ? `; the last one: ${event.reason}` : ""}`,
    })),
  },
}).createMachine({
  id: "execution",
  context: ({ input }) => ({
    policy: input,
    cycle: 0,
    intents: 0,
    consecutiveErrors: 0,
    overruns: 0,
    stopCause: null,
    isLockedDown: false,
  }),
  initial: "idle",
  on: { "safety.changed": { actions: "noteSafety" } },
  states: {
    idle: {
      description: "No cycles yet: trading opens only after reconciliation, and only when asked.",
      on: { "execution.start.requested": [{ guard: "isInLockdown", target: "suspended" }, { target: "running" }] },
    },
    running: {
      initial: "waiting",
      on: {
        "safety.changed": { guard: "isLockdown", target: "suspended", actions: "noteSafety" },
        // An effect in flight at a crash is gone: wait for the next interval instead of for an answer that cannot come.
        "session.started": { target: ".waiting", reenter: true },
      },
      states: {
        waiting: {
          entry: "setNextCycle",
          on: {
            "timer.due": { guard: "isCycleDue", target: "cycling" },
            // No cycle is under way, so there is nothing to wait for.
            "execution.stop.requested": { target: "#execution.stopped", actions: "noteStopCause" },
          },
        },
        cycling: {
          description: "One cycle is under way; a second one cannot begin.",
          entry: [assign({ cycle: ({ context }) => context.cycle + 1 }), "setBudget", "runCycle"],
          exit: "clearBudget",
          on: {
            "cycle.completed": [
              {
                guard: and(["isThisCycle", "wasLastCycle"]),
                target: "#execution.stopped",
                actions: ["countIntents", "noteLastCycle"],
              },
              { guard: "isThisCycle", target: "waiting", actions: "countIntents" },
            ],
            "cycle.failed": [
              {
                guard: and(["isThisCycle", "wasLastError"]),
                target: "#execution.stopped",
                actions: ["countError", "noteLastError", "reportErrors"],
              },
              { guard: "isThisCycle", target: "waiting", actions: "countError" },
            ],
            "timer.due": { guard: "isBudgetSpent", actions: ["countOverrun", "reportOverrun"] },
            "execution.stop.requested": { target: "#execution.stopping", actions: "noteStopCause" },
          },
        },
      },
    },
    suspended: {
      description: "LOCKDOWN: nothing is evaluated until a person has released it. Marks and the archive go on.",
      entry: "clearNextCycle",
      on: {
        "safety.changed": { guard: "isLockdownOver", target: "running", actions: "noteSafety" },
        "execution.stop.requested": { target: "stopped", actions: "noteStopCause" },
      },
    },
    stopping: {
      description: "The cycle under way may finish; a budget later the loop stops without it.",
      entry: ["clearNextCycle", "setBudget"],
      on: {
        "cycle.completed": { guard: "isThisCycle", target: "stopped", actions: "countIntents" },
        "cycle.failed": { guard: "isThisCycle", target: "stopped", actions: "countError" },
        "timer.due": { guard: "isBudgetSpent", target: "stopped" },
        "session.started": { target: "stopped" },
      },
    },
    stopped: {
      entry: ["clearNextCycle", "clearBudget"],
      on: {
        "execution.start.requested": [
          { guard: "isInLockdown", target: "suspended", actions: "forgetStop" },
          { target: "running", actions: "forgetStop" },
        ],
      },
    },
  },
});
