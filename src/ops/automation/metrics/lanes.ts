/** The lanes and the facts in them; each lane's facts can be added up by whoever scrapes (E10). */
import type { Metric } from "prom-client";
import type { HouseStatus } from "#core/runtime/report.ts";
import { type Subject, snake } from "./subject.ts";

const laneCounters = {
  accepted: "Facts taken into the lane; equals handled + dropped + collapsed + sampled + dead-lettered + waiting.",
  handled: "Facts that every handler has seen.",
  dropped: "Oldest facts that gave way to newer ones in a full lane.",
  collapsed: "Facts replaced in their place by a newer one of the same key.",
  sampled: "Facts left out by sampling above the sampling mark.",
  deadLettered: "Facts whose handler failed for good.",
} as const;

/** A histogram whose counts somebody else keeps; prom-client's own can only count by itself. */
const createKeptHistogram = (name: string, help: string, read: () => HouseStatus["lanes"] | undefined): Metric =>
  ({
    name,
    help,
    type: "histogram",
    aggregator: "sum",
    reset: () => undefined,
    get: async () => ({
      name,
      help,
      type: "histogram",
      aggregator: "sum",
      values: Object.entries(read() ?? {}).flatMap(
        ([
          lane,
          {
            latency: { buckets, count, sumMs },
          },
        ]) => [
          ...buckets.map(({ ms, facts }) => ({
            metricName: `${name}_bucket`,
            labels: { lane, le: ms / 1000 },
            value: facts,
          })),
          { metricName: `${name}_bucket`, labels: { lane, le: "+Inf" }, value: count },
          { metricName: `${name}_sum`, labels: { lane }, value: sumMs / 1000 },
          { metricName: `${name}_count`, labels: { lane }, value: count },
        ],
      ),
    }),
  }) as unknown as Metric;

export const registerLanes: Subject = ({ registry, counter, gauge }) => {
  const lanes = Object.entries(laneCounters).map(([key, help]) => ({
    key: key as keyof typeof laneCounters,
    metric: counter(`lane_${snake(key)}`, help, ["lane"]),
  }));
  const waiting = gauge("lane_waiting", "Facts waiting in the lane or at handlers that have not ended.", ["lane"]);
  const capacity = gauge("lane_capacity", "Facts the lane can hold.", ["lane"]);
  const paused = gauge("lane_paused", "1 while the lane holds its facts back (degradation or backpressure).", ["lane"]);
  const oldest = gauge("lane_oldest_age_seconds", "How long the oldest waiting fact has waited.", ["lane"]);
  // Not named `quantile`: Prometheus keeps that label for summaries, and max is none.
  const latency = gauge("lane_latency_seconds", "Enqueue to handled, of this run.", ["lane", "statistic"]);
  const withinSla = gauge("lane_within_sla", "1 while no latency percentile of the lane is beyond its SLA.", ["lane"]);
  const pressure = gauge("lane_pressure", "1 for the lane's present level: calm, warning or critical.", ["lane", "level"]);
  const overruns = counter("lane_overruns", "Facts whose handlers took longer than processingMsMax; P0 only.", ["lane"]);
  const lowLaneTurns = counter("low_lane_turns", "Turns that P2 and P3 had before P1 under events.lowLanesShareMin.");
  let latencies: HouseStatus["lanes"] | undefined;
  registry.registerMetric(
    createKeptHistogram("qts_lane_handling_seconds", "Enqueue to handled, as a histogram.", () => latencies),
  );
  const facts = counter("facts", "Facts by their type, lane and what became of them.", ["type", "lane", "outcome"]);
  const refusedFacts = counter("facts_refused", "Facts refused at the door, by their type.", ["type"]);

  return (status) => {
    latencies = status.lanes;
    lowLaneTurns.inc(status.lowLaneTurns);
    for (const [lane, figures] of Object.entries(status.lanes)) {
      for (const { key, metric } of lanes) metric.inc({ lane }, figures[key]);
      waiting.set({ lane }, figures.depth + figures.inProgress);
      capacity.set({ lane }, figures.capacity);
      paused.set({ lane }, figures.paused ? 1 : 0);
      oldest.set({ lane }, figures.oldestAgeMs / 1000);
      withinSla.set({ lane }, figures.withinSla ? 1 : 0);
      overruns.inc({ lane }, figures.overruns);
      for (const level of ["calm", "warning", "critical"]) pressure.set({ lane, level }, level === figures.pressure ? 1 : 0);
      for (const [statistic, ms] of [
        ["p50", figures.p50Ms],
        ["p95", figures.p95Ms],
        ["p99", figures.p99Ms],
        ["max", figures.maxMs],
      ] as const)
        latency.set({ lane, statistic }, ms / 1000);
    }
    for (const [type, { priority: lane, ...figures }] of Object.entries(status.facts))
      for (const outcome of Object.keys(laneCounters) as (keyof typeof laneCounters)[])
        if (outcome === "accepted" || figures[outcome] > 0) facts.inc({ type, lane, outcome: snake(outcome) }, figures[outcome]);
    for (const [type, count] of Object.entries(status.refusedFacts)) refusedFacts.inc({ type }, count);
  };
};
