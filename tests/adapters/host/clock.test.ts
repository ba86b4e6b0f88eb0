import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createHostClock } from "#adapters/host/clock.ts";

const start = Date.UTC(2026, 0, 5);
const day = 86_400_000;

describe("the clock of this machine", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: start });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("fires a timer at its time, not before", () => {
    const clock = createHostClock();
    const fire = vi.fn();
    clock.setTimer(start + 1000, fire);
    vi.advanceTimersByTime(999);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  it("waits for a deadline 60 days away, which Node alone would fire at once", () => {
    const clock = createHostClock();
    const fire = vi.fn();
    clock.setTimer(start + 60 * day, fire);
    vi.advanceTimersByTime(60 * day - 1);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  it("never fires a timer at infinity", () => {
    const fire = vi.fn();
    const cancel = createHostClock().setTimer(Number.POSITIVE_INFINITY, fire);
    vi.advanceTimersByTime(90 * day);
    expect(fire).not.toHaveBeenCalled();
    cancel();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("waits on when the wall clock was set back", () => {
    const clock = createHostClock();
    const fire = vi.fn();
    clock.setTimer(start + 1000, fire);
    vi.setSystemTime(start - 5000);
    vi.advanceTimersByTime(1000);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(5000);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  it("notices within a minute that the wall clock was set forward", () => {
    const clock = createHostClock();
    const fire = vi.fn();
    clock.setTimer(start + day, fire);
    vi.setSystemTime(start + 2 * day);
    vi.advanceTimersByTime(60_000);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  it("fires a timer for the past at the next turn, never inside setTimer", () => {
    const fire = vi.fn();
    createHostClock().setTimer(start - 1000, fire);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  it("does not fire what was cancelled, also after it was armed again", () => {
    const fire = vi.fn();
    const cancel = createHostClock().setTimer(start + day, fire);
    vi.advanceTimersByTime(day / 2);
    cancel();
    cancel();
    vi.advanceTimersByTime(day);
    expect(fire).not.toHaveBeenCalled();
  });

  it("cannot be held, and gives I/O its turn", async () => {
    vi.useRealTimers();
    const clock = createHostClock();
    const work = Promise.resolve(1);
    expect(clock.hold(work)).toBe(work);
    const before = clock.monotonicMs();
    let hadTurn = false;
    setImmediate(() => {
      hadTurn = true;
    });
    await clock.yieldToIo();
    expect(hadTurn).toBe(true);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(before);
  });
});
