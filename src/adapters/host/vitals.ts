/**
 * The signs of life of this process that no room can see from inside: how long the event loop is blocked, and whether the
 * wall clock jumps (spec S7).
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Observable, Subject } from "rxjs";

export interface VitalSigns {
  readonly loopDelayMs: () => { readonly p99: number; readonly max: number };
  /** Delays of the event loop beyond the limit (AN060) and steps of the wall clock (AN061), each at most once a second. */
  readonly oddities: Observable<{ readonly code: "AN060" | "AN061"; readonly reason: string }>;
  readonly stop: () => void;
}

const everyMs = 1000;
const nanosecondsPerMs = 1e6;

export const watchVitalSigns = ({
  loopDelayMsMax,
  clockJumpMsMax,
}: {
  readonly loopDelayMsMax: number;
  /** Of a step forwards or back. */
  readonly clockJumpMsMax: number;
}): VitalSigns => {
  const oddities = new Subject<{ readonly code: "AN060" | "AN061"; readonly reason: string }>();
  const histogram = monitorEventLoopDelay({ resolution: 10 });
  histogram.enable();
  let maxMs = 0;
  /** Of the last whole second; the histogram itself begins anew each time. */
  let p99Ms = 0;
  let wallMs = Date.now();
  let monotonicMs = performance.now();

  const look = (): void => {
    const elapsedMs = performance.now() - monotonicMs;
    const stepMs = Date.now() - wallMs - elapsedMs;
    wallMs = Date.now();
    monotonicMs = performance.now();
    if (Math.abs(stepMs) > clockJumpMsMax)
      oddities.next({ code: "AN061", reason: `the wall clock stepped by ${Math.round(stepMs)} ms` });
    const recentMs = histogram.max / nanosecondsPerMs;
    maxMs = Math.max(maxMs, recentMs);
    p99Ms = histogram.percentile(99) / nanosecondsPerMs;
    histogram.reset();
    if (recentMs > loopDelayMsMax)
      oddities.next({ code: "AN060", reason: `the event loop was blocked for ${Math.round(recentMs)} ms` });
  };
  const timer = setInterval(look, everyMs);
  timer.unref();

  return {
    loopDelayMs: () => ({
      p99: p99Ms,
      max: Math.max(maxMs, histogram.max / nanosecondsPerMs),
    }),
    oddities,
    stop: () => {
      clearInterval(timer);
      histogram.disable();
    },
  };
};
