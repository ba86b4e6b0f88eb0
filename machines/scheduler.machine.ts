/**
 * Scheduler: which target runs now, which waits, which rests after a failure (spec M11).
 *
 * When an occurrence is due is arithmetic and lives outside; what to do about it is decided here. Every target has its own
 * entry, so one that is slow or failing delays no other. Nothing is skipped for ever: an occurrence that comes at a bad
 * moment is remembered, and several become one run.
 */
import { assign, enqueueActions, setup } from "xstate";
import type { Alert, SafetyReport } from "./effects.ts";
import type { EventOf, FactType } from "./facts/catalog.ts";
import { type BackoffPolicy, newTarget, restMs, type TargetState } from "./scheduler.rules.ts";

export interface SchedulerInput extends BackoffPolicy {
  /** So many failures in a row raise an alert. */
  readonly failuresMax: number;
}

export const schedulerTakes = ["session.started", "schedule.due", "schedule.finished"] as const satisfies readonly FactType[];
export type SchedulerEvent = EventOf<typeof schedulerTakes>;

export type SchedulerEffect =
  | { readonly type: "schedule.run"; readonly target: string; readonly dueAt: number }
  /** Offer `schedule.due` for this target again at `at`. */
  | { readonly type: "schedule.retry"; readonly target: string; readonly at: number }
  /** After a start: look for occurrences since `lastDueAt` that nobody was there to see. */
  | { readonly type: "schedule.resume"; readonly target: string; readonly lastDueAt: number }
  | Alert
  | SafetyReport;

export interface SchedulerContext {
  readonly input: SchedulerInput;
  readonly targets: { readonly [target: string]: TargetState };
}

const targetIn = (context: SchedulerContext, target: string): TargetState => context.targets[target] ?? newTarget;

export const schedulerMachine = setup({
  types: {
    context: {} as SchedulerContext,
    input: {} as SchedulerInput,
    events: {} as SchedulerEvent,
    emitted: {} as SchedulerEffect,
  },
  guards: {
    mayRun: ({ context, event }) => {
      if (event.type !== "schedule.due") return false;
      const { isRunning, retryAt } = targetIn(context, event.target);
      return !isRunning && (retryAt === null || event.at >= retryAt);
    },
    wasLastStruggler: ({ context, event }) =>
      event.type === "schedule.finished" &&
      event.ok &&
      Object.entries(context.targets).every(
        ([target, { failures }]) => target === event.target || failures < context.input.failuresMax,
      ),
    isBeyondLimit: ({ context, event }) =>
      event.type === "schedule.finished" &&
      !event.ok &&
      targetIn(context, event.target).failures + 1 >= context.input.failuresMax,
  },
  actions: {
    run: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "schedule.due") return;
      const { target, dueAt } = event;
      const state: TargetState = {
        ...targetIn(context, target),
        lastDueAt: dueAt,
        isRunning: true,
        missedDueAt: null,
        retryAt: null,
      };
      enqueue.assign({ targets: { ...context.targets, [target]: state } });
      enqueue.emit({ type: "schedule.run", target, dueAt });
    }),
    remember: assign(({ context, event }) => {
      if (event.type !== "schedule.due") return {};
      const state = targetIn(context, event.target);
      return { targets: { ...context.targets, [event.target]: { ...state, missedDueAt: event.dueAt } } };
    }),
    finish: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "schedule.finished") return;
      const { target, at } = event;
      const before = targetIn(context, target);
      const failures = event.ok ? 0 : before.failures + 1;
      const rest = { ...before, isRunning: false, failures };
      if (event.ok && before.missedDueAt === null) {
        enqueue.assign({ targets: { ...context.targets, [target]: rest } });
      } else if (event.ok && before.missedDueAt !== null) {
        const dueAt = before.missedDueAt;
        enqueue.assign({
          targets: { ...context.targets, [target]: { ...rest, isRunning: true, lastDueAt: dueAt, missedDueAt: null } },
        });
        enqueue.emit({ type: "schedule.run", target, dueAt });
      } else {
        const retryAt = at + restMs(failures, context.input);
        enqueue.assign({ targets: { ...context.targets, [target]: { ...rest, retryAt } } });
        enqueue.emit({ type: "schedule.retry", target, at: retryAt });
      }
      if (!event.ok && failures === context.input.failuresMax) {
        const text = `${target} failed ${failures} times in a row: ${event.reason ?? "no reason given"}`;
        enqueue.emit({ type: "alert.warning", code: "AN091", text });
        enqueue.emit({ type: "safety.report", kind: "anomaly", code: "AN091", reason: text });
      }
      if (event.ok && before.failures >= context.input.failuresMax)
        enqueue.emit({ type: "alert.resolved", code: "AN091", text: `${target} works again` });
    }),
    resume: enqueueActions(({ context, enqueue }) => {
      const targets: Record<string, TargetState> = {};
      for (const [target, state] of Object.entries(context.targets)) {
        targets[target] = { ...state, isRunning: false, missedDueAt: null, retryAt: null };
        // A run that was under way died with the process: it is repeated, like one that was waiting.
        const open = state.missedDueAt ?? (state.isRunning || state.retryAt !== null ? state.lastDueAt : null);
        if (open !== null) {
          targets[target] = { ...targets[target], isRunning: true, lastDueAt: open } as TargetState;
          enqueue.emit({ type: "schedule.run", target, dueAt: open });
        }
        if (state.lastDueAt !== null) enqueue.emit({ type: "schedule.resume", target, lastDueAt: open ?? state.lastDueAt });
      }
      enqueue.assign({ targets });
    }),
  },
}).createMachine({
  id: "scheduler",
  context: ({ input }) => ({ input, targets: {} }),
  initial: "steady",
  on: {
    "session.started": { actions: "resume" },
    "schedule.due": [{ guard: "mayRun", actions: "run" }, { actions: "remember" }],
    "schedule.finished": { actions: "finish" },
  },
  states: {
    steady: {
      on: { "schedule.finished": { guard: "isBeyondLimit", target: "struggling", actions: "finish" } },
    },
    struggling: {
      description: "At least one target failed as often in a row as the limit allows; it goes on being tried, ever more rarely.",
      on: { "schedule.finished": { guard: "wasLastStruggler", target: "steady", actions: "finish" } },
    },
  },
});
