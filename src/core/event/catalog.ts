/** The catalogue of machines/facts as the corridor uses it: records on their way, what a part offers, and the check at the door. */
import { type FactType, isFactType, type PayloadFor, rowOf } from "#machines/facts/catalog.ts";
import type { FactRecord } from "./fact.ts";
import { payloadProblem } from "./payload.ts";

// Rooms that may not see the machines read the catalogue through core.
export { type ActorEvent, catalog, type FactType, factTypes, isFactType, rowOf } from "#machines/facts/catalog.ts";

/** A fact of one type, or the union of all of them. */
export type Fact<T extends FactType = FactType> = { [K in T]: FactRecord<K, PayloadFor<K>> }[T];

/** What a part offers: the house adds id, priority and time. */
export type NewFact<T extends FactType = FactType> = {
  [K in T]: {
    readonly type: K;
    readonly payload: PayloadFor<K>;
    readonly source: string;
    readonly correlationId?: string;
    readonly at?: number;
  };
}[T];

/** The way a fact enters the house. Never throws; a refused fact is counted with its reason. */
export type Offer = (fact: NewFact) => void;

/** For what nobody has checked yet. @returns undefined for a fact of the house, else one sentence that names the type or the field */
export const factProblem = (type: string, payload: unknown): string | undefined =>
  isFactType(type) ? payloadProblem(rowOf(type).payload, payload) : `${type} is not a fact of this house`;
