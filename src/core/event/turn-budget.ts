/**
 * A measured share of time for P2 and P3 while P1 waits (spec E4). At share 0 priority is strict; above it the low lanes
 * may go first until they have used their share of the current second, and how much they used is shown.
 */
const windowMs = 1000;

export class TurnBudget {
  #share: number;
  #windowStart = Number.NEGATIVE_INFINITY;
  #usedMs = 0;
  #turns = 0;

  constructor(share: number) {
    this.#share = share;
  }

  set share(share: number) {
    this.#share = share;
  }

  get enabled(): boolean {
    return this.#share > 0;
  }

  /** Turns that low lanes had while P1 waited, since the start. */
  get turns(): number {
    return this.#turns;
  }

  /** May a low lane go before P1 at this monotonic time? */
  allows(nowMs: number): boolean {
    if (nowMs - this.#windowStart >= windowMs) {
      this.#windowStart = nowMs;
      this.#usedMs = 0;
    }
    return this.#usedMs < this.#share * windowMs;
  }

  spend(ms: number): void {
    this.#usedMs += ms;
    this.#turns += 1;
  }
}
