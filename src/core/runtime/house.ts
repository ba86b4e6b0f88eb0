/**
 * The corridor every fact walks: lanes → journal → actors → effects, one fact at a time.
 *
 * Starting is recovering: `recover` restores the newest snapshot and replays the journal's tail with effects off; `open`
 * turns effects on, arms the deadlines and tells every actor that the session has started, so that each deals with what a
 * crash may have interrupted. There is no other way in.
 */
import type { Config } from "#config/schema.ts";
import type { SafetyState } from "#machines/facts/safety.ts";
import type { ActorName } from "../actors.ts";
import { coreParts } from "../actors.ts";
import { type ActorEvent, type Fact, isFactType, type Offer, rowOf } from "../event/catalog.ts";
import { degradationOf } from "../event/degradation.ts";
import { routeOf } from "../event/routes.ts";
import type { Clock, Journal, JournalError, StateSnapshot } from "../ports.ts";
import { err, ok, type Result } from "../result.ts";
import { type ActorSystem, createActorSystem, type PartLogics, type SystemInput, withEveryPart } from "./actor-system.ts";
import { createDeadlines, type Deadlines } from "./deadlines.ts";
import { createDispatcher, type Dispatcher, type DrainReport } from "./dispatcher.ts";
import { type Effect, type EffectHandlers, type EffectType, irreversibleEffects } from "./effects.ts";
import { hasLeft, type NewStep, type Observer, orderSteps } from "./observer.ts";
import { createRecorder, type Recorder } from "./recorder.ts";
import { type FreshState, type RestoredState, readState, writeState } from "./restore.ts";

export interface Recovery {
  /** True when the journal already held facts. */
  readonly recovered: boolean;
  /** Facts replayed after the snapshot. */
  readonly replayed: number;
  /** `at` of the newest fact, undefined in an empty journal. */
  readonly lastAt: number | undefined;
  /** Somebody asked it to stop before it had come to the end: the house must not be opened. */
  readonly stopped: boolean;
}

/** How far a recovery has come: the fact it has reached, of all that the journal holds. */
export interface RecoveryProgress {
  readonly fact: number;
  readonly of: number;
}

export interface House {
  readonly offer: Offer;
  readonly dispatcher: Dispatcher;
  readonly actors: () => ActorSystem;
  readonly deadlines: Deadlines;
  readonly recorder: Recorder;
  /** Lets the event loop have its turn every few ms; `isStopped` is asked each time. */
  readonly recover: (isStopped?: () => boolean) => Promise<Result<Recovery, JournalError>>;
  /** Undefined once the house is open: until then what the actors say is of a time long past. */
  readonly recovering: () => RecoveryProgress | undefined;
  /** False until the snapshot has been read: there are no actors to ask yet. */
  readonly isRestored: () => boolean;
  /** Effects on, lanes held as safety says, deadlines armed, `session.started` offered. */
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
  /** The version of QTS; snapshots carry it. */
  readonly version: string;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly logics: PartLogics;
  readonly input: SystemInput;
  /** Made once; the handlers use the house's own `offer`. */
  readonly handlers: EffectHandlers;
  /** Resolves while the clock is held by real work; undefined when it is not. */
  readonly released?: () => Promise<void> | undefined;
  /** State besides the actors' that follows from facts: told of each journaled fact after its actors, also in a replay. */
  readonly projection?: {
    readonly take: (fact: Fact) => void;
    readonly persist: () => unknown;
    readonly restore: (state: unknown) => void;
  };
  readonly onJournalFailure: (error: JournalError) => void;
  /** The lanes are held back already. Not called while the journal is replayed: whoever opens the house looks at its state. */
  readonly onSafetyChange: (to: SafetyState) => void;
  readonly onLost: (name: ActorName, event: ActorEvent) => void;
  /** Whoever looks on. */
  readonly observer?: Observer;
}

/** How long a recovery may hold the event loop, so that whoever asks how far it is gets an answer. */
const recoverySliceMs = 10;
const irreversible: ReadonlySet<EffectType> = new Set(irreversibleEffects);

const reasonOf = (error: JournalError): string =>
  "reason" in error ? error.reason : `expected record ${error.expectedSeq}, found ${error.actualSeq}`;

export const createHouse = (options: HouseOptions): House => {
  const { clock, journal, handlers, observer } = options;
  const input = withEveryPart(options.input);
  let isLive = false;
  let recovering: RecoveryProgress | undefined = { fact: 0, of: journal.lastSeq };
  let effectsPending = 0;
  let effectsWithheld = 0;
  let lastSnapshotSeq = journal.lastSeq;
  let snapshotUnderWay = false;
  /** How long the fact that is being delivered waited in its lane. */
  let waitedBefore = 0;
  /** The record that a replay has reached. */
  let replayedSeq = 0;
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

  // Through the corridor like any fail-safe: FAIL lets no order leave, nor one that was approved before.
  let isJournalBusy = false;
  journal.onBusy?.((reason) => {
    if (!isLive || (reason !== undefined) === isJournalBusy) return;
    isJournalBusy = reason !== undefined;
    dispatcher.offer(
      reason === undefined
        ? { type: "failsafe.cleared", payload: { code: "FS075", reason: "the journal can be written again" }, source: "house" }
        : { type: "failsafe.tripped", payload: { code: "FS075", reason }, source: "house" },
    );
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
      if (effect.type === "timer.set") deadlines.set(effect.id, effect.at, system().ownerOf(effect));
      else if (effect.type === "timer.clear") deadlines.clear(effect.id);
      else if (effect.type === "safety.announce") {
        // Told in the same step, so that nothing is handled between the trip and its consequences.
        const { from, to, code, reason } = effect;
        for (const name of routeOf("safety.changed")) deliverEvent(name, { type: "safety.changed", at, from, to, code, reason });
        // What was halted long ago and released since halts nothing now.
        if (isLive) {
          dispatcher.setDegradation(degradationOf(to));
          options.onSafetyChange(to);
        }
      } else if (isLive) perform(effect);
    }
  };

  const deliverEvent = (name: ActorName, event: ActorEvent): void => {
    if (observer === undefined) react(system().send(name, event), event.at);
    else react(observed(observer, name, event), event.at);
  };

  const stateOf = (name: ActorName): unknown => (system().snapshotOf(name) as { readonly value?: unknown } | undefined)?.value;

  /** Sends, and tells what became of it before its effects lead to anything else. */
  const observed = (by: Observer, name: ActorName, event: ActorEvent): readonly Effect[] => {
    const isWatched = by.isWatched();
    const from = stateOf(name);
    const startedMs = isWatched ? clock.monotonicMs() : 0;
    const effects = system().send(name, event);
    const tookMs = isWatched ? clock.monotonicMs() - startedMs : 0;
    const outcomes = name === "orders" && !system().isDown(name) ? system().snapshotOf("orders").desk.takeOutcomes() : [];
    const to = stateOf(name);
    // While nobody watches, what changed nothing is not worth an object.
    if (!isWatched && from === to && outcomes.length === 0 && !hasLeft(effects)) return effects;
    const seq = recovering === undefined ? recorder.seq() : replayedSeq;
    const { priority: lane } = rowOf(event.type);
    const step: NewStep = {
      number: 0,
      seq,
      event,
      lane,
      waitedMs: waitedBefore,
      tookMs,
      actor: name,
      orderId: null,
      from,
      to,
      effects,
      refusal: null,
    };
    if (outcomes.length === 0) by.take(step);
    else {
      for (const one of orderSteps(step, outcomes)) by.take(one);
      // Effects are told once, with the first order.
      if (from !== to) by.take({ ...step, effects: [] });
    }
    return effects;
  };

  /** A deadline is told to whoever asked for it. Of one that a snapshot brought nobody knows who did: the others let it pass. */
  const toldOf = (
    { id, dueAt }: { readonly id: string; readonly dueAt: number },
    route: readonly ActorName[],
  ): readonly ActorName[] | undefined => {
    const deadline = deadlines.take(id, dueAt);
    if (deadline === undefined) return undefined;
    return deadline.owner === undefined ? route : [deadline.owner];
  };

  const deliver = (fact: Fact, route: readonly ActorName[], waitedMs = 0): void => {
    waitedBefore = waitedMs;
    const told = fact.type === "timer.due" ? toldOf(fact.payload, route) : route;
    if (told === undefined) return;
    const event = { type: fact.type, at: fact.at, ...(fact.payload as object) } as ActorEvent;
    for (const name of told) deliverEvent(name, event);
    if (rowOf(fact.type).journaled) options.projection?.take(fact);
  };

  const dispatcher = createDispatcher({
    config: options.config,
    clock,
    seed: options.seed,
    runPrefix: options.runPrefix,
    record: (fact) => {
      recorder.record(fact);
      // Facts that no actor is told are not delivered, and may be the projection's all the same.
      if (routeOf(fact.type).length === 0) options.projection?.take(fact);
    },
    deliver,
  });

  const deadlines = createDeadlines({ clock, offer: dispatcher.offer, hasRoom: () => dispatcher.hasRoomInside });

  const createActors = (persisted?: unknown): ActorSystem =>
    createActorSystem({
      logics: options.logics,
      input,
      onLost: options.onLost,
      ...(persisted === undefined ? {} : { persisted }),
    });

  /** A part that is younger than the snapshot begins as it would in a new house, with all that it asks for then. */
  const start = (state: RestoredState | undefined, beginning: ActorSystem | undefined): void => {
    actors = createActors(state?.actors);
    for (const [id, at] of Object.entries(state?.deadlines ?? {})) deadlines.set(id, at);
    if (state?.projection !== undefined) options.projection?.restore(state.projection);
    actors.start();
    react(actors.takeEffects(), clock.now());
    for (const name of state?.fresh ?? []) react(beginning?.startEffects(name) ?? [], clock.now());
  };

  /** Never a fresh part in place of one that cannot be read back: fresh would mean BALANCED and NORMAL (spec S16). */
  const restore = (snapshot: StateSnapshot | undefined): Result<void, JournalError> => {
    const seq = snapshot?.seq ?? 0;
    const damaged = (reason: string): Result<never, JournalError> =>
      err({ type: "journal.corrupt", seq, reason: `the state snapshot cannot be used: ${reason}` });
    let beginning: ActorSystem | undefined;
    const fresh = (): FreshState => {
      if (beginning === undefined) {
        beginning = createActors();
        beginning.start();
      }
      return { actors: beginning.persist() as FreshState["actors"], projection: options.projection?.persist() };
    };
    const read = snapshot === undefined ? undefined : readState(snapshot.body, { version: options.version, input, fresh });
    if (read?.ok === false)
      return read.error.type === "damaged"
        ? damaged(read.error.reason)
        : err({ type: "journal.other.version", seq, reason: read.error.reason });
    const problem = problemOfStart(read?.value, beginning);
    beginning?.stop();
    if (problem === undefined) return ok(undefined);
    const { migrated = [], writer } = read?.value ?? {};
    // Only a part whose form has changed can be at fault here without any damage.
    return migrated.length === 0
      ? damaged(problem)
      : err({
          type: "journal.other.version",
          seq,
          reason: `QTS ${options.version} cannot go on with what ${writer} left of ${migrated.join(", ")}: ${problem}`,
        });
  };

  const problemOfStart = (state: RestoredState | undefined, beginning: ActorSystem | undefined): string | undefined => {
    try {
      start(state, beginning);
    } catch (error) {
      return String(error);
    }
    const [broken] = system().broken();
    if (broken !== undefined) return `${broken.name}: ${broken.reason}`;
    const missing = coreParts.find((part) => system().isDown(part));
    return missing === undefined ? undefined : `${missing} is missing`;
  };

  const recover: House["recover"] = async (isStopped = () => false) => {
    const loaded = await journal.loadSnapshot();
    if (!loaded.ok) return loaded;
    const restored = restore(loaded.value);
    if (!restored.ok) return restored;
    const replayed = await replay(loaded.value, isStopped);
    if (replayed.ok) lastSnapshotSeq = loaded.value?.seq ?? 0;
    return replayed;
  };

  const replay = async (
    snapshot: StateSnapshot | undefined,
    isStopped: () => boolean,
  ): Promise<Result<Recovery, JournalError>> => {
    let seq = snapshot?.seq ?? 0;
    let replayed = 0;
    let lastAt = snapshot?.at;
    let sliceEndsMs = clock.monotonicMs() + recoverySliceMs;
    const recovery = (stopped: boolean): Result<Recovery, JournalError> =>
      ok({ recovered: journal.lastSeq > 0, replayed, lastAt, stopped });
    const progress = (): RecoveryProgress => ({ fact: seq, of: journal.lastSeq });
    recovering = progress();
    try {
      for await (const record of journal.read(seq)) {
        seq = record.seq;
        replayedSeq = seq;
        if (!isFactType(record.type))
          return err({
            type: "journal.other.version",
            seq,
            reason: `record ${seq} holds ${record.type}, a fact that QTS ${options.version} does not know`,
          });
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
        if (clock.monotonicMs() < sliceEndsMs) continue;
        recovering = progress();
        await clock.yieldToIo();
        if (isStopped()) return recovery(true);
        sliceEndsMs = clock.monotonicMs() + recoverySliceMs;
      }
    } catch (error) {
      // The journal names its own damage; anything else is a record that says what no fact can say.
      const cause = error instanceof Error ? (error.cause as JournalError | undefined) : undefined;
      return err(cause?.type === undefined ? { type: "journal.corrupt", seq, reason: String(error) } : cause);
    }
    recovering = progress();
    return recovery(isStopped());
  };

  /** A part that is down is brought back by a replay, never from a snapshot of its error. */
  const isWhole = (): boolean => system().broken().length === 0;

  const saveSnapshot = async (): Promise<Result<void, JournalError>> => {
    const seq = recorder.seq();
    const text = writeState(
      {
        actors: system().persist() as RestoredState["actors"],
        deadlines: deadlines.table(),
        projection: options.projection?.persist(),
      },
      options.version,
    );
    lastSnapshotSeq = seq;
    if (!(await recorder.whenDurable(seq)))
      return err(recorder.failure() ?? { type: "journal.unavailable", reason: "the journal is closed" });
    return journal.saveSnapshot({ seq, at: clock.now(), body: text });
  };

  const settle = (): Promise<void> | undefined => {
    // Called from inside a fact: what waits is handled when that fact is done.
    if (dispatcher.isDraining) return undefined;
    // A new fact has no place among those of the journal.
    if (recovering !== undefined) return undefined;
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
    recovering: () => recovering,
    isRestored: () => actors !== undefined,
    open: ({ session, epoch, recovered }) => {
      recovering = undefined;
      isLive = true;
      // What cannot say how it stands is taken for the worst.
      dispatcher.setDegradation(degradationOf(system().isDown("safety") ? "LOCKDOWN" : system().snapshotOf("safety").value));
      dispatcher.offer({ type: "session.started", payload: { session, epoch, recovered }, source: "root" });
      // The process that waited for its journal died before it could say that it is over. This one has just written to it.
      if (system().snapshotOf("safety").context.cause?.code === "FS075")
        dispatcher.offer({
          type: "failsafe.cleared",
          payload: { code: "FS075", reason: "the journal could be opened again" },
          source: "house",
        });
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
