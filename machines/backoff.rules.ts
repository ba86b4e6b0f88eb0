/** How long to wait before the next try. Pure; each waiting part brings its own first wait and cap from the configuration. */
export interface Backoff {
  readonly firstMs: number;
  readonly capMs: number;
}

/** Beyond this many doublings any cap is reached; without it 2 ** tries would end at infinity. */
const doublingsMax = 30;

/**
 * Doubles with each try that failed, never above the cap.
 *
 * @param doublings 0 for the first wait
 * @returns milliseconds
 */
export const backoffMs = ({ firstMs, capMs }: Backoff, doublings: number): number =>
  Math.min(capMs, firstMs * 2 ** Math.min(Math.max(doublings, 0), doublingsMax));
