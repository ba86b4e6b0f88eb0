/**
 * The supervisor of the optional part of the house: maintenance, scheduler and heartbeat.
 *
 * Its children may fail, hang or use up their restarts: the worst that reaches core is an anomaly (seed 000 §4.3, spec M10).
 */
import type { AnyActorLogic } from "xstate";
import { assign, emit, enqueueActions, setup } from "xstate";
import type { Alert, SafetyReport, TimerSet } from "./effects.ts";
import type { EventOf, FactType } from "./facts/catalog.ts";
import { type RestartPolicy, type Restarts, restartDelayMs, restartsLeft, withRestart } from "./restarts.rules.ts";

export interface OpsInput {
  readonly restart: RestartPolicy;
  /** The parts to spawn, in order, each with the input of its machine. */
  readonly parts: { readonly [part: string]: unknown };
}

/** What xstate tells a parent when a child stopped with an error; it carries no time, so it is reported as the fact `component.failed`, which does. */
type PartError = { type: `xstate.error.actor.${string}`; error: unknown; actorId: string };

export const opsTakes = ["component.failed", "timer.due", "session.started"] as const satisfies readonly FactType[];
export type OpsEvent = EventOf<typeof opsTakes> | PartError;

export type OpsEffect =
  | { readonly type: "component.report.failed"; readonly component: string; readonly reason: string }
  | TimerSet
  | SafetyReport
  | Alert;

interface OpsContext {
  readonly input: OpsInput;
  readonly restarts: Restarts;
  readonly givenUp: readonly string[];
}

const isPart = ({ parts }: OpsInput, component: string): boolean => Object.hasOwn(parts, component);

export const opsMachine = setup({
  types: {
    context: {} as OpsContext,
    input: {} as OpsInput,
    events: {} as OpsEvent,
    emitted: {} as OpsEffect,
  },
  actors: {} as Record<string, AnyActorLogic>,
  guards: {
    isOurs: ({ context, event }) => event.type === "component.failed" && isPart(context.input, event.component),
    hasRestartsLeft: ({ context, event }) =>
      event.type === "component.failed" &&
      isPart(context.input, event.component) &&
      restartsLeft(context.restarts, event.component, event.at, context.input.restart) > 0,
    isRestartDue: ({ event }) => event.type === "timer.due" && event.id.startsWith("restart.ops."),
  },
  actions: {
    reportPartError: emit(({ event }) => ({
      type: "component.report.failed" as const,
      component: "actorId" in event ? event.actorId : "unknown",
      reason: "error" in event ? String(event.error) : "stopped with an error",
    })),
    spawnParts: enqueueActions(({ context, enqueue }) => {
      for (const [part, input] of Object.entries(context.input.parts))
        enqueue.spawnChild(part, { id: part, input: input as never });
    }),
    scheduleRestart: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "component.failed") return;
      const delayMs = restartDelayMs(context.restarts, event.component, event.at, context.input.restart);
      enqueue.emit({ type: "timer.set", id: `restart.ops.${event.component}`, at: event.at + delayMs });
      enqueue.assign({ restarts: withRestart(context.restarts, event.component, event.at, context.input.restart) });
    }),
    restart: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "timer.due") return;
      const component = event.id.slice("restart.ops.".length);
      if (!isPart(context.input, component)) return;
      enqueue.stopChild(component);
      enqueue.spawnChild(component, { id: component, input: context.input.parts[component] as never });
    }),
    giveUp: assign(({ context, event }) =>
      event.type === "component.failed" ? { givenUp: [...new Set([...context.givenUp, event.component])] } : {},
    ),
    reportGivenUp: emit(({ event }) => ({
      type: "safety.report" as const,
      kind: "anomaly" as const,
      code: "AN090" as const,
      reason: event.type === "component.failed" ? `${event.component} is given up: ${event.reason}` : "restarts used up",
    })),
  },
}).createMachine({
  id: "ops",
  context: ({ input }) => ({ input, restarts: {}, givenUp: [] }),
  entry: "spawnParts",
  initial: "running",
  on: { "xstate.error.actor.*": { actions: "reportPartError" } },
  states: {
    running: {
      on: {
        "component.failed": [
          { guard: "hasRestartsLeft", actions: "scheduleRestart" },
          { guard: "isOurs", target: "impaired", actions: ["giveUp", "reportGivenUp"] },
        ],
        "timer.due": { guard: "isRestartDue", actions: "restart" },
      },
    },
    impaired: {
      description: "A part of ops is given up until the next start; core does not depend on it.",
      on: {
        "component.failed": { guard: "hasRestartsLeft", actions: "scheduleRestart" },
        "timer.due": { guard: "isRestartDue", actions: "restart" },
        "session.started": { target: "running", actions: assign({ givenUp: [], restarts: {} }) },
      },
    },
  },
});
