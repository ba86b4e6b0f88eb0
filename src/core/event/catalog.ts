/**
 * Every fact there is, in one table (spec E1): name, seed name, priority, payload, conflation key, journaled or not, route.
 *
 * A type absent from the table does not compile; an unknown type from outside is refused with its name and counted.
 * The reference page docs/reference/events.md and the JSON Schemas are generated from it.
 */
import { evaluationFacts } from "./catalog.evaluation.ts";
import { marketFacts } from "./catalog.market.ts";
import { opsFacts } from "./catalog.ops.ts";
import { orderFacts } from "./catalog.orders.ts";
import { safetyFacts } from "./catalog.safety.ts";
import type { CatalogRow, FactRecord } from "./fact.ts";
import { type PayloadOf, payloadProblem } from "./payload.ts";

export const catalog = { ...orderFacts, ...safetyFacts, ...marketFacts, ...evaluationFacts, ...opsFacts } as const;

export type FactType = keyof typeof catalog;
export type PayloadFor<T extends FactType> = PayloadOf<(typeof catalog)[T]["payload"]>;
/** A fact of one type, or the union of all of them. */
export type Fact<T extends FactType = FactType> = { [K in T]: FactRecord<K, PayloadFor<K>> }[T];
/** What an actor receives: the payload's fields beside `type` and `at`. */
export type ActorEvent<T extends FactType = FactType> = {
  [K in T]: { readonly type: K; readonly at: number } & PayloadFor<K>;
}[T];

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

export const factTypes = Object.keys(catalog) as FactType[];
export const isFactType = (type: string): type is FactType => Object.hasOwn(catalog, type);
export const rowOf = (type: FactType): CatalogRow => catalog[type];

/** For what nobody has checked yet. @returns undefined for a fact of the house, else one sentence that names the type or the field */
export const factProblem = (type: string, payload: unknown): string | undefined =>
  isFactType(type) ? payloadProblem(rowOf(type).payload, payload) : `${type} is not a fact of this house`;
