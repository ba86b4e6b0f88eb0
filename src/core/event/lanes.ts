/**
 * The four lanes (spec E3–E6): strict priority at every take, a policy for each lane that is full, and exact accounting.
 *
 * P0 never loses a fact. From outside it takes `capacity` facts; the next one waits at the door and its source must pause.
 * Facts from inside the house have a reserve of their own, so a P0 handler that offers P0 facts cannot wait for itself.
 */
import type { Config } from "#config/schema.ts";
import { type Pressure, PressureGauge, type PressureMarks } from "./backpressure.ts";
import { BoundedQueue } from "./bounded-queue.ts";
import { CollapsingQueue } from "./collapsing-queue.ts";
import { type DegradationLevel, isPausedAt } from "./degradation.ts";
import { type Priority, priorities } from "./fact.ts";
import type { LaneQueue, LeftBecause } from "./lane-queue.ts";
import { RingBuffer } from "./ring-buffer.ts";
import { SamplingQueue } from "./sampling-queue.ts";
import type { Waiting } from "./waiting.ts";

type LanesConfig = Config["events"]["lanes"];

export interface LanesEvents {
  left(entry: Waiting, because: LeftBecause): void;
  /** A lane's fullness crossed a mark. */
  pressure(priority: Priority, level: Pressure, depth: number): void;
}

/** The outcome of an offer: `refused` only when P0 has no room left for what must not be lost. */
export type Admission = "accepted" | "full";

const marksOf = (config: Config["events"], priority: Priority): PressureMarks => {
  const { lanes, hysteresisShare } = config;
  if (priority === "P0") {
    const { warningDepth: warning, criticalDepth: critical } = lanes.P0;
    return { warning, critical, calm: Math.floor(warning * hysteresisShare) };
  }
  const { capacity, warningShare, criticalShare } = lanes[priority];
  const warning = Math.max(1, Math.ceil(capacity * warningShare));
  return {
    warning,
    critical: Math.max(warning, Math.ceil(capacity * criticalShare)),
    calm: Math.floor(warning * hysteresisShare),
  };
};

const samplingOf = ({ P3 }: LanesConfig) => ({ mark: Math.ceil(P3.capacity * P3.samplingMarkShare), rate: P3.samplingRate });

export class Lanes {
  readonly #events: LanesEvents;
  readonly #critical: BoundedQueue<Waiting>;
  readonly #capacityOutside: number;
  readonly #reserveInside: number;
  readonly #sampled: SamplingQueue<Waiting>;
  /** P1, P2, P3; index 0 is P1. */
  readonly #lower: readonly LaneQueue<Waiting>[];
  readonly #gauges: readonly PressureGauge[];
  #fromOutside = 0;
  #fromInside = 0;
  #level: DegradationLevel = "NORMAL";
  #isHolding = true;
  /** Lanes at or above it wait. */
  #openLaneCount = 4;

  constructor(config: Config["events"], random: () => number, events: LanesEvents) {
    const { P0, P1, P2, P3 } = config.lanes;
    const left = (entry: Waiting, because: LeftBecause): void => events.left(entry, because);
    this.#events = events;
    this.#capacityOutside = P0.capacity;
    this.#reserveInside = P0.internalReserve;
    this.#critical = new BoundedQueue(P0.capacity + P0.internalReserve);
    this.#sampled = new SamplingQueue(P3.capacity, samplingOf(config.lanes), random, left);
    this.#lower = [new RingBuffer<Waiting>(P1.capacity, left), new CollapsingQueue<Waiting>(P2.capacity, left), this.#sampled];
    this.#gauges = priorities.map((priority) => new PressureGauge(marksOf(config, priority)));
  }

  get degradation(): DegradationLevel {
    return this.#level;
  }

  /** P1..P3 always accept and account for what has to leave; P0 says `full` and loses nothing. */
  offer(entry: Waiting): Admission {
    const { lane } = entry.kind;
    if (lane === 0) {
      if (entry.internal) {
        if (this.#fromInside === this.#reserveInside) return "full";
        this.#fromInside += 1;
      } else {
        if (this.#fromOutside === this.#capacityOutside) return "full";
        this.#fromOutside += 1;
      }
      this.#critical.offer(entry);
      this.#gauge(0, this.#critical.size);
      return "accepted";
    }
    const line = this.#lower[lane - 1] as LaneQueue<Waiting>;
    line.offer(entry, entry.kind.keyOf(entry.payload));
    this.#gauge(lane, line.size);
    return "accepted";
  }

  /** The next fact by strict priority, or undefined when every lane that is not paused is empty. */
  take(): Waiting | undefined {
    if (this.#critical.size > 0) return this.#takeCritical();
    return this.#takeFrom(1);
  }

  /** Like `take`, but P1 lets P2 and P3 go first: for the measured share that configuration may grant them. */
  takeLowFirst(): Waiting | undefined {
    if (this.#critical.size > 0) return this.#takeCritical();
    return this.#takeFrom(2) ?? this.#takeFrom(1);
  }

  /** True when `take` would find something. */
  get hasOpenWork(): boolean {
    if (this.#critical.size > 0) return true;
    for (let lane = 1; lane < this.#openLaneCount; lane += 1)
      if ((this.#lower[lane - 1] as LaneQueue<Waiting>).size > 0) return true;
    return false;
  }

  /** True while P1 and a lower lane both have open work: the only time at which priority costs somebody a turn. */
  get lowLanesWait(): boolean {
    if (this.#openLaneCount < 3 || (this.#lower[0] as LaneQueue<Waiting>).size === 0) return false;
    for (let lane = 2; lane < this.#openLaneCount; lane += 1)
      if ((this.#lower[lane - 1] as LaneQueue<Waiting>).size > 0) return true;
    return false;
  }

  get hasRoomOutside(): boolean {
    return this.#fromOutside < this.#capacityOutside;
  }

  /** Facts that P0 still takes from inside. */
  get roomInside(): number {
    return this.#reserveInside - this.#fromInside;
  }

  depth(priority: Priority): number {
    return priority === "P0" ? this.#critical.size : this.#lineOf(priority).size;
  }

  /** P0's capacity is what it takes from outside; the reserve comes on top. */
  capacity(priority: Priority): number {
    return priority === "P0" ? this.#capacityOutside : this.#lineOf(priority).capacity;
  }

  oldest(priority: Priority): Waiting | undefined {
    return priority === "P0" ? this.#critical.peek() : this.#lineOf(priority).peek();
  }

  pressure(priority: Priority): Pressure {
    return this.#gaugeOf(priority).level;
  }

  /** Paused by the safety state, or by a higher lane at its critical mark. */
  isPaused(priority: Priority): boolean {
    return priorities.indexOf(priority) >= this.#openLaneCount;
  }

  /** Paused by the safety state: that it fills up is expected. */
  isHeld(priority: Priority): boolean {
    return this.#isHolding && isPausedAt(this.#level, priority);
  }

  /** Paused lanes hold: they keep accepting by their own policy. */
  set degradation(level: DegradationLevel) {
    this.#level = level;
    this.#reopen();
  }

  /** Hands over what the safety state holds back: nobody will come after us to take it. */
  stopHolding(): void {
    this.#isHolding = false;
    this.#reopen();
  }

  /** Applies marks and sampling; capacities are fixed for the life of the lanes. */
  reload(config: Config["events"]): void {
    this.#sampled.sampling = samplingOf(config.lanes);
    for (const priority of priorities) {
      this.#gaugeOf(priority).marks = marksOf(config, priority);
      this.#gauge(priorities.indexOf(priority), this.depth(priority));
    }
  }

  #takeCritical(): Waiting {
    const entry = this.#critical.take() as Waiting;
    if (entry.internal) this.#fromInside -= 1;
    else this.#fromOutside -= 1;
    this.#gauge(0, this.#critical.size);
    return entry;
  }

  #takeFrom(first: number): Waiting | undefined {
    for (let lane = first; lane < this.#openLaneCount; lane += 1) {
      const line = this.#lower[lane - 1] as LaneQueue<Waiting>;
      if (line.size === 0) continue;
      const entry = line.take();
      this.#gauge(lane, line.size);
      return entry;
    }
    return undefined;
  }

  #gauge(lane: number, depth: number): void {
    const level = (this.#gauges[lane] as PressureGauge).read(depth);
    if (level === undefined) return;
    this.#reopen();
    const priority = priorities[lane] as Priority;
    this.#events.pressure(priority, level, depth);
  }

  /** Pauses are nested (P3 before P2 before P1), by degradation and by critical backpressure alike, so one index says it all. */
  #reopen(): void {
    let open = 1;
    while (
      open < 4 &&
      !this.isHeld(priorities[open] as Priority) &&
      (this.#gauges[open - 1] as PressureGauge).level !== "critical"
    )
      open += 1;
    this.#openLaneCount = open;
  }

  #lineOf(priority: Priority): LaneQueue<Waiting> {
    return this.#lower[priorities.indexOf(priority) - 1] as LaneQueue<Waiting>;
  }

  #gaugeOf(priority: Priority): PressureGauge {
    return this.#gauges[priorities.indexOf(priority)] as PressureGauge;
  }
}
