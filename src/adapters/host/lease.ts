/**
 * The right to trade with one home: an exclusive lock that the kernel frees when its owner dies, however it dies.
 *
 * Node has no flock, but SQLite holds fcntl locks: a database in exclusive locking mode keeps its lock after the commit that
 * counts the epoch. Nothing else in this process may open `lock.sqlite`: POSIX frees a process's locks on a file when the
 * process closes any handle of it.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Lease } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import { writeFileDurably } from "./durable-files.ts";
import { describeFailure } from "./journal/sqlite.errors.ts";
import { holdersOf, holdersText, type LockHolder } from "./lock-holders.ts";
import { claimFile } from "./own-files.ts";

export interface LeaseOwner {
  readonly pid: number;
  readonly host: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly command: string;
}

export type LeaseProblem =
  | { readonly type: "home.in.use"; readonly owner?: LeaseOwner; readonly problem: string }
  | { readonly type: "lease.unavailable"; readonly problem: string };

/** Two that start at the same moment sort themselves out within this; an owner that runs stays the owner. */
const waitMsMax = 300;

/**
 * Takes the lease of a home, or says who has it.
 *
 * @param home an existing directory that can be written (`openHome`)
 * @param now  epoch ms, shown to whoever comes second
 * @returns the lease with its epoch, one more than the last owner's and durable; or the owner and the remedy
 */
export const acquireLease = ({
  home,
  command,
  now,
}: {
  readonly home: string;
  readonly command: string;
  readonly now: number;
}): Result<Lease, LeaseProblem> => {
  const file = join(home, "lock.sqlite");
  const ownerFile = join(home, "lock.owner.json");
  let db: DatabaseSync | undefined;
  try {
    claimFile(file);
    db = new DatabaseSync(file, { timeout: waitMsMax });
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; BEGIN EXCLUSIVE");
    db.exec("CREATE TABLE IF NOT EXISTS lease (epoch INTEGER NOT NULL) STRICT");
    db.exec("INSERT INTO lease SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM lease); UPDATE lease SET epoch = epoch + 1");
    const { epoch } = db.prepare("SELECT epoch FROM lease").get() as { epoch: number };
    db.exec("COMMIT");
    const owner: LeaseOwner = { pid: process.pid, host: hostname(), startedAt: new Date(now).toISOString(), command };
    writeFileDurably(ownerFile, Buffer.from(`${JSON.stringify(owner)}\n`));
    return ok(hold(db, epoch, ownerFile));
  } catch (error) {
    db?.close();
    const { isBusy, reason } = describeFailure(error, file);
    if (!isBusy) return err({ type: "lease.unavailable", problem: `The home cannot be locked: ${reason}.` });
    const owner = readOwner(home);
    return err({ type: "home.in.use", ...(owner && { owner }), problem: inUse(home, owner, holdersOf([file])) });
  }
};

/** Whether a living process has the home, whatever notes and sockets say. A lock that cannot be looked at counts as free. */
export const isLeaseHeld = (home: string): boolean => {
  const file = join(home, "lock.sqlite");
  if (!existsSync(file)) return false;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true, timeout: 0 });
    db.prepare("SELECT epoch FROM lease").get();
    return false;
  } catch (error) {
    return describeFailure(error, file).isBusy;
  } finally {
    db?.close();
  }
};

/** Who has the home now, as a person would name him, and whom a signal would reach; undefined when it is free. */
export const holderOf = (home: string): { readonly name: string; readonly pid?: number } | undefined => {
  if (!isLeaseHeld(home)) return undefined;
  const owner = readOwner(home);
  const holders = holdersOf([join(home, "lock.sqlite")]);
  // The kernel tells it better than a note, which may be of one that died.
  if (owner !== undefined && (holders.length === 0 || holders.some(({ pid }) => pid === owner.pid)))
    return { name: `Process ${owner.pid} ("${owner.command}", since ${owner.startedAt})`, pid: owner.pid };
  const [holder] = holders;
  return holder === undefined ? { name: "A process" } : { name: `Process ${holder.pid}`, pid: holder.pid };
};

/** Who holds the home, as the owner wrote it; undefined when nobody did. It may be out of date: only the lock decides. */
export const readOwner = (home: string): LeaseOwner | undefined => {
  try {
    return JSON.parse(readFileSync(join(home, "lock.owner.json"), "utf8")) as LeaseOwner;
  } catch {
    return undefined;
  }
};

const hold = (db: DatabaseSync, epoch: number, ownerFile: string): Lease => {
  let isHeld = true;
  return {
    epoch,
    async release() {
      if (!isHeld) return;
      isHeld = false;
      rmSync(ownerFile, { force: true });
      db.close();
    },
  };
};

/** The kernel knows who has the lock; the note of an owner may be of one that died, or of none. */
const inUse = (home: string, owner: LeaseOwner | undefined, holders: readonly LockHolder[]): string => {
  const others = holders.filter(({ pid }) => pid !== owner?.pid);
  if (others.length > 0 && others.length === holders.length)
    return `${home} cannot be taken: its lock ${join(home, "lock.sqlite")} is held by ${holdersText(others)}, which is not the QTS of this home; end it, or give another --home.`;
  if (owner === undefined) return `${home} is in use by another QTS; stop it, or give another --home.`;
  return `${home} is in use by QTS process ${owner.pid} on ${owner.host}, started ${owner.startedAt} as "${owner.command}"; stop it (kill ${owner.pid}), or give another --home.`;
};
