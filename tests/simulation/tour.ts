/**
 * Walks that take every event in every state of a model: the chart proposes, the whole house answers.
 *
 * Paths from the beginning would live the same first steps hundreds of times; a tour lives on, with everything that piles
 * up in a house that has seen a lot, and a new one begins only for what can no longer be reached.
 */
import { type AnyActorLogic, fromTransition } from "xstate";
import { getAdjacencyMap } from "xstate/graph";
import type { Step } from "../world.ts";

export interface TourModel<State> {
  readonly initial: State;
  readonly events: readonly string[];
  readonly next: (state: State, event: string) => State;
  /** What makes two states the same: everything but absolute times. */
  readonly key: (state: State) => string;
}

type Tour<State> = readonly Step<State, { readonly type: string }>[];

export interface Tours<State> {
  readonly tours: readonly Tour<State>[];
  readonly steps: number;
  readonly states: number;
  /** (state, event) pairs, all of them taken at least once. */
  readonly edges: number;
}

export const toursOf = <State extends object>({ initial, events, next, key }: TourModel<State>): Tours<State> => {
  // The type that fromTransition gives does not fit getAdjacencyMap under exactOptionalPropertyTypes.
  const logic: AnyActorLogic = fromTransition((state: State, { type }: { type: string }) => next(state, type), initial);
  const stateOf = (snapshot: unknown): State => (snapshot as { readonly context: State }).context;
  const map = getAdjacencyMap(logic, {
    events: events.map((type) => ({ type })),
    serializeState: (snapshot: unknown) => key(stateOf(snapshot)),
    serializeEvent: ({ type }: { type: string }) => type,
    limit: 1_000_000,
  });
  const leadsTo = new Map(
    Object.entries(map).map(([from, { transitions }]) => {
      const taken: { readonly [event: string]: { readonly event: { readonly type: string }; readonly state: unknown } } =
        transitions;
      return [from, new Map(Object.values(taken).map(({ event, state }) => [event.type, key(stateOf(state))]))] as const;
    }),
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

  const walk = (): Tour<State> => {
    const steps: Step<State, { readonly type: string }>[] = [];
    let state = initial;
    for (let event = towardsWork(key(state)); event !== undefined; event = towardsWork(key(state))) {
      left.get(key(state))?.delete(event);
      state = next(state, event);
      steps.push({ event: { type: event }, state });
    }
    return steps;
  };
  const tours: Tour<State>[] = [];
  for (let tour = walk(); tour.length > 0; tour = walk()) tours.push(tour);
  const edges = [...leadsTo.values()].reduce((sum, { size }) => sum + size, 0);
  return { tours, steps: tours.reduce((sum, { length }) => sum + length, 0), states: leadsTo.size, edges };
};
