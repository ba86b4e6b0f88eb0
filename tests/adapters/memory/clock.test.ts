import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import { TimerHeap } from "#adapters/memory/timer-heap.ts";

const open = 1_381_152_600_000;

describe("a simulated clock", () => {
  it("stands still until it is wound, and never goes back", () => {
    const clock = createSimulatedClock({ startAt: open });
    expect(clock.now()).toBe(open);
    expect(clock.advanceTo(open + 5)).toBeUndefined();
    expect(clock.now()).toBe(open + 5);
    expect(clock.advanceTo(open + 2)).toBeUndefined();
    expect(clock.now()).toBe(open + 5);
  });

  it("fires timers in order of time, then of setting, each at its own time", async () => {
    const clock = createSimulatedClock({ startAt: 0 });
    const fired: string[] = [];
    const timer = (name: string, at: number): void => void clock.setTimer(at, () => fired.push(`${name}@${clock.now()}`));
    timer("late", 30);
    timer("first of two", 10);
    timer("second of two", 10);
    timer("too late", 41);
    await clock.advanceTo(40);
    expect(fired).toEqual(["first of two@10", "second of two@10", "late@30"]);
    expect(clock.now()).toBe(40);
  });

  it("fires a timer that a timer set on the way", async () => {
    const clock = createSimulatedClock({ startAt: 0 });
    const fired: number[] = [];
    const every = (at: number): void =>
      void clock.setTimer(at, () => {
        fired.push(clock.now());
        every(at + 10);
      });
    every(10);
    await clock.advanceTo(35);
    expect(fired).toEqual([10, 20, 30]);
  });

  it("does not fire what was cancelled, also twice and after it fired", async () => {
    const clock = createSimulatedClock({ startAt: 0 });
    const fired: string[] = [];
    const cancel = clock.setTimer(10, () => fired.push("cancelled"));
    const tooLate = clock.setTimer(5, () => fired.push("fired"));
    cancel();
    cancel();
    await clock.advanceTo(20);
    tooLate();
    expect(fired).toEqual(["fired"]);
  });

  it("fires a timer for the past at the next turn, although nobody winds the clock", async () => {
    const clock = createSimulatedClock({ startAt: 100 });
    const fired: number[] = [];
    clock.setTimer(50, () => fired.push(clock.now()));
    const cancel = clock.setTimer(60, () => fired.push(-1));
    expect(fired).toEqual([]);
    cancel();
    await clock.yieldToIo();
    expect(fired).toEqual([100]);
    expect(clock.advanceTo(200)).toBeUndefined();
    expect(fired).toEqual([100]);
  });

  it("does not move time while real work is held, and lets what waited for it run first", async () => {
    const clock = createSimulatedClock({ startAt: 0 });
    const seen: string[] = [];
    let finish = (): void => {};
    const fsync = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const chain = (async () => {
      await clock.hold(fsync);
      seen.push(`durable at ${clock.now()}`);
      await clock.hold(new Promise((resolve) => setImmediate(resolve)));
      seen.push(`acknowledged at ${clock.now()}`);
    })();
    const moved = clock.advanceTo(1000);
    expect(clock.held).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(clock.now()).toBe(0);
    finish();
    await moved;
    expect(seen).toEqual(["durable at 0", "acknowledged at 0"]);
    expect(clock.now()).toBe(1000);
    expect(clock.held).toBe(0);
    await chain;
  });

  it("stands at a timer's time while the work that it began is held", async () => {
    const clock = createSimulatedClock({ startAt: 0 });
    const seen: string[] = [];
    clock.setTimer(10, () => {
      void clock.hold(new Promise((resolve) => setImmediate(resolve))).then(() => seen.push(`done at ${clock.now()}`));
    });
    clock.setTimer(20, () => seen.push(`next at ${clock.now()}`));
    await clock.advanceTo(30);
    expect(seen).toEqual(["done at 10", "next at 20"]);
  });

  it("lets go of work that failed", async () => {
    const clock = createSimulatedClock({ startAt: 0 });
    await expect(clock.hold(Promise.reject(new Error("the socket closed")))).rejects.toThrow("the socket closed");
    await clock.released();
    expect(clock.held).toBe(0);
    expect(clock.advanceTo(5)).toBeUndefined();
  });

  it("takes being wound twice at once for a bug", async () => {
    const clock = createSimulatedClock({ startAt: 0 });
    clock.setTimer(5, () => {});
    const moved = clock.advanceTo(10);
    expect(() => clock.advanceTo(20)).toThrow("while it was still moving");
    await moved;
    expect(() => clock.setTimer(Number.NaN, () => {})).toThrow("NaN");
  });

  it("fires exactly the timers that are due and not cancelled, in order, whatever was set and cancelled", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ at: fc.integer({ min: 0, max: 50 }), isCancelled: fc.boolean() }), { maxLength: 60 }),
        fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 5 }),
        async (timers, stops) => {
          const clock = createSimulatedClock({ startAt: -1, yieldToIo: () => Promise.resolve() });
          const fired: { at: number; order: number }[] = [];
          const cancels = timers.map(({ at }, order) => clock.setTimer(at, () => fired.push({ at, order })));
          timers.forEach(({ isCancelled }, order) => {
            if (isCancelled) cancels[order]?.();
          });
          for (const stop of stops) await clock.advanceTo(stop);
          const through = Math.max(-1, ...stops);
          const due = timers
            .map(({ at, isCancelled }, order) => ({ at, order, isCancelled }))
            .filter(({ at, isCancelled }) => !isCancelled && at <= through);
          // Array.sort is stable: equal times stay in the order they were set.
          expect(fired).toEqual(due.sort((one, other) => one.at - other.at).map(({ at, order }) => ({ at, order })));
        },
      ),
    );
  });
});

describe("the heap of timers", () => {
  it("forgets a cancelled timer at once: a million deadlines that are set and cancelled leave nothing behind", () => {
    const heap = new TimerHeap();
    const far = heap.push(1e9, () => {});
    for (let i = 0; i < 1_000_000; i++) heap.remove(heap.push(1e6 + (i % 1000), () => {}));
    expect(heap.size).toBe(1);
    expect(heap.pop()).toBe(far);
    expect(heap.nextAt).toBe(Number.POSITIVE_INFINITY);
  });
});
