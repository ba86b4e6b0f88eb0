/** When is a lost connection tried again? Pure: whoever asks brings the random part of the wait. */
import { type Backoff, backoffMs } from "./backoff.rules.ts";

/** Each wait is up to twice the one before. */
export interface ReconnectPolicy extends Backoff {
  /** 0 means no limit. */
  readonly attemptsMax: number;
  /** A connection that has not answered after this long has failed. */
  readonly connectMsMax: number;
}

/** No source bans for longer; a time further ahead is of a clock that was stepped back since. */
const leftAloneMsMax = 3 * 86_400_000;

/** Does the source still want to be left alone? */
export const isLeftAlone = (notBefore: number, at: number): boolean => at < notBefore && notBefore - at <= leftAloneMsMax;

/** A fraction in [0, 1) that looks random and is the same for the same input, so that a journal replays to the same. */
export const fractionOf = (at: number, attempt: number): number => {
  let bits = Math.imul(((at % 0x100000000) | 0) ^ Math.imul(attempt + 1, 0x9e3779b1), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return ((bits ^ (bits >>> 16)) >>> 0) / 0x100000000;
};

/**
 * Full jitter: anything up to the doubled and capped wait, so that many clients of one venue do not return together.
 * (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015.)
 *
 * @param attempt 0 for the first try after a loss
 * @param fraction of the wait, in [0, 1)
 * @returns milliseconds, at least 1
 */
export const reconnectDelayMs = (policy: Backoff, attempt: number, fraction: number): number =>
  1 + Math.floor(fraction * backoffMs(policy, attempt));
