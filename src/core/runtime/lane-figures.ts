/** What the lanes count: facts by their outcome, how long they took, and what is under way. */
import type { Config } from "#config/schema.ts";
import type { Door } from "../event/door.ts";
import { type Priority, priorities } from "../event/fact.ts";
import type { Kinds } from "../event/kinds.ts";
import type { Lanes } from "../event/lanes.ts";
import { LatencyHistogram } from "../event/latency.ts";
import type { Tally, Waiting } from "../event/waiting.ts";
import type { Clock } from "../ports.ts";
import type { FactFigures, LaneStatus } from "./report.ts";

export type ByPriority<T> = { readonly [P in Priority]: T };

/** In which latencies are counted for Prometheus; the SLAs of spec E8 are among them. */
const bucketsMs = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 50, 100, 300, 500, 1000] as const;

const byPriority = <T>(value: (priority: Priority, lane: number) => T): ByPriority<T> => ({
  P0: value("P0", 0),
  P1: value("P1", 1),
  P2: value("P2", 2),
  P3: value("P3", 3),
});

export interface LaneFiguresOptions {
  readonly clock: Clock;
  readonly config: () => Config["events"]["lanes"];
  readonly kinds: Kinds;
  readonly lanes: Lanes;
  readonly door: Door;
}

export const createLaneFigures = ({ clock, config, kinds, lanes, door }: LaneFiguresOptions) => {
  const histograms = priorities.map(() => new LatencyHistogram());
  const inProgress = [0, 0, 0, 0];
  const overruns = [0, 0, 0, 0];

  const depthOf = (priority: Priority): number => lanes.depth(priority) + (priority === "P0" ? door.size : 0);

  const sumOf = (lane: number, count: (tally: Tally) => number): number => {
    let sum = 0;
    for (const kind of kinds.values()) if (kind.lane === lane) sum += count(kind.tally);
    return sum;
  };

  const statusOf = (priority: Priority, lane: number): LaneStatus => {
    const histogram = histograms[lane] as LatencyHistogram;
    const oldest = lanes.oldest(priority) ?? (priority === "P0" ? door.oldest : undefined);
    const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((share) => histogram.percentile(share)) as [number, number, number];
    const sla = priority === "P3" ? undefined : config()[priority].slaMs;
    return {
      accepted: sumOf(lane, ({ accepted }) => accepted),
      handled: sumOf(lane, ({ handled }) => handled),
      dropped: sumOf(lane, ({ dropped }) => dropped),
      collapsed: sumOf(lane, ({ collapsed }) => collapsed),
      sampled: sumOf(lane, ({ sampled }) => sampled),
      deadLettered: sumOf(lane, ({ deadLettered }) => deadLettered),
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

  return {
    /** A fact was taken from its lane. */
    begun(lane: number): void {
      (inProgress[lane] as number) += 1;
    },

    /** A fact was handled or given up, at this monotonic time. */
    ended({ kind: { lane, tally }, failed, enqueuedAt }: Waiting, nowMs: number): void {
      (inProgress[lane] as number) -= 1;
      if (failed) tally.deadLettered += 1;
      else {
        tally.handled += 1;
        (histograms[lane] as LatencyHistogram).record(nowMs - enqueuedAt);
      }
    },

    /** The handlers of a fact took longer than they may. */
    overran(lane: number): void {
      (overruns[lane] as number) += 1;
    },

    /** Nothing is at a handler that has not ended. */
    get areHandlersDone(): boolean {
      return inProgress.every((count) => count === 0);
    },

    depthOf,
    lanes: () => byPriority(statusOf),

    /** Types that had any fact. */
    types: (): { readonly [type: string]: FactFigures } =>
      Object.fromEntries(
        [...kinds.values()]
          .filter(({ tally }) => tally.accepted > 0)
          .map(({ type, priority, tally }) => [type, { ...tally, priority }]),
      ),

    latency: (priority: Priority) => histograms[priorities.indexOf(priority)] as LatencyHistogram,
    handled: () => byPriority((_, lane) => sumOf(lane, ({ handled }) => handled)),

    /** Counted from an earlier `handled()` on. */
    handledSince: (before: ByPriority<number>) =>
      byPriority((priority, lane) => sumOf(lane, ({ handled }) => handled) - before[priority]),

    /** Facts in the lanes, at the door, and at handlers that have not ended. */
    left: () => byPriority((priority, lane) => depthOf(priority) + (inProgress[lane] as number)),
  };
};
