/** How long data stays (seeds 000 §4.2 and 003 §4, spec M6), and how old a file is. Pure. */

import { localSpans } from "#core/zoned-time.ts";
import { dayMs, hourMs } from "#machines/durations.ts";

/** Names of days and hours in data paths, where nobody says of which zone they are. */
export const seoul = "Asia/Seoul";

/** Retention of what observers wrote: by category, which is told by the folders a file lies in. */
export interface DataRetentionPolicy {
  readonly type: "data";
  readonly rawSnapshotDays: number;
  readonly patternRecordDays: number;
  readonly decisionSnapshotDays: number | "never";
  /** So many newest files of each stream stay, however old; the newest always does. */
  readonly filesKeptMin: number;
  /** Of day and hour names in the paths; Asia/Seoul when absent. */
  readonly timeZone?: string;
}

/** Retention of plain files: by age, among the files that one of the globs matches. */
export interface FileRetentionPolicy {
  readonly type: "file";
  readonly days: number;
  readonly globs: readonly string[];
  readonly filesKeptMin: number;
  /** Of day and hour names in the paths; Asia/Seoul when absent. */
  readonly timeZone?: string;
}

export type RetentionPolicy = DataRetentionPolicy | FileRetentionPolicy;

export const categories = ["rawSnapshot", "patternRecord", "decisionSnapshot", "unknown"] as const;
export type Category = (typeof categories)[number];

/** Longest keeping first: a path that fits two categories gets the safer one. */
const categoryFolders: readonly (readonly [Category, readonly string[]])[] = [
  ["unknown", ["system"]],
  ["decisionSnapshot", ["decision", "decisions"]],
  ["patternRecord", ["pattern", "patterns"]],
  ["rawSnapshot", ["scalp", "swing", "raw", "snapshot", "snapshots"]],
];

/** Decided by whole folder names, never by a word somewhere in the path: `decisions-raw-old.jsonl` at the root is unknown. */
export const categoryOf = (path: string): Category => {
  const folders = path.toLowerCase().split("/").slice(0, -1);
  return categoryFolders.find(([, names]) => names.some((name) => folders.includes(name)))?.[0] ?? "unknown";
};

/** Milliseconds a file stays after its newest record, or why it has no such limit. */
export const heldFor = (
  path: string,
  policy: RetentionPolicy,
  matchesGlob: (path: string, glob: string) => boolean,
): { readonly heldMs: number; readonly rule: string } | { readonly forever: string } => {
  if (policy.type === "file") {
    if (!policy.globs.some((glob) => matchesGlob(path, glob))) return { forever: "no retention glob matches it" };
    return { heldMs: policy.days * dayMs, rule: `${policy.days} days` };
  }
  const category = categoryOf(path);
  if (category === "unknown") return { forever: "its category is unknown, and unknown never expires" };
  const days =
    category === "rawSnapshot"
      ? policy.rawSnapshotDays
      : category === "patternRecord"
        ? policy.patternRecordDays
        : policy.decisionSnapshotDays;
  return days === "never" ? { forever: `${category} never expires` } : { heldMs: days * dayMs, rule: `${category} ${days} days` };
};

/** When a day, "2013-10-07", or one of its hours has ended; null for a day that no calendar has. */
export type EndOf = (day: string, hour?: number) => number | null;

/** A day that comes twice, or an hour, ends with the second. Each is computed once: an archive has a thousand files of a day. */
export const endsIn = (timeZone: string): EndOf => {
  const known = new Map<string, number | null>();
  const compute = (day: string, hour: number | undefined): number | null => {
    const midnight = new Date(`${day}T00:00:00Z`);
    if (Number.isNaN(midnight.getTime()) || midnight.toISOString().slice(0, 10) !== day) return null;
    const fromMs = (hour ?? 0) * hourMs;
    return localSpans(day, fromMs, hour === undefined ? dayMs : fromMs + hourMs, timeZone).at(-1)?.untilAt ?? null;
  };
  return (day, hour) => {
    const name = `${day} ${hour ?? ""}`;
    const found = known.get(name);
    if (found !== undefined) return found;
    const end = compute(day, hour);
    known.set(name, end);
    return end;
  };
};

const datePattern = /(?<!\d)((?:19|20)\d\d)(-?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)/;
const everyDate = new RegExp(datePattern, "g");
const dayTree = /(?<=^|\/)((?:19|20)\d\d)\/(0[1-9]|1[0-2])\/(0[1-9]|[12]\d|3[01])(?=\/)/g;
/** The parts of a path; a day spread over three folders, `2013/10/07`, is one part like `20131007`. */
const partsOf = (path: string): string[] => path.replace(dayTree, "$1$2$3").split("/");

/**
 * The end of the time span that the path names: `scalp/20131007/22_30_00.jsonl`, `swing/20131007/22_00.jsonl` (the hour's
 * end, also for a shorter segment), `system/20131007.jsonl`, `ticks_2013-10-07.csv` (the day's end; of several the last).
 *
 * @returns epoch ms, never before the last record such a file can hold; null when the path names no time
 */
export const namedEndAt = (path: string, endOf: EndOf): number | null => {
  const parts = partsOf(path);
  const file = parts.at(-1) as string;
  const dayIn = (found: readonly (string | undefined)[]): string => `${found[1]}-${found[3]}-${found[4]}`;
  const own = [...file.matchAll(everyDate)];
  if (own.length > 0) {
    const ends = own.map((found) => endOf(dayIn(found)));
    return ends.some((end) => end === null) ? null : Math.max(...(ends as number[]));
  }
  const folder = parts.slice(0, -1).findLast((part) => datePattern.test(part));
  const found = folder === undefined ? null : datePattern.exec(folder);
  if (found === null) return null;
  const hour = /^([01]\d|2[0-3])_[0-5]\d(?:_[0-5]\d)?(?:\.|$)/.exec(file)?.[1];
  return endOf(dayIn(found), hour === undefined ? undefined : Number(hour));
};

/** When the newest record was written, by its name and its content; the younger of the two, null when neither says. */
export const newestAt = (
  file: { readonly path: string; readonly newestRecordAt: number | null },
  endOf: EndOf,
): number | null => {
  const named = namedEndAt(file.path, endOf);
  if (named === null || file.newestRecordAt === null) return named ?? file.newestRecordAt;
  return Math.max(named, file.newestRecordAt);
};

/** A time of day with its separators; digits in a row could as well be a symbol (005930, 0700). */
const timeOfDay = "(?:[01]\\d|2[0-3])[_:-][0-5]\\d(?:[_:-][0-5]\\d)?(?!\\d)";
const dayAndTime = new RegExp(`${datePattern.source}(?:[T _-]${timeOfDay}|T\\d{4}(?:\\d\\d)?Z?)?`, "g");
const timeAlone = new RegExp(`(?<!\\d)${timeOfDay}`);

/**
 * Files that continue each other: the path without its days, the times of day that belong to them, and QTS's own part
 * numbers (`.p2`). `ticks/AAA_20261103.jsonl` and `ticks/BBB_20261103.jsonl` are two streams, `scalp/20131007/22_30_00.jsonl`
 * and `scalp/20131008/09_00_00.jsonl` are one. When in doubt two: then more is kept.
 */
export const streamOf = (path: string): string => {
  const parts = partsOf(path);
  const isInDay = parts.slice(0, -1).some((part) => datePattern.test(part));
  const bare = parts.map((part) => part.replace(dayAndTime, "*"));
  const file = (bare.pop() as string).replace(/\.p\d+(?=\.|$)/, "");
  return [...bare, isInDay ? file.replace(timeAlone, "*") : file].join("/");
};
