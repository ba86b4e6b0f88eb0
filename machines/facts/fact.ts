/** The shape of one row of the catalogue (spec E1). */
import type { Fields } from "./payload.ts";

export const priorities = ["P0", "P1", "P2", "P3"] as const;
export type Priority = (typeof priorities)[number];

/** Who reads a fact that no machine takes. */
export type Reader =
  /** A handler that is registered when the house starts; a start without it is refused. */
  | "handlers"
  /** People: in the journal, or as a counter. Nothing in the house acts on it. */
  | "people"
  /** A part that is still to come; nobody offers it yet. */
  | "later";

export interface CatalogRow {
  /** The name in seed 004, where the fact has one. */
  readonly seedName?: string;
  readonly priority: Priority;
  readonly payload: Fields;
  /** Payload fields that, with the type, make the conflation key; absent: facts of this type are never merged. */
  readonly conflateBy?: readonly string[];
  /** Recorded before it is handled; true for every fact that can change a machine whose state must survive. */
  readonly journaled: boolean;
  /** Said exactly when no machine takes the fact; a fact without any reader does not compile (core/runtime/actors.ts). */
  readonly readBy?: Reader;
  /** One sentence for the reference page. */
  readonly says: string;
}

/** Checks a table of facts without widening it. */
export const factTable = <const T extends { readonly [type: string]: CatalogRow }>(table: T): T => table;
