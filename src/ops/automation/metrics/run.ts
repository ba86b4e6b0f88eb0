/** The run: its version, its lease, its time, its actors, and the event loop below it. */
import { type Subject, snake } from "./subject.ts";

export const registerRun: Subject = ({ counter, gauge, passingGauge }) => {
  const build = passingGauge("build_info", "Always 1; the version is a label.", ["version"]);
  const progress = gauge("session_progress_ratio", "Share of the replayed data that has been played, 0 to 1; NaN in live mode.");
  const marketTime = gauge("market_time_seconds", "Market time of this process, Unix seconds.");
  const ticks = counter("market_ticks", "Ticks played or received in this run.");
  const epoch = gauge("lease_epoch", "Epoch of the lease on this home; grows with every owner.");
  const recovered = gauge("session_recovered", "1 when this run continues a session that an earlier process began.");
  const machines = passingGauge("machine_state", "1 for the current state of each actor.", ["actor", "state"]);
  const restarts = counter("component_restarts", "Restarts of a part by its supervisor.", ["component"]);
  const effects = gauge("effects_pending", "Effects that are under way.");
  const losses = counter("losses", "What this run counted and could not keep, by kind; 0 in a good run.", ["kind"]);
  const parts = passingGauge("part_figure", "Numbers that the parts of the house show of themselves.", ["part", "figure"]);
  const loopDelay = gauge("loop_delay_seconds", "Delay of the event loop.", ["statistic"]);

  return (status) => {
    build.set({ version: status.version }, 1);
    progress.set(status.progress ?? Number.NaN);
    marketTime.set(Date.parse(status.marketTime) / 1000);
    ticks.inc(status.market.ticks);
    epoch.set(status.epoch);
    recovered.set(status.recovered ? 1 : 0);
    for (const [actor, state] of Object.entries(status.machines)) machines.set({ actor, state }, 1);
    for (const [component, count] of Object.entries(status.restarts)) restarts.inc({ component }, count);
    for (const [kind, count] of Object.entries(status.losses)) losses.inc({ kind: snake(kind) }, count);
    for (const [part, figures] of Object.entries(status.parts))
      for (const [figure, value] of Object.entries(figures))
        if (typeof value === "number") parts.set({ part, figure: snake(figure) }, value);
    effects.set(status.effectsPending);
    loopDelay.set({ statistic: "p99" }, status.loopDelayMs.p99 / 1000);
    loopDelay.set({ statistic: "max" }, status.loopDelayMs.max / 1000);
  };
};
