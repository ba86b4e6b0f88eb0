/** A main thread that stands still is noticed by another: who it is, since when, and when it goes on. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createWatchdog,
  readStuckNote,
  stuckNotePath,
  stuckText,
  type Watchdog,
  watchedStrategy,
} from "#adapters/host/watchdog.ts";
import type { Strategy, StrategyView } from "#core/strategy/strategy.ts";

let home: string;
let log: string;
let watchdog: Watchdog;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "qts-watchdog-"));
  mkdirSync(join(home, "control"), { mode: 0o700 });
  log = join(home, "qts.log");
  watchdog = createWatchdog({ stuckMs: 100, lookMs: 20 });
});
afterEach(async () => {
  await watchdog.stop();
  rmSync(home, { recursive: true });
});

/** The event loop gets no turn until the other thread has said so. */
const loopUntilNoticed = (): void => {
  // A limit against hanging: nobody could end this loop from outside.
  for (const end = performance.now() + 60_000; readStuckNote(home) === undefined; )
    if (performance.now() > end) throw new Error("nobody has noticed");
};
const turnUntil = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};
const logged = (): string => (existsSync(log) ? readFileSync(log, "utf8") : "");

describe("the watchdog", () => {
  it("leaves a note that names whose code does not return, and takes it away when it does", async () => {
    const looping: Strategy = {
      name: "looping",
      evaluate: () => {
        loopUntilNoticed();
        return [];
      },
    };
    // The thread has its outlets before it can miss a beat.
    watchdog.settleIn({ log, note: stuckNotePath(home) });
    await turnUntil(() => true);
    const before = Date.now();
    watchedStrategy(looping, watchdog).evaluate({} as StrategyView);
    const note = readStuckNote(home);
    expect(note).toMatchObject({ pid: process.pid, who: "the strategy's evaluate" });
    expect(Date.parse(note?.since ?? "")).toBeGreaterThan(before - 60_000);
    expect(logged()).toContain(`kill -9 ${process.pid}`);
    await turnUntil(() => !existsSync(stuckNotePath(home)));
    await turnUntil(() => logged().includes("QTS goes on: it was stuck in the strategy's evaluate"));
  });

  it("says QTS itself where no guest is called", async () => {
    watchdog.settleIn({ log, note: stuckNotePath(home) });
    loopUntilNoticed();
    expect(readStuckNote(home)).toMatchObject({ who: "QTS itself" });
  });

  it("takes away the note of a process that was killed while it was stuck", async () => {
    writeFileSync(stuckNotePath(home), JSON.stringify({ pid: 1, since: "2026-01-01T00:00:00.000Z", who: "x" }));
    watchdog.settleIn({ log, note: stuckNotePath(home) });
    await turnUntil(() => !existsSync(stuckNotePath(home)));
  });

  it("knows whose code runs after a call that threw, too", () => {
    const within = (work: () => void) => () => watchdog.within("the strategy's onTrade", work);
    expect(
      within(() => {
        throw new Error("x");
      }),
    ).toThrow("x");
    const leave = watchdog.enter("the strategy's module");
    leave();
    watchdog.settleIn({ log, note: stuckNotePath(home) });
    loopUntilNoticed();
    expect(readStuckNote(home)).toMatchObject({ who: "QTS itself" });
  });

  it("tells a person that ending it is safe", () => {
    expect(stuckText({ pid: 42, since: "2026-01-01T00:00:00.000Z", who: "the strategy's evaluate" })).toBe(
      "process 42 has not got past the strategy's evaluate since 2026-01-01T00:00:00.000Z. It cannot stop in order, and ending it is safe: kill -9 42; whatever it acknowledged is on disk, and the next start recovers",
    );
  });
});
