/** What the view of ops says, without a browser. */
import { describe, expect, it } from "vitest";
import type { MaintenanceRun } from "#core/runtime/ops-sight.ts";
import { createSamples } from "#core/runtime/samples.ts";
import { backupText, gapsText, hoursOf, runText, scheduleText } from "../../../inspector/page/ops.ts";

const hourMs = 3_600_000;
const noon = Date.UTC(2026, 0, 5, 12);
const run: MaintenanceRun = {
  runId: "0001-1-7",
  outcome: "done",
  failure: null,
  files: [],
  filesLeftOut: 0,
  unchanged: 0,
  notes: [],
  elapsedMs: 65_000,
};

describe("the view of ops", () => {
  it("says how the last maintenance run ended, and why it failed (I9)", () => {
    expect(runText(run)).toBe("Run 0001-1-7 is done; it took 1 min 5 s.");
    expect(runText({ ...run, elapsedMs: 4 })).toBe("Run 0001-1-7 is done; it took less than a second.");
    expect(runText({ ...run, outcome: "running" })).toBe("Run 0001-1-7 is under way.");
    const failure = { step: "verify", reason: "the archive was found damaged" };
    expect(runText({ ...run, outcome: "failed", failure })).toBe("Run 0001-1-7 failed: verify: the archive was found damaged.");
    expect(runText(null)).toContain("No run since this process began");
  });

  it("says when the backup was last proven, and that none was (I9)", () => {
    expect(backupText({ at: noon - 2 * hourMs, runId: "r", files: 1 }, noon)).toBe(
      "1 file, read back 2 h 0 min ago, 2026-01-05 10:00 UTC.",
    );
    expect(backupText(null, noon)).toContain("None yet");
    // A recorded day is played again: its clock has gone back.
    expect(backupText({ at: noon, runId: "r", files: 1 }, noon - hourMs)).toBe(
      "1 file, read back by an earlier session, at 2026-01-05 12:00 UTC by its clock.",
    );
  });

  it("counts down to what is planned (I9)", () => {
    const line = { name: "maintenance", when: "21:00 Asia/Seoul, each day", nextAt: noon, isUnderWay: false };
    expect(scheduleText(line, noon - 61_000)).toBe("maintenance in 1 min 1 s, 2026-01-05 12:00 UTC");
    expect(scheduleText({ ...line, isUnderWay: true }, noon)).toBe("maintenance is under way");
    expect(scheduleText({ ...line, nextAt: null }, noon)).toBe("maintenance will not come again");
  });

  it("names gaps by how bad they are, the worst first, and says that there are none", () => {
    expect(gapsText({ counts: { critical: 1, major: 0, minor: 44 }, recent: [] })).toBe(
      "1 critical gap, 44 minor gaps in this run.",
    );
    expect(gapsText({ counts: { critical: 0, major: 0, minor: 0 }, recent: [] })).toBe("Nowhere, in this run.");
  });

  it("counts the rows of each hour, the newest first, also when the process began within one (I9)", () => {
    const samples = createSamples();
    samples.add(noon - hourMs + 60_000, { received: 5, persisted: 4 });
    samples.add(noon - 10_000, { received: 100, persisted: 98 });
    samples.add(noon, { received: 130, persisted: 130 });
    expect(hoursOf(samples.series(24 * hourMs, noon, 24))).toEqual([
      { fromAt: noon, received: 30, persisted: 32 },
      { fromAt: noon - hourMs, received: 100, persisted: 98 },
    ]);
  });

  it("does not take all that was counted before for the rows of the first hour it knows", () => {
    const samples = createSamples();
    for (let hour = 0; hour < 30; hour += 1) samples.add(noon - hour * hourMs, {});
    for (let hour = 23; hour >= 0; hour -= 1)
      samples.add(noon - hour * hourMs, { received: 1000 - hour, persisted: 1000 - hour });
    const hours = hoursOf(samples.series(24 * hourMs, noon, 24));
    expect(hours).toHaveLength(23);
    expect(hours.every(({ received }) => received === 1)).toBe(true);
  });
});
