/** What a run would do, without writing a byte: no lock, no folder, no log. */
import { err, ok, type Result } from "#core/result.ts";
import type { HostError } from "../ports.ts";
import { planBackup } from "./backup/plan.ts";
import { catalogFor, readWholeShelf, spaceNeeded } from "./backup/shelf.ts";
import { type MaintenanceOptions, memoryPath, notesOf, type RunReport } from "./coordinator.ts";
import { allowanceOf, judgeClock, readMemory, windowFor } from "./retention/guard.ts";
import { type ScannedFile, scanRetention } from "./retention/scanner.ts";

/** @returns a report whose `backedUp`, `deleted` and `kept` are intentions; or why a run would be refused */
export const previewRun = async (
  options: Omit<MaintenanceOptions, "offer" | "logPath">,
): Promise<Result<RunReport, HostError>> => {
  const { files, worker, clock, policy } = options;
  const startedMs = clock.monotonicMs();
  const now = clock.now();
  const roots = await files.prepare(options.dataRoot, options.backupRoot, { isOnlyLooking: true });
  if (!roots.ok) return roots;
  const { dataRoot, backupRoot } = roots.value;
  const shelf = await readWholeShelf(files, backupRoot);
  if (!shelf.ok) return shelf;
  const survey = await worker.survey({ root: dataRoot, globs: options.includeGlobs ?? ["**"], isOnlyLooking: true });
  if (!survey.ok) return survey;
  const memory = await files.readText(memoryPath(backupRoot));
  if (!memory.ok) return memory;
  const plan = planBackup(survey.value, catalogFor(shelf.value, dataRoot), options.isOpen ?? (() => false));

  const needed = spaceNeeded(
    plan.toArchive.reduce((sum, { size }) => sum + size, 0),
    shelf.value.manifests,
  );
  const free = await files.freeBytes(backupRoot);
  if (!free.ok) return free;
  if (plan.toArchive.length > 0 && free.value < needed)
    return err({ type: "refused", reason: `the backup needs about ${needed} bytes and ${backupRoot} has ${free.value} free` });

  const newest = await worker.newestRecords({ root: dataRoot, paths: plan.toArchive.map(({ path }) => path) });
  if (!newest.ok) return newest;
  const scanned: readonly ScannedFile[] = [
    ...plan.unchanged,
    ...plan.toArchive.map(({ path, size }, index) => ({ path, size, newestRecordAt: newest.value[index] ?? null })),
  ];
  const read = readMemory(memory.value, dataRoot);
  const scan = scanRetention(scanned, policy, {
    now,
    blocked: judgeClock(read, now, options.isClockTrusted).blocked,
    allowance: allowanceOf(windowFor(read, scanned, now), options.deleteShareMax ?? 0.25),
    matchesGlob: files.matchesGlob,
  });
  return ok({
    runId: "dry-run",
    outcome: "done",
    backedUp: plan.toArchive.map(({ path, size }) => ({ path, size })),
    unchanged: plan.unchanged.length,
    skipped: plan.skipped,
    unmatched: plan.unmatched,
    deleted: scan.expired,
    kept: scan.kept.map(({ path, reason }) => ({ path, reason })),
    failedDeletes: [],
    notes: [...shelf.value.lost.map(({ archive, reason }) => `${archive}: ${reason}`), ...notesOf(scan)],
    elapsedMs: clock.monotonicMs() - startedMs,
  });
};
