/**
 * Every effect a machine can ask for, and the table of who performs it.
 *
 * The table does not compile with a hole in it. A handler never throws and never calls an actor: it starts the work and
 * offers the outcome as a fact.
 */
import type { ArchiveEffect } from "#machines/archive.machine.ts";
import type { ExecutionLoopEffect } from "#machines/execution-loop.machine.ts";
import type { FeedEffect } from "#machines/feed.machine.ts";
import type { MaintenanceEffect } from "#machines/maintenance.machine.ts";
import type { OperatingEffect } from "#machines/operating-state.machine.ts";
import type { OpsEffect } from "#machines/ops.machine.ts";
import type { OrderEffect } from "#machines/order.machine.ts";
import type { SafetyEffect } from "#machines/safety.machine.ts";
import type { SchedulerEffect } from "#machines/scheduler.machine.ts";
import type { SupervisorEffect } from "#machines/supervisor.machine.ts";

export type Effect =
  | SafetyEffect
  | OperatingEffect
  | OrderEffect
  | ExecutionLoopEffect
  | FeedEffect
  | ArchiveEffect
  | MaintenanceEffect
  | SchedulerEffect
  | SupervisorEffect
  | OpsEffect;

export type EffectType = Effect["type"];
export type EffectOf<T extends EffectType> = Extract<Effect, { readonly type: T }>;

/** Effects the house performs itself, at once, also while the journal is replayed: they only touch tables and actors. */
export const innerEffects = ["timer.set", "timer.clear", "safety.announce"] as const satisfies readonly EffectType[];
export type InnerEffectType = (typeof innerEffects)[number];

/** Effects that cannot be taken back: they run only after the journal has said that their cause is on disk. */
export const irreversibleEffects = [
  "broker.submit",
  "broker.cancel",
  "broker.replace",
  "cleanup.run",
] as const satisfies readonly EffectType[];

export type OuterEffectType = Exclude<EffectType, InnerEffectType>;
export type EffectHandlers = { readonly [T in OuterEffectType]: (effect: EffectOf<T>) => void };
