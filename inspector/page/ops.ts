/** What the view of ops says, without a browser (spec I9). */
import type { MaintenanceRun, OpsSight, ScheduleLine, VerifiedBackup } from "#core/runtime/ops-sight.ts";
import type { SampleSeries } from "#core/runtime/samples.ts";
import { duration, minute } from "./format.ts";
import { words } from "./words.ts";

export const backupText = (verified: VerifiedBackup | null, at: number): string => {
  if (verified === null) return words.ops.noBackup;
  const when = minute(verified.at);
  // A recorded day that is played again has a clock that goes back.
  if (verified.at > at) return words.ops.verifiedByOtherClock(verified.files, when);
  return words.ops.verified(verified.files, duration(at - verified.at), when);
};

export const runText = (run: MaintenanceRun | null): string => {
  if (run === null) return words.ops.noRun;
  const why = run.failure === null ? "." : `: ${run.failure.step}: ${run.failure.reason}.`;
  if (run.outcome === "running") return words.ops.ran.running(run.runId);
  if (run.outcome === "done")
    return words.ops.ran.done(run.runId, run.elapsedMs < 1000 ? "less than a second" : duration(run.elapsedMs));
  return `${words.ops.ran[run.outcome](run.runId)}${why}`;
};

export const scheduleText = ({ name, nextAt, isUnderWay }: ScheduleLine, at: number): string => {
  if (isUnderWay) return words.ops.underWay(name);
  return nextAt === null ? words.ops.never(name) : words.ops.next(name, duration(nextAt - at), minute(nextAt));
};

export const gapsText = ({ counts }: OpsSight["gaps"]): string => {
  const told = (["critical", "major", "minor"] as const).filter((severity) => counts[severity] > 0);
  if (told.length === 0) return words.ops.noGaps;
  return words.ops.gapCounts(told.map((severity) => words.ops.gapCount(severity, counts[severity])));
};

export interface HourLine {
  /** Epoch ms of the host. */
  readonly fromAt: number;
  readonly received: number;
  readonly persisted: number;
}

/** Rows of each hour, the newest first; hours of before this process are left out. */
export const hoursOf = ({ values, fromAt, everyMs }: SampleSeries): HourLine[] => {
  const lines: HourLine[] = [];
  let [received, persisted] = [0, 0];
  values.received.forEach((total, index) => {
    if (total === null) return;
    const onDisk = values.persisted[index] ?? 0;
    lines.push({ fromAt: fromAt + index * everyMs, received: total - received, persisted: onDisk - persisted });
    received = total;
    persisted = onDisk;
  });
  // Of the first hour of a full day of samples nobody knows where it began.
  return (values.received[0] === null ? lines : lines.slice(1)).reverse();
};
