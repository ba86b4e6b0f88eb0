/**
 * One maintenance run in a process of its own, for tests that take its rights away or kill it:
 * `node maintain-child.ts DATA BACKUP [KILL_AT]`. With KILL_AT the process kills itself, as `kill -9` would, right before the
 * so-manieth call of its ports, between which the disk does not change, or in the middle of a deletion. Prints the report, and how many calls there were.
 */

import { createMaintenanceFiles } from "#adapters/host/backup/maintenance-files.ts";
import { remove } from "#adapters/host/backup/take-away.ts";
import { createBackupThread } from "#adapters/host/backup/thread.ts";
import { createMaintenanceEntries } from "#ops/maintenance/one-run.ts";
import type { BackupWorker } from "#ops/ports.ts";
import { evening, keepSevenDays, watched } from "./workshop.ts";

const [data, backup, killAt] = process.argv.slice(2) as [string, string, string | undefined];
let cutPoints = 0;
const cut = (): void => {
  cutPoints += 1;
  if (cutPoints === Number(killAt)) process.kill(process.pid, "SIGKILL");
};
const hooks = { before: cut };
const thread = createBackupThread({ stepsBehind: false });
const worker: BackupWorker = {
  ...thread,
  // In this thread, so that a kill can come between its steps.
  remove: async (request) => ({ ok: true, value: remove(request, () => undefined, { onceTaken: cut, onceLookedAt: cut }) }),
};
const { runMaintenance } = createMaintenanceEntries({
  files: watched(createMaintenanceFiles(), hooks),
  worker: watched(worker, hooks),
  clock: { now: () => evening, monotonicMs: () => performance.now(), hold: (work) => work },
  deleteShareMax: 0.4,
});
const report = await runMaintenance(data, backup, keepSevenDays);
await worker.close();
process.stdout.write(JSON.stringify({ ...report, cutPoints }));
