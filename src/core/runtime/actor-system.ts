/**
 * The actors under the root supervisor: starts them, sends one fact at a time, and collects what they emit.
 *
 * A machine that throws has a bug. Its snapshot from before the breaking fact is kept, so that the supervisor's restart
 * brings it back with the state it had, not with a fresh and perhaps bolder one; facts for it wait meanwhile.
 */
import { type AnyActorLogic, type AnyActorRef, createActor, type Snapshot } from "xstate";
import { type OpsInput, opsMachine } from "#machines/ops.machine.ts";
import { type SupervisorInput, supervisorMachine } from "#machines/supervisor.machine.ts";
import { type ActorName, type ActorSnapshots, actorNames, coreParts, opsParts, type PartName } from "../actors.ts";
import type { ActorEvent } from "../event/catalog.ts";
import type { Effect } from "./effects.ts";

export type PartLogics = { readonly [P in PartName]: AnyActorLogic };

export interface ActorSystem {
  readonly start: () => void;
  /** Sends to one actor and returns what all actors emitted because of it, in order. */
  readonly send: (name: ActorName, event: ActorEvent) => readonly Effect[];
  /** The effects that actors emitted while starting. */
  readonly takeEffects: () => readonly Effect[];
  /** Who asked for a deadline; undefined for any other effect. */
  readonly ownerOf: (effect: Effect) => ActorName | undefined;
  /** Those of one actor, whether they were taken or not. */
  readonly startEffects: (name: string) => readonly Effect[];
  readonly snapshotOf: <N extends ActorName>(name: N) => ActorSnapshots[N];
  /** One JSON value with the state of every actor. */
  readonly persist: () => unknown;
  /** Short text of each actor's state, for people. */
  readonly states: () => { readonly [name: string]: string };
  readonly isDown: (name: ActorName) => boolean;
  /** Parts that stopped with an error and have not been restarted yet. */
  readonly broken: () => readonly { readonly name: string; readonly reason: string }[];
  readonly stop: () => void;
}

export type SystemInput = SupervisorInput & { readonly parts: { readonly ops?: OpsInput } };

/** The supervisors spawn what their input names: every part of the table, with or without an input of its own. */
export const withEveryPart = (input: SystemInput): SystemInput => {
  const named = (
    names: readonly PartName[],
    inputs: { readonly [part: string]: unknown },
  ): { readonly [part: string]: unknown } => Object.fromEntries(names.map((name) => [name, inputs[name]]));
  const ops = { restart: input.restart, ...input.parts.ops };
  return {
    ...input,
    parts: { ...named(coreParts, input.parts), ops: { ...ops, parts: named(opsParts, ops.parts ?? {}) } },
  };
};

/** Facts that wait for an actor that is being restarted; beyond this the oldest are given up and counted by the caller. */
const heldMax = 10_000;

const textOf = (value: unknown): string => {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return "";
  return Object.entries(value)
    .map(([key, inner]) => (textOf(inner) === "" ? key : `${key}.${textOf(inner)}`))
    .join(" ");
};

export const createActorSystem = ({
  logics,
  input,
  persisted,
  onLost,
}: {
  readonly logics: PartLogics;
  readonly input: SystemInput;
  readonly persisted?: unknown;
  /** A fact could not be kept for an actor that is down. */
  readonly onLost: (name: ActorName, event: ActorEvent) => void;
}): ActorSystem => {
  const actors = new Map<string, AnyActorRef>();
  const lastGood = new Map<string, Snapshot<unknown>>();
  const held = new Map<ActorName, ActorEvent[]>();
  const emittedAtStart = new Map<string, Effect[]>();
  let emitted: Effect[] = [];
  /** Of the deadlines that were asked for. */
  const owners = new WeakMap<Effect, ActorName>();
  let isStarting = true;

  /** The same logic, but a restart begins with the last good state. */
  const resumable = (name: string, logic: AnyActorLogic): AnyActorLogic =>
    Object.create(logic, {
      getInitialSnapshot: {
        value: (scope: never, actorInput: never) => lastGood.get(name) ?? logic.getInitialSnapshot(scope, actorInput),
      },
    }) as AnyActorLogic;

  const resumables = (names: readonly PartName[]): { readonly [name: string]: AnyActorLogic } =>
    Object.fromEntries(names.map((name) => [name, resumable(name, logics[name])]));
  const ops = opsMachine.provide({ actors: resumables(opsParts) as never });
  const root = supervisorMachine.provide({ actors: { ...resumables(coreParts), ops } as never });

  const watch = (actor: AnyActorRef): void => {
    const name = actor.id;
    actors.set(name, actor);
    actor.on("*", (effect) => {
      emitted.push(effect as Effect);
      if (effect.type === "timer.set") owners.set(effect as Effect, name as ActorName);
      if (isStarting) emittedAtStart.set(name, [...(emittedAtStart.get(name) ?? []), effect as Effect]);
    });
  };

  const supervisor = createActor(root, {
    id: "supervisor",
    input,
    ...(persisted === undefined ? {} : { snapshot: persisted as never }),
    inspect: (inspection) => {
      if (inspection.type === "@xstate.actor") watch(inspection.actorRef as AnyActorRef);
    },
  });

  const isDown = (name: ActorName): boolean => actors.get(name)?.getSnapshot().status !== "active";

  const takeEffects = (): readonly Effect[] => {
    const taken = emitted;
    emitted = [];
    return taken;
  };

  const deliver = (name: ActorName, event: ActorEvent): void => {
    const actor = actors.get(name);
    if (actor === undefined) return;
    const before = actor.getSnapshot() as Snapshot<unknown>;
    actor.send(event);
    if (name !== "supervisor" && name !== "ops" && actor.getSnapshot().status === "error") lastGood.set(name, before);
  };

  const release = (): void => {
    for (const [name, events] of held) {
      if (isDown(name)) continue;
      held.delete(name);
      for (const event of events) deliver(name, event);
    }
  };

  return {
    start: () => {
      // Looked at by whoever starts it: nobody else would hear of a supervisor that cannot be restored.
      supervisor.subscribe({ error: () => {} });
      supervisor.start();
      isStarting = false;
    },
    send: (name, event) => {
      if (!actors.has(name)) return [];
      if (isDown(name)) {
        const waiting = held.get(name) ?? [];
        if (waiting.length >= heldMax) onLost(name, waiting.shift() as ActorEvent);
        waiting.push(event);
        held.set(name, waiting);
        return [];
      }
      deliver(name, event);
      if (held.size > 0) release();
      return takeEffects();
    },
    takeEffects,
    ownerOf: (effect) => owners.get(effect),
    startEffects: (name) => emittedAtStart.get(name) ?? [],
    snapshotOf: <N extends ActorName>(name: N) => actors.get(name)?.getSnapshot() as ActorSnapshots[N],
    persist: () => supervisor.getPersistedSnapshot(),
    states: () =>
      Object.fromEntries(
        actorNames.flatMap((name): [string, string][] => {
          const snapshot = actors.get(name)?.getSnapshot() as { status: string; value?: unknown } | undefined;
          if (snapshot === undefined) return [];
          if (snapshot.status !== "active") return [[name, `down (${snapshot.status})`]];
          return [[name, textOf(snapshot.value) || "active"]];
        }),
      ),
    isDown,
    broken: () =>
      [...actors.values()].flatMap((actor) => {
        const { status, error } = actor.getSnapshot() as Snapshot<unknown>;
        return status === "error" ? [{ name: actor.id, reason: String(error) }] : [];
      }),
    stop: () => {
      supervisor.stop();
    },
  };
};
