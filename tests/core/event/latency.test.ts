import fc from "fast-check";
import { build } from "hdr-histogram-js";
import { expect, it } from "vitest";
import { LatencyHistogram } from "#core/event/latency.ts";

it("agrees with HdrHistogram within one percent at every percentile it shows (E8)", () =>
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60_000_000 }), { minLength: 1, maxLength: 300 }), (micros) => {
      const ours = new LatencyHistogram();
      const theirs = build({ numberOfSignificantValueDigits: 3, highestTrackableValue: 2 ** 31 });
      for (const value of micros) {
        ours.record(value / 1000);
        theirs.recordValue(value);
      }
      for (const share of [0.5, 0.95, 0.99, 0.999]) {
        const expected = theirs.getValueAtPercentile(share * 100) / 1000;
        expect(Math.abs(ours.percentile(share) - expected)).toBeLessThanOrEqual(Math.max(0.001, expected * 0.01));
      }
      expect(ours.maxMs).toBe(Math.max(...micros) / 1000);
      expect(ours.count).toBe(micros.length);
    }),
  ));

it("never reports a percentile lower than the exact one", () =>
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 200 }), (micros) => {
      const histogram = new LatencyHistogram();
      for (const value of micros) histogram.record(value / 1000);
      const sorted = [...micros].sort((a, b) => a - b);
      for (const share of [0.5, 0.99]) {
        const exact = (sorted[Math.ceil(share * sorted.length) - 1] as number) / 1000;
        expect(histogram.percentile(share)).toBeGreaterThanOrEqual(exact - 1e-9);
      }
    }),
  ));

it("counts in cumulative buckets, and an empty one reports zero", () => {
  const histogram = new LatencyHistogram();
  expect(histogram.percentile(0.99)).toBe(0);
  expect(histogram.maxMs).toBe(0);
  for (const ms of [0.5, 1.5, 4, 9, 30]) histogram.record(ms);
  expect(histogram.buckets([1, 2, 5, 10, 20, 50]).map(({ ms, facts }) => [ms, facts])).toEqual([
    [1, 1],
    [2, 2],
    [5, 3],
    [10, 4],
    [20, 4],
    [50, 5],
  ]);
});

it("takes a wait longer than half an hour for half an hour instead of failing", () => {
  const histogram = new LatencyHistogram();
  histogram.record(1e10);
  expect(histogram.count).toBe(1);
  expect(histogram.maxMs).toBe(1e10);
});
