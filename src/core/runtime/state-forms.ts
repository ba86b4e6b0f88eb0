/**
 * What a state snapshot is made of, and in which form each part keeps its state.
 *
 * A part's version counts up when the state that it persists changes its form: a field more in a context, a state renamed.
 * With the version goes a line that says how state of an older version becomes one of this; homes of all released versions
 * must start (tests/fixtures/homes).
 */
import { type ActorName, actorNames, actors } from "../actors.ts";

/** The actors, and the projection beside them (house.ts). */
export type StatePart = ActorName | "projection";

/** What xstate persists of one machine, or what an actor of our own does. */
export interface PartState {
  readonly context?: { readonly [key: string]: unknown };
  readonly children?: { readonly [name: string]: { readonly snapshot: PartState } };
  readonly [key: string]: unknown;
}

export interface PartForm {
  readonly version: number;
  /**
   * Makes state of an older version state of this one. Without it, fields that the older state lacks come from a fresh part,
   * which is right for a field that was added and whose first value says "nothing yet".
   *
   * @param from the version that wrote `state`
   * @param fresh the part's state in a house that begins
   */
  readonly migrate?: (state: PartState, from: number, fresh: PartState) => PartState;
}

export type PartForms = { readonly [P in StatePart]: PartForm };

/** Migrations of actors whose state changed its form, by name; a line here goes with a higher version in `actors`. */
const migrations: { readonly [P in StatePart]?: PartForm["migrate"] } = {
  // From 1: the desk itself gives every order the fields that it lacks (`restoredRecord` of machines/order.record.ts).
  orders: (state) => state,
};

const formOf = (name: StatePart, version: number): PartForm => {
  const migrate = migrations[name];
  return migrate === undefined ? { version } : { version, migrate };
};

export const partForms: PartForms = {
  ...(Object.fromEntries(actorNames.map((name) => [name, formOf(name, actors[name].version)])) as {
    readonly [N in ActorName]: PartForm;
  }),
  projection: formOf("projection", 1),
};
