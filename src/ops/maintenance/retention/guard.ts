/**
 * What one run may delete, told from what the runs before it did (spec M6): nothing when the clock cannot be trusted, and
 * never more than a share of the data. The memory is one small file in the backup root. Pure.
 */
import { hourMs } from "#machines/durations.ts";

/** Maintenance is daily; two hours of slack. A longer step is a clock that jumped or a house that was shut. */
export const clockStepMsMax = 26 * hourMs;
/** Two runs closer than this are the same day's run repeated: they share one allowance, so repeating deletes nothing more. */
export const sameDayMs = 20 * hourMs;

export interface RetentionMemory {
  readonly lastRunAt: number;
  /** Nothing is deleted before; set when the clock could not be trusted. */
  readonly blockedUntil: number | null;
  readonly window: {
    readonly startedAt: number;
    /** What there was when the window began, of which the share is taken. */
    readonly files: number;
    readonly bytes: number;
    /** Deletions that were allowed in this window, done or not. */
    readonly granted: readonly { readonly path: string; readonly size: number }[];
  } | null;
}

export type MemoryRead =
  | { readonly type: "none" }
  | { readonly type: "unreadable" }
  | { readonly type: "known"; readonly memory: RetentionMemory };

/** The file holds one memory for each data root that is backed up there; that of an earlier QTS held one alone. */
type MemoryFile = RetentionMemory & { readonly roots?: Readonly<Record<string, RetentionMemory>> };

/** @param root the data root whose memory is wanted */
export const readMemory = (text: string | undefined, root: string): MemoryRead => {
  if (text === undefined) return { type: "none" };
  try {
    const file = JSON.parse(text) as MemoryFile;
    const memory = file.roots === undefined ? file : file.roots[root];
    if (memory === undefined) return { type: "none" };
    const isWhole =
      Number.isSafeInteger(memory.lastRunAt) &&
      (memory.blockedUntil === null || Number.isSafeInteger(memory.blockedUntil)) &&
      (memory.window === null || (Number.isSafeInteger(memory.window.startedAt) && Array.isArray(memory.window.granted)));
    return isWhole ? { type: "known", memory } : { type: "unreadable" };
  } catch {
    return { type: "unreadable" };
  }
};

/** @param text the file as it is, for the memories of other roots; what cannot be read of it is given up */
export const memoryText = (text: string | undefined, root: string, memory: RetentionMemory): string => {
  let roots: MemoryFile["roots"] = {};
  try {
    roots = (JSON.parse(text ?? "{}") as MemoryFile).roots ?? {};
  } catch {
    // The other roots count as never run before: they are careful by themselves.
  }
  return `${JSON.stringify({ roots: { ...roots, [root]: memory } })}\n`;
};

export interface ClockVerdict {
  readonly blocked: string | null;
  readonly blockedUntil: number | null;
}

/**
 * May anything be deleted, as far as the clock is concerned? After a jump the next run that may delete is a day later, so
 * that repeating a run at once does not get around the guard.
 *
 * @param isTrusted an operator vouches for the clock
 */
export const judgeClock = (read: MemoryRead, now: number, isTrusted = false): ClockVerdict => {
  if (isTrusted || read.type === "none") return { blocked: null, blockedUntil: null };
  const until = now + sameDayMs;
  if (read.type === "unreadable")
    return { blocked: "the record of the last run cannot be read; nothing is deleted until tomorrow's run", blockedUntil: until };
  const { lastRunAt, blockedUntil } = read.memory;
  const step = now - lastRunAt;
  if (step < 0)
    return {
      blocked: `the clock went back ${(-step / hourMs).toFixed(1)} h since the last run; nothing is deleted until tomorrow's run`,
      blockedUntil: until,
    };
  if (step > clockStepMsMax)
    return {
      blocked: `the last run was ${(step / hourMs).toFixed(1)} h ago, more than 26 h: the clock may have jumped; nothing is deleted until tomorrow's run`,
      blockedUntil: until,
    };
  if (blockedUntil !== null && now < blockedUntil)
    return { blocked: "the clock was in doubt within the last day; nothing is deleted until tomorrow's run", blockedUntil };
  return { blocked: null, blockedUntil: null };
};

/** The window this run belongs to: the running one, or a new one over the files that are there now. */
export const windowFor = (
  read: MemoryRead,
  files: readonly { readonly size: number }[],
  now: number,
): NonNullable<RetentionMemory["window"]> => {
  const window = read.type === "known" ? read.memory.window : null;
  if (window !== null && now >= window.startedAt && now - window.startedAt < sameDayMs) return window;
  return { startedAt: now, files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0), granted: [] };
};

/** What a run may delete. */
export interface Allowance {
  /** Left of the day's share. */
  readonly files: number;
  readonly bytes: number;
  /** Paths that were allowed before; they do not count again. */
  readonly granted: ReadonlySet<string>;
  /** What there was when the day began, and the most of it that may go in that day. */
  readonly day: {
    readonly share: number;
    readonly files: number;
    readonly bytes: number;
    readonly filesMax: number;
    readonly bytesMax: number;
  };
}

/** What is left of the window's share. */
export const allowanceOf = (window: NonNullable<RetentionMemory["window"]>, shareMax: number): Allowance => {
  const filesMax = Math.floor(window.files * shareMax);
  const bytesMax = Math.floor(window.bytes * shareMax);
  return {
    files: Math.max(0, filesMax - window.granted.length),
    bytes: Math.max(0, bytesMax - window.granted.reduce((sum, { size }) => sum + size, 0)),
    granted: new Set(window.granted.map(({ path }) => path)),
    day: { share: shareMax, files: window.files, bytes: window.bytes, filesMax, bytesMax },
  };
};

/** The window with this run's deletions added. */
export const withGranted = (
  window: NonNullable<RetentionMemory["window"]>,
  expired: readonly { readonly path: string; readonly size: number }[],
): NonNullable<RetentionMemory["window"]> => {
  const known = new Set(window.granted.map(({ path }) => path));
  const added = expired.filter(({ path }) => !known.has(path)).map(({ path, size }) => ({ path, size }));
  return { ...window, granted: [...window.granted, ...added] };
};
