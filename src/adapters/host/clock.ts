/**
 * The clock of this machine.
 *
 * `now` is the wall clock and may step; `monotonicMs` does not. A timer is a wish about wall time, so it looks at the wall
 * again when it fires: Node fires a wait above 2^31-1 ms at once, counts monotonic time while the wall may be stepped, and
 * counts nothing while the machine sleeps.
 */
import type { Clock } from "#core/ports.ts";
import { assert } from "#core/result.ts";

/** Looks at the wall this often while waiting: a deadline is at most so late after a step forward or a sleep. Far below 2^31. */
const waitMsMax = 60_000;

export const createHostClock = (): Clock => ({
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(at, fire) {
    assert(!Number.isNaN(at), "a timer was set at NaN");
    let timeout: NodeJS.Timeout | undefined;
    const arm = (): void => {
      timeout = setTimeout(
        () => {
          timeout = undefined;
          if (Date.now() >= at) fire();
          else arm();
        },
        Math.min(Math.max(at - Date.now(), 0), waitMsMax),
      );
    };
    arm();
    return () => clearTimeout(timeout);
  },
  hold: (work) => work,
  yieldToIo: () => new Promise((resolve) => setImmediate(resolve)),
});
