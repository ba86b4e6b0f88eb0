/**
 * A maintenance run without the worker process (spec M7): the same machine and the same hands, with nobody else around.
 * Both entries of the seeds lead here; they differ in how age and category are told.
 */
import { createActor, waitFor } from "xstate";
import type { NewFact } from "#core/event/catalog.ts";
import { type MaintenanceEffect, type MaintenanceEvent, maintenanceMachine } from "#machines/maintenance.machine.ts";
import {
  createMaintenance,
  type Maintenance,
  type MaintenanceHandlers,
  type MaintenanceOptions,
  type RunReport,
} from "./coordinator.ts";
import { cleanupLogPath } from "./log.ts";
import type { DataRetentionPolicy, FileRetentionPolicy } from "./retention/policy.ts";

/** A run's name: the moment it was asked for, UTC. */
export const runIdAt = (at: number): string => `run-${new Date(at).toISOString().replace(/[-:.]/g, "")}`;

/**
 * Drives one run from request to `done` or `failed`.
 *
 * @returns what was done, file by file; expected failures are in the report, not thrown
 */
export const runOnce = async (options: Omit<MaintenanceOptions, "offer">, runId: string, cause: string): Promise<RunReport> => {
  const { clock } = options;
  const actor = createActor(maintenanceMachine);
  const maintenance: Maintenance = createMaintenance({ ...options, offer: (fact) => actor.send(eventOf(fact, clock.now())) });
  const handlers = maintenance.handlers as { readonly [type: string]: ((effect: never) => Promise<void>) | undefined };
  // Alerts and safety reports have no address here: the report and the exit code say the same.
  actor.on("*", (effect: MaintenanceEffect) => void handlers[effect.type as keyof MaintenanceHandlers]?.(effect as never));
  actor.start();
  actor.send({ type: "maintenance.run.requested", at: clock.now(), runId, cause });
  await waitFor(actor, (snapshot) => snapshot.matches("done") || snapshot.matches("failed"), {
    timeout: Number.POSITIVE_INFINITY,
  });
  actor.stop();
  return maintenance.report() as RunReport;
};

const eventOf = ({ type, payload }: NewFact, at: number): MaintenanceEvent =>
  ({ type, at, ...payload }) as unknown as MaintenanceEvent;

export type EntryOptions = Pick<MaintenanceOptions, "files" | "worker" | "clock"> &
  Partial<Omit<MaintenanceOptions, "files" | "worker" | "clock" | "offer" | "dataRoot" | "backupRoot" | "policy">>;

export interface MaintenanceEntries {
  /** By age of files among globs (seed 003, coordinator path). */
  readonly runMaintenance: (
    dataRoot: string,
    backupRoot: string,
    policy: FileRetentionPolicy,
    includeGlobs?: readonly string[],
  ) => Promise<RunReport>;
  /** By category of what observers wrote (seed 003, maintenance_runner path). */
  readonly runMaintenanceAutomation: (datasetRoot: string, backupRoot: string, policy: DataRetentionPolicy) => Promise<RunReport>;
}

/** Without a home the log lies under the backup root, at the same place below it. */
export const createMaintenanceEntries = (host: EntryOptions): MaintenanceEntries => {
  const run = (
    options: Pick<MaintenanceOptions, "dataRoot" | "backupRoot" | "policy" | "includeGlobs">,
    cause: string,
  ): Promise<RunReport> =>
    runOnce({ logPath: cleanupLogPath(options.backupRoot), ...host, ...options }, runIdAt(host.clock.now()), cause);
  return {
    runMaintenance: (dataRoot, backupRoot, policy, includeGlobs = ["**"]) =>
      run({ dataRoot, backupRoot, policy, includeGlobs }, "runMaintenance"),
    runMaintenanceAutomation: (dataRoot, backupRoot, policy) =>
      run({ dataRoot, backupRoot, policy, includeGlobs: host.includeGlobs ?? ["**"] }, "runMaintenanceAutomation"),
  };
};
