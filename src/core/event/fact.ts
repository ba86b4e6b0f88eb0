/** The shape of one row of the catalogue, and of one fact that travels through the house (spec E1, E2). */
import type { Fields } from "./payload.ts";

export const priorities = ["P0", "P1", "P2", "P3"] as const;
export type Priority = (typeof priorities)[number];

/** Who is told. Facts also reach handlers that were registered for their type. */
export const actorNames = [
  "supervisor",
  "safety",
  "operating",
  "orders",
  "reconciliation",
  "execution",
  "feed",
  "archive",
  "ops",
  "maintenance",
  "scheduler",
] as const;
export type ActorName = (typeof actorNames)[number];

export interface CatalogRow {
  /** The name in seed 004, where the fact has one. */
  readonly seedName?: string;
  readonly priority: Priority;
  readonly payload: Fields;
  /** Payload fields that, with the type, make the conflation key; absent: facts of this type are never merged. */
  readonly conflateBy?: readonly string[];
  /** Recorded before it is handled; true for every fact that can change a machine whose state must survive. */
  readonly journaled: boolean;
  /** The actors it is sent to, in order. */
  readonly route: readonly ActorName[];
  /** One sentence for the reference page. */
  readonly says: string;
}

/** A fact on its way. Frozen; `at` is epoch ms of the Clock port (market time in a replay). */
export interface FactRecord<Type extends string = string, Payload = unknown> {
  /** Unique and sortable by creation. */
  readonly id: string;
  readonly type: Type;
  readonly priority: Priority;
  readonly at: number;
  /** The part of the house, or the adapter, that reported it. */
  readonly source: string;
  readonly payload: Payload;
  /** The order, cycle or run it belongs to. */
  readonly correlationId?: string;
  readonly requiresAck?: boolean;
  readonly processingMsMax?: number;
}

/** Checks a table of facts without widening it. */
export const factTable = <const T extends { readonly [type: string]: CatalogRow }>(table: T): T => table;
