/**
 * How far this machine's clock may be from the venue's before people are told, and before nothing is stamped with it any more.
 *
 * Ahead is positive, behind negative, in ms. Rows carry both times; a clock that is far off would give the archive a day that
 * never was, so that beyond the limit the feed is given up until the clock is right.
 */
export interface ClockLimits {
  /** From here on people are told. */
  readonly offMsWarn: number;
  /** From here on nothing is taken. */
  readonly offMsMax: number;
}

export type ClockAgreement = "agrees" | "off" | "wrong";

export const agreementOf = (aheadMs: number, { offMsWarn, offMsMax }: ClockLimits): ClockAgreement => {
  const offMs = Math.abs(aheadMs);
  return offMs >= offMsMax ? "wrong" : offMs >= offMsWarn ? "off" : "agrees";
};

/** A length of time for people: 4.2 s, 5 min 12 s, 9 h 0 min, 3 days. */
const spanOf = (ms: number): string => {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
};

const remedy = "set it right (`timedatectl set-ntp true`, or this machine's time settings)";

/** What is the case, and what to do, in one sentence. */
export const clockSentence = (venue: string, aheadMs: number, limits: ClockLimits): string => {
  const off = `this machine's clock is ${spanOf(Math.abs(aheadMs))} ${aheadMs < 0 ? "behind" : "ahead of"} ${venue}'s`;
  switch (agreementOf(aheadMs, limits)) {
    case "agrees":
      return `this machine's clock agrees with ${venue}'s within ${spanOf(limits.offMsWarn)}`;
    case "off":
      return `${off}: ${remedy}; from ${spanOf(limits.offMsMax)} on nothing is recorded`;
    case "wrong":
      return `${off}, and nothing is recorded with a wrong time: ${remedy}; it goes on by itself then`;
  }
};
