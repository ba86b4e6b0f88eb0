import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { acquireLease, holderOf, readOwner } from "#adapters/host/lease.ts";
import { spawnMortal } from "../../mortal.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "qts-lease-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const acquire = () => acquireLease({ home, command: "qts run", now: Date.UTC(2026, 0, 5) });

/** Another process that takes the lease; its first line is what it got. */
const holder = async (): Promise<{ readonly child: ChildProcess; readonly got: unknown }> => {
  const child = spawnMortal(process.execPath, [join(import.meta.dirname, "hold-lease.ts"), home], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, got: JSON.parse(line.toString()) };
};
/** One that was refused has ended by itself. */
const kill = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null) return;
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await closed;
};

describe("the lease of a home", () => {
  it("counts every acquisition, durably (O7)", async () => {
    for (const epoch of [1, 2, 3]) {
      const lease = acquire();
      expect(lease).toMatchObject({ ok: true, value: { epoch } });
      if (lease.ok) await lease.value.release();
    }
  });

  it("is refused while it is held, with the owner and the remedy", async () => {
    const lease = acquire();
    const second = acquire();
    expect(second).toEqual({
      ok: false,
      error: {
        type: "home.in.use",
        owner: { pid: process.pid, host: hostname(), startedAt: "2026-01-05T00:00:00.000Z", command: "qts run" },
        problem: `${home} is in use by QTS process ${process.pid} on ${hostname()}, started 2026-01-05T00:00:00.000Z as "qts run"; stop it (kill ${process.pid}), or give another --home.`,
      },
    });
    if (lease.ok) await lease.value.release();
    expect(existsSync(join(home, "lock.owner.json"))).toBe(false);
  });

  it("is refused to another process, which sees the owner, also after this process was refused a second one", async () => {
    const lease = acquire();
    // POSIX would drop the lock when any handle of the file is closed.
    expect(acquire()).toMatchObject({ ok: false });
    const { child, got } = await holder();
    expect(got).toMatchObject({ type: "home.in.use", owner: { pid: process.pid } });
    await kill(child);
    if (lease.ok) await lease.value.release();
  });

  it("is free again the moment its owner is killed, whatever that left behind (O7)", async () => {
    for (const epoch of [1, 3, 5]) {
      const { child, got } = await holder();
      expect(got).toEqual({ epoch });
      expect(acquire()).toMatchObject({ ok: false, error: { owner: { pid: child.pid, command: "qts run --home here" } } });
      await kill(child);
      expect(readOwner(home)?.pid).toBe(child.pid);
      const lease = acquire();
      expect(lease).toMatchObject({ ok: true, value: { epoch: epoch + 1 } });
      if (lease.ok) await lease.value.release();
    }
  });

  it("is known to be held by whoever only asks, by its owner's name and not by a note that he left", async () => {
    expect(holderOf(home)).toBeUndefined();
    const first = await holder();
    expect(holderOf(home)).toEqual({
      name: `Process ${first.child.pid} ("qts run --home here", since 1970-01-01T00:00:00.000Z)`,
      pid: first.child.pid,
    });
    await kill(first.child);
    expect([holderOf(home), readOwner(home)?.pid]).toEqual([undefined, first.child.pid]);

    const second = await holder();
    const note = join(home, "lock.owner.json");
    writeFileSync(note, JSON.stringify({ ...readOwner(home), pid: first.child.pid }));
    if (process.platform === "linux")
      expect(holderOf(home)).toEqual({ name: `Process ${second.child.pid}`, pid: second.child.pid });
    await kill(second.child);
  });

  it("names a stranger who holds the lock, as the kernel tells it", async () => {
    const before = acquire();
    if (before.ok) await before.value.release();
    const script = `const { DatabaseSync } = require("node:sqlite");
      const db = new DatabaseSync(process.argv[1]);
      db.exec("BEGIN; SELECT * FROM lease");
      process.stdout.write("locked");
      setInterval(() => db, 1000);`;
    const child = spawnMortal(process.execPath, ["-e", script, join(home, "lock.sqlite")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    const lease = acquire();
    await kill(child);
    expect(lease).toMatchObject({ ok: false, error: { type: "home.in.use" } });
    if (process.platform === "linux")
      expect(lease).toMatchObject({
        error: { problem: expect.stringMatching(new RegExp(`lock\\.sqlite is held by process ${child.pid} \\(.*node.* -e`)) },
      });
  });

  it("goes to exactly one of several that start at the same moment", async () => {
    const holders = await Promise.all(Array.from({ length: 4 }, holder));
    expect(holders.filter(({ got }) => (got as { epoch?: number }).epoch === 1)).toHaveLength(1);
    expect(holders.filter(({ got }) => (got as { type?: string }).type === "home.in.use")).toHaveLength(3);
    await Promise.all(holders.map(({ child }) => kill(child)));
  });

  it("is released once, however often that is asked", async () => {
    const first = acquire();
    if (!first.ok) throw new Error(first.error.problem);
    await first.value.release();
    const second = acquire();
    await first.value.release();
    expect(acquire()).toMatchObject({ ok: false, error: { type: "home.in.use" } });
    if (second.ok) await second.value.release();
  });

  it("says when the lock cannot be taken for another reason", () => {
    writeFileSync(join(home, "lock.sqlite"), "not a lock at all, but a text that somebody put here ".repeat(100));
    expect(acquire()).toMatchObject({
      ok: false,
      error: { type: "lease.unavailable", problem: expect.stringContaining("lock.sqlite is damaged") },
    });
  });
});
