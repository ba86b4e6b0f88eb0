/**
 * One maintenance run at a time on a backup root. The lock names its holder so exactly (host, boot, process and the moment
 * the process started) that a dead holder is told from a living one, also when its number was given to another process.
 */
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { err, ok, type Result } from "#core/result.ts";
import type { HostError } from "#ops/ports.ts";
import { partialPrefix, writeAllSync } from "../durable-files.ts";
import { codeOf, reasonOf } from "./errors.ts";

export const lockName = "maintenance.lock";

export interface Holder {
  readonly host: string;
  readonly bootId: string;
  readonly pid: number;
  /** Start of the process in clock ticks since boot, as /proc tells it; empty where there is no /proc. */
  readonly started: string;
  readonly runId: string;
}

const bootId = (): string => {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
};

/** Undefined when there is no such process. The name in the second field may hold spaces and brackets, so count from its end. */
const startOf = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
};

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
};

/** A holder on another host cannot be judged from here and counts as alive. */
const isAlive = (holder: Holder): boolean => {
  if (holder.host !== hostname()) return true;
  if (holder.bootId !== bootId()) return false;
  const started = startOf(holder.pid);
  if (started !== undefined && holder.started !== "") return started === holder.started;
  return isRunning(holder.pid);
};

const parse = (text: string): Holder | undefined => {
  try {
    const holder = JSON.parse(text) as Holder;
    return typeof holder.host === "string" && Number.isSafeInteger(holder.pid) ? holder : undefined;
  } catch {
    return undefined;
  }
};

/** @returns the function that frees the lock; refused while somebody else holds it */
export const acquireLock = (backupRoot: string, runId: string): Result<() => Promise<void>, HostError> => {
  const lock = join(backupRoot, lockName);
  const mine = join(backupRoot, `${partialPrefix}lock-${process.pid}`);
  const text = JSON.stringify({
    host: hostname(),
    bootId: bootId(),
    pid: process.pid,
    started: startOf(process.pid) ?? "",
    runId,
  } satisfies Holder);
  try {
    const fd = openSync(mine, "w", 0o600);
    try {
      writeAllSync(fd, Buffer.from(text));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    // Twice: once the lock is free, and once more after a dead holder's lock was put aside.
    for (let attempt = 0; attempt < 2; attempt += 1) {
      try {
        // A link is made with its content at once: nobody ever reads a half-written lock.
        linkSync(mine, lock);
        return ok(async () => {
          if (readIfThere(lock) === text) rmSync(lock, { force: true });
        });
      } catch (error) {
        if (codeOf(error) !== "EEXIST") throw error;
      }
      const held = readIfThere(lock);
      if (held === undefined) continue;
      const holder = parse(held);
      if (holder === undefined || isAlive(holder)) {
        const who =
          holder === undefined ? "somebody who left no name" : `process ${holder.pid} on ${holder.host}, run ${holder.runId}`;
        return err({ type: "refused", reason: `another maintenance run holds ${lock}: ${who}` });
      }
      putAside(lock, held);
    }
    return err({ type: "refused", reason: `another maintenance run has just taken ${lock}` });
  } catch (error) {
    return err({ type: "refused", reason: `the lock ${lock} cannot be taken: ${reasonOf(error)}` });
  } finally {
    rmSync(mine, { force: true });
  }
};

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
};

/** Two runs may find the same dead lock: the rename succeeds for one, and what it moved must be what it judged. */
const putAside = (lock: string, judged: string): void => {
  const aside = `${lock}.dead-${process.pid}`;
  try {
    renameSync(lock, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  if (readIfThere(aside) !== judged) {
    try {
      linkSync(aside, lock);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
  }
  unlinkSync(aside);
};
