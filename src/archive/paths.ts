/**
 * Where a row lies: the path is a contract with whoever reads the archive (spec A4, docs/reference/archive.md).
 *
 * Below `<home>/config/observer/`: `swing/YYYYMMDD/HH_00.jsonl`, `scalp/YYYYMMDD/HH_MM_SS.jsonl`, `system/YYYYMMDD.jsonl`; days and
 * hours are those of the archive's time zone. When a segment of that name exists, the next part is `HH_MM_SS.p2.jsonl`, and so on.
 */
import { dayMs, isDay, localSpans, localTime, type Span } from "#core/zoned-time.ts";

export const streams = ["scalp", "swing", "system"] as const;
export type Stream = (typeof streams)[number];

export interface PathRules {
  /** IANA name; the seed's archive is Asia/Seoul. */
  readonly timeZone: string;
  readonly scalpWindowMs: number;
}

/** The archive below a home directory. */
export const archiveDirectory = (home: string): string => `${home}/config/observer`;

/** The time that one segment covers, from inclusive, to exclusive. */
export type Window = Span;

const widthOf = (stream: Stream, { scalpWindowMs }: PathRules): number =>
  stream === "scalp" ? scalpWindowMs : stream === "swing" ? 3_600_000 : dayMs;

/**
 * The window that a moment belongs to. A window never crosses the local midnight. Where the clocks are set back an hour's windows
 * come twice; each is a window of its own unless they touch, as those of a whole hour do.
 */
export const windowOf = (stream: Stream, at: number, rules: PathRules): Window => {
  const width = widthOf(stream, rules);
  const { day, sinceMidnightMs } = localTime(at, rules.timeZone);
  const fromMs = Math.floor(sinceMidnightMs / width) * width;
  const spans = localSpans(day, fromMs, Math.min(dayMs, fromMs + width), rules.timeZone);
  return spans.find(({ untilAt }) => at < untilAt) ?? (spans[0] as Span);
};

const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");

/**
 * Path of a segment below the archive's directory.
 *
 * @param at any moment of the segment's window
 * @param part 1 for the first segment of the window
 */
export const segmentPath = (stream: Stream, at: number, part: number, rules: PathRules): string => {
  const { day: localDay, sinceMidnightMs } = localTime(at, rules.timeZone);
  const day = localDay.replaceAll("-", "");
  const width = widthOf(stream, rules);
  const ms = Math.floor(sinceMidnightMs / width) * width;
  const suffix = `${part > 1 ? `.p${part}` : ""}.jsonl`;
  if (stream === "system") return `system/${day}${suffix}`;
  if (stream === "swing") return `swing/${day}/${two(ms / 3_600_000)}_00${suffix}`;
  return `scalp/${day}/${two(ms / 3_600_000)}_${two((ms / 60_000) % 60)}_${two((ms / 1000) % 60)}${suffix}`;
};

export interface SegmentName {
  readonly stream: Stream;
  /** YYYYMMDD in the archive's time zone. */
  readonly day: string;
  /** Since that day's midnight. */
  readonly fromMs: number;
  readonly part: number;
}

const patterns: { readonly [S in Stream]: RegExp } = {
  scalp: /^scalp\/(\d{8})\/(\d\d)_(\d\d)_(\d\d)(?:\.p(\d+))?\.jsonl$/,
  swing: /^swing\/(\d{8})\/(\d\d)_(00)(?:\.p(\d+))?\.jsonl$/,
  system: /^system\/(\d{8})(?:\.p(\d+))?\.jsonl$/,
};

const written = (day: string): string => `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;

const segmentName = (
  stream: Stream,
  day: string,
  times: readonly string[],
  part: string | undefined,
): SegmentName | undefined => {
  const [hours = 0, minutes = 0, seconds = 0] = times.map(Number);
  if (!isDay(written(day)) || hours > 23 || minutes > 59 || seconds > 59) return undefined;
  // The first part has no number, and a number is written one way: no two names mean the same segment.
  if (part !== undefined && (part === "1" || part.startsWith("0"))) return undefined;
  return { stream, day, fromMs: (hours * 3600 + minutes * 60 + seconds) * 1000, part: Number(part ?? 1) };
};

/** Reads a path below the archive's directory; undefined for everything that is not a segment (`*.torn`, no day, other files). */
export const readSegmentPath = (path: string): SegmentName | undefined => {
  const scalp = patterns.scalp.exec(path);
  if (scalp !== null) return segmentName("scalp", scalp[1] as string, scalp.slice(2, 5), scalp[5]);
  const swing = patterns.swing.exec(path);
  if (swing !== null) return segmentName("swing", swing[1] as string, swing.slice(2, 3), swing[4]);
  const system = patterns.system.exec(path);
  return system === null ? undefined : segmentName("system", system[1] as string, [], system[2]);
};

/**
 * When the rows of a segment were made, from its name alone.
 *
 * @returns one span; two where the clocks were set back and the window came twice; undefined when the path is not a segment's
 */
export const segmentSpans = (path: string, rules: PathRules): readonly Span[] | undefined => {
  const name = readSegmentPath(path);
  if (name === undefined) return undefined;
  const { day, fromMs, stream } = name;
  return localSpans(written(day), fromMs, Math.min(dayMs, fromMs + widthOf(stream, rules)), rules.timeZone);
};

/**
 * When a segment's last row was made at the latest, from its name: the age of data by its own time, which a restored or
 * touched file keeps (retention must not trust mtime).
 *
 * @returns epoch ms, exclusive; undefined when the path is not a segment's
 */
export const segmentEndsAt = (path: string, rules: PathRules): number | undefined => segmentSpans(path, rules)?.at(-1)?.untilAt;

/** The span of a segment's day; the day as in its name, YYYYMMDD. */
export const daySpan = (day: string, timeZone: string): Span => {
  const spans = localSpans(written(day), 0, dayMs, timeZone);
  return { fromAt: (spans[0] as Span).fromAt, untilAt: (spans.at(-1) as Span).untilAt };
};

/** Orders segments of one stream by the time of their rows, parts of a window in the order they were written. */
export const bySegmentTime = (a: SegmentName, b: SegmentName): number =>
  a.day < b.day ? -1 : a.day > b.day ? 1 : a.fromMs - b.fromMs || a.part - b.part;
