/**
 * Deletes expired files, each only with proof of that very file (spec M2). What is listed here was named by retention and
 * lies in a verified backup; still, each file is stamped and hashed again, its line goes to the log, and then it is taken
 * aside and looked at once more before it is unlinked. Any difference keeps it.
 */
import { assert, ok, type Result } from "#core/result.ts";
import type { ArchivedFile, BackupWorker, FileStamp, HostError, Inspection } from "../../ports.ts";
import { isSameFile } from "../backup/manifest.ts";
import { isVerifiedBackup, type VerifiedBackup } from "../backup/verifier.ts";
import type { CleanupLine, CleanupLog } from "../log.ts";

/** What the scan settled: which files, in which state, with which content. Frozen. */
export interface CleanupPlan {
  readonly files: readonly Readonly<FileStamp & Pick<ArchivedFile, "path" | "sha256"> & { readonly reason: string }>[];
}

export interface CleanupOutcome {
  readonly deleted: readonly { readonly path: string; readonly size: number; readonly reason: string }[];
  readonly kept: readonly { readonly path: string; readonly reason: string }[];
  /** Could not be unlinked; a warning, they are tried again in the next run. */
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
}

/** One fsync of the log announces so many deletions. */
const batchSize = 64;

const objection = (planned: CleanupPlan["files"][number], proof: VerifiedBackup, found: Inspection): string | undefined => {
  const backedUp = proof.entryFor(planned);
  if (backedUp === undefined || backedUp.sha256 !== planned.sha256)
    return "the verified backup does not hold this state of the file";
  if (found.type === "missing") return "it is gone already";
  if (found.type === "unreadable") return `it cannot be read: ${found.reason}`;
  if (!isSameFile(found.stamp, planned)) return "it was changed, touched or replaced after the backup";
  if (found.sha256 !== planned.sha256) return "its content is not what was backed up";
  return undefined;
};

/**
 * @returns what was deleted, kept and could not be deleted; or an error when the decisions could not be logged or checked,
 * and then nothing further was deleted
 */
export const cleanUp = async (
  proof: VerifiedBackup,
  plan: CleanupPlan,
  host: {
    readonly worker: BackupWorker;
    readonly log: CleanupLog;
    readonly dataRoot: string;
    readonly runId: string;
    readonly at: number;
  },
): Promise<Result<CleanupOutcome, HostError>> => {
  assert(isVerifiedBackup(proof), "cleanup was called without the verifier's proof");
  const { worker, log, dataRoot, runId, at } = host;
  const deleted: { path: string; size: number; reason: string }[] = [];
  const kept: { path: string; reason: string }[] = [];
  const failed: { path: string; reason: string }[] = [];

  for (let start = 0; start < plan.files.length; start += batchSize) {
    const batch = plan.files.slice(start, start + batchSize);
    const found = await worker.inspect({ root: dataRoot, paths: batch.map(({ path }) => path) });
    if (!found.ok) return found;

    const lines: CleanupLine[] = [];
    const doomed: CleanupPlan["files"][number][] = [];
    batch.forEach((planned, index) => {
      const { path, size, sha256 } = planned;
      const problem = objection(planned, proof, found.value[index] ?? { type: "missing" });
      const entry = proof.entryFor(planned);
      const where = entry === undefined ? {} : { archive: entry.archive, manifest: entry.manifest };
      if (problem !== undefined) {
        kept.push({ path, reason: problem });
        lines.push({ at, runId, decision: "kept", path, size, reason: problem, sha256, ...where });
      } else {
        doomed.push(planned);
        lines.push({ at, runId, decision: "deleted", path, size, reason: planned.reason, sha256, ...where });
      }
    });
    const logged = await log.append(lines);
    if (!logged.ok) return logged;

    if (doomed.length === 0) continue;
    const removals = await worker.remove({ root: dataRoot, files: doomed });
    if (!removals.ok) return removals;
    const corrections: CleanupLine[] = [];
    doomed.forEach(({ path, size, reason }, index) => {
      const removal = removals.value[index] ?? { type: "failed", reason: "nothing is known of its deletion" };
      if (removal.type === "removed") deleted.push({ path, size, reason });
      else {
        (removal.type === "kept" ? kept : failed).push({ path, reason: removal.reason });
        corrections.push({ at, runId, decision: "kept", path, size, reason: `not deleted after all: ${removal.reason}` });
      }
    });
    const corrected = await log.append(corrections);
    if (!corrected.ok) return corrected;
  }
  return ok({ deleted, kept, failed });
};
