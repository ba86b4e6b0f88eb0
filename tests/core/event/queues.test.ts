/** The four waiting lines of spec E3, each against a plain model of what it promises. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BoundedQueue } from "#core/event/bounded-queue.ts";
import { CollapsingQueue } from "#core/event/collapsing-queue.ts";
import type { LeftBecause } from "#core/event/lane-queue.ts";
import { RingBuffer } from "#core/event/ring-buffer.ts";
import { SamplingQueue } from "#core/event/sampling-queue.ts";
import { createRandom } from "#core/random.ts";

interface Item {
  readonly key: string | undefined;
  readonly mark: number;
}

/** Offers with a key out of a few, and takes, in any order. */
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("a", "b", "c", "d", undefined).map((key) => ({ offer: true as const, key })) },
    { weight: 1, arbitrary: fc.constant({ offer: false as const, key: undefined }) },
  ),
  { maxLength: 200 },
);
const capacities = fc.integer({ min: 1, max: 8 });

const takeAll = <T>(line: { take(): T | undefined }): T[] => {
  const all: T[] = [];
  for (let item = line.take(); item !== undefined; item = line.take()) all.push(item);
  return all;
};

describe("the bounded queue of P0", () => {
  it("gives back in order what it admitted, and says no exactly when it is full", () =>
    fc.assert(
      fc.property(capacities, steps, (capacity, all) => {
        const line = new BoundedQueue<number>(capacity);
        const model: number[] = [];
        all.forEach(({ offer }, mark) => {
          if (offer) {
            const admitted = line.offer(mark);
            expect(admitted).toBe(model.length < capacity);
            if (admitted) model.push(mark);
          } else {
            expect(line.take()).toBe(model.shift());
          }
          expect(line.size).toBe(model.length);
          expect(line.peek()).toBe(model[0]);
        });
        expect(takeAll(line)).toEqual(model);
      }),
    ));
});

describe("the ring buffer of P1", () => {
  it("drops the oldest value of the same key when it is full, else one that is superseded, and the oldest of all only when none is (E3)", () =>
    fc.assert(
      fc.property(capacities, steps, (capacity, all) => {
        const left: Item[] = [];
        const ring = new RingBuffer<Item>(capacity, (item, because) => {
          expect(because).toBe("dropped");
          left.push(item);
        });
        const model: Item[] = [];
        const leftInModel: Item[] = [];
        /** Marks of values with a newer one of their key, in the order in which that came. */
        const superseded: number[] = [];
        all.forEach(({ offer, key }, mark) => {
          if (offer) {
            if (model.length === capacity) {
              const sameKey = key === undefined ? -1 : model.findIndex((item) => item.key === key);
              const old = model.findIndex((item) => item.mark === superseded.find((each) => model.some((m) => m.mark === each)));
              leftInModel.push(...model.splice(sameKey >= 0 ? sameKey : Math.max(old, 0), 1));
            }
            const before = key === undefined ? undefined : model.findLast((item) => item.key === key);
            if (before !== undefined) superseded.push(before.mark);
            model.push({ key, mark });
            ring.offer({ key, mark }, key);
          } else {
            expect(ring.take()).toEqual(model.shift());
          }
          expect(ring.size).toBe(model.length);
          expect(ring.peek()).toEqual(model[0]);
        });
        expect(left).toEqual(leftInModel);
        expect(takeAll(ring)).toEqual(model);
      }),
    ));

  it("keeps the last price of a quiet symbol however long a busy one floods the line", () => {
    const ring = new RingBuffer<Item>(100, () => undefined);
    ring.offer({ key: "quiet", mark: -1 }, "quiet");
    for (let mark = 0; mark < 100_000; mark += 1) ring.offer({ key: "busy", mark }, "busy");
    expect(ring.take()).toEqual({ key: "quiet", mark: -1 });
    expect(takeAll(ring).map(({ mark }) => mark)).toEqual(Array.from({ length: 99 }, (_, index) => 99_901 + index));
  });

  it("leaves every symbol its newest value as long as any has an older one (E3)", () => {
    const left: number[] = [];
    const ring = new RingBuffer<Item>(4, ({ mark }) => left.push(mark));
    for (const [mark, key] of ["quiet", "busy", "busy", "busy", "other", "another"].entries()) ring.offer({ key, mark }, key);
    expect(left).toEqual([1, 2]);
    expect(takeAll(ring).map(({ mark }) => mark)).toEqual([0, 3, 4, 5]);
  });

  it("does not grow with the number of keys it has ever seen", () => {
    const ring = new RingBuffer<Item>(4, () => undefined);
    for (let mark = 0; mark < 1000; mark += 1) ring.offer({ key: `k${mark}`, mark }, `k${mark}`);
    expect(ring.size).toBe(4);
    expect(ring.keysKept).toBeLessThanOrEqual(8);
    expect(takeAll(ring).map(({ mark }) => mark)).toEqual([996, 997, 998, 999]);
  });
});

describe("the collapsing queue of P2", () => {
  it("keeps of each key the last value in the place of the first, and drops the oldest only for a new key without room (E3)", () =>
    fc.assert(
      fc.property(capacities, steps, (capacity, all) => {
        const left: [Item, LeftBecause][] = [];
        const line = new CollapsingQueue<Item>(capacity, (item, because) => left.push([item, because]));
        const model: Item[] = [];
        const leftInModel: [Item, LeftBecause][] = [];
        all.forEach(({ offer, key }, mark) => {
          if (offer) {
            const place = key === undefined ? -1 : model.findIndex((item) => item.key === key);
            if (place >= 0) leftInModel.push([model.splice(place, 1, { key, mark })[0] as Item, "collapsed"]);
            else {
              if (model.length === capacity) leftInModel.push([model.shift() as Item, "dropped"]);
              model.push({ key, mark });
            }
            line.offer({ key, mark }, key);
          } else {
            expect(line.take()).toEqual(model.shift());
          }
          expect(line.size).toBe(model.length);
          expect(line.peek()).toEqual(model[0]);
        });
        expect(left).toEqual(leftInModel);
        expect(takeAll(line)).toEqual(model);
      }),
    ));
});

describe("the sampling queue of P3", () => {
  const run = (seed: number, count: number): { readonly kept: number[]; readonly left: [number, LeftBecause][] } => {
    const left: [number, LeftBecause][] = [];
    const line = new SamplingQueue<number>(1000, { mark: 100, rate: 0.1 }, createRandom(seed), (mark, because) =>
      left.push([mark, because]),
    );
    for (let mark = 0; mark < count; mark += 1) line.offer(mark);
    return { kept: takeAll(line), left };
  };

  it("keeps everything up to the sampling mark and the configured share above it", () => {
    const { kept, left } = run(3, 5100);
    expect(kept.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, mark) => mark));
    expect(left.every(([, because]) => because === "sampled")).toBe(true);
    expect(kept.length - 100).toBeGreaterThan(5000 * 0.08);
    expect(kept.length - 100).toBeLessThan(5000 * 0.12);
    expect(kept.length + left.length).toBe(5100);
  });

  it("keeps the same items for the same seed, and others for another (E3)", () =>
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        expect(run(seed, 400)).toEqual(run(seed, 400));
        expect(run(seed, 400).kept).not.toEqual(run(seed + 1, 400).kept);
      }),
      { numRuns: 20 },
    ));

  it("lets the oldest make room when even the sampled share fills it", () => {
    const { kept, left } = run(3, 50_000);
    expect(kept).toHaveLength(1000);
    const dropped = left.filter(([, because]) => because === "dropped").map(([mark]) => mark);
    expect(dropped[0]).toBe(0);
    expect(kept.length + left.length).toBe(50_000);
  });
});
