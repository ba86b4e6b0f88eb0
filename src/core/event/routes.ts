/**
 * Who is told of which fact. No route is written by hand: each machine lists the facts it takes, so one that takes
 * `timer.due` is told of its deadlines and one that does not is not troubled with them.
 */
import { type FactType, factTypes } from "#machines/facts/catalog.ts";
import { type ActorName, actorNames, actors } from "../actors.ts";

const takenBy = (name: ActorName): readonly FactType[] => actors[name].takes;
const routes: ReadonlyMap<FactType, readonly ActorName[]> = new Map(
  factTypes.map((type) => [type, actorNames.filter((name) => takenBy(name).includes(type))]),
);
const nobody: readonly ActorName[] = [];

/** The actors that a fact is sent to, in order; the same list at every call. */
export const routeOf = (type: FactType): readonly ActorName[] => routes.get(type) ?? nobody;
