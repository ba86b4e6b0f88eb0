/**
 * The signs of life of this process that no room can see from inside: how long the event loop is blocked, and whether the
 * wall clock jumps (spec S7).
 */
import { monitorEventLoopDelay } from "node:perf_hooks";

export interface VitalSigns {
  readonly loopDelayMs: () => { readonly p99: number; readonly max: number };
  readonly stop: () => void;
}

const everyMs = 1000;
const nanosecondsPerMs = 1e6;

/**
 * @param onLoopDelay told of a delay beyond `loopDelayMsMax`, at most once a second
 * @param onClockJump told of a wall-clock step beyond `clockJumpMsMax`, positive forwards
 */
export const watchVitalSigns = ({
  loopDelayMsMax,
  clockJumpMsMax,
  onLoopDelay,
  onClockJump,
}: {
  readonly loopDelayMsMax: number;
  readonly clockJumpMsMax: number;
  readonly onLoopDelay: (delayMs: number) => void;
  readonly onClockJump: (stepMs: number) => void;
}): VitalSigns => {
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
    if (Math.abs(stepMs) > clockJumpMsMax) onClockJump(Math.round(stepMs));
    const recentMs = histogram.max / nanosecondsPerMs;
    maxMs = Math.max(maxMs, recentMs);
    p99Ms = histogram.percentile(99) / nanosecondsPerMs;
    histogram.reset();
    if (recentMs > loopDelayMsMax) onLoopDelay(Math.round(recentMs));
  };
  const timer = setInterval(look, everyMs);
  timer.unref();

  return {
    loopDelayMs: () => ({
      p99: p99Ms,
      max: Math.max(maxMs, histogram.max / nanosecondsPerMs),
    }),
    stop: () => {
      clearInterval(timer);
      histogram.disable();
    },
  };
};
