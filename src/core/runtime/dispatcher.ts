/**
 * The corridor: every fact waits in its lane, is recorded, sent to its actors and told to its handlers, one at a time,
 * highest priority first (spec events.md, house.md "How data flows").
 *
 * The dispatcher yields to I/O after a time slice: a P0 frame that waits in a socket is read even while P1 floods.
 */
import type { Config } from "#config/schema.ts";
import type { ActorName } from "../actors.ts";
import type { Fact, FactType, NewFact, Offer } from "../event/catalog.ts";
import { type DeadLetter, DeadLetters } from "../event/dead-letters.ts";
import { type DegradationLevel, isBetter } from "../event/degradation.ts";
import { Door } from "../event/door.ts";
import type { Priority } from "../event/fact.ts";
import { createFactMaker } from "../event/fact-maker.ts";
import { type BatchHandler, createHandlers, failureOf, type Unsubscribe } from "../event/handlers.ts";
import type { Reception } from "../event/intake.ts";
import { countLeft, createKinds } from "../event/kinds.ts";
import { Lanes } from "../event/lanes.ts";
import type { LatencyHistogram } from "../event/latency.ts";
import { type Reloaded, reloadPlan } from "../event/reload.ts";
import { TurnBudget } from "../event/turn-budget.ts";
import { type Handler, type Waiting, WaitingPlaces } from "../event/waiting.ts";
import type { Clock } from "../ports.ts";
import { createRandom } from "../random.ts";
import type { Result } from "../result.ts";
import { createLaneAlarms } from "./lane-alarms.ts";
import { type ByPriority, createLaneFigures } from "./lane-figures.ts";
import { createOffers, type UncheckedFact } from "./offers.ts";
import type { FactFigures, LaneStatus } from "./report.ts";

export interface DispatcherOptions {
  readonly config: Config["events"];
  readonly clock: Clock;
  /** Of P3's sampling. */
  readonly seed: number;
  /** Prefix of fact ids: unique among runs, sortable among them. */
  readonly runPrefix?: string;
  /** Called in order for every journaled fact right before its delivery. */
  readonly record: (fact: Fact) => void;
  /** Sends to the actors of the route; called only when there is one. */
  readonly deliver: (fact: Fact, route: readonly ActorName[], waitedMs: number) => void;
  /** Safety facts of the lanes themselves (FS095, FS098, AN062, AN063, GR090); absent: they are offered like any internal fact. */
  readonly report?: (newFact: NewFact) => void;
}

export interface DrainReport {
  readonly elapsedMs: number;
  /** Facts handled while stopping. */
  readonly handled: ByPriority<number>;
  /** Facts left in the lanes, and at handlers that had not ended. P0's lane is always drained. */
  readonly left: ByPriority<number>;
}

export interface Dispatcher {
  /** For the inside of the house: never blocks, never throws. P0 facts use the internal reserve. */
  readonly offer: Offer;
  /** For sources outside. While the promise it may return is pending, P0 is full: the fact is held, and the source must pause. */
  offerExternal(newFact: NewFact): Reception;
  /** A promise while P0 is above its warning mark: a source that can wait should, so that the lane never fills. */
  whenCalm(): Promise<void> | undefined;
  /** Half of P0's reserve for facts from inside is free: whoever has many to offer and can wait waits for it. */
  readonly hasRoomInside: boolean;
  /** The door for types and payloads nobody has checked yet; refused ones are counted by name. */
  offerUnknown(raw: UncheckedFact): Result<Reception, string>;
  handle<T extends FactType>(type: T | readonly T[], handler: Handler<Fact<T>>, options: { readonly name: string }): Unsubscribe;
  handle(wants: (fact: Fact) => boolean, handler: Handler, options: { readonly name: string }): Unsubscribe;
  /** Facts in groups of the lane's batch size, or what came in the lane's batch wait. Types of one lane only make sense. */
  handleBatch<T extends FactType>(
    type: T | readonly T[],
    handler: BatchHandler<Fact<T>>,
    options: { readonly name: string },
  ): Unsubscribe;
  /** A handler is registered for facts of this type. */
  readonly isHandled: (type: string) => boolean;
  /** A fact is being handled right now: whoever asks was called by it. */
  readonly isDraining: boolean;
  /** Takes facts by strict priority until the lanes are empty ("idle") or the time slice is used up ("more"). */
  drain(): "idle" | "more";
  /** From now on turns are scheduled whenever there is work, each after I/O had its turn. */
  start(): void;
  /** Refuses new facts from outside, drains P0 fully, then P1..P3 and the handlers until the deadline. */
  stop(deadlineMs?: number): Promise<DrainReport>;
  readonly degradation: DegradationLevel;
  setDegradation(level: DegradationLevel): void;
  lanes(): ByPriority<LaneStatus>;
  /** Counters of the types that had any fact. */
  types(): { readonly [type: string]: FactFigures };
  latency(priority: Priority): LatencyHistogram;
  refused(): { readonly [type: string]: number };
  readonly deadLetters: DeadLetters;
  /** Turns that P2 and P3 had before P1 under `lowLanesShareMin`. */
  readonly lowLaneTurns: number;
  /** Applies what can be applied live and names what needs a restart. */
  reload(config: Config["events"]): Reloaded;
}

export const createDispatcher = (options: DispatcherOptions): Dispatcher => {
  const { clock, record, deliver } = options;
  let config = options.config;
  const kinds = createKinds();
  const places = new WaitingPlaces(createFactMaker(options.runPrefix ?? "", () => config.lanes.P0.processingMsMax));
  const deadLetters = new DeadLetters(config.handlers.deadLettersMax);
  const budget = new TurnBudget(config.lowLanesShareMin);
  const door = new Door(config.lanes.P0.waitingOutsideMax);
  let deliveryFails = false;
  let running = false;
  let scheduled = false;
  let draining = false;

  const lanes = new Lanes(config, createRandom(options.seed), {
    left(entry, because) {
      countLeft(entry, because);
      places.giveBack(entry);
    },
    pressure(priority, level, depth) {
      if (priority === "P0" && level === "calm") offers.calmed();
      alarms.pressure(priority, level, depth);
    },
  });
  const alarms = createLaneAlarms({
    clock,
    lanes,
    tell: (newFact) => (options.report ?? offers.offer)(newFact),
    wake: () => schedule(),
  });
  const offers = createOffers({
    clock,
    kinds,
    places,
    door,
    lanes,
    full: alarms.full,
    wake: () => schedule(),
  });
  const figures = createLaneFigures({ clock, config: () => config.lanes, kinds, lanes, door });

  const finish = (entry: Waiting): void => finishAt(entry, clock.monotonicMs());
  const finishAt = (entry: Waiting, nowMs: number): void => {
    figures.ended(entry, nowMs);
    places.giveBack(entry);
  };

  /** @returns true when it became a safety fact */
  const loseToDeadLetters = (entry: Waiting, letter: DeadLetter, isFailing: boolean): boolean => {
    entry.failed = true;
    deadLetters.add(letter);
    return alarms.gaveUp(entry.kind.lane, letter, isFailing);
  };

  const handlers = createHandlers({
    kinds,
    clock,
    policy: () => config.handlers,
    batchSize: ({ priority }) => {
      const { batchSize } = config.lanes[priority];
      return lanes.pressure(priority) === "calm" ? batchSize : batchSize * config.warningBatchFactor;
    },
    batchWaitMs: ({ priority }) => config.lanes[priority].batchWaitMs,
    finished: finish,
    gaveUp: loseToDeadLetters,
  });

  /** Safety has recovered: whatever still fails is told at its next failure. */
  const alarmAnew = (): void => {
    alarms.anew();
    deliveryFails = false;
    handlers.forgetFailures();
  };

  const process = (entry: Waiting, nowMs: number): void => {
    const { fact, kind } = entry;
    if (kind.journaled) record(fact);
    if (kind.route.length > 0) {
      try {
        deliver(fact, kind.route, nowMs - entry.enqueuedAt);
        deliveryFails = false;
      } catch (error) {
        // Not retried: some of the actors may have had the fact.
        if (loseToDeadLetters(entry, { fact, handler: "actors", ...failureOf(error), attempts: 1 }, deliveryFails))
          deliveryFails = true;
      }
    }
    handlers.run(entry);
  };

  const take = (nowMs: number): Waiting | undefined => {
    if (budget.enabled && lanes.lowLanesWait && budget.allows(nowMs)) return lanes.takeLowFirst();
    return lanes.take();
  };

  const letIn = (entry: Waiting): void => {
    lanes.offer(entry);
  };
  const hasRoomOutside = (): boolean => lanes.hasRoomOutside;

  const drain = (): "idle" | "more" => {
    // A handler that drains would run facts inside a fact.
    if (draining) return "more";
    draining = true;
    try {
      let nowMs = clock.monotonicMs();
      const sliceEndMs = nowMs + config.timeSliceMs;
      for (;;) {
        if (alarms.size > 0) alarms.tellAll();
        const entry = take(nowMs);
        if (entry === undefined) return "idle";
        const { lane, handlers: told, route } = entry.kind;
        if (lane === 0 && door.size > 0) door.admitWhile(hasRoomOutside, letIn);
        figures.begun(lane);
        const startedMs = nowMs;
        if (told.length === 0 && route.length === 0 && !entry.kind.journaled) {
          nowMs = clock.monotonicMs();
          finishAt(entry, nowMs);
        } else {
          process(entry, nowMs);
          nowMs = clock.monotonicMs();
          if (lane === 0 && nowMs - startedMs > config.lanes.P0.processingMsMax) figures.overran(lane);
        }
        if (lane > 1 && budget.enabled && lanes.depth("P1") > 0) budget.spend(nowMs - startedMs);
        if (nowMs >= sliceEndMs) return lanes.hasOpenWork || alarms.size > 0 ? "more" : "idle";
      }
    } finally {
      draining = false;
    }
  };

  const turn = (): void => {
    scheduled = false;
    if (running && drain() === "more") schedule();
  };
  // After I/O, also for the first fact of a burst: all frames that are ready are read before the first one is handled,
  // so strict priority sees every one of them.
  const schedule = (): void => {
    if (scheduled || !running) return;
    scheduled = true;
    void clock.yieldToIo().then(turn);
  };

  return {
    offer: offers.offer,
    offerExternal: offers.offerExternal,
    whenCalm: offers.whenCalm,
    get hasRoomInside() {
      return lanes.roomInside > config.lanes.P0.internalReserve / 2;
    },
    offerUnknown: offers.offerUnknown,
    handle: (filter: never, handler: Handler<never>, { name }: { readonly name: string }) =>
      handlers.add(filter, handler, { name }),
    handleBatch: (filter, handler, { name }) => handlers.addBatch(filter, handler as BatchHandler<never>, { name }),
    isHandled: (type: string) => (kinds.get(type)?.handlers.length ?? 0) > 0,
    get isDraining() {
      return draining;
    },
    drain,
    start() {
      running = true;
      schedule();
    },
    async stop(deadlineMs = config.drainMsMax) {
      const startedMs = clock.monotonicMs();
      const handledBefore = figures.handled();
      running = false;
      offers.accept("internal");
      alarms.stopWatching();
      lanes.stopHolding();
      const isOver = (): boolean => clock.monotonicMs() - startedMs >= deadlineMs;
      const isCriticalDone = (): boolean => figures.depthOf("P0") === 0 && alarms.size === 0;
      for (;;) {
        // Past the deadline nothing new may come, so that what P0 still has is a finite amount.
        if (isOver()) offers.accept("nothing");
        handlers.hurry();
        const idle = drain() === "idle" && figures.areHandlersDone;
        if (idle || (isOver() && isCriticalDone())) break;
        await clock.yieldToIo();
      }
      offers.accept("nothing");
      return {
        elapsedMs: clock.monotonicMs() - startedMs,
        handled: figures.handledSince(handledBefore),
        left: figures.left(),
      };
    },
    get degradation() {
      return lanes.degradation;
    },
    setDegradation(level) {
      const before = lanes.degradation;
      if (level === before) return;
      lanes.degradation = level;
      if (isBetter(level, before)) alarmAnew();
      if (level === "CRITICAL_ONLY") alarms.onlyCritical();
      schedule();
    },
    lanes: figures.lanes,
    types: figures.types,
    latency: figures.latency,
    refused: offers.refused,
    deadLetters,
    get lowLaneTurns() {
      return budget.turns;
    },
    reload(next) {
      const plan = reloadPlan(config, next);
      config = plan.config;
      budget.share = config.lowLanesShareMin;
      lanes.reload(config);
      return plan.reloaded;
    },
  };
};
