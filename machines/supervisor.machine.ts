/**
 * The root of everything that runs: it starts the parts, restarts a part that failed, and gives up in a way that is safe.
 *
 * A part may be restarted `restartsMax` times within `windowMs` (spec: 5 in 30 s), each time a little later. Beyond that
 * the failure escalates: a core part ⇒ fail-safe, trading stops; the ops subtree ⇒ WARNING at most, core does not notice.
 * A machine that stopped with an error comes back with the state it had before the fact that broke it (core/runtime/actor-system.ts).
 */
import type { AnyActorLogic } from "xstate";
import { assign, emit, enqueueActions, setup } from "xstate";
import type { Alert, SafetyReport, TimerClear, TimerSet } from "./effects.ts";
import type { EventOf, FactType } from "./facts/catalog.ts";
import type { OpsInput } from "./ops.machine.ts";
import { type RestartPolicy, type Restarts, restartDelayMs, restartsLeft, withRestart } from "./restarts.rules.ts";

/** Parts outside the machines that report `component.failed`; restarting them is their machine's or adapter's work. */
export interface SupervisorInput {
  readonly restart: RestartPolicy;
  /** Ops is optional: without it core runs and trades all the same (spec M10). */
  readonly ops: boolean;
  /** The parts to spawn, in order, each with the input of its machine; the ops subtree is one of them. */
  readonly parts: { readonly [part: string]: unknown; readonly ops?: OpsInput };
}

/** What xstate tells a parent when a child stopped with an error; it carries no time, so it is reported as the fact `component.failed`, which does. */
type PartError = { type: `xstate.error.actor.${string}`; error: unknown; actorId: string };

export const supervisorTakes = [
  "session.started",
  "session.ended",
  "component.failed",
  "timer.due",
] as const satisfies readonly FactType[];
export type SupervisorEvent = EventOf<typeof supervisorTakes> | PartError;

export type SupervisorEffect =
  | { readonly type: "component.restart"; readonly component: string }
  | { readonly type: "component.report.failed"; readonly component: string; readonly reason: string }
  | TimerSet
  | TimerClear
  | SafetyReport
  | Alert;

interface SupervisorContext {
  readonly input: SupervisorInput;
  readonly restarts: Restarts;
  readonly escalated: readonly string[];
}

const restartTimer = (component: string): string => `restart.${component}`;
const isPart = ({ parts }: SupervisorInput, component: string): boolean => Object.hasOwn(parts, component);
const isPartOfOps = ({ parts }: SupervisorInput, component: string): boolean => Object.hasOwn(parts.ops?.parts ?? {}, component);

export const supervisorMachine = setup({
  types: {
    context: {} as SupervisorContext,
    input: {} as SupervisorInput,
    events: {} as SupervisorEvent,
    emitted: {} as SupervisorEffect,
  },
  // Placeholders: the actor system provides each part's logic, the order desk's among them, and refuses to start without it.
  actors: {} as Record<string, AnyActorLogic>,
  guards: {
    hasRestartsLeft: ({ context, event }) =>
      event.type === "component.failed" && restartsLeft(context.restarts, event.component, event.at, context.input.restart) > 0,
    isOptional: ({ event }) => event.type === "component.failed" && event.component === "ops",
    isBelowOps: ({ context, event }) => event.type === "component.failed" && isPartOfOps(context.input, event.component),
    isRestartDue: ({ event }) =>
      event.type === "timer.due" && event.id.startsWith("restart.") && !event.id.startsWith("restart.ops."),
  },
  actions: {
    reportPartError: emit(({ event }) => ({
      type: "component.report.failed" as const,
      component: "actorId" in event ? event.actorId : "unknown",
      reason: "error" in event ? String(event.error) : "stopped with an error",
    })),
    spawnParts: enqueueActions(({ context, enqueue }) => {
      for (const [part, input] of Object.entries(context.input.parts))
        if (part !== "ops" || context.input.ops) enqueue.spawnChild(part, { id: part, input: input as never });
    }),
    scheduleRestart: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "component.failed") return;
      const delayMs = restartDelayMs(context.restarts, event.component, event.at, context.input.restart);
      enqueue.emit({ type: "timer.set", id: restartTimer(event.component), at: event.at + delayMs });
      enqueue.assign({ restarts: withRestart(context.restarts, event.component, event.at, context.input.restart) });
    }),
    restart: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "timer.due") return;
      const component = event.id.slice("restart.".length);
      if (isPart(context.input, component)) {
        enqueue.stopChild(component);
        enqueue.spawnChild(component, { id: component, input: context.input.parts[component] as never });
      }
      enqueue.emit({ type: "component.restart", component });
    }),
    noteEscalation: assign(({ context, event }) =>
      event.type === "component.failed" ? { escalated: [...new Set([...context.escalated, event.component])] } : {},
    ),
    escalateCore: emit(({ context, event }) => ({
      type: "safety.report" as const,
      kind: "failsafe" as const,
      code: "FS110" as const,
      reason:
        event.type === "component.failed"
          ? `${event.component} failed more than ${context.input.restart.restartsMax} times: ${event.reason}`
          : "restarts used up",
    })),
    escalateOps: emit(({ event }) => ({
      type: "safety.report" as const,
      kind: "anomaly" as const,
      code: "AN090" as const,
      reason: event.type === "component.failed" ? `${event.component} is given up: ${event.reason}` : "restarts used up",
    })),
  },
}).createMachine({
  id: "supervisor",
  context: ({ input }) => ({ input, restarts: {}, escalated: [] }),
  entry: "spawnParts",
  initial: "starting",
  on: { "xstate.error.actor.*": { actions: "reportPartError" } },
  states: {
    starting: {
      description: "Recovery is under way: facts of the journal are being replayed, no effect runs.",
      on: { "session.started": { target: "running" } },
    },
    running: {
      on: {
        "component.failed": [
          // The ops supervisor's own children: the worst that comes from there is an anomaly (spec M10).
          { guard: "isBelowOps" },
          { guard: "hasRestartsLeft", actions: "scheduleRestart" },
          { guard: "isOptional", actions: ["noteEscalation", "escalateOps"] },
          { target: "escalated", actions: ["noteEscalation", "escalateCore"] },
        ],
        "timer.due": { guard: "isRestartDue", actions: "restart" },
        "session.ended": { target: "stopping" },
      },
    },
    escalated: {
      description: "A core part could not be kept alive. Trading is stopped by safety; market data and operator commands go on.",
      on: {
        "component.failed": [
          { guard: "isBelowOps" },
          { guard: "hasRestartsLeft", actions: "scheduleRestart" },
          { guard: "isOptional", actions: ["noteEscalation", "escalateOps"] },
          { actions: "noteEscalation" },
        ],
        "timer.due": { guard: "isRestartDue", actions: "restart" },
        "session.started": { target: "running", actions: assign({ escalated: [], restarts: {} }) },
        "session.ended": { target: "stopping" },
      },
    },
    stopping: {
      description: "The session is closing; nothing is restarted any more. The same home may be opened again.",
      on: { "session.started": { target: "running", actions: assign({ escalated: [], restarts: {} }) } },
    },
  },
});
