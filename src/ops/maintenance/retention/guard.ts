/**
 * What one run may delete, told from what the runs before it did (spec M6): nothing when the clock cannot be trusted, and
 * never more than a share of the data. The memory is one small file in the backup root. Pure.
 */
import { hourMs } from "#machines/durations.ts";
import type { ScannedFile, Verdict } from "./scanner.ts";

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

export const readMemory = (text: string | undefined): MemoryRead => {
  if (text === undefined) return { type: "none" };
  try {
    const memory = JSON.parse(text) as RetentionMemory;
    const isWhole =
      Number.isSafeInteger(memory.lastRunAt) &&
      (memory.blockedUntil === null || Number.isSafeInteger(memory.blockedUntil)) &&
      (memory.window === null || (Number.isSafeInteger(memory.window.startedAt) && Array.isArray(memory.window.granted)));
    return isWhole ? { type: "known", memory } : { type: "unreadable" };
  } catch {
    return { type: "unreadable" };
  }
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
  files: readonly ScannedFile[],
  now: number,
): NonNullable<RetentionMemory["window"]> => {
  const window = read.type === "known" ? read.memory.window : null;
  if (window !== null && now >= window.startedAt && now - window.startedAt < sameDayMs) return window;
  return { startedAt: now, files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0), granted: [] };
};

/** What is left of the window's share. */
export const allowanceOf = (
  window: NonNullable<RetentionMemory["window"]>,
  shareMax: number,
): { readonly files: number; readonly bytes: number; readonly granted: ReadonlySet<string> } => ({
  files: Math.max(0, Math.floor(window.files * shareMax) - window.granted.length),
  bytes: Math.max(0, Math.floor(window.bytes * shareMax) - window.granted.reduce((sum, { size }) => sum + size, 0)),
  granted: new Set(window.granted.map(({ path }) => path)),
});

/** The window with this run's deletions added. */
export const withGranted = (
  window: NonNullable<RetentionMemory["window"]>,
  expired: readonly Verdict[],
): NonNullable<RetentionMemory["window"]> => {
  const known = new Set(window.granted.map(({ path }) => path));
  const added = expired.filter(({ path }) => !known.has(path)).map(({ path, size }) => ({ path, size }));
  return { ...window, granted: [...window.granted, ...added] };
};
