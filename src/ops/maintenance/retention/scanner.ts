/**
 * Splits files into kept and expired, with a reason for each. Computes only: the scan deletes nothing.
 */
import { dayMs } from "#machines/durations.ts";
import type { Allowance } from "./guard.ts";
import { endsIn, heldFor, newestAt, type RetentionPolicy, seoul, streamOf } from "./policy.ts";

export interface ScannedFile {
  readonly path: string;
  readonly size: number;
  readonly newestRecordAt: number | null;
}

export interface FileVerdict {
  readonly path: string;
  readonly size: number;
  readonly reason: string;
}

export interface Scan {
  readonly kept: readonly FileVerdict[];
  /** Oldest first. */
  readonly expired: readonly FileVerdict[];
  /** Files that no run will ever delete as things are, with what a person can do about it. */
  readonly stuck: readonly FileVerdict[];
}

export interface ScanLimits {
  /** Epoch ms of the Clock port. */
  readonly now: number;
  /** Why nothing at all may be deleted in this run; null when nothing forbids it. */
  readonly blocked: string | null;
  readonly allowance: Allowance;
  readonly matchesGlob: (path: string, glob: string) => boolean;
}

const inDays = (ms: number): string => (ms / dayMs).toFixed(1);

/**
 * The retention decision.
 *
 * Age is counted from the newest data, never beyond `now`: a clock a year ahead expires nothing by itself. A file held
 * exactly as long as the policy says stays; it expires when it is older. The newest file of a stream always stays.
 *
 * @returns every file exactly once; an empty list gives an empty scan; no failure
 */
export const scanRetention = (files: readonly ScannedFile[], policy: RetentionPolicy, limits: ScanLimits): Scan => {
  const kept: FileVerdict[] = [];
  const keep = ({ path, size }: ScannedFile, reason: string): void => void kept.push({ path, size, reason });

  const endOf = endsIn(policy.timeZone ?? seoul);
  const dated = files.map((file) => ({ file, at: newestAt(file, endOf) }));
  const newestData = dated.reduce<number>((newest, { at }) => (at !== null && at > newest ? at : newest), -Infinity);
  const today = Math.min(limits.now, newestData);
  const protectedPaths = newestOfStreams(dated, Math.max(1, policy.filesKeptMin));

  const candidates: { readonly file: ScannedFile; readonly at: number; readonly reason: string }[] = [];
  for (const { file, at } of dated) {
    const hold = heldFor(file.path, policy, limits.matchesGlob);
    if ("forever" in hold) keep(file, hold.forever);
    else if (at === null) keep(file, "neither its name nor its records say how old it is");
    else if (today - at <= hold.heldMs)
      keep(file, `its newest data is ${inDays(Math.max(0, today - at))} days old; ${hold.rule} are kept`);
    else if (protectedPaths.has(file.path)) keep(file, "it is among the newest of its stream");
    else candidates.push({ file, at, reason: `its newest data is ${inDays(today - at)} days old; ${hold.rule} are kept` });
  }

  candidates.sort((a, b) => a.at - b.at || (a.file.path < b.file.path ? -1 : 1));
  const expired: FileVerdict[] = [];
  const stuck: FileVerdict[] = [];
  const { granted, day } = limits.allowance;
  let { files: filesLeft, bytes: bytesLeft } = limits.allowance;
  let isSpent = false;
  let stuckBytes = 0;
  /** Of each stream that cannot go on, the file that it waits for: deletion never leaves a hole in the middle of a stream. */
  const blockedBy = new Map<string, string>();
  for (const { file, reason } of candidates) {
    const { path, size } = file;
    const stream = streamOf(path);
    const blocker = blockedBy.get(stream);
    if (limits.blocked !== null) keep(file, limits.blocked);
    else if (day.share === 0) keep(file, "the share that may be deleted is 0");
    else if (granted.has(path)) expired.push({ path, size, reason });
    else if (blocker !== undefined) keep(file, `it waits for ${blocker}, which is older and larger than the share`);
    else if (size > day.bytesMax || day.filesMax < 1) {
      blockedBy.set(stream, path);
      stuckBytes += size;
      const wanted = day.bytesMax - bytesLeft + stuckBytes;
      const why =
        day.filesMax < 1
          ? `the share that may be deleted in a day is less than one of ${day.files} files`
          : `its ${size} bytes alone are more than the ${day.bytesMax} of ${day.bytes} that may be deleted in a day`;
      const share = shareFor(Math.max(day.bytes === 0 ? 0 : wanted / day.bytes, 1 / day.files));
      const verdict = { path, size, reason: `${why}; --share ${share} (maintenance.deleteShareMax) once lets it go` };
      kept.push(verdict);
      stuck.push(verdict);
    } else {
      // Stops at the first that does not fit, for the same reason.
      isSpent ||= filesLeft < 1 || bytesLeft < size;
      if (isSpent) {
        keep(file, "the share that may be deleted without an operator is used up");
        continue;
      }
      filesLeft -= 1;
      bytesLeft -= size;
      expired.push({ path, size, reason });
    }
  }
  return { kept, expired, stuck };
};

/** Rounded up to hundredths: what a person types. */
const shareFor = (share: number): number => Math.min(1, Math.ceil(share * 100) / 100);

const newestOfStreams = (
  dated: readonly { readonly file: ScannedFile; readonly at: number | null }[],
  count: number,
): ReadonlySet<string> => {
  const streams = new Map<string, { readonly path: string; readonly at: number }[]>();
  for (const { file, at } of dated) {
    const stream = streamOf(file.path);
    const members = streams.get(stream) ?? [];
    if (at !== null) members.push({ path: file.path, at });
    streams.set(stream, members);
  }
  const newest = new Set<string>();
  for (const members of streams.values()) {
    members.sort((a, b) => b.at - a.at || (a.path < b.path ? 1 : -1));
    for (const { path } of members.slice(0, count)) newest.add(path);
  }
  return newest;
};
