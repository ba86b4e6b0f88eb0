/**
 * How a socket in a folder is reached when its path is longer than the system takes: from the working directory, or through the
 * open folder itself. Loopback, where every user of the machine can knock, is only for what neither of them reaches.
 */
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { relative } from "node:path";
import { socketPath, socketPathBytesMax } from "./files.ts";

export interface Reach {
  /** What to give to listen or connect. */
  readonly path: string;
  /** Once nobody listens or connects there any more. */
  readonly release: () => void;
}

const fits = (path: string): boolean => Buffer.byteLength(path) <= socketPathBytesMax;

/** @returns undefined when no path is short enough; throws the system's error for a folder that cannot be opened */
export const reachSocket = (
  directory: string,
  { cwd = process.cwd(), isByDescriptor = existsSync("/proc/self/fd") } = {},
): Reach | undefined => {
  const short = [socketPath(directory), relative(cwd, socketPath(directory))].find(fits);
  if (short !== undefined) return { path: short, release: () => undefined };
  if (!isByDescriptor) return undefined;
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: socketPath(`/proc/self/fd/${fd}`), release: () => closeSync(fd) };
};
