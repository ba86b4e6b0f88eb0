/**
 * Who is told of which fact. No route is written by hand: each machine lists the facts it takes, so one that takes
 * `timer.due` is told of its deadlines and one that does not is not troubled with them.
 */
import { archiveTakes } from "#machines/archive.machine.ts";
import { executionTakes } from "#machines/execution-loop.machine.ts";
import { type FactType, factTypes } from "#machines/facts/catalog.ts";
import { feedTakes } from "#machines/feed.machine.ts";
import { maintenanceTakes } from "#machines/maintenance.machine.ts";
import { operatingTakes } from "#machines/operating-state.machine.ts";
import { opsTakes } from "#machines/ops.machine.ts";
import { safetyTakes } from "#machines/safety.machine.ts";
import { schedulerTakes } from "#machines/scheduler.machine.ts";
import { sessionTakes } from "#machines/session.machine.ts";
import { supervisorTakes } from "#machines/supervisor.machine.ts";
import { deskTakes } from "../orders/desk-facts.ts";

/**
 * Every actor with what it takes, in the order in which one fact reaches several of them. Journals are replayed in this order
 * too, so an actor that is moved here may bring an old home to another state: the desk hears of a lost broker before safety.
 */
export const takes = {
  supervisor: supervisorTakes,
  orders: deskTakes,
  safety: safetyTakes,
  operating: operatingTakes,
  execution: executionTakes,
  feed: feedTakes,
  archive: archiveTakes,
  session: sessionTakes,
  ops: opsTakes,
  maintenance: maintenanceTakes,
  scheduler: schedulerTakes,
} as const satisfies { readonly [actor: string]: readonly FactType[] };

export type ActorName = keyof typeof takes;
export const actorNames = Object.keys(takes) as ActorName[];

const takenBy = (name: ActorName): readonly FactType[] => takes[name];
const routes: ReadonlyMap<FactType, readonly ActorName[]> = new Map(
  factTypes.map((type) => [type, actorNames.filter((name) => takenBy(name).includes(type))]),
);
const nobody: readonly ActorName[] = [];

/** The actors that a fact is sent to, in order; the same list at every call. */
export const routeOf = (type: FactType): readonly ActorName[] => routes.get(type) ?? nobody;
