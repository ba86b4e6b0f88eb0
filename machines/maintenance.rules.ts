/** Which fact ends a maintenance run: known here to the chart, to the hands that let go of the lock, and to whoever waits. */
import type { FactType } from "./facts/catalog.ts";

/** The facts that may be a run's last. */
export const maintenanceEnds = [
  "maintenance.planned",
  "maintenance.cleaned",
  "maintenance.failed",
] as const satisfies readonly FactType[];

/**
 * A plan of no files has nothing to keep, so nothing to prove and nothing to delete; with files the run goes on until it has
 * cleaned up or failed.
 *
 * @param fields the fact's own: its payload, or the event that has them beside its type
 */
export const endsRun = (type: FactType, fields: object): boolean =>
  type === "maintenance.planned"
    ? "files" in fields && fields.files === 0
    : (maintenanceEnds as readonly FactType[]).includes(type);
