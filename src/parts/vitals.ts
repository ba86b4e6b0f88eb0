/**
 * The process looks at itself: what is odd about it becomes an anomaly, and a market time that stands still is told with whoever
 * it waits for.
 */
import type { Part, PartContext } from "./part.ts";

const lookEveryMs = 1000;
/** Real ms; each word after that at twice the time of the one before. */
const standingMsMin = 3000;

export const createVitalsPart = ({ intake, ports }: PartContext) => {
  const { clock, wallClock, log } = ports;
  const inlet = intake.inlet("process");
  let cancel = (): void => {};
  let tellAtMs = standingMsMin;

  const standing = (): { readonly because: string; readonly forMs: number } | undefined => {
    const hold = clock.standing?.();
    return hold === undefined ? undefined : { because: hold.because, forMs: clock.monotonicMs() - hold.sinceMs };
  };

  const look = (): void => {
    cancel = wallClock.setTimer(wallClock.now() + lookEveryMs, look);
    const now = standing();
    if (now === undefined || now.forMs < standingMsMin) tellAtMs = standingMsMin;
    if (now === undefined || now.forMs < tellAtMs) return;
    tellAtMs = 2 * now.forMs;
    log.warn(
      { because: now.because },
      `market time stands still for ${Math.round(now.forMs / 1000)} s because of ${now.because}`,
    );
  };

  return {
    name: "vitals",
    effects: {},
    opened: look,
    begin: () =>
      inlet.attach({
        open: () => ports.oddities,
        conflateBy: ({ code }) => code,
        take: ({ code, reason }) => inlet.offer({ type: "anomaly.raised", payload: { code, reason }, source: "process" }),
      }),
    release: () => cancel(),
    figures: () => {
      const now = standing();
      const isLong = now !== undefined && now.forMs >= standingMsMin;
      return { standingStillMs: isLong ? Math.round(now.forMs) : 0, because: isLong ? now.because : null };
    },
  } satisfies Part;
};
