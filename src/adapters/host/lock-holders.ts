/** Who holds a lock on a file, where the kernel tells: Linux does, in /proc/locks. */
import { readFileSync, statSync } from "node:fs";

export interface LockHolder {
  readonly pid: number;
  /** What it was started as; absent where this user may not know. */
  readonly command?: string;
}

const holdersMax = 5;
const commandLengthMax = 120;

const commandOf = (pid: number): string | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/cmdline`, "utf8")
      .replaceAll("\0", " ")
      .replaceAll(/\p{C}+/gu, " ")
      .trim();
    return text === "" ? undefined : text.slice(0, commandLengthMax);
  } catch {
    return undefined;
  }
};

/** Major and minor of a device number as Linux packs them (gnu_dev_major, gnu_dev_minor). */
const deviceText = (dev: bigint): string => {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  const hex = (part: bigint): string => part.toString(16).padStart(2, "0");
  return `${hex(major)}:${hex(minor)}`;
};

/**
 * @param files paths; those that are not there have no holders
 * @param locks the text of /proc/locks
 * @returns processes that hold a lock on any of them, this one left out; none where the kernel does not tell
 */
export const holdersOf = (
  files: readonly string[],
  locks: () => string = () => readFileSync("/proc/locks", "utf8"),
): readonly LockHolder[] => {
  try {
    const wanted = new Set(
      files.flatMap((file) => {
        const found = statSync(file, { bigint: true, throwIfNoEntry: false });
        return found === undefined ? [] : [`${deviceText(found.dev)}:${found.ino}`];
      }),
    );
    const pids = new Set<number>();
    for (const line of locks().split("\n")) {
      // 1: POSIX  ADVISORY  READ 4242 fd:01:131 128 128; one that only waits has an arrow behind its number.
      const [, pid, inode] = /^\d+: (?:POSIX|FLOCK|OFDLCK) +\w+ +\w+ +(-?\d+) ([0-9a-f]+:[0-9a-f]+:\d+) /.exec(line) ?? [];
      if (inode !== undefined && wanted.has(inode) && Number(pid) > 0 && Number(pid) !== process.pid) pids.add(Number(pid));
    }
    return [...pids].slice(0, holdersMax).map((pid) => {
      const command = commandOf(pid);
      return command === undefined ? { pid } : { pid, command };
    });
  } catch {
    return [];
  }
};

export const holdersText = (holders: readonly LockHolder[]): string =>
  holders.map(({ pid, command }) => (command === undefined ? `process ${pid}` : `process ${pid} (${command})`)).join(", ");
