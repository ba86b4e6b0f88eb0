/** CPU, memory, descriptors, event loop and garbage collection of this process, as prom-client counts them. */
import { collectDefaultMetrics, type Registry } from "prom-client";

// prom-client's gauges of these names end in _total, which Prometheus keeps for counters.
const misnamed = ["nodejs_active_handles_total", "nodejs_active_requests_total", "nodejs_active_resources_total"];

export const registerProcess = (registry: Registry): void => {
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
};
