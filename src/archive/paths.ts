/**
 * Where a row lies: the path is a contract with whoever reads the archive (spec A4, docs/reference/archive.md).
 *
 * Below `<home>/config/observer/`: `swing/YYYYMMDD/HH_00.jsonl`, `scalp/YYYYMMDD/HH_MM_SS.jsonl`, `system/YYYYMMDD.jsonl`; days and
 * hours are those of the archive's time zone. When a segment of that name exists, the next part is `HH_MM_SS.p2.jsonl`, and so on.
 */
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
export interface Window {
  readonly fromAt: number;
  readonly untilAt: number;
}

interface LocalTime {
  /** YYYYMMDD */
  readonly day: string;
  readonly sinceMidnightMs: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

const localTime = (at: number, timeZone: string): LocalTime => {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-CA", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(timeZone, format);
  }
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const seconds = Number(part.hour) * 3600 + Number(part.minute) * 60 + Number(part.second);
  return { day: `${part.year}${part.month}${part.day}`, sinceMidnightMs: seconds * 1000 + (((at % 1000) + 1000) % 1000) };
};

export const dayMs = 24 * 3_600_000;
const widthOf = (stream: Stream, { scalpWindowMs }: PathRules): number =>
  stream === "scalp" ? scalpWindowMs : stream === "swing" ? 3_600_000 : dayMs;

/** The window that a moment belongs to. A window never crosses the local midnight. */
export const windowOf = (stream: Stream, at: number, rules: PathRules): Window => {
  const width = widthOf(stream, rules);
  const { sinceMidnightMs } = localTime(at, rules.timeZone);
  const midnightAt = at - sinceMidnightMs;
  const fromMs = Math.floor(sinceMidnightMs / width) * width;
  return { fromAt: midnightAt + fromMs, untilAt: midnightAt + Math.min(dayMs, fromMs + width) };
};

const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");

/**
 * Path of a segment below the archive's directory.
 *
 * @param at any moment of the segment's window
 * @param part 1 for the first segment of the window
 */
export const segmentPath = (stream: Stream, at: number, part: number, rules: PathRules): string => {
  const { fromAt } = windowOf(stream, at, rules);
  const { day, sinceMidnightMs: ms } = localTime(fromAt, rules.timeZone);
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

/** Reads a path below the archive's directory; undefined for everything that is not a segment (`*.torn`, other files). */
export const readSegmentPath = (path: string): SegmentName | undefined => {
  const scalp = patterns.scalp.exec(path);
  if (scalp !== null) {
    const [, day, hours, minutes, seconds, part] = scalp;
    const fromMs = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
    return { stream: "scalp", day: day as string, fromMs, part: Number(part ?? 1) };
  }
  const swing = patterns.swing.exec(path);
  if (swing !== null) {
    const [, day, hours, , part] = swing;
    return { stream: "swing", day: day as string, fromMs: Number(hours) * 3_600_000, part: Number(part ?? 1) };
  }
  const system = patterns.system.exec(path);
  return system === null ? undefined : { stream: "system", day: system[1] as string, fromMs: 0, part: Number(system[2] ?? 1) };
};

/**
 * When a segment's last row was made at the latest, from its name: the age of data by its own time, which a restored or
 * touched file keeps (retention must not trust mtime).
 *
 * @returns epoch ms, exclusive; undefined when the path is not a segment's
 */
export const segmentEndsAt = (path: string, rules: PathRules): number | undefined => {
  const name = readSegmentPath(path);
  if (name === undefined) return undefined;
  const { day, fromMs, stream } = name;
  return dayStartsAt(day, rules.timeZone) + Math.min(dayMs, fromMs + widthOf(stream, rules));
};

/** Epoch ms of a day's midnight; the day as YYYYMMDD. */
export const dayStartsAt = (day: string, timeZone: string): number => {
  const noonUtc = Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6, 8)), 12);
  // Noon UTC lies on the day itself or, far in the east, on the next one; step back to the midnight from there.
  const local = localTime(noonUtc, timeZone);
  return noonUtc - local.sinceMidnightMs - (local.day > day ? dayMs : 0);
};

/** Orders segments of one stream by the time of their rows, parts of a window in the order they were written. */
export const bySegmentTime = (a: SegmentName, b: SegmentName): number =>
  a.day < b.day ? -1 : a.day > b.day ? 1 : a.fromMs - b.fromMs || a.part - b.part;
