/** How a thread that has time steps behind all others, and how one sees that such a thread waits for its turn. */
import { spawnSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { basename } from "node:path";

/** @returns the kernel's number of the calling thread; undefined outside Linux */
export const ownThread = (): string | undefined =>
  process.platform === "linux" ? basename(readlinkSync("/proc/thread-self")) : undefined;

export interface Turn {
  /** It runs or waits for a processor; else it waits for a disk, or sleeps. */
  readonly isReady: boolean;
  readonly ranMs: number;
}

/**
 * Whether work without progress is hung. A thread that waits for a processor is not, however long; one that computes all the
 * time and gets nowhere is.
 *
 * @param before at the end of the time without progress before this one; undefined when this is the first
 * @param now undefined when nobody can tell
 * @param spanMs real time between the two
 */
export const isHung = (before: Turn | undefined, now: Turn | undefined, spanMs: number): boolean =>
  now === undefined || !now.isReady || (before !== undefined && now.ranMs - before.ranMs > spanMs / 2);

/** Of the fields of /proc/…/stat after the name: state, and time in user and in kernel mode in hundredths of a second. */
const [stateField, userField, kernelField] = [0, 11, 12] as const;

/**
 * @param thread of this process
 * @returns undefined when nobody can tell: outside Linux, or when it has ended
 */
export const turnOf = (thread: string | undefined): Turn | undefined => {
  if (thread === undefined) return undefined;
  try {
    const fields = readFileSync(`/proc/self/task/${thread}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return { isReady: fields[stateField] === "R", ranMs: 10 * (Number(fields[userField]) + Number(fields[kernelField])) };
  } catch {
    // It has ended, or there is no /proc.
    return undefined;
  }
};

/**
 * From now on the calling thread runs only when nobody else wants the processor; without effect outside Linux.
 *
 * The lowest priority alone is not enough: a processor that is busy with it does not count as free, so whoever wakes up is put
 * beside the thread that trades (measured with a backup on two processors: trading had to wait for 17 % of the time, and for
 * 9 % under the kernel's idle policy). Node cannot set that policy; chrt of util-linux can.
 */
export const runWhenIdle = (): void => {
  // Elsewhere the priority of "this process" is that of all its threads.
  if (process.platform !== "linux") return;
  setPriority(0, constants.priority.PRIORITY_LOW);
  spawnSync("chrt", ["--idle", "--pid", "0", ownThread() as string], { stdio: "ignore", timeout: 5000 });
};
