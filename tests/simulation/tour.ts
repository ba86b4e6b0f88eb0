/**
 * One walk that takes every event in every state of a model: the chart proposes, the whole house answers.
 *
 * Paths from the beginning would live the same first steps hundreds of times; a tour lives on, with everything that piles
 * up in a house that has seen a lot.
 */
import { fromTransition } from "xstate";
import { getAdjacencyMap } from "xstate/graph";
import type { Step } from "../world.ts";

export interface TourModel<State> {
  readonly initial: State;
  readonly events: readonly string[];
  readonly next: (state: State, event: string) => State;
  /** What makes two states the same: everything but absolute times. */
  readonly key: (state: State) => string;
}

export interface Tour<State> {
  readonly steps: readonly Step<State, { readonly type: string }>[];
  readonly states: number;
  /** (state, event) pairs, all of them taken at least once. */
  readonly edges: number;
}

export const tourOf = <State extends object>({ initial, events, next, key }: TourModel<State>): Tour<State> => {
  const logic = fromTransition<State, { type: string }, never, never, never>((state, { type }) => next(state, type), initial);
  const map = getAdjacencyMap(logic, {
    events: events.map((type) => ({ type })),
    serializeState: (snapshot) => key((snapshot as unknown as { context: State }).context),
    serializeEvent: ({ type }) => type,
    limit: 1_000_000,
  });
  const leadsTo = new Map(
    Object.entries(map).map(([from, { transitions }]) => [
      from,
      new Map(
        Object.values(transitions).map(({ event, state }) => [
          (event as { type: string }).type,
          key((state as unknown as { context: State }).context),
        ]),
      ),
    ]),
  );
  const left = new Map([...leadsTo].map(([from, to]) => [from, new Set(to.keys())]));

  /** The first event of a shortest way to a state in which something is left to do. */
  const towardsWork = (from: string): string | undefined => {
    const reached = new Map<string, string | undefined>([[from, undefined]]);
    for (const [at, first] of reached) {
      const [open] = left.get(at) ?? [];
      if (open !== undefined) return first ?? open;
      for (const [event, to] of leadsTo.get(at) ?? []) if (!reached.has(to)) reached.set(to, first ?? event);
    }
    return undefined;
  };

  const steps: Step<State, { readonly type: string }>[] = [];
  let state = initial;
  for (let event = towardsWork(key(state)); event !== undefined; event = towardsWork(key(state))) {
    left.get(key(state))?.delete(event);
    state = next(state, event);
    steps.push({ event: { type: event }, state });
  }
  const edges = [...leadsTo.values()].reduce((sum, { size }) => sum + size, 0);
  return { steps, states: leadsTo.size, edges };
};
