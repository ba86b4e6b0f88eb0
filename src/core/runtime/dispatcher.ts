/**
 * The corridor: every fact waits in its lane, is recorded, sent to its actors and told to its handlers, one at a time,
 * highest priority first (spec events.md, house.md "How data flows").
 *
 * The dispatcher yields to I/O after a time slice: a P0 frame that waits in a socket is read even while P1 floods.
 */
import type { Config } from "#config/schema.ts";
import type { ActorName } from "../actors.ts";
import { type Fact, type FactType, factProblem, isFactType, type NewFact, type Offer } from "../event/catalog.ts";
import { type DeadLetter, DeadLetters } from "../event/dead-letters.ts";
import { type DegradationLevel, isBetter } from "../event/degradation.ts";
import { Door } from "../event/door.ts";
import { type Priority, priorities } from "../event/fact.ts";
import { createFactMaker } from "../event/fact-maker.ts";
import { type BatchHandler, createHandlers, failureOf, type Handler, type Unsubscribe } from "../event/handlers.ts";
import type { Reception } from "../event/intake.ts";
import { countLeft, createKinds, type Kind, type Tally } from "../event/kinds.ts";
import { Lanes } from "../event/lanes.ts";
import { LatencyHistogram } from "../event/latency.ts";
import { Refusals } from "../event/refusals.ts";
import { type Reloaded, reloadPlan } from "../event/reload.ts";
import { TurnBudget } from "../event/turn-budget.ts";
import { type Waiting, WaitingPlaces } from "../event/waiting.ts";
import type { Cancel, Clock } from "../ports.ts";
import { createRandom } from "../random.ts";
import { err, ok, type Result } from "../result.ts";
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
  readonly deliver: (fact: Fact, route: readonly ActorName[]) => void;
  /** Safety facts of the lanes themselves (FS095, FS098, AN062, AN063, GR090); absent: they are offered like any internal fact. */
  readonly report?: (newFact: NewFact) => void;
}

export interface DrainReport {
  readonly elapsedMs: number;
  /** Facts handled while stopping. */
  readonly handled: { readonly [P in Priority]: number };
  /** Facts left in the lanes, and at handlers that had not ended. P0's lane is always drained. */
  readonly left: { readonly [P in Priority]: number };
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
  offerUnknown(raw: {
    readonly type: string;
    readonly payload: unknown;
    readonly source: string;
    readonly at?: number;
    readonly correlationId?: string;
  }): Result<Reception, string>;
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
  lanes(): { readonly [P in Priority]: LaneStatus };
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

const source = "dispatcher";
/** What goes on is told once a minute: not a thousand times, and not once, so that its alarm would end while it goes on. */
const tellAgainMs = 60_000;
/** In which latencies are counted for Prometheus; the SLAs of spec E8 are among them. */
const bucketsMs = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 50, 100, 300, 500, 1000] as const;

const byPriority = <T>(value: (priority: Priority, lane: number) => T): { readonly [P in Priority]: T } => ({
  P0: value("P0", 0),
  P1: value("P1", 1),
  P2: value("P2", 2),
  P3: value("P3", 3),
});

export const createDispatcher = (options: DispatcherOptions): Dispatcher => {
  const { clock, record, deliver } = options;
  let config = options.config;
  const kinds = createKinds();
  const places = new WaitingPlaces(createFactMaker(options.runPrefix ?? "", () => config.lanes.P0.processingMsMax));
  const deadLetters = new DeadLetters(config.handlers.deadLettersMax);
  const refusals = new Refusals();
  const budget = new TurnBudget(config.lowLanesShareMin);
  const histograms = priorities.map(() => new LatencyHistogram());
  const inProgress = [0, 0, 0, 0];
  const overruns = [0, 0, 0, 0];
  const door = new Door(config.lanes.P0.waitingOutsideMax);
  /** Alarms wait here until P0 has room, so that a report about a full lane is not refused by it. */
  const alarms: NewFact[] = [];
  let accepting: "everything" | "internal" | "nothing" = "everything";
  let fullReported = false;
  let calm: PromiseWithResolvers<void> | undefined;
  let deliveryFails = false;
  let running = false;
  let scheduled = false;
  let draining = false;

  const alarm = (newFact: NewFact): void => {
    alarms.push(newFact);
    schedule();
  };
  const failsafe = (code: string, reason: string): void => alarm({ type: "failsafe.tripped", source, payload: { code, reason } });

  const anomaly = (code: string, reason: string): void => alarm({ type: "anomaly.raised", source, payload: { code, reason } });
  let cancelWatch: Cancel | undefined;
  /** A lane that safety itself holds back may fill up: an alarm about it would only prolong what paused it. */
  const watchFull = (): void => {
    cancelWatch ??= clock.setTimer(clock.now() + tellAgainMs, () => {
      cancelWatch = undefined;
      const full = priorities.filter((priority) => lanes.pressure(priority) === "critical");
      if (full.length > 0) watchFull();
      for (const priority of full) if (!lanes.isHeld(priority)) anomaly("AN062", `${priority} stays at its critical mark`);
    });
  };

  const lanes = new Lanes(config, createRandom(options.seed), {
    left(entry, because) {
      countLeft(entry, because);
      places.giveBack(entry);
    },
    pressure(priority, level, depth) {
      if (priority === "P0" && level === "calm") {
        fullReported = false;
        calm?.resolve();
        calm = undefined;
      }
      if (level !== "critical") return;
      watchFull();
      if (!lanes.isHeld(priority)) anomaly("AN062", `${priority} is at its critical mark: ${depth} facts wait`);
    },
  });

  /** When a handler of facts that are not critical was last reported; as many as there are handlers. */
  const gaveUpAt = new Map<string, number>();

  const finish = (entry: Waiting): void => finishAt(entry, clock.monotonicMs());
  const finishAt = (entry: Waiting, nowMs: number): void => {
    const { lane, tally } = entry.kind;
    (inProgress[lane] as number) -= 1;
    if (entry.failed) tally.deadLettered += 1;
    else {
      tally.handled += 1;
      (histograms[lane] as LatencyHistogram).record(nowMs - entry.enqueuedAt);
    }
    places.giveBack(entry);
  };

  /** @returns true when it became a safety fact */
  const loseToDeadLetters = (entry: Waiting, letter: DeadLetter, isFailing: boolean): boolean => {
    entry.failed = true;
    deadLetters.add(letter);
    const { handler, fact } = letter;
    // About our own alarms no alarm is raised: the actor or handler that fails on them would be asked for ever.
    if (fact.source === source) return false;
    const where = letter.where === undefined ? "" : ` (${letter.where})`;
    const reason = `${handler} gave up on ${fact.type}: ${letter.reason}${where}`;
    if (entry.kind.lane === 0) {
      if (!isFailing) failsafe("FS098", reason);
      return !isFailing;
    }
    const now = clock.now();
    // A clock that was set back must not silence it for as long as it was set back.
    const agoMs = Math.abs(now - (gaveUpAt.get(handler) ?? Number.NEGATIVE_INFINITY));
    if (agoMs >= tellAgainMs) {
      gaveUpAt.set(handler, now);
      // The same words each time, without the figures of one fact: people are told of it once, safety as long as it goes on.
      anomaly("AN063", agoMs < 2 * tellAgainMs ? `${handler} goes on giving up on ${fact.type}${where}` : reason);
    }
    return false;
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
    fullReported = false;
    deliveryFails = false;
    gaveUpAt.clear();
    handlers.forgetFailures();
  };

  const entryOf = (newFact: NewFact, kind: Kind, internal: boolean): Waiting => {
    const entry = places.take(kind);
    entry.fill(newFact, kind, internal, newFact.at ?? clock.now(), clock.monotonicMs());
    return entry;
  };

  const reportFull = (reason: string): void => {
    if (fullReported) return;
    fullReported = true;
    failsafe("FS095", reason);
  };

  const offer: Offer = (newFact) => {
    const kind = kinds.get(newFact.type);
    if (kind === undefined || accepting === "nothing") {
      refusals.count(newFact.type);
      return;
    }
    const entry = entryOf(newFact, kind, true);
    if (lanes.offer(entry) === "full") {
      places.giveBack(entry);
      refusals.count(newFact.type);
      reportFull(`the internal reserve of P0 is full: ${newFact.type} was refused`);
      return;
    }
    kind.tally.accepted += 1;
    schedule();
  };

  const offerExternal = (newFact: NewFact): Reception => {
    const kind = kinds.get(newFact.type);
    if (kind === undefined || accepting !== "everything") {
      refusals.count(newFact.type);
      return "refused";
    }
    const entry = entryOf(newFact, kind, false);
    // Nobody overtakes those at the door: each take lets the next one in at once, so while they wait the lane is full.
    if (lanes.offer(entry) === "accepted") {
      kind.tally.accepted += 1;
      schedule();
      return "accepted";
    }
    const opened = door.wait(entry);
    reportFull(`P0 is full: ${newFact.type} from ${newFact.source} waits outside`);
    if (opened === undefined) {
      places.giveBack(entry);
      refusals.count(newFact.type);
      return "full";
    }
    kind.tally.accepted += 1;
    return opened;
  };

  const process = (entry: Waiting): void => {
    const { fact, kind } = entry;
    if (kind.journaled) record(fact);
    if (kind.route.length > 0) {
      try {
        deliver(fact, kind.route);
        deliveryFails = false;
      } catch (error) {
        // Not retried: some of the actors may have had the fact.
        if (loseToDeadLetters(entry, { fact, handler: "actors", ...failureOf(error), attempts: 1 }, deliveryFails))
          deliveryFails = true;
      }
    }
    handlers.run(entry);
  };

  const raiseAlarms = (): void => {
    while (alarms.length > 0 && lanes.roomInside > 0) {
      const newFact = alarms.shift() as NewFact;
      (options.report ?? offer)(newFact);
    }
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
        if (alarms.length > 0) raiseAlarms();
        const entry = take(nowMs);
        if (entry === undefined) return "idle";
        const { lane, handlers: told, route } = entry.kind;
        if (lane === 0 && door.size > 0) door.admitWhile(hasRoomOutside, letIn);
        (inProgress[lane] as number) += 1;
        const startedMs = nowMs;
        if (told.length === 0 && route.length === 0 && !entry.kind.journaled) {
          nowMs = clock.monotonicMs();
          finishAt(entry, nowMs);
        } else {
          process(entry);
          nowMs = clock.monotonicMs();
          if (lane === 0 && nowMs - startedMs > config.lanes.P0.processingMsMax) (overruns[lane] as number) += 1;
        }
        if (lane > 1 && budget.enabled && lanes.depth("P1") > 0) budget.spend(nowMs - startedMs);
        if (nowMs >= sliceEndMs) return lanes.hasOpenWork || alarms.length > 0 ? "more" : "idle";
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

  const laneSum = (lane: number, count: (tally: Tally) => number): number => {
    let sum = 0;
    for (const kind of kinds.values()) if (kind.lane === lane) sum += count(kind.tally);
    return sum;
  };

  const depthOf = (priority: Priority): number => lanes.depth(priority) + (priority === "P0" ? door.size : 0);

  const laneStatus = (priority: Priority, lane: number): LaneStatus => {
    const histogram = histograms[lane] as LatencyHistogram;
    const oldest = lanes.oldest(priority) ?? (priority === "P0" ? door.oldest : undefined);
    const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((share) => histogram.percentile(share)) as [number, number, number];
    const sla = priority === "P3" ? undefined : config.lanes[priority].slaMs;
    return {
      accepted: laneSum(lane, ({ accepted }) => accepted),
      handled: laneSum(lane, ({ handled }) => handled),
      dropped: laneSum(lane, ({ dropped }) => dropped),
      collapsed: laneSum(lane, ({ collapsed }) => collapsed),
      sampled: laneSum(lane, ({ sampled }) => sampled),
      deadLettered: laneSum(lane, ({ deadLettered }) => deadLettered),
      depth: depthOf(priority),
      inProgress: inProgress[lane] as number,
      capacity: lanes.capacity(priority),
      paused: lanes.isPaused(priority),
      pressure: lanes.pressure(priority),
      oldestAgeMs: oldest === undefined ? 0 : clock.monotonicMs() - oldest.enqueuedAt,
      overruns: overruns[lane] as number,
      p50Ms,
      p95Ms,
      p99Ms,
      maxMs: histogram.maxMs,
      latency: { buckets: histogram.buckets(bucketsMs), count: histogram.count, sumMs: histogram.sumMs },
      withinSla: sla === undefined || (p50Ms <= sla.p50 && p95Ms <= sla.p95 && p99Ms <= sla.p99 && histogram.maxMs <= sla.max),
    };
  };

  const left = (): { readonly [P in Priority]: number } =>
    byPriority((priority, lane) => depthOf(priority) + (inProgress[lane] as number));

  return {
    offer,
    offerExternal,
    whenCalm() {
      if (lanes.pressure("P0") === "calm") return undefined;
      calm ??= Promise.withResolvers<void>();
      return calm.promise;
    },
    get hasRoomInside() {
      return lanes.roomInside > config.lanes.P0.internalReserve / 2;
    },
    offerUnknown({ type, payload, source, at, correlationId }) {
      const problem = factProblem(type, payload);
      if (problem !== undefined) {
        refusals.count(type);
        return err(isFactType(type) ? `${type} from ${source}: ${problem}` : problem);
      }
      const newFact = {
        type,
        payload,
        source,
        ...(at === undefined ? {} : { at }),
        ...(correlationId === undefined ? {} : { correlationId }),
      } as NewFact;
      return ok(offerExternal(newFact));
    },
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
      const handledBefore = byPriority((_, lane) => laneSum(lane, ({ handled }) => handled));
      running = false;
      accepting = "internal";
      cancelWatch?.();
      lanes.stopHolding();
      const isOver = (): boolean => clock.monotonicMs() - startedMs >= deadlineMs;
      const isCriticalDone = (): boolean => depthOf("P0") === 0 && alarms.length === 0;
      for (;;) {
        // Past the deadline nothing new may come, so that what P0 still has is a finite amount.
        if (isOver()) accepting = "nothing";
        handlers.hurry();
        const idle = drain() === "idle" && inProgress.every((count) => count === 0);
        if (idle || (isOver() && isCriticalDone())) break;
        await clock.yieldToIo();
      }
      accepting = "nothing";
      return {
        elapsedMs: clock.monotonicMs() - startedMs,
        handled: byPriority((priority, lane) => laneSum(lane, ({ handled }) => handled) - handledBefore[priority]),
        left: left(),
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
      if (level === "CRITICAL_ONLY")
        alarm({
          type: "guardrail.tripped",
          source,
          payload: { code: "GR090", reason: "P1, P2 and P3 are paused; what arrives is held by each lane's policy" },
        });
      schedule();
    },
    lanes: () => byPriority(laneStatus),
    types: () =>
      Object.fromEntries(
        [...kinds.values()]
          .filter(({ tally }) => tally.accepted > 0)
          .map(({ type, priority, tally }) => [type, { ...tally, priority }]),
      ),
    latency: (priority) => histograms[priorities.indexOf(priority)] as LatencyHistogram,
    refused: () => refusals.byType(),
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
