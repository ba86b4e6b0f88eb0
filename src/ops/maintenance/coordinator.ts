/**
 * The hands of the maintenance machine: one handler per effect. The machine decides what comes next; here each step is
 * carried out and reported as a fact. No handler throws, and none acts on a run other than its own.
 */
import type { NewFact, Offer } from "#core/event/catalog.ts";
import type { Clock } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import type { MaintenanceEffect } from "#machines/maintenance.machine.ts";
import { endsRun } from "#machines/maintenance.rules.ts";
import type { ArchivedFile, BackupWorker, HostError, MaintenanceFiles, SkippedFile, Survey, WorkProgress } from "../ports.ts";
import { archiveName, type CatalogEntry } from "./backup/manifest.ts";
import { settleOrphans } from "./backup/orphans.ts";
import { type BackupPlan, planBackup } from "./backup/plan.ts";
import { archivePathOf, catalogFor, readWholeShelf, type Shelf, spaceNeeded } from "./backup/shelf.ts";
import { type VerifiedBackup, verifyBackup } from "./backup/verifier.ts";
import { type CleanupOutcome, type CleanupPlan, cleanUp } from "./cleanup/executor.ts";
import { createCleanupLog } from "./log.ts";
import { allowanceOf, judgeClock, type MemoryRead, memoryText, readMemory, windowFor, withGranted } from "./retention/guard.ts";
import type { RetentionPolicy } from "./retention/policy.ts";
import { type Scan, type ScannedFile, scanRetention } from "./retention/scanner.ts";

export interface MaintenanceOptions {
  readonly dataRoot: string;
  readonly backupRoot: string;
  readonly policy: RetentionPolicy;
  /** Which files are backed up; nothing else can ever be deleted. Default: all. */
  readonly includeGlobs?: readonly string[];
  readonly logPath: string;
  /** 1 is fast, 9 is small. Default 1. */
  readonly gzipLevel?: number;
  /** Of files and of bytes, per day, 0 to 1. Default 0.25. */
  readonly deleteShareMax?: number;
  /** An operator vouches for the clock: the guard against jumps is off for this run. */
  readonly isClockTrusted?: boolean;
  /** Name and version, for the manifest. */
  readonly tool?: string;
  readonly isOpen?: (path: string) => boolean;
  readonly files: MaintenanceFiles;
  readonly worker: BackupWorker;
  readonly clock: Pick<Clock, "now" | "monotonicMs" | "hold">;
  readonly offer: Offer;
  readonly onProgress?: (progress: StepProgress) => void;
}

export interface StepProgress extends WorkProgress {
  readonly runId: string;
  readonly step: "backup" | "verify";
  readonly bytesTotal: number;
}

/** What a run did, file by file. */
export interface RunReport {
  readonly runId: string;
  readonly outcome: "running" | "done" | "failed" | "refused";
  readonly failure?: { readonly step: string; readonly reason: string };
  readonly archivePath?: string;
  readonly manifestPath?: string;
  readonly backedUp: readonly { readonly path: string; readonly size: number }[];
  /** Files that an earlier archive holds already. */
  readonly unchanged: number;
  readonly skipped: readonly SkippedFile[];
  /** Files that no include glob matches. */
  readonly unmatched: number;
  readonly deleted: readonly { readonly path: string; readonly size: number; readonly reason: string }[];
  readonly kept: readonly { readonly path: string; readonly reason: string }[];
  readonly failedDeletes: readonly { readonly path: string; readonly reason: string }[];
  readonly notes: readonly string[];
  readonly elapsedMs: number;
}

type StepEffect = Exclude<MaintenanceEffect["type"], `alert.${string}` | "safety.report">;
export type MaintenanceHandlers = {
  readonly [T in StepEffect]: (effect: Extract<MaintenanceEffect, { type: T }>) => Promise<void>;
};

export interface Maintenance {
  readonly handlers: MaintenanceHandlers;
  /** The latest run, also while it is under way. */
  readonly report: () => RunReport | undefined;
  /** Gives up what is under way and frees the worker. */
  readonly close: () => Promise<void>;
}

/** The memory of a run between its steps. It dies with the process, and then so does the run. */
interface Run {
  readonly runId: string;
  readonly now: number;
  readonly startedMs: number;
  readonly dataRoot: string;
  readonly backupRoot: string;
  readonly release: () => Promise<void>;
  readonly shelf: Shelf;
  readonly plan: BackupPlan;
  readonly memory: MemoryRead;
  /** The memories of all roots, as they were read. */
  readonly memoryText: string | undefined;
  written?: { readonly archive: string; readonly files: readonly ArchivedFile[]; readonly bytes: number };
  proof?: VerifiedBackup;
  cleanup?: CleanupPlan;
}

type Step = "plan" | "backup" | "verify" | "scan" | "cleanup";

export const memoryPath = (backupRoot: string): string => `${backupRoot}/maintenance.memory.json`;

export const createMaintenance = (options: MaintenanceOptions): Maintenance => {
  const { files, worker, clock, offer, policy } = options;
  const shareMax = options.deleteShareMax ?? 0.25;
  const log = createCleanupLog(files, options.logPath);
  let run: Run | undefined;
  let report: RunReport | undefined;
  let isBusy = false;

  const note = (changes: Partial<RunReport>): void => {
    if (report !== undefined) report = { ...report, ...changes };
  };

  /** Closes the books of a run; of a run that is not the latest there is nothing to close. */
  const end = async (runId: string, outcome: RunReport["outcome"], failure?: { step: string; reason: string }): Promise<void> => {
    if (report?.runId !== runId) return;
    const ended = run;
    run = undefined;
    note({
      outcome,
      ...(failure === undefined ? {} : { failure }),
      ...(ended ? { elapsedMs: clock.monotonicMs() - ended.startedMs } : {}),
    });
    if (ended === undefined) return;
    // A thread that was stopped in the middle of an archive could not clear up behind itself.
    if (outcome !== "done") await files.removeLeftovers(ended.backupRoot);
    await ended.release();
  };

  /** Runs one step and reports it. Whatever goes wrong becomes `maintenance.failed`. */
  const perform = async (step: Step, runId: string, work: () => Promise<Result<NewFact, HostError>>): Promise<void> => {
    if (isBusy) {
      offer(failedFact(runId, step, "a step of an earlier run has not ended yet"));
      return;
    }
    isBusy = true;
    let outcome: Result<NewFact, HostError>;
    try {
      outcome = await clock.hold(work(), undefined, "maintenance");
    } catch (error) {
      outcome = err({ type: "failed", reason: `unexpected: ${error instanceof Error ? error.message : String(error)}` });
    }
    try {
      if (!outcome.ok) await end(runId, outcome.error.type, { step, reason: outcome.error.reason });
      else if (endsRun(outcome.value.type, outcome.value.payload)) await end(runId, "done");
    } finally {
      isBusy = false;
      offer(outcome.ok ? outcome.value : failedFact(runId, step, outcome.error.reason));
    }
  };

  /** The run a step belongs to; a step of any other run has lost what it would need. */
  const withRun = async (
    runId: string,
    work: (run: Run) => Promise<Result<NewFact, HostError>>,
  ): Promise<Result<NewFact, HostError>> =>
    run?.runId === runId ? work(run) : err({ type: "failed", reason: "this process does not know the run" });

  const scanOf = (current: Run, entries: readonly ScannedFile[]): Scan & { readonly clock: ReturnType<typeof judgeClock> } => {
    const verdict = judgeClock(current.memory, current.now, options.isClockTrusted);
    const allowance = allowanceOf(windowFor(current.memory, entries, current.now), shareMax);
    const scan = scanRetention(entries, policy, {
      now: current.now,
      blocked: verdict.blocked,
      allowance,
      matchesGlob: files.matchesGlob,
    });
    return { ...scan, clock: verdict };
  };

  const progressOf = (runId: string, step: StepProgress["step"], bytesTotal: number) => (progress: WorkProgress) =>
    options.onProgress?.({ runId, step, bytesTotal, ...progress });

  const plan = async (runId: string): Promise<Result<NewFact, HostError>> => {
    // A run that the machine gave up (it was restarted) still holds the lock.
    if (run !== undefined) await end(run.runId, "failed", { step: "plan", reason: `given up for run ${runId}` });
    report = emptyReport(runId);
    const startedMs = clock.monotonicMs();
    const roots = await files.prepare(options.dataRoot, options.backupRoot);
    if (!roots.ok) return roots;
    const { dataRoot, backupRoot } = roots.value;
    const locked = await files.lock(backupRoot, runId);
    if (!locked.ok) return locked;
    const prepared = await look(runId, dataRoot, backupRoot);
    if (!prepared.ok) {
      await locked.value();
      return prepared;
    }
    run = { runId, now: clock.now(), startedMs, dataRoot, backupRoot, release: locked.value, ...prepared.value };
    const { plan: planned, shelf } = run;
    note({
      unchanged: planned.unchanged.length,
      skipped: planned.skipped,
      unmatched: planned.unmatched,
      notes: [
        ...(report?.notes ?? []),
        ...planned.returned.map((path) => `${path} has its name again: a killed run had taken it aside to delete it`),
        ...shelf.lost.map(({ archive, reason }) => `${archive}: ${reason}; what the source still has is archived again`),
      ],
    });
    const wanted = planned.toArchive.reduce((sum, { size }) => sum + size, 0);
    const count = planned.toArchive.length + planned.unchanged.length;
    return ok(fact("maintenance.planned", { runId, files: count, bytes: wanted }));
  };

  /** Before space is judged: an archive that a killed run left on a full disk holds the space that this run needs. */
  const shelfWithoutOrphans = async (
    runId: string,
    dataRoot: string,
    backupRoot: string,
    survey: Survey,
  ): Promise<Result<Shelf, HostError>> => {
    const shelf = await readWholeShelf(files, backupRoot);
    if (!shelf.ok || shelf.value.orphans.length === 0) return shelf;
    const settled = await settleOrphans(
      { files, worker },
      {
        backupRoot,
        dataRoot,
        shelf: shelf.value,
        source: survey.files,
        manifest: { tool: options.tool ?? "qts", runId, at: clock.now() },
      },
    );
    if (!settled.ok) return settled;
    note({
      notes: [...(report?.notes ?? []), ...settled.value.map(({ archive, became, reason }) => `${archive} ${became}: ${reason}`)],
    });
    return readWholeShelf(files, backupRoot);
  };

  const look = async (
    runId: string,
    dataRoot: string,
    backupRoot: string,
  ): Promise<Result<Pick<Run, "shelf" | "plan" | "memory" | "memoryText">, HostError>> => {
    const removed = await files.removeLeftovers(backupRoot);
    if (!removed.ok) return removed;
    if (removed.value.length > 0) note({ notes: [`half-written by an earlier run, removed: ${removed.value.join(", ")}`] });
    const survey = await worker.survey({ root: dataRoot, globs: options.includeGlobs ?? ["**"] });
    if (!survey.ok) return survey;
    const shelf = await shelfWithoutOrphans(runId, dataRoot, backupRoot, survey.value);
    if (!shelf.ok) return shelf;
    const memory = await files.readText(memoryPath(backupRoot));
    if (!memory.ok) return memory;
    return ok({
      shelf: shelf.value,
      plan: planBackup(survey.value, catalogFor(shelf.value, dataRoot), options.isOpen ?? (() => false)),
      memory: readMemory(memory.value, dataRoot),
      memoryText: memory.value,
    });
  };

  const backup = async (current: Run): Promise<Result<NewFact, HostError>> => {
    const { runId, dataRoot, backupRoot, shelf } = current;
    const { toArchive } = current.plan;
    if (toArchive.length === 0) return ok(fact("maintenance.backup.completed", { runId, files: 0, bytes: 0 }));
    const bytesTotal = toArchive.reduce((sum, { size }) => sum + size, 0);
    const free = await files.freeBytes(backupRoot);
    if (!free.ok) return free;
    const needed = spaceNeeded(bytesTotal, shelf.manifests);
    if (free.value < needed)
      return err({ type: "refused", reason: `the backup needs about ${needed} bytes and ${backupRoot} has ${free.value} free` });
    const destination = archivePathOf(backupRoot, shelf.nextSequence);
    const written = await worker.archive(
      { root: dataRoot, files: toArchive, destination, gzipLevel: options.gzipLevel ?? 1 },
      progressOf(runId, "backup", bytesTotal),
    );
    if (!written.ok) return written;
    current.written = { archive: archiveName(shelf.nextSequence), files: written.value.files, bytes: written.value.bytes };
    note({
      archivePath: destination,
      backedUp: written.value.files.map(({ path, size }) => ({ path, size })),
      skipped: [...current.plan.skipped, ...written.value.skipped],
    });
    const bytes = written.value.files.reduce((sum, { size }) => sum + size, 0);
    return ok(
      fact("maintenance.backup.completed", { runId, archivePath: destination, files: written.value.files.length, bytes }),
    );
  };

  const verify = async (current: Run): Promise<Result<NewFact, HostError>> => {
    const { runId, now, dataRoot, backupRoot, shelf, written } = current;
    const { unchanged, skipped } = current.plan;
    // Deleting needs a proof of today: archives that hold candidates are read back again, however often they were before.
    const candidates = new Set(scanOf(current, [...unchanged, ...(written?.files ?? [])]).expired.map(({ path }) => path));
    const proof = await verifyBackup(files, worker, {
      backupRoot,
      shelf,
      unchanged,
      ...(written === undefined ? {} : { written }),
      alsoReadBack: new Set(unchanged.filter(({ path }) => candidates.has(path)).map(({ archive }) => archive)),
      manifest: { tool: options.tool ?? "qts", runId, at: now, sourceRoot: dataRoot, skipped },
      onProgress: progressOf(runId, "verify", written?.files.reduce((sum, { size }) => sum + size, 0) ?? 0),
    });
    if (!proof.ok) return proof;
    current.proof = proof.value;
    const { manifestPath, manifestSha256 } = proof.value;
    note({ manifestPath });
    const count = unchanged.length + (written?.files.length ?? 0);
    return ok(fact("maintenance.backup.verified", { runId, manifestPath, manifestSha256, files: count }));
  };

  const scan = async (current: Run, manifestSha256: string): Promise<Result<NewFact, HostError>> => {
    const { runId, now, proof, plan: planned, written, dataRoot, backupRoot } = current;
    if (proof?.manifestSha256 !== manifestSha256) return err({ type: "failed", reason: "the proof is of another manifest" });
    const entries: readonly (CatalogEntry | ArchivedFile)[] = [...planned.unchanged, ...(written?.files ?? [])];
    const scanned = scanOf(current, entries);
    const reasons = new Map(scanned.expired.map(({ path, reason }) => [path, reason]));
    current.cleanup = Object.freeze({
      files: Object.freeze(
        proof.entries
          .filter(({ path }) => reasons.has(path))
          .map(({ path, dev, ino, size, mtimeNs, ctimeNs, sha256 }) =>
            Object.freeze({ path, dev, ino, size, mtimeNs, ctimeNs, sha256, reason: reasons.get(path) as string }),
          ),
      ),
    });
    // Granted before anything is deleted: a run that is killed and repeated has no second allowance.
    const window = withGranted(windowFor(current.memory, entries, now), scanned.expired);
    const remembered = await files.writeDurably(
      memoryPath(backupRoot),
      memoryText(current.memoryText, dataRoot, { lastRunAt: now, blockedUntil: scanned.clock.blockedUntil, window }),
    );
    if (!remembered.ok) return remembered;
    const logged = await log.append(
      scanned.kept.map(({ path, size, reason }) => ({ at: now, runId, decision: "kept" as const, path, size, reason })),
    );
    if (!logged.ok) return logged;
    note({
      kept: scanned.kept.map(({ path, reason }) => ({ path, reason })),
      notes: [...(report?.notes ?? []), ...notesOf(scanned)],
    });
    return ok(fact("maintenance.scanned", { runId, expired: scanned.expired.length, kept: scanned.kept.length }));
  };

  const cleanup = async (current: Run, manifestSha256: string): Promise<Result<NewFact, HostError>> => {
    const { runId, now, proof, cleanup: settled, dataRoot } = current;
    if (proof === undefined || settled === undefined || proof.manifestSha256 !== manifestSha256)
      return err({ type: "failed", reason: "there is no proof for this manifest" });
    const cleaned = await cleanUp(proof, settled, { worker, log, dataRoot, runId, at: now });
    if (!cleaned.ok) return cleaned;
    const { deleted, failed }: CleanupOutcome = cleaned.value;
    const kept = [...(report?.kept ?? []), ...cleaned.value.kept];
    note({ deleted, kept, failedDeletes: failed });
    return ok(fact("maintenance.cleaned", { runId, deleted: deleted.length, kept: kept.length, failed: failed.length }));
  };

  return {
    handlers: {
      "maintenance.plan": ({ runId }) => perform("plan", runId, () => plan(runId)),
      "backup.run": ({ runId }) => perform("backup", runId, () => withRun(runId, backup)),
      "backup.verify": ({ runId }) => perform("verify", runId, () => withRun(runId, verify)),
      "retention.scan": ({ runId, manifestSha256 }) =>
        perform("scan", runId, () => withRun(runId, (current) => scan(current, manifestSha256))),
      "cleanup.run": ({ runId, manifestSha256 }) =>
        perform("cleanup", runId, () => withRun(runId, (current) => cleanup(current, manifestSha256))),
    },
    report: () => report,
    close: async () => {
      await worker.close();
      if (run !== undefined) await end(run.runId, "failed", { step: "run", reason: "maintenance was stopped" });
    },
  };
};

const fact = <T extends NewFact["type"]>(
  type: T,
  payload: Extract<NewFact, { type: T }>["payload"] & { readonly runId: string },
): NewFact => ({ type, payload, source: "maintenance", correlationId: payload.runId }) as NewFact;

const failedFact = (runId: string, step: Step, reason: string): NewFact => fact("maintenance.failed", { runId, step, reason });

/** What no run will ever delete as things are is said at the end too, where it is read. */
export const notesOf = ({ stuck }: Pick<Scan, "stuck">): readonly string[] =>
  stuck.map(({ path, reason }) => `${path} stays for good: ${reason}`);

/** The report of a run that has done nothing yet. */
export const emptyReport = (runId: string): RunReport => ({
  runId,
  outcome: "running",
  backedUp: [],
  unchanged: 0,
  skipped: [],
  unmatched: 0,
  deleted: [],
  kept: [],
  failedDeletes: [],
  notes: [],
  elapsedMs: 0,
});
