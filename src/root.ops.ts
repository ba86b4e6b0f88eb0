/** The ops half of the composition root: maintenance, its schedule, and how the house waits for a run. Core starts without it. */
import type { Config } from "#config/config.ts";
import type { Offer } from "#core/event/catalog.ts";
import { ok, type Result } from "#core/result.ts";
import type { House } from "#core/runtime/house.ts";
import type { SessionReport } from "#core/runtime/report.ts";
import type { MaintenanceContext } from "#machines/maintenance.machine.ts";
import { createScheduler } from "#ops/automation/scheduler.ts";
import { createMaintenance } from "#ops/maintenance/coordinator.ts";
import type { BackupWorker, MaintenanceFiles } from "#ops/ports.ts";
import type { SessionClock, Waits } from "./root.waits.ts";

export interface OpsPorts {
  readonly files: MaintenanceFiles;
  readonly worker: BackupWorker;
}

export interface OpsOptions {
  readonly config: Config;
  /** Absent: core runs without ops. */
  readonly ports: OpsPorts | undefined;
  readonly version: string;
  readonly home: { readonly archive: string; readonly backup: string; readonly maintenanceLogs: string };
  /** Of this session and process; names its runs. */
  readonly runPrefix: string;
  readonly clock: SessionClock;
  readonly waits: Waits;
  readonly house: () => House;
  readonly offer: Offer;
  /** Segments that are being written. */
  readonly isOpen: (path: string) => boolean;
}

/** Real time that a maintenance run may take before it is given up: nobody waits for ops for ever (spec M10). */
const maintenanceMsMax = 3_600_000;
/** Real time that the worker may take to end. */
const closeMsMax = 60_000;
const nowhere = (): void => {};

export const composeOps = ({ config, ports, version, home, runPrefix, clock, waits, house, offer, isOpen }: OpsOptions) => {
  const { enabled, atDayEnd, dailyAt, policy, deleteShareMax, gzipLevel } = config.maintenance;
  const maintenance =
    ports === undefined
      ? undefined
      : createMaintenance({
          dataRoot: home.archive,
          backupRoot: home.backup,
          policy: { type: "data", decisionSnapshotDays: "never", ...policy },
          deleteShareMax,
          gzipLevel,
          logPath: `${home.maintenanceLogs}/cleanup.log`,
          tool: `qts ${version}`,
          isOpen,
          // A hung disk must not hold the market's time for ever.
          clock: {
            ...clock,
            hold: (work) => {
              void clock.hold(waits.within(work, maintenanceMsMax));
              return work;
            },
          },
          offer,
          ...ports,
        });

  const context = (): MaintenanceContext | undefined =>
    house().actors().isDown("maintenance") ? undefined : house().actors().snapshotOf("maintenance")?.context;

  /** Asks for a run and waits for its end; one that does not end is given up, which is a WARNING and no more. */
  const maintain = async (runId: string, cause: string): Promise<void> => {
    const ended = new Promise<void>((resolve) => {
      const stop = house().dispatcher.handle(
        ["maintenance.planned", "maintenance.cleaned", "maintenance.failed"],
        (fact) => {
          // A plan with files goes on; one without any has nothing to do.
          if (fact.type === "maintenance.planned" && fact.payload.files > 0) return;
          stop();
          resolve();
        },
        { name: "root" },
      );
    });
    offer({ type: "maintenance.run.requested", payload: { runId, cause }, source: "root" });
    if (await waits.within(ended, maintenanceMsMax)) return;
    const reason = `no outcome within ${maintenanceMsMax} ms`;
    offer({ type: "maintenance.failed", payload: { runId: context()?.runId ?? runId, step: "run", reason }, source: "root" });
  };

  const scheduler = createScheduler({ clock, offer });
  const [hour, minute] = dailyAt.split(":").map(Number);
  const scheduled: Result<void, string> =
    maintenance === undefined || !enabled
      ? ok(undefined)
      : scheduler.addTarget(
          "maintenance",
          { type: "cron", pattern: `${minute} ${hour} * * *`, timeZone: config.archive.timeZone },
          (dueAt) => maintain(`${runPrefix}-${dueAt}`, "scheduled"),
        );

  return {
    scheduler,
    /** Fails when `maintenance.dailyAt` is no time of day. */
    scheduled,
    handlers: {
      ...scheduler.handlers,
      ...(maintenance?.handlers ?? {
        "maintenance.plan": nowhere,
        "backup.run": nowhere,
        "backup.verify": nowhere,
        "retention.scan": nowhere,
        "cleanup.run": nowhere,
      }),
    },
    /** Backs up the day that is over, if configuration says so. */
    endOfDay: async (): Promise<void> => {
      if (maintenance !== undefined && enabled && atDayEnd) await maintain(`${runPrefix}-day-end`, "the day is over");
    },
    /** Of the latest run. */
    figures: (): SessionReport["maintenance"] => context()?.figures ?? { backedUp: 0, verified: 0, deleted: 0, kept: 0 },
    close: async (): Promise<void> => {
      if (maintenance !== undefined) await waits.within(maintenance.close(), closeMsMax);
    },
  };
};
