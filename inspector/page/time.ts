/** What the view of time shows, made of the changes that the page has (spec I8). Pure. */
import type { ChangeLine, MachineLine } from "#core/runtime/inspection.ts";
import { stateText } from "./format.ts";

/** A stretch of a machine's track; the first one goes back as far as the page knows. */
export interface Stretch {
  readonly state: string;
  /** Epoch ms of the market. */
  readonly fromAt: number;
  readonly untilAt: number;
}

export interface Track {
  readonly actor: string;
  readonly stretches: readonly Stretch[];
}

/** Changes that say the same, one after another, or a stretch in which nothing changed. */
export type Entry =
  | { readonly type: "change"; readonly change: ChangeLine; readonly times: number; readonly firstSeq: number }
  | { readonly type: "quiet"; readonly ms: number; readonly afterNumber: number };

export interface Filter {
  /** Each word must be found in the change: actor, fact, lane, order or state. */
  readonly words: string;
}

/** Longer without a change is cut and said. */
export const quietMsMin = 300_000;

const machineChanges = (changes: readonly ChangeLine[]): ChangeLine[] => changes.filter(({ orderId }) => orderId === null);
const hasMoved = ({ from, to }: ChangeLine): boolean => stateText(from) !== stateText(to);
export const isRestart = ({ fact }: ChangeLine): boolean => fact === "session.started";

export const matches = (change: ChangeLine, { words }: Filter): boolean => {
  const { actor, fact, lane, orderId, from, to } = change;
  const text = [actor, fact, lane, orderId ?? "", stateText(from), stateText(to)].join(" ").toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
};

const keyOf = ({ actor, orderId, fact, from, to, effects, refusal }: ChangeLine): string =>
  JSON.stringify([actor, orderId, fact, from, to, effects, refusal]);

/** How far back a change that repeats an earlier one is looked for: timers and cycles take turns. */
const foldedOver = 8;

/** Oldest first; repetition is one entry at its newest place, with its count. */
export const entriesOf = (changes: readonly ChangeLine[]): Entry[] => {
  const kept: Extract<Entry, { type: "change" }>[] = [];
  for (const change of changes) {
    const key = keyOf(change);
    const from = Math.max(0, kept.length - foldedOver);
    const twin = kept.findIndex((entry, index) => index >= from && keyOf(entry.change) === key);
    const [earlier] = twin === -1 ? [] : kept.splice(twin, 1);
    kept.push({ type: "change", change, times: (earlier?.times ?? 0) + 1, firstSeq: earlier?.firstSeq ?? change.seq });
  }
  return kept.flatMap((entry, index): Entry[] => {
    const before = kept[index - 1];
    const ms = before === undefined ? 0 : entry.change.at - before.change.at;
    return ms >= quietMsMin ? [{ type: "quiet", ms, afterNumber: before?.change.number ?? 0 }, entry] : [entry];
  });
};

/** When the machines' changes that the page has begin, epoch ms; orders' changes go back further. */
export const knownFrom = (changes: readonly ChangeLine[]): number | undefined => machineChanges(changes)[0]?.at;

/** A track of states for each machine that moved, in the order of the house. */
export const tracksOf = (changes: readonly ChangeLine[], machines: readonly MachineLine[], untilAt: number): Track[] => {
  const known = machineChanges(changes);
  const beganAt = knownFrom(changes) ?? untilAt;
  return machines.flatMap(({ name }) => {
    const moves = known.filter((change) => change.actor === name && hasMoved(change));
    if (moves.length === 0) return [];
    const first = { state: stateText(moves[0]?.from), fromAt: beganAt, untilAt: moves[0]?.at ?? untilAt };
    const later = moves.map((move, index) => ({
      state: stateText(move.to),
      fromAt: move.at,
      untilAt: moves[index + 1]?.at ?? untilAt,
    }));
    return [{ actor: name, stretches: [first, ...later].filter((stretch) => stretch.untilAt > stretch.fromAt) }];
  });
};

/** Which state each machine was in after the record `seq`, as far as the changes tell. */
export const statesAt = (
  changes: readonly ChangeLine[],
  machines: readonly MachineLine[],
  seq: number,
): { readonly [actor: string]: string } =>
  Object.fromEntries(
    machines.map(({ name, state }) => {
      const own = machineChanges(changes).filter(({ actor }) => actor === name);
      const before = own.findLast((change) => change.seq <= seq);
      const after = own.find((change) => change.seq > seq);
      return [name, stateText(before?.to ?? after?.from ?? state)];
    }),
  );

/** All that one record changed: each machine and order that took its fact, and what they asked for. */
export const doneBy = (changes: readonly ChangeLine[], seq: number): readonly ChangeLine[] =>
  changes.filter((change) => change.seq === seq);

/** The record of the move by which a machine came to where it is; undefined when the page does not have it. */
export const recordOfMove = (changes: readonly ChangeLine[], actor: string): number | undefined =>
  changes.findLast((change) => change.actor === actor && change.orderId === null && hasMoved(change))?.seq;

/** Machines that are not in the same state at two records. */
export const differences = (
  changes: readonly ChangeLine[],
  machines: readonly MachineLine[],
  a: number,
  b: number,
): { readonly actor: string; readonly before: string; readonly after: string }[] => {
  const [early, late] = [statesAt(changes, machines, a), statesAt(changes, machines, b)];
  return machines.flatMap(({ name }) =>
    early[name] === late[name] ? [] : [{ actor: name, before: early[name] ?? "–", after: late[name] ?? "–" }],
  );
};

/** The change next to a record among those that are shown; undefined at either end. */
export const neighbour = (entries: readonly Entry[], seq: number, direction: 1 | -1): ChangeLine | undefined => {
  const shown = entries.flatMap((entry) => (entry.type === "change" ? [entry.change] : []));
  return direction === 1 ? shown.find((change) => change.seq > seq) : shown.findLast((change) => change.seq < seq);
};

/** How long play waits before the next change: as the market did, `speed` times as fast, and never long over nothing. */
export const playWaitMs = (from: ChangeLine | undefined, to: ChangeLine, speed: number): number =>
  from === undefined ? 0 : Math.min(1500, Math.max(60, (to.at - from.at) / speed));
