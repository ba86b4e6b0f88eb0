/**
 * The catalogue made ready for the hot path: one object per fact type with its lane, its conflation key, its handlers and
 * its counters, so that a tick costs one look-up.
 */

import { type FactType, factTypes, rowOf } from "./catalog.ts";
import { priorities } from "./fact.ts";
import type { LeftBecause } from "./lane-queue.ts";
import { nestedFields } from "./payload.ts";
import { routeOf } from "./routes.ts";
import type { Kind, Waiting } from "./waiting.ts";

const keyCacheSize = 10_000;

const keyReader = (type: FactType, fields: readonly string[] | undefined): ((payload: unknown) => string | undefined) => {
  if (fields === undefined) return () => undefined;
  const [first, ...others] = fields;
  if (first === undefined) return () => type;
  // Joined with a character no symbol has. Keys of one field are kept: building and hashing the text is the dearest part of a tick.
  if (others.length > 0)
    return (payload) => {
      const values = payload as Record<string, unknown>;
      let key: string = type;
      for (const field of fields) key += `\u0000${String(values[field])}`;
      return key;
    };
  const known = new Map<unknown, string>();
  return (payload) => {
    const value = (payload as Record<string, unknown>)[first];
    let key = known.get(value);
    if (key === undefined) {
      if (known.size >= keyCacheSize) known.clear();
      key = `${type}\u0000${String(value)}`;
      known.set(value, key);
    }
    return key;
  };
};

const createKind = (type: FactType): Kind => {
  const row = rowOf(type);
  return {
    type,
    priority: row.priority,
    lane: priorities.indexOf(row.priority),
    journaled: row.journaled,
    route: routeOf(type),
    keyOf: keyReader(type, row.conflateBy),
    nested: nestedFields(row.payload),
    tally: {
      accepted: 0,
      handled: 0,
      dropped: 0,
      collapsed: 0,
      sampled: 0,
      deadLettered: 0,
      firstDroppedId: undefined,
      lastDroppedId: undefined,
    },
    handlers: [],
  };
};

export type Kinds = ReadonlyMap<string, Kind>;

/** A fresh set of kinds with zeroed counters; one per dispatcher. */
export const createKinds = (): Kinds => new Map(factTypes.map((type) => [type, createKind(type)]));

/** Counts a fact that left its lane without being taken. */
export const countLeft = (waiting: Waiting, because: LeftBecause): void => {
  const { tally } = waiting.kind;
  tally[because] += 1;
  if (because !== "dropped") return;
  const { id } = waiting;
  if (tally.firstDroppedId === undefined || id < tally.firstDroppedId) tally.firstDroppedId = id;
  if (tally.lastDroppedId === undefined || id > tally.lastDroppedId) tally.lastDroppedId = id;
};
