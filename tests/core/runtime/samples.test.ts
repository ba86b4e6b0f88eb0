/** The figures of the last 24 hours, as a plot of a page gets them. */
import { describe, expect, it } from "vitest";
import { createSamples, p99Between, sampleEveryMs } from "#core/runtime/samples.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const noon = Date.UTC(2026, 0, 5, 12);

describe("samples of the house's figures", () => {
  it("keeps 24 h at 10 s in memory that does not grow, below 4 MB (I5)", () => {
    const samples = createSamples();
    const { bytes } = samples;
    for (let at = noon - 2 * dayMs; at <= noon; at += sampleEveryMs) samples.add(at, { pnlMinor: (at - noon) / sampleEveryMs });
    expect(samples.bytes).toBe(bytes);
    expect(bytes).toBeLessThan(4_000_000);
    const { values, fromAt, everyMs } = samples.series(dayMs, noon, 8640);
    expect(everyMs).toBe(sampleEveryMs);
    expect(values.pnlMinor).toHaveLength(8640);
    expect(values.pnlMinor.at(-1)).toBe(0);
    expect(values.pnlMinor[0]).toBe((fromAt - noon) / sampleEveryMs);
    expect(values.pnlMinor).not.toContain(null);
  });

  it("folds rows that share a place to the worst of them, and counts to the last (I5)", () => {
    const samples = createSamples();
    const rows = [
      { lagP0Ms: 1, feedAgeMs: 5, received: 10, diskFreeBytes: 90 },
      { lagP0Ms: 40, feedAgeMs: 2, received: 20, diskFreeBytes: 70 },
      { lagP0Ms: 3, received: 30, diskFreeBytes: 80 },
    ];
    for (const [index, row] of rows.entries()) samples.add(noon + index * sampleEveryMs, row);
    const { values } = samples.series(dayMs, noon, 24);
    expect([values.lagP0Ms, values.feedAgeMs, values.received, values.diskFreeBytes].map((column) => column.at(-1))).toEqual([
      40, 5, 30, 70,
    ]);
  });

  it("leaves empty what nobody measured, and what is of another time", () => {
    const samples = createSamples();
    samples.add(noon - 2 * hourMs, { loopMs: 1 });
    samples.add(noon, {});
    const { values } = samples.series(hourMs, noon, 360);
    expect(values.loopMs.every((value) => value === null)).toBe(true);
  });

  it("tells what 99 of 100 facts took between two looks, not since the beginning", () => {
    const look = (fast: number, slow: number) => ({
      buckets: [
        { ms: 1, facts: fast },
        { ms: 10, facts: fast + slow },
      ],
      count: fast + slow,
    });
    expect(p99Between(undefined, look(1000, 1), 9)).toBe(1);
    expect(p99Between(look(1000, 1), look(1010, 11), 9)).toBe(10);
    expect(p99Between(look(1000, 1), look(1000, 1), 9)).toBe(0);
    expect(p99Between(undefined, { buckets: [{ ms: 1, facts: 0 }], count: 3 }, 1234)).toBe(1234);
  });
});
