/**
 * The house in Prometheus' words: one function from its status to the text of `/metrics`; one file per subject in metrics/.
 *
 * Names follow the Prometheus conventions (`qts_` first, base units, `_total` for what only grows) and are checked with
 * `promtool check metrics`. Both conservation laws can be checked by whoever scrapes: E10 per lane, A2 per stage.
 */
import { Registry } from "prom-client";
import type { HouseStatus } from "#core/runtime/report.ts";
import { registerArchive } from "./metrics/archive.ts";
import { registerJournal } from "./metrics/journal.ts";
import { registerLanes } from "./metrics/lanes.ts";
import { registerMaintenance } from "./metrics/maintenance.ts";
import { registerOrders } from "./metrics/orders.ts";
import { registerPosture } from "./metrics/posture.ts";
import { registerProcess } from "./metrics/process.ts";
import { registerRun } from "./metrics/run.ts";
import { registerSources } from "./metrics/sources.ts";
import { createMaker, type StagesByName, type Subject } from "./metrics/subject.ts";

export type { StageFigures, StagesByName } from "./metrics/subject.ts";

export interface HouseMetrics {
  /** @returns the text of `/metrics` for this moment; `contentType` is its media type */
  collect(status: HouseStatus, stages: StagesByName): Promise<string>;
  readonly contentType: string;
  /** For metrics that other ops parts keep themselves, for example maintenance or alerts. */
  readonly registry: Registry;
}

const subjects: readonly Subject[] = [
  registerRun,
  registerPosture,
  registerLanes,
  registerSources,
  registerArchive,
  registerOrders,
  registerJournal,
  registerMaintenance,
];

/**
 * Registers every metric of the house, each process with a registry of its own.
 *
 * @param options.processMetrics also CPU, memory, descriptors, event loop and garbage collection of this process
 */
export const createHouseMetrics = ({ processMetrics = true }: { readonly processMetrics?: boolean } = {}): HouseMetrics => {
  const registry = new Registry();
  if (processMetrics) registerProcess(registry);
  const make = createMaker(registry);
  const collects = subjects.map((register) => register(make));

  return {
    registry,
    contentType: registry.contentType,
    collect: (status, stages) => {
      make.restart();
      for (const collect of collects) collect(status, stages);
      return registry.metrics();
    },
  };
};
