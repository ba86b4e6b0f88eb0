/**
 * Every fact there is, in one table (spec E1): name, seed name, priority, payload, conflation key, journaled or not.
 *
 * A type absent from the table does not compile; an unknown type from outside is refused with its name and counted. Who is
 * told stands in the machines: each lists the facts it takes, its events have the types of these rows, and the routes follow.
 * The reference page docs/reference/events.md and the JSON Schemas are generated from it.
 */
import { evaluationFacts } from "./evaluation.ts";
import type { CatalogRow } from "./fact.ts";
import { heartbeatFacts } from "./heartbeat.ts";
import { marketFacts } from "./market.ts";
import { opsFacts } from "./ops.ts";
import { orderFacts } from "./orders.ts";
import type { PayloadOf } from "./payload.ts";
import { safetyFacts } from "./safety.ts";

export const catalog = {
  ...orderFacts,
  ...safetyFacts,
  ...marketFacts,
  ...evaluationFacts,
  ...opsFacts,
  ...heartbeatFacts,
} as const;

export type FactType = keyof typeof catalog;
export type PayloadFor<T extends FactType> = PayloadOf<(typeof catalog)[T]["payload"]>;

/** What an actor receives: the payload's fields beside `type` and `at`. */
export type ActorEvent<T extends FactType = FactType> = {
  [K in T]: { readonly type: K; readonly at: number } & PayloadFor<K>;
}[T];
/** The events of a machine, from the list of the facts that it takes. */
export type EventOf<Takes extends readonly FactType[]> = ActorEvent<Takes[number]>;

export const factTypes = Object.keys(catalog) as FactType[];
export const isFactType = (type: string): type is FactType => Object.hasOwn(catalog, type);
export const rowOf = (type: FactType): CatalogRow => catalog[type];
