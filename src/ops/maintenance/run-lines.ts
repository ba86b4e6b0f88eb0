/** A maintenance run, file by file, for a person who looks at the page (spec I9). */
import type { FileLine, MaintenanceRun } from "#core/runtime/ops-sight.ts";
import type { RunReport } from "./coordinator.ts";

/** The page is read by people; cleanup.log has all of them. */
const filesMax = 500;

/** What happened to files first, then what did not. */
const linesOf = ({ deleted, failedDeletes, skipped, backedUp, kept }: RunReport): FileLine[] => [
  ...deleted.map(({ path, size, reason }): FileLine => ({ path, became: "deleted", reason, bytes: size })),
  ...failedDeletes.map(({ path, reason }): FileLine => ({ path, became: "not deleted", reason, bytes: null })),
  ...skipped.map(({ path, reason }): FileLine => ({ path, became: "skipped", reason, bytes: null })),
  ...backedUp.map(({ path, size }): FileLine => ({ path, became: "backed up", reason: "", bytes: size })),
  ...kept.map(({ path, reason }): FileLine => ({ path, became: "kept", reason, bytes: null })),
];

/** A run as a page shows it, bounded. */
export const runShown = (report: RunReport): MaintenanceRun => {
  const files = linesOf(report);
  return {
    runId: report.runId,
    outcome: report.outcome,
    failure: report.failure ?? null,
    files: files.slice(0, filesMax),
    filesLeftOut: Math.max(0, files.length - filesMax),
    unchanged: report.unchanged,
    notes: report.notes.slice(0, filesMax),
    elapsedMs: report.elapsedMs,
  };
};
