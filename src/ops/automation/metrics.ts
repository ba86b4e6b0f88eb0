/**
 * The house in Prometheus' words: one function from its status to the text of `/metrics`.
 *
 * Names follow the Prometheus conventions (`qts_` first, base units, `_total` for what only grows) and are checked with
 * `promtool check metrics`. Both conservation laws can be checked by whoever scrapes: E10 per lane, A2 per stage.
 */
import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from "prom-client";
import type { HouseStatus } from "#core/runtime/report.ts";
import { operatingStates, safetyStates } from "#machines/facts/safety.ts";

/** What went through one stage of the market-data pipeline: in = out + refused + errored (spec A2). */
export interface StageFigures {
  readonly in: number;
  readonly out: number;
  readonly errored: number;
  readonly refusedBy: { readonly [reason: string]: number };
}

/** As the market pipeline counts them. */
export type StagesByName = { readonly [stage: string]: StageFigures };

export interface HouseMetrics {
  /** @returns the text of `/metrics` for this moment; `contentType` is its media type */
  collect(status: HouseStatus, stages: StagesByName): Promise<string>;
  readonly contentType: string;
  /** For metrics that other ops parts keep themselves, for example maintenance or alerts. */
  readonly registry: Registry;
}

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

const orderStatuses = ["filled", "canceled", "rejected", "denied", "expired", "unknown", "open"] as const;
const laneCounters = {
  accepted: "Facts taken into the lane; equals handled + dropped + collapsed + sampled + dead-lettered + waiting.",
  handled: "Facts that every handler has seen.",
  dropped: "Oldest facts that gave way to newer ones in a full lane.",
  collapsed: "Facts replaced in their place by a newer one of the same key.",
  sampled: "Facts left out by sampling above the sampling mark.",
  deadLettered: "Facts whose handler failed for good.",
} as const;

const sourceCounters = {
  received: "Items a source delivered.",
  refused: "Facts of a source that there was no room for even at the door; it is cut off then.",
  conflated: "Items that gave way to a newer one of their key while the source should have waited.",
  reconnects: "Connections that were lost and opened again.",
} as const;

// prom-client's gauges of these names end in _total, which Prometheus keeps for counters.
const misnamedDefaults = ["nodejs_active_handles_total", "nodejs_active_requests_total", "nodejs_active_resources_total"];

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * Registers every metric of the house, each process with a registry of its own.
 *
 * @param options.processMetrics also CPU, memory, descriptors, event loop and garbage collection of this process
 */
export const createHouseMetrics = ({ processMetrics = true }: { readonly processMetrics?: boolean } = {}): HouseMetrics => {
  const registry = new Registry();
  if (processMetrics) {
    collectDefaultMetrics({ register: registry });
    for (const name of misnamedDefaults) registry.removeSingleMetric(name);
  }
  const counter = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
    new Counter({ name: `qts_${name}_total`, help, labelNames: [...labelNames], registers: [registry] });
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
    new Gauge({ name: `qts_${name}`, help, labelNames: [...labelNames], registers: [registry] });

  const build = gauge("build_info", "Always 1; the version is a label.", ["version"]);
  const progress = gauge("session_progress_ratio", "Share of the replayed data that has been played, 0 to 1; NaN in live mode.");
  const marketTime = gauge("market_time_seconds", "Market time of this process, Unix seconds.");
  const ticks = counter("market_ticks", "Ticks played or received in this run.");
  const epoch = gauge("lease_epoch", "Epoch of the lease on this home; grows with every owner.");
  const recovered = gauge("session_recovered", "1 when this run continues a session that an earlier process began.");

  const safety = gauge("safety_state", "1 for the current safety state, 0 for the others.", ["state"]);
  const operating = gauge("operating_state", "1 for the current operating state, 0 for the others.", ["state"]);
  const trading = gauge("trading_open", "1 while new orders may leave: reconciled, safety allows, not stopping.");
  const machines = gauge("machine_state", "1 for the current state of each actor.", ["actor", "state"]);
  const restarts = counter("component_restarts", "Restarts of a part by its supervisor.", ["component"]);

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
  const sources = Object.entries(sourceCounters).map(([key, help]) => ({
    key: key as keyof typeof sourceCounters,
    metric: counter(`source_${key}`, help, ["source"]),
  }));
  const sourcePaused = gauge("source_paused", "1 while the source is asked to wait.", ["source"]);
  const refusedFacts = counter("facts_refused", "Facts refused at the door, by their type.", ["type"]);
  const effects = gauge("effects_pending", "Effects that are under way.");

  const stageIn = counter("stage_in", "Rows into a stage; equals out + refused + errored.", ["stage"]);
  const stageOut = counter("stage_out", "Rows out of a stage.", ["stage"]);
  const stageRefused = counter("stage_refused", "Rows a stage refused, by reason.", ["stage", "reason"]);
  const stageErrored = counter("stage_errored", "Rows lost to an error of the stage itself.", ["stage"]);
  const archive = {
    received: counter("archive_received", "Rows received; equals persisted + refused + errored + those still waiting."),
    persisted: counter("archive_persisted", "Rows that are on disk."),
    refused: counter("archive_refused", "Rows refused by validation or guard."),
    errored: counter("archive_errored", "Rows lost to an error."),
  };

  const orders = gauge("orders", "Orders of the session by where they ended; `open` has not ended.", ["status"]);
  const ordersTotal = gauge("orders_session", "Orders of the session.");
  const position = gauge("position_lots", "Position in lots; negative is short.", ["symbol"]);
  const pnl = gauge("pnl_minor_units", "Realized and unrealized profit less fees, in the account currency's minor unit.");
  const journalSeq = gauge("journal_last_sequence", "Sequence number of the last durable journal record.");
  const journalPending = gauge("journal_pending", "Records waiting to become durable.");
  const loopDelay = gauge("loop_delay_seconds", "Delay of the event loop.", ["statistic"]);
  const maintenance = gauge("maintenance_files", "Files of the session's maintenance runs by outcome.", ["outcome"]);

  /** prom-client counters cannot be set; the house keeps the counts, so each scrape starts them over. */
  const restart = (): void => {
    for (const metric of [
      ...[...lanes, ...sources].map(({ metric }) => metric),
      facts,
      overruns,
      lowLaneTurns,
      ticks,
      restarts,
      refusedFacts,
      stageIn,
      stageOut,
      stageRefused,
      stageErrored,
    ])
      metric.reset();
    for (const metric of Object.values(archive)) metric.reset();
    // A position that was closed, a state that was left: gone, not stale.
    for (const metric of [position, machines, build]) metric.reset();
  };

  const oneOf = (metric: Gauge<"state">, states: readonly string[], current: string): void => {
    for (const state of new Set([...states, current])) metric.set({ state }, state === current ? 1 : 0);
  };

  const collectLanes = (status: HouseStatus): void => {
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
  };

  const collectFacts = (status: HouseStatus): void => {
    for (const [type, { priority: lane, ...figures }] of Object.entries(status.facts))
      for (const outcome of Object.keys(laneCounters) as (keyof typeof laneCounters)[])
        if (outcome === "accepted" || figures[outcome] > 0) facts.inc({ type, lane, outcome: snake(outcome) }, figures[outcome]);
    for (const [source, figures] of Object.entries(status.sources)) {
      for (const { key, metric } of sources) metric.inc({ source }, figures[key]);
      sourcePaused.set({ source }, figures.paused ? 1 : 0);
    }
  };

  const collectStages = (stages: StagesByName): void => {
    for (const [stage, { in: rowsIn, out, refusedBy, errored }] of Object.entries(stages)) {
      stageIn.inc({ stage }, rowsIn);
      stageOut.inc({ stage }, out);
      stageErrored.inc({ stage }, errored);
      for (const [reason, count] of Object.entries(refusedBy)) stageRefused.inc({ stage, reason }, count);
    }
  };

  const collectSession = (status: HouseStatus): void => {
    build.set({ version: status.version }, 1);
    progress.set(status.progress ?? Number.NaN);
    marketTime.set(Date.parse(status.marketTime) / 1000);
    ticks.inc(status.market.ticks);
    epoch.set(status.epoch);
    recovered.set(status.recovered ? 1 : 0);
    oneOf(safety, safetyStates, status.safety);
    oneOf(operating, operatingStates, status.operating);
    trading.set(status.trading.open ? 1 : 0);
    for (const [actor, state] of Object.entries(status.machines)) machines.set({ actor, state }, 1);
    for (const [component, count] of Object.entries(status.restarts)) restarts.inc({ component }, count);
    for (const [type, count] of Object.entries(status.refusedFacts)) refusedFacts.inc({ type }, count);
    effects.set(status.effectsPending);
    for (const [key, metric] of Object.entries(archive)) metric.inc(status.archive[key as keyof typeof archive]);
    for (const orderStatus of orderStatuses) orders.set({ status: orderStatus }, status.orders[orderStatus]);
    ordersTotal.set(status.orders.total);
    for (const [symbol, lots] of Object.entries(status.positions)) position.set({ symbol }, lots);
    pnl.set(status.pnlMinor);
    journalSeq.set(status.journal.lastSeq - status.journal.pending);
    journalPending.set(status.journal.pending);
    loopDelay.set({ statistic: "p99" }, status.loopDelayMs.p99 / 1000);
    loopDelay.set({ statistic: "max" }, status.loopDelayMs.max / 1000);
    for (const [outcome, count] of Object.entries(status.maintenance)) maintenance.set({ outcome: snake(outcome) }, count);
  };

  return {
    registry,
    contentType: registry.contentType,
    collect: (status, stages) => {
      restart();
      collectSession(status);
      collectLanes(status);
      collectFacts(status);
      collectStages(stages);
      return registry.metrics();
    },
  };
};
