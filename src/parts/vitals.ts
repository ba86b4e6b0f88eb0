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
  /** What market time waited for at the last look, and at how many looks before; a look comes once a second of real time. */
  let seen: { readonly because: string } | undefined;
  let forMs = 0;
  let tellAtMs = standingMsMin;

  const look = (): void => {
    cancel = wallClock.setTimer(wallClock.now() + lookEveryMs, look);
    const hold = clock.standing?.();
    if (hold === undefined || hold !== seen) {
      seen = hold;
      forMs = 0;
      tellAtMs = standingMsMin;
      return;
    }
    forMs += lookEveryMs;
    if (forMs < tellAtMs) return;
    tellAtMs = 2 * forMs;
    log.warn({ because: hold.because }, `market time stands still for ${forMs / 1000} s because of ${hold.because}`);
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
      const isLong = seen !== undefined && seen === clock.standing?.() && forMs >= standingMsMin;
      return { standingStillMs: isLong ? forMs : 0, because: isLong ? (seen?.because ?? null) : null };
    },
  } satisfies Part;
};
