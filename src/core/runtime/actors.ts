/**
 * What each actor is, for the compiler: the type of its snapshot, and that nobody is forgotten. A machine that is routed by
 * another machine's list, one that asks for deadlines and is not told of them, and a fact that nobody reads do not compile;
 * the error names the actor or the fact.
 */
import type { EmittedFrom, EventFromLogic, SnapshotFrom } from "xstate";
import type { archiveMachine } from "#machines/archive.machine.ts";
import type { TimerSet } from "#machines/effects.ts";
import type { executionLoopMachine } from "#machines/execution-loop.machine.ts";
import type { catalog, FactType } from "#machines/facts/catalog.ts";
import type { Reader } from "#machines/facts/fact.ts";
import type { feedMachine } from "#machines/feed.machine.ts";
import type { maintenanceMachine } from "#machines/maintenance.machine.ts";
import type { operatingMachine } from "#machines/operating-state.machine.ts";
import type { opsMachine } from "#machines/ops.machine.ts";
import type { safetyMachine } from "#machines/safety.machine.ts";
import type { schedulerMachine } from "#machines/scheduler.machine.ts";
import type { sessionMachine } from "#machines/session.machine.ts";
import type { supervisorMachine } from "#machines/supervisor.machine.ts";
import type { takes } from "../event/routes.ts";
import type { DeskLogic } from "../orders/desk-logic.ts";

interface Actors {
  readonly supervisor: typeof supervisorMachine;
  readonly orders: DeskLogic;
  readonly safety: typeof safetyMachine;
  readonly operating: typeof operatingMachine;
  readonly execution: typeof executionLoopMachine;
  readonly feed: typeof feedMachine;
  readonly archive: typeof archiveMachine;
  readonly session: typeof sessionMachine;
  readonly ops: typeof opsMachine;
  readonly maintenance: typeof maintenanceMachine;
  readonly scheduler: typeof schedulerMachine;
}

/** Ops and its parts are absent in a house without ops; everybody else is there from the start on. */
type OptionalActor = "ops" | "maintenance" | "scheduler";
export type ActorSnapshots = {
  readonly [N in keyof Actors]: N extends OptionalActor ? SnapshotFrom<Actors[N]> | undefined : SnapshotFrom<Actors[N]>;
};

/** Facts that an actor takes and is not sent, or is sent and does not take. */
export type Misrouted<Took extends string, Sent extends string> = Exclude<Took, Sent> | Exclude<Sent, Took>;
/** `never` for a machine that asks for deadlines and takes `timer.due`, or does neither. */
export type DeafToTimers<Emitted, Sent> = [Extract<Emitted, TimerSet>] extends [never]
  ? Extract<Sent, "timer.due">
  : "timer.due" extends Sent
    ? never
    : "timer.due";
/** Facts that no machine takes and whose row names no reader, and facts that say so although a machine takes them. */
export type Unread<Rows, Taken> = {
  [T in keyof Rows]: T extends Taken
    ? Rows[T] extends { readonly readBy: Reader }
      ? T
      : never
    : Rows[T] extends { readonly readBy: Reader }
      ? never
      : T;
}[keyof Rows];

/** Compiles only for `never`. */
type Nothing<T extends never> = T;
type Sent<N extends keyof Actors> = (typeof takes)[N][number];
export type Proofs = [
  Nothing<{ [N in keyof Actors]: Misrouted<Extract<EventFromLogic<Actors[N]>["type"], FactType>, Sent<N>> }[keyof Actors]>,
  Nothing<{ [N in keyof Actors]: DeafToTimers<EmittedFrom<Actors[N]>, Sent<N>> extends never ? never : N }[keyof Actors]>,
  Nothing<Unread<typeof catalog, Sent<keyof Actors>>>,
];
