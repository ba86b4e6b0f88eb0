/** Maintenance: backup, verification and cleanup of the archive, at the day's end and at its hour. Core runs without it. */

import type { VerifiedBackup } from "#core/runtime/ops-sight.ts";
import { maintenanceMachine } from "#machines/maintenance.machine.ts";
import { endsRun, maintenanceEnds } from "#machines/maintenance.rules.ts";
import { readNewest } from "#ops/maintenance/backup/shelf.ts";
import { createMaintenance } from "#ops/maintenance/coordinator.ts";
import { runShown } from "#ops/maintenance/run-lines.ts";
import type { Part, PartContext } from "./part.ts";

/** Real time that a maintenance run may take before it is given up: nobody waits for ops for ever (spec M10). */
const maintenanceMsMax = 3_600_000;
/** Real time that the worker may take to end. */
const closeMsMax = 60_000;
const noop = (): void => {};

export const createMaintenancePart = ({ config, ports, view, offer, waits, house }: PartContext) => {
  const { enabled, atDayEnd, dailyAt, policy, deleteShareMax, gzipLevel } = config.maintenance;
  const { clock, home, version } = ports;
  const runPrefix = `${ports.session}-${ports.epoch}`;
  const maintenance =
    ports.ops === undefined
      ? undefined
      : createMaintenance({
          dataRoot: home.archive,
          backupRoot: home.backup,
          policy: { type: "data", decisionSnapshotDays: "never", timeZone: config.archive.timeZone, ...policy },
          deleteShareMax,
          gzipLevel,
          logPath: `${home.maintenanceLogs}/cleanup.log`,
          tool: `qts ${version}`,
          isOpen: (path) => view.openSegments().includes(path),
          // A hung disk must not hold the market's time for ever.
          clock: {
            ...clock,
            hold: (work) => {
              void clock.hold(waits.within(work, maintenanceMsMax), undefined, "maintenance");
              return work;
            },
          },
          offer,
          ...ports.ops,
        });

  let lastVerified: VerifiedBackup | null = null;
  /** What an earlier process has proven lies in the manifests. Only for people: nobody waits for it, and a disk that fails leaves it out. */
  const lookAtShelf = async ({ files }: NonNullable<typeof ports.ops>): Promise<void> => {
    const newest = await readNewest(files, home.backup);
    if (newest === undefined || lastVerified !== null) return;
    lastVerified = { at: newest.at, runId: newest.runId, files: newest.files.length + newest.references.length };
  };

  /** Unknown while the house recovers, when /status and the live view ask already. */
  const context = () =>
    house().recovering() !== undefined || house().actors().isDown("maintenance")
      ? undefined
      : house().actors().snapshotOf("maintenance")?.context;

  /** Asks for a run and waits for its end; one that does not end is given up, which is a WARNING and no more. */
  const maintain = async (runId: string, cause: string): Promise<void> => {
    const ended = new Promise<void>((resolve) => {
      const stop = house().dispatcher.handle(
        maintenanceEnds,
        (fact) => {
          if (!endsRun(fact.type, fact.payload)) return;
          stop();
          resolve();
        },
        { name: "maintenance" },
      );
    });
    offer({ type: "maintenance.run.requested", payload: { runId, cause }, source: "maintenance" });
    if (await waits.within(ended, maintenanceMsMax)) return;
    const reason = `no outcome within ${maintenanceMsMax} ms`;
    offer({
      type: "maintenance.failed",
      payload: { runId: context()?.runId ?? runId, step: "run", reason },
      source: "maintenance",
    });
  };

  const [hour, minute] = dailyAt.split(":").map(Number);

  return {
    name: "maintenance",
    machines: { maintenance: { logic: maintenanceMachine } },
    effects: maintenance?.handlers ?? {
      "maintenance.plan": noop,
      "backup.run": noop,
      "backup.verify": noop,
      "retention.scan": noop,
      "cleanup.run": noop,
    },
    /** Figures are those of the latest run. */
    readings: {
      maintenance: () => context()?.figures ?? { backedUp: 0, verified: 0, deleted: 0, kept: 0 },
      maintenanceRun: () => {
        const report = maintenance?.report();
        return report === undefined ? null : runShown(report);
      },
      lastVerified: () => lastVerified,
    },
    listen: (dispatcher) => {
      dispatcher.handle(
        "maintenance.backup.verified",
        ({ at, payload: { runId, files } }) => {
          lastVerified = { at, runId, files };
        },
        { name: "last-backup" },
      );
    },
    opened: () => {
      if (ports.ops !== undefined) lookAtShelf(ports.ops).catch(() => undefined);
    },
    schedules:
      maintenance === undefined || !enabled
        ? []
        : [
            {
              name: "maintenance",
              schedule: { type: "cron", pattern: `${minute} ${hour} * * *`, timeZone: config.archive.timeZone },
              run: (dueAt) => maintain(`${runPrefix}-${dueAt}`, "scheduled"),
            },
          ],
    endOfDay: async () => {
      if (maintenance !== undefined && enabled && atDayEnd) await maintain(`${runPrefix}-day-end`, "the day is over");
    },
    release: async () => {
      if (maintenance !== undefined) await waits.within(maintenance.close(), closeMsMax);
    },
  } satisfies Part;
};
