/**
 * `ops/logs/maintenance/cleanup.log`: one JSON line per decision, on disk before the deletion it announces (spec M8).
 * A reader can rebuild from it which file went when, why, and where its verified copy lies.
 */
import type { Result } from "#core/result.ts";
import type { HostError, MaintenanceFiles } from "../ports.ts";

export interface CleanupLine {
  readonly at: number;
  readonly runId: string;
  readonly decision: "kept" | "deleted" | "note";
  readonly path: string;
  readonly reason: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly archive?: string;
  readonly manifest?: string;
}

export interface CleanupLog {
  readonly path: string;
  /** Resolves when the lines are durable; an empty list writes nothing. */
  append(lines: readonly CleanupLine[]): Promise<Result<void, HostError>>;
}

/** The place of the log under a home, or under a backup root where there is no home. */
export const cleanupLogPath = (root: string): string => `${root}/ops/logs/maintenance/cleanup.log`;

export const createCleanupLog = (files: MaintenanceFiles, path: string): CleanupLog => ({
  path,
  append: async (lines) =>
    lines.length === 0
      ? { ok: true, value: undefined }
      : files.appendDurably(path, lines.map((line) => `${JSON.stringify(line)}\n`).join("")),
});
