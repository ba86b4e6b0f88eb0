/** What one run may delete, told from the runs before it. */
import { describe, expect, it, test } from "vitest";
import {
  allowanceOf,
  judgeClock,
  type MemoryRead,
  memoryText,
  readMemory,
  windowFor,
  withGranted,
} from "#ops/maintenance/retention/guard.ts";
import { dayMs, evening } from "../maintenance/workshop.ts";

const hourMs = 3_600_000;
const known = (lastRunAt: number, blockedUntil: number | null = null): MemoryRead => ({
  type: "known",
  memory: { lastRunAt, blockedUntil, window: null },
});

describe("the clock guard", () => {
  test.each([
    { since: "exactly 26 h", at: evening + 26 * hourMs, blocks: false },
    { since: "a millisecond more than 26 h", at: evening + 26 * hourMs + 1, blocks: true },
    { since: "no time at all", at: evening, blocks: false },
    { since: "minus a millisecond", at: evening - 1, blocks: true },
    { since: "a year", at: evening + 365 * dayMs, blocks: true },
  ])("$since since the last run blocks deletion: $blocks", ({ at, blocks }) => {
    expect(judgeClock(known(evening), at).blocked !== null).toBe(blocks);
  });

  it("blocks for the rest of the day after a jump, so that running again at once deletes nothing", () => {
    const jumped = judgeClock(known(evening), evening + 30 * hourMs);
    const again = judgeClock(known(evening + 30 * hourMs, jumped.blockedUntil), evening + 30 * hourMs + 1_000);
    expect(again.blocked).toMatch(/in doubt/);
    expect(judgeClock(known(evening + 30 * hourMs, jumped.blockedUntil), evening + 54 * hourMs).blocked).toBeNull();
  });

  it("does not block the first run, nor one whose clock an operator vouches for", () => {
    expect(judgeClock({ type: "none" }, evening).blocked).toBeNull();
    expect(judgeClock(known(evening), evening + 300 * hourMs, true).blocked).toBeNull();
  });

  test.each(["", "{", "[]", "null", '{"lastRunAt":"yesterday"}', '{"lastRunAt":1,"blockedUntil":null,"window":{}}'])(
    "blocks when the record of the last run is %j",
    (text) => {
      expect(judgeClock(readMemory(text, "/data"), evening).blocked).toMatch(/cannot be read/);
    },
  );

  it("knows each data root of a shared backup by itself, and takes the record of an earlier QTS for its own (M6)", () => {
    const memory = { lastRunAt: evening, blockedUntil: null, window: null };
    const one = memoryText(undefined, "/one", memory);
    const both = memoryText(one, "/two", { ...memory, lastRunAt: evening + 1 });
    expect(readMemory(one, "/two")).toEqual({ type: "none" });
    expect(readMemory(both, "/one")).toEqual({ type: "known", memory });
    expect(readMemory(both, "/two")).toMatchObject({ memory: { lastRunAt: evening + 1 } });
    expect(readMemory(JSON.stringify(memory), "/one")).toEqual({ type: "known", memory });
  });
});

describe("the share", () => {
  const files = Array.from({ length: 20 }, (_, index) => ({ path: `f${index}`, size: 100, newestRecordAt: null }));

  it("is a quarter of the files and of the bytes there were when the day's first run began", () => {
    expect(allowanceOf(windowFor({ type: "none" }, files, evening), 0.25)).toMatchObject({ files: 5, bytes: 500 });
  });

  it("is one per day: a run repeated within it gets what is left, however many files are left", () => {
    const first = windowFor({ type: "none" }, files, evening);
    const used = withGranted(
      first,
      files.slice(0, 3).map(({ path, size }) => ({ path, size, reason: "old" })),
    );
    const memory: MemoryRead = { type: "known", memory: { lastRunAt: evening, blockedUntil: null, window: used } };
    const again = allowanceOf(windowFor(memory, files.slice(3), evening + hourMs), 0.25);
    expect(again).toMatchObject({ files: 2, bytes: 200 });
    expect([...again.granted]).toEqual(["f0", "f1", "f2"]);
    expect(allowanceOf(windowFor(memory, files.slice(3), evening + 24 * hourMs), 0.25)).toMatchObject({ files: 4, bytes: 425 });
  });

  it("does not count a file twice that was granted and not deleted", () => {
    const window = windowFor({ type: "none" }, files, evening);
    const verdict = [{ path: "f0", size: 100, reason: "old" }];
    expect(withGranted(withGranted(window, verdict), verdict).granted).toHaveLength(1);
  });
});
