/**
 * Every actor of the house, one row each: what it is, which facts it takes, whose child it is, and the version of the state that
 * it persists. Routes, the types of events, effects and snapshots, the supervisors' children and the state snapshot all follow
 * from this table; one more machine is one more line.
 *
 * The compiler proves that nobody is forgotten: a machine beside another machine's list, one that asks for deadlines and is not
 * told of them, and a fact that nobody reads do not compile; the error names the actor or the fact.
 */
import type { EmittedFrom, EventFromLogic, SnapshotFrom } from "xstate";
import { type archiveMachine, archiveTakes } from "#machines/archive.machine.ts";
import type { TimerSet } from "#machines/effects.ts";
import { type executionLoopMachine, executionTakes } from "#machines/execution-loop.machine.ts";
import type { catalog, FactType } from "#machines/facts/catalog.ts";
import type { Reader } from "#machines/facts/fact.ts";
import { type feedMachine, feedTakes } from "#machines/feed.machine.ts";
import { type heartbeatMachine, heartbeatTakes } from "#machines/heartbeat.machine.ts";
import { type maintenanceMachine, maintenanceTakes } from "#machines/maintenance.machine.ts";
import { operatingTakes } from "#machines/operating-state.context.ts";
import type { operatingMachine } from "#machines/operating-state.machine.ts";
import { type opsMachine, opsTakes } from "#machines/ops.machine.ts";
import { type reconciliationMachine, reconciliationTakes } from "#machines/reconciliation.machine.ts";
import { type safetyMachine, safetyTakes } from "#machines/safety.machine.ts";
import { type schedulerMachine, schedulerTakes } from "#machines/scheduler.machine.ts";
import { type sessionMachine, sessionTakes } from "#machines/session.machine.ts";
import { type supervisorMachine, supervisorTakes } from "#machines/supervisor.machine.ts";
import { deskTakes } from "./orders/desk-facts.ts";
import type { DeskLogic } from "./orders/desk-logic.ts";

export interface ActorRow<Logic = unknown, Takes extends readonly FactType[] = readonly FactType[]> {
  readonly takes: Takes;
  /** Its supervisor. */
  readonly under: "supervisor" | "ops" | null;
  /** Counts up when the state that it persists changes its form (runtime/state-forms.ts). */
  readonly version: number;
  /** For the compiler alone; never set. */
  readonly logic?: Logic;
}

const row =
  <Logic>() =>
  <const Takes extends readonly FactType[], const U extends ActorRow["under"]>(
    takes: Takes,
    under: U,
    version: number,
  ): ActorRow<Logic, Takes> & { readonly under: U } => ({ takes, under, version });

/**
 * In the order in which one fact reaches several of them. Journals are replayed in this order too, so an actor that is moved
 * here may bring an old home to another state: the desk hears of a lost broker before safety.
 */
export const actors = {
  supervisor: row<typeof supervisorMachine>()(supervisorTakes, null, 1),
  orders: row<DeskLogic>()(deskTakes, "supervisor", 2),
  safety: row<typeof safetyMachine>()(safetyTakes, "supervisor", 2),
  operating: row<typeof operatingMachine>()(operatingTakes, "supervisor", 1),
  reconciliation: row<typeof reconciliationMachine>()(reconciliationTakes, "supervisor", 1),
  execution: row<typeof executionLoopMachine>()(executionTakes, "supervisor", 1),
  feed: row<typeof feedMachine>()(feedTakes, "supervisor", 2),
  archive: row<typeof archiveMachine>()(archiveTakes, "supervisor", 2),
  session: row<typeof sessionMachine>()(sessionTakes, "supervisor", 1),
  ops: row<typeof opsMachine>()(opsTakes, "supervisor", 1),
  maintenance: row<typeof maintenanceMachine>()(maintenanceTakes, "ops", 1),
  scheduler: row<typeof schedulerMachine>()(schedulerTakes, "ops", 1),
  heartbeat: row<typeof heartbeatMachine>()(heartbeatTakes, "ops", 1),
} as const;

type Rows = typeof actors;
export type ActorName = keyof Rows;
export const actorNames = Object.keys(actors) as ActorName[];
/** An actor that stands under a supervisor and is none itself. */
export type PartName = Exclude<ActorName, "supervisor" | "ops">;

const below = (supervisor: "supervisor" | "ops"): readonly PartName[] =>
  actorNames.filter((name): name is PartName => actors[name].under === supervisor && name !== "ops");
/** The parts without which QTS does not run. */
export const coreParts = below("supervisor");
/** The parts of ops, which may be absent (spec M10). */
export const opsParts = below("ops");

type Logics = { readonly [N in ActorName]: NonNullable<Rows[N]["logic"]> };
/** Whatever any actor emits. */
export type Effect = { [N in ActorName]: EmittedFrom<Logics[N]> }[ActorName];

/** Ops and its parts are absent in a house without ops; everybody else is there from the start on. */
type OptionalActor = "ops" | { [N in ActorName]: Rows[N]["under"] extends "ops" ? N : never }[ActorName];
export type ActorSnapshots = {
  readonly [N in ActorName]: N extends OptionalActor ? SnapshotFrom<Logics[N]> | undefined : SnapshotFrom<Logics[N]>;
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
type Sent<N extends ActorName> = Rows[N]["takes"][number];
export type Proofs = [
  Nothing<{ [N in ActorName]: Misrouted<Extract<EventFromLogic<Logics[N]>["type"], FactType>, Sent<N>> }[ActorName]>,
  Nothing<{ [N in ActorName]: DeafToTimers<EmittedFrom<Logics[N]>, Sent<N>> extends never ? never : N }[ActorName]>,
  Nothing<Unread<typeof catalog, Sent<ActorName>>>,
];
