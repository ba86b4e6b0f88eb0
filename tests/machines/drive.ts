/** Drives one machine without a house around it: facts in, effects out, restarts at will. */
import { type AnyStateMachine, createActor } from "xstate";

/** One sentence of a machine's test-suite; the chart mutations run the same sentences (tests/mutations). */
export interface Scenario<M extends AnyStateMachine> {
  readonly name: string;
  /** Throws when the machine does not behave as the name says. */
  readonly run: (machine: M) => void;
}

export interface Driven<Event, Effect> {
  /** What it emitted when it began, also after a restart. */
  readonly begun: () => readonly Effect[];
  /** Sends one fact and returns what was emitted because of it. */
  readonly send: (event: Event) => readonly Effect[];
  readonly value: () => string;
  /** The active state as a path: "opening.venue". */
  readonly state: () => string;
  readonly context: () => never;
  readonly snapshot: () => { readonly value: unknown; readonly context: never };
  /** As after a kill: the state goes through JSON into a new actor. */
  readonly restart: () => void;
}

const pathOf = (value: unknown): string =>
  typeof value === "string"
    ? value
    : Object.entries(value as object)
        .map(([state, inner]) => `${state}.${pathOf(inner)}`)
        .join(" ");

export const drive = <Event extends { readonly type: string }, Effect extends { readonly type: string }>(
  machine: AnyStateMachine,
  input: unknown,
): Driven<Event, Effect> => {
  let emitted: Effect[] = [];
  let begun: readonly Effect[] = [];
  const begin = (snapshot?: unknown) => {
    emitted = [];
    const actor = createActor(machine, { input, ...(snapshot === undefined ? {} : { snapshot: snapshot as never }) });
    actor.on("*", (effect) => {
      emitted.push(effect as Effect);
    });
    // A machine that throws is reported by its status; without an observer xstate would end the process.
    actor.subscribe({ error: () => undefined });
    actor.start();
    begun = emitted;
    return actor;
  };
  let actor = begin();
  const snapshot = () => {
    const now = actor.getSnapshot();
    if (now.status === "error") throw now.error;
    return now as unknown as { readonly value: unknown; readonly context: never };
  };
  return {
    begun: () => begun,
    send: (event) => {
      emitted = [];
      actor.send(event as never);
      snapshot();
      return emitted;
    },
    value: () => snapshot().value as string,
    state: () => pathOf(snapshot().value),
    context: () => snapshot().context,
    snapshot,
    restart: () => {
      const persisted = JSON.parse(JSON.stringify(actor.getPersistedSnapshot()));
      actor.stop();
      actor = begin(persisted);
    },
  };
};
