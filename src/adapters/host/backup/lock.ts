/**
 * One maintenance run at a time on a backup root. The lock names its holder so exactly (host, boot, process and the moment
 * the process started) that a dead holder is told from a living one, also when its number was given to another process.
 *
 * A holder that cannot be judged from here (another host, another container, a lock that cannot be read) is told by its sign
 * of life: it writes its lock anew every half minute. Both times are of the file system that holds the lock, so it does not
 * matter whose clock is wrong.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { err, ok, type Result } from "#core/result.ts";
import type { HostError } from "#ops/ports.ts";
import { partialPrefix, writeAllSync } from "../durable-files.ts";
import { createOwn } from "../own-files.ts";
import { codeOf, reasonOf } from "./errors.ts";

export const lockName = "maintenance.lock";
export const signMs = 30_000;
/** Twenty signs missed: a machine that is only busy does not miss so many. */
export const silenceMsMax = 600_000;

export interface Holder {
  readonly host: string;
  readonly bootId: string;
  readonly pid: number;
  /** Start of the process in clock ticks since boot, as /proc tells it; empty where there is no /proc. */
  readonly started: string;
  readonly runId: string;
  /** Process numbers mean something only within; absent in the lock of an earlier QTS, empty where there is no /proc. */
  readonly pidNamespace?: string;
}

const bootId = (): string => {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
};

const pidNamespace = (): string => {
  try {
    return readlinkSync("/proc/self/ns/pid");
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

/** "unknown" when it cannot be judged from here. */
const lifeOf = (holder: Holder | undefined): "alive" | "dead" | "unknown" => {
  if (holder === undefined || holder.host !== hostname()) return "unknown";
  if (holder.bootId !== bootId()) return "dead";
  // Containers may share a host name, and always the boot.
  if ((holder.pidNamespace ?? "") !== "" && holder.pidNamespace !== pidNamespace()) return "unknown";
  const started = startOf(holder.pid);
  if (started !== undefined && holder.started !== "") return started === holder.started ? "alive" : "dead";
  return isRunning(holder.pid) ? "alive" : "dead";
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
  // Process numbers repeat in containers that share the folder.
  const mine = join(backupRoot, `${partialPrefix}lock-${randomUUID()}`);
  const text = JSON.stringify({
    host: hostname(),
    bootId: bootId(),
    pid: process.pid,
    started: startOf(process.pid) ?? "",
    runId,
    pidNamespace: pidNamespace(),
  } satisfies Holder);
  try {
    let nowMs: number;
    const fd = createOwn(mine);
    try {
      writeAllSync(fd, Buffer.from(text));
      fsyncSync(fd);
      nowMs = fstatSync(fd).mtimeMs;
    } finally {
      closeSync(fd);
    }
    // Twice: once the lock is free, and once more after a dead holder's lock was put aside.
    for (let attempt = 0; attempt < 2; attempt += 1) {
      try {
        // A link is made with its content at once: nobody ever reads a half-written lock.
        linkSync(mine, lock);
        const signs = setInterval(() => giveSign(lock, text), signMs);
        signs.unref();
        return ok(async () => {
          clearInterval(signs);
          if (readIfThere(lock) === text) rmSync(lock, { force: true });
        });
      } catch (error) {
        if (codeOf(error) !== "EEXIST") throw error;
      }
      const held = readIfThere(lock);
      if (held === undefined) continue;
      const holder = parse(held);
      const silentMs = nowMs - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? nowMs);
      const life = lifeOf(holder);
      if (life === "alive" || (life === "unknown" && silentMs < silenceMsMax))
        return err({ type: "refused", reason: `another maintenance run holds ${lock}: ${describe(holder, life, silentMs)}` });
      putAside(lock, held);
    }
    return err({ type: "refused", reason: `another maintenance run has just taken ${lock}` });
  } catch (error) {
    return err({ type: "refused", reason: `the lock ${lock} cannot be taken: ${reasonOf(error)}` });
  } finally {
    rmSync(mine, { force: true });
  }
};

/** Who holds it, and what a person can do. */
const describe = (holder: Holder | undefined, life: string, silentMs: number): string => {
  const who = holder === undefined ? "somebody who left no name" : `process ${holder.pid} on ${holder.host}, run ${holder.runId}`;
  if (life === "alive") return `${who}; wait for its end`;
  const seconds = Math.max(0, Math.round(silentMs / 1000));
  return `${who}; its last sign of life is ${seconds} s old. Wait for its end; if it is dead, delete the lock, or try again: after ${silenceMsMax / 60_000} minutes of silence it is taken over`;
};

/** Writes the lock anew, which gives it a new time; one that is another's by now is left alone. */
const giveSign = (lock: string, text: string): void => {
  try {
    const fd = openSync(lock, constants.O_RDWR | constants.O_NOFOLLOW);
    try {
      if (readFileSync(fd, "utf8") === text) writeSync(fd, text, 0);
    } finally {
      closeSync(fd);
    }
  } catch {
    // The next sign comes in half a minute, and twenty may be missed.
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
  const aside = `${lock}.dead-${randomUUID()}`;
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
