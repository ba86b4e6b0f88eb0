/**
 * A clock that somebody winds: market time in a replay, and time in tests.
 *
 * `now` moves only in `advanceTo`, which fires what became due on the way, and never while real work is held (an fsync, a
 * socket answer): so the same data gives the same run on a slow disk and on a fast one.
 */
import type { Clock } from "#core/ports.ts";
import { assert } from "#core/result.ts";
import { TimerHeap } from "./timer-heap.ts";

export interface SimulatedClock extends Clock {
  /**
   * Moves time to `at` (epoch ms) and fires what is due on the way, in order of (time, setting), with `now()` equal to
   * each timer's own time. Going back is ignored: several sources with the same or an older time share one clock.
   *
   * @returns undefined when time has moved and nothing is under way (the path of most ticks); else a promise that resolves
   *   once the timers have fired and all held work with its continuations is done; it rejects when a timer throws
   */
  advanceTo(at: number): Promise<void> | undefined;
  /** Pieces of real work that time is waiting for. */
  readonly held: number;
  /** What time has been waiting for longest, the same object as long as it is the same wait; undefined while it can move. */
  standing(): { readonly because: string } | undefined;
  /** When the next timer is due; Infinity when none is set. */
  readonly nextTimerAt: number;
  /** Resolves once no work is held and what was waiting for it has run. */
  released(): Promise<void>;
}

const immediately = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const createSimulatedClock = ({
  startAt,
  monotonicMs = () => performance.now(),
  yieldToIo = immediately,
}: {
  /** Epoch ms. */
  readonly startAt: number;
  readonly monotonicMs?: () => number;
  readonly yieldToIo?: () => Promise<void>;
}): SimulatedClock => {
  const timers = new TimerHeap();
  let now = startAt;
  let held = 0;
  const holds = new Set<{ readonly because: string }>();
  let isAdvancing = false;
  let waiting: (() => void)[] = [];

  const letGo = (): void => {
    held -= 1;
    if (held > 0) return;
    const freed = waiting;
    waiting = [];
    for (const resolve of freed) resolve();
  };

  const released = async (): Promise<void> => {
    do {
      if (held > 0) {
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      }
      // What waited for the work runs now, and may hold the clock again.
      await yieldToIo();
    } while (held > 0);
  };

  const fireUntil = async (at: number): Promise<void> => {
    isAdvancing = true;
    try {
      if (held > 0) await released();
      while (timers.nextAt <= at) {
        const timer = timers.pop();
        if (timer === undefined) break;
        if (timer.at > now) now = timer.at;
        timer.fire();
        await released();
      }
      if (at > now) now = at;
    } finally {
      isAdvancing = false;
    }
  };

  return {
    now: () => now,
    monotonicMs,
    yieldToIo,
    setTimer(at, fire) {
      assert(!Number.isNaN(at), "a timer was set at NaN");
      const timer = timers.push(at, fire);
      // Already due: it fires at the next turn, also when nobody winds the clock any more.
      if (at <= now && !isAdvancing) {
        void yieldToIo().then(() => {
          if (timer.index < 0 || isAdvancing) return;
          timers.remove(timer);
          fire();
        });
      }
      return () => timers.remove(timer);
    },
    hold(work, realMsMax, because = "work that is under way") {
      held += 1;
      let isHeld = true;
      const hold = { because };
      holds.add(hold);
      const release = (): void => {
        clearTimeout(limit);
        holds.delete(hold);
        if (isHeld) letGo();
        isHeld = false;
      };
      const limit = realMsMax === undefined ? undefined : setTimeout(release, realMsMax);
      work.then(release, release);
      return work;
    },
    advanceTo(at) {
      assert(!isAdvancing, "the clock was wound while it was still moving; await the last advanceTo");
      if (held === 0 && timers.nextAt > at) {
        if (at > now) now = at;
        return undefined;
      }
      return fireUntil(at);
    },
    get held() {
      return held;
    },
    get nextTimerAt() {
      return timers.nextAt;
    },
    standing: () => {
      const [oldest] = holds;
      return oldest;
    },
    released,
  };
};
