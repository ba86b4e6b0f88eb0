/** The lock of a backup folder: who may take it over, and when. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { acquireLock, signMs, silenceMsMax } from "#adapters/host/backup/lock.ts";

let root: string;
let lock: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "qts-lock-"));
  lock = join(root, "maintenance.lock");
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(root, { recursive: true, force: true });
});

const bootId = existsSync("/proc/sys/kernel/random/boot_id")
  ? readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
  : "";
const here = { host: hostname(), bootId, pid: 4_194_304, started: "1", runId: "other" };
/** Makes the lock's last sign of life so old, by the clock of its file system. */
const silentFor = (ms: number): void => {
  writeFileSync(join(root, "clock"), "");
  const at = (statSync(join(root, "clock")).mtimeMs - ms) / 1000;
  utimesSync(lock, at, at);
};

describe("a lock whose holder cannot be judged from here (M4)", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["of a container that was killed, which had a host name of its own", JSON.stringify({ ...here, host: "3f2a9c" })],
    ["of another container with the same host name", JSON.stringify({ ...here, pidNamespace: "pid:[1]" })],
    ["that is empty", ""],
    ["that is garbled", '{"host":"3f2a'],
    ["that is no lock", "[]"],
  ];

  test.each(cases)("%s holds while it gives signs of life, and the refusal says what to do", (_, text) => {
    writeFileSync(lock, text);
    silentFor(silenceMsMax - 60_000);
    const taken = acquireLock(root, "mine");
    expect(taken).toMatchObject({
      ok: false,
      error: {
        type: "refused",
        reason: expect.stringMatching(
          /its last sign of life is 5[34]\d s old\. .* delete the lock, or try again: after 10 minutes/,
        ),
      },
    });
    expect(readFileSync(lock, "utf8")).toBe(text);
  });

  test.each(cases)("%s is taken over after ten minutes of silence", async (_, text) => {
    writeFileSync(lock, text);
    silentFor(silenceMsMax + 1_000);
    const taken = acquireLock(root, "mine");
    if (!taken.ok) throw new Error(taken.error.reason);
    expect(JSON.parse(readFileSync(lock, "utf8"))).toMatchObject({ runId: "mine", pid: process.pid });
    await taken.value();
    expect(readdirSync(root)).toEqual(["clock"]);
  });
});

describe("a lock that is held", () => {
  it("gives a sign of life every half minute, and none once it is free (M4)", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const taken = acquireLock(root, "mine");
    if (!taken.ok) throw new Error(taken.error.reason);
    const text = readFileSync(lock, "utf8");
    silentFor(silenceMsMax + 1_000);
    const old = statSync(lock).mtimeMs;
    vi.advanceTimersByTime(signMs);
    expect(statSync(lock).mtimeMs).toBeGreaterThan(old + silenceMsMax);
    expect(readFileSync(lock, "utf8")).toBe(text);
    await taken.value();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is not touched any more once another has taken it over", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const taken = acquireLock(root, "mine");
    if (!taken.ok) throw new Error(taken.error.reason);
    writeFileSync(lock, "another's");
    silentFor(60_000);
    const { mtimeMs } = statSync(lock);
    vi.advanceTimersByTime(signMs);
    expect(statSync(lock).mtimeMs).toBe(mtimeMs);
    await taken.value();
    expect(readFileSync(lock, "utf8")).toBe("another's");
  });

  const canUnshare = spawnSync("unshare", ["--pid", "--fork", "true"]).status === 0;
  it.skipIf(!canUnshare)(
    "is respected by a run in another pid namespace, where its process is not to be seen (needs unshare) (M4)",
    async () => {
      const taken = acquireLock(root, "mine");
      if (!taken.ok) throw new Error(taken.error.reason);
      const script = `import("${join(import.meta.dirname, "../../../../src/adapters/host/backup/lock.ts")}").then(({ acquireLock }) => {
      const taken = acquireLock(${JSON.stringify(root)}, "second");
      process.stdout.write(taken.ok ? "taken" : taken.error.reason);
    })`;
      const said = execFileSync("unshare", ["--pid", "--fork", "--mount-proc", process.execPath, "-e", script], {
        encoding: "utf8",
      });
      expect(said).toMatch(/another maintenance run holds .* run mine; its last sign of life/);
      await taken.value();
    },
  );
});
