/**
 * The corridor every fact walks: lanes → journal → actors → effects, one fact at a time.
 *
 * Starting is recovering: `recover` restores the newest snapshot and replays the journal's tail with effects off; `open`
 * turns effects on, arms the deadlines and tells every actor that the session has started, so that each deals with what a
 * crash may have interrupted. There is no other way in.
 */
import type { Config } from "#config/schema.ts";
import type { OpsInput } from "#machines/ops.machine.ts";
import { coreParts, type SupervisorInput } from "#machines/supervisor.machine.ts";
import { type ActorEvent, type Fact, isFactType, type Offer, rowOf } from "../event/catalog.ts";
import { type ActorName, routeOf } from "../event/routes.ts";
import type { Clock, Journal, JournalError, StateSnapshot } from "../ports.ts";
import { err, ok, type Result } from "../result.ts";
import { type ActorSystem, createActorSystem, type PartLogics } from "./actor-system.ts";
import { createDeadlines, type Deadlines } from "./deadlines.ts";
import { createDispatcher, type Dispatcher, type DrainReport } from "./dispatcher.ts";
import { type Effect, type EffectHandlers, type EffectType, irreversibleEffects } from "./effects.ts";
import { createRecorder, type Recorder } from "./recorder.ts";

export type HouseInput = SupervisorInput & { readonly parts: { readonly ops?: OpsInput } };

export interface Recovery {
  /** True when the journal already held facts. */
  readonly recovered: boolean;
  /** Facts replayed after the snapshot. */
  readonly replayed: number;
  /** `at` of the newest fact, undefined in an empty journal. */
  readonly lastAt: number | undefined;
}

export interface House {
  readonly offer: Offer;
  readonly dispatcher: Dispatcher;
  readonly actors: () => ActorSystem;
  readonly deadlines: Deadlines;
  readonly recorder: Recorder;
  readonly recover: () => Promise<Result<Recovery, JournalError>>;
  /** Effects on, deadlines armed, `session.started` offered. */
  readonly open: (session: { readonly session: string; readonly epoch: number; readonly recovered: boolean }) => void;
  /** Handles what waits, without leaving the event loop; a promise when real work holds the market's time. */
  readonly settle: () => Promise<void> | undefined;
  /** Writes a state snapshot of everything journaled so far. */
  readonly saveSnapshot: () => Promise<Result<void, JournalError>>;
  /** Why the journal takes nothing any more. */
  readonly journalFailure: () => string | undefined;
  readonly effectsPending: () => number;
  /** Effects that were not performed because their cause never became durable. */
  readonly effectsWithheld: () => number;
  /** Refuses new facts, handles what waits, and leaves everything durable with a fresh snapshot. */
  readonly drain: () => Promise<DrainReport>;
  readonly stop: () => void;
}

export interface HouseOptions {
  readonly config: Config["events"];
  readonly seed: number;
  /** Short text that makes fact ids of this run unique and sortable after earlier runs. */
  readonly runPrefix: string;
  readonly snapshotEveryFacts: number;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly logics: PartLogics;
  readonly input: HouseInput;
  /** Made once; the handlers use the house's own `offer`. */
  readonly handlers: EffectHandlers;
  /** Resolves while the clock is held by real work; undefined when it is not. */
  readonly released?: () => Promise<void> | undefined;
  /** State besides the actors' that follows from facts: told of each journaled fact after its actors, also in a replay. */
  readonly ledger?: {
    readonly take: (fact: Fact) => void;
    readonly persist: () => unknown;
    readonly restore: (state: unknown) => void;
  };
  readonly onJournalFailure: (error: JournalError) => void;
  /** Not called while the journal is replayed: whoever opens the house looks at the state it has come to. */
  readonly onSafetyChange: (to: string) => void;
  readonly onLost: (name: ActorName, event: ActorEvent) => void;
}

const snapshotVersion = 1;
const irreversible: ReadonlySet<EffectType> = new Set(irreversibleEffects);

interface StateBody {
  readonly version: number;
  readonly actors: unknown;
  readonly deadlines: { readonly [id: string]: number };
  readonly ledger?: unknown;
}

interface PersistedActor {
  readonly context?: { readonly [key: string]: unknown };
  readonly children?: { readonly [name: string]: { readonly snapshot: PersistedActor } };
}

/**
 * A snapshot carries the configuration its machines were started with; the present one takes its place, so that a changed
 * threshold is in force after a restart. By convention a machine keeps its configuration in context under `policy` or `input`.
 */
const withPresentPolicy = (persisted: PersistedActor, input: unknown): PersistedActor => {
  const { context, children } = persisted;
  const key = context === undefined ? undefined : ["policy", "input"].find((name) => Object.hasOwn(context, name));
  const parts = (input as { readonly parts?: { readonly [name: string]: unknown } } | undefined)?.parts ?? {};
  return {
    ...persisted,
    ...(key === undefined || input === undefined ? {} : { context: { ...context, [key]: presentPolicy(context?.[key], input) } }),
    ...(children === undefined
      ? {}
      : {
          children: Object.fromEntries(
            Object.entries(children).map(([name, child]) => [
              name,
              { ...child, snapshot: withPresentPolicy(child.snapshot, parts[name]) },
            ]),
          ),
        }),
  };
};

/** What a machine derived from its configuration (the operating state's reading details) stays as the machine made it. */
const presentPolicy = (was: unknown, input: unknown): unknown => ({ ...(was as object), ...(input as object) });

const reasonOf = (error: JournalError): string =>
  "reason" in error ? error.reason : `expected record ${error.expectedSeq}, found ${error.actualSeq}`;

export const createHouse = (options: HouseOptions): House => {
  const { clock, journal, handlers } = options;
  let isLive = false;
  let effectsPending = 0;
  let effectsWithheld = 0;
  let lastSnapshotSeq = journal.lastSeq;
  let snapshotUnderWay = false;
  let actors: ActorSystem | undefined;

  const system = (): ActorSystem => {
    if (actors === undefined) throw new Error("broken assumption: recover() comes before facts");
    return actors;
  };

  const recorder = createRecorder({
    journal,
    clock,
    onFailure: (error) => {
      options.onJournalFailure(error);
      // The one fact that is not journaled before it is delivered: the journal itself is what failed.
      deliverEvent("safety", {
        type: "failsafe.tripped",
        at: clock.now(),
        code: error.type === "journal.stale.owner" ? "FS076" : "FS075",
        reason: reasonOf(error),
      });
    },
  });

  const perform = (effect: Effect): void => {
    const handler = handlers[effect.type as keyof EffectHandlers] as ((effect: Effect) => void) | undefined;
    if (handler === undefined) throw new Error(`broken assumption: no handler for the effect ${effect.type}`);
    if (!irreversible.has(effect.type)) {
      handler(effect);
      return;
    }
    effectsPending += 1;
    void recorder.whenDurable(recorder.seq()).then((isDurable) => {
      effectsPending -= 1;
      if (isDurable) handler(effect);
      else effectsWithheld += 1;
    });
  };

  const react = (effects: readonly Effect[], at: number): void => {
    for (const effect of effects) {
      if (effect.type === "timer.set") deadlines.set(effect.id, effect.at);
      else if (effect.type === "timer.clear") deadlines.clear(effect.id);
      else if (effect.type === "safety.announce") {
        // Told in the same step, so that nothing is handled between the trip and its consequences.
        const { from, to, code, reason } = effect;
        for (const name of routeOf("safety.changed")) deliverEvent(name, { type: "safety.changed", at, from, to, code, reason });
        // What was halted long ago and released since halts nothing now.
        if (isLive) options.onSafetyChange(to);
      } else if (isLive) perform(effect);
    }
  };

  const deliverEvent = (name: ActorName, event: ActorEvent): void => {
    react(system().send(name, event), event.at);
  };

  const deliver = (fact: Fact, route: readonly ActorName[]): void => {
    if (fact.type === "timer.due" && !deadlines.take(fact.payload.id, fact.payload.dueAt)) return;
    const event = { type: fact.type, at: fact.at, ...(fact.payload as object) } as ActorEvent;
    for (const name of route) deliverEvent(name, event);
    if (rowOf(fact.type).journaled) options.ledger?.take(fact);
  };

  const dispatcher = createDispatcher({
    config: options.config,
    clock,
    seed: options.seed,
    runPrefix: options.runPrefix,
    record: (fact) => {
      recorder.record(fact);
      // Facts that no actor is told are not delivered, and may be the ledger's all the same.
      if (routeOf(fact.type).length === 0) options.ledger?.take(fact);
    },
    deliver,
  });

  const deadlines = createDeadlines({ clock, offer: dispatcher.offer, hasRoom: () => dispatcher.hasRoomInside });

  /** Ops may come and go between two starts (`--without-ops`): a snapshot from before says nothing about today. */
  const withPresentOps = (persisted: PersistedActor): PersistedActor => {
    const { ops, ...core } = persisted.children ?? {};
    if (!options.input.ops) return { ...persisted, children: core };
    if (ops !== undefined) return persisted;
    const fresh = createActorSystem({ logics: options.logics, input: options.input, onLost: options.onLost });
    fresh.start();
    const { children = {} } = fresh.persist() as PersistedActor;
    fresh.stop();
    return { ...persisted, children: { ...core, ...(children.ops === undefined ? {} : { ops: children.ops }) } };
  };

  const start = (state: StateBody | undefined): void => {
    actors = createActorSystem({
      logics: options.logics,
      input: options.input,
      onLost: options.onLost,
      ...(state === undefined
        ? {}
        : { persisted: withPresentPolicy(withPresentOps(state.actors as PersistedActor), options.input) }),
    });
    for (const [id, at] of Object.entries(state?.deadlines ?? {})) deadlines.set(id, at);
    if (state?.ledger !== undefined) options.ledger?.restore(state.ledger);
    actors.start();
    react(actors.takeEffects(), clock.now());
  };

  /** Never a fresh part in place of one that cannot be read back: fresh would mean BALANCED and NORMAL (spec S16). */
  const restore = (snapshot: StateSnapshot | undefined): Result<void, JournalError> => {
    const unusable = (reason: string): Result<never, JournalError> =>
      err({ type: "journal.corrupt", seq: snapshot?.seq ?? 0, reason: `the state snapshot cannot be used: ${reason}` });
    try {
      const state = snapshot === undefined ? undefined : (JSON.parse(snapshot.body) as StateBody);
      if (state !== undefined && state.version !== snapshotVersion)
        return unusable(`it has version ${state.version}; this process reads ${snapshotVersion}`);
      start(state);
    } catch (error) {
      return unusable(String(error));
    }
    const [broken] = system().broken();
    if (broken !== undefined) return unusable(`${broken.name}: ${broken.reason}`);
    const missing = coreParts.find((part) => system().isDown(part));
    return missing === undefined ? ok(undefined) : unusable(`${missing} is missing`);
  };

  const recover = async (): Promise<Result<Recovery, JournalError>> => {
    const loaded = await journal.loadSnapshot();
    if (!loaded.ok) return loaded;
    const restored = restore(loaded.value);
    if (!restored.ok) return restored;
    const replayed = await replay(loaded.value);
    if (replayed.ok) lastSnapshotSeq = loaded.value?.seq ?? 0;
    return replayed;
  };

  const replay = async (snapshot: StateSnapshot | undefined): Promise<Result<Recovery, JournalError>> => {
    let seq = snapshot?.seq ?? 0;
    let replayed = 0;
    let lastAt = snapshot?.at;
    try {
      for await (const record of journal.read(seq)) {
        seq = record.seq;
        if (!isFactType(record.type))
          return err({ type: "journal.corrupt", seq: record.seq, reason: `unknown fact ${record.type}` });
        const fact = JSON.parse(record.body) as Fact;
        deliver(fact, routeOf(fact.type));
        // The desk is changed in place, so there is no state from before to go on with: the fault must be looked at first.
        if (system().isDown("orders"))
          return err({
            type: "journal.corrupt",
            seq: record.seq,
            reason: `record ${record.seq} of the journal (${record.type}) breaks the order desk, which is a fault of QTS: please report it with that record`,
          });
        replayed += 1;
        lastAt = record.at;
      }
    } catch (error) {
      // The journal names its own damage; anything else is a record that says what no fact can say.
      const cause = error instanceof Error ? (error.cause as JournalError | undefined) : undefined;
      return err(cause?.type === undefined ? { type: "journal.corrupt", seq, reason: String(error) } : cause);
    }
    return ok({ recovered: journal.lastSeq > 0, replayed, lastAt });
  };

  /** A part that is down is brought back by a replay, never from a snapshot of its error. */
  const isWhole = (): boolean => system().broken().length === 0;

  const saveSnapshot = async (): Promise<Result<void, JournalError>> => {
    const seq = recorder.seq();
    const body: StateBody = {
      version: snapshotVersion,
      actors: system().persist(),
      deadlines: deadlines.table(),
      ledger: options.ledger?.persist(),
    };
    const text = JSON.stringify(body);
    lastSnapshotSeq = seq;
    if (!(await recorder.whenDurable(seq)))
      return err(recorder.failure() ?? { type: "journal.unavailable", reason: "the journal is closed" });
    return journal.saveSnapshot({ seq, at: clock.now(), body: text });
  };

  const settle = (): Promise<void> | undefined => {
    // Called from inside a fact: what waits is handled when that fact is done.
    if (dispatcher.isDraining) return undefined;
    while (dispatcher.drain() === "more");
    if (isLive && !snapshotUnderWay && isWhole() && recorder.seq() - lastSnapshotSeq >= options.snapshotEveryFacts) {
      snapshotUnderWay = true;
      void saveSnapshot().then(() => {
        snapshotUnderWay = false;
      });
    }
    return options.released?.();
  };

  return {
    offer: dispatcher.offer,
    dispatcher,
    actors: system,
    deadlines,
    recorder,
    recover,
    open: ({ session, epoch, recovered }) => {
      isLive = true;
      dispatcher.offer({ type: "session.started", payload: { session, epoch, recovered }, source: "root" });
      // A part that the end of the journal broke: the process died before anybody had said so.
      for (const { name, reason } of system().broken()) perform({ type: "component.report.failed", component: name, reason });
      deadlines.arm();
      dispatcher.start();
    },
    settle,
    saveSnapshot,
    journalFailure: () => {
      const failure = recorder.failure();
      return failure && reasonOf(failure);
    },
    effectsPending: () => effectsPending,
    effectsWithheld: () => effectsWithheld,
    drain: async () => {
      deadlines.disarm();
      const report = await dispatcher.stop();
      if (isWhole() && recorder.seq() > lastSnapshotSeq) await saveSnapshot();
      return report;
    },
    stop: () => {
      isLive = false;
      system().stop();
    },
  };
};
