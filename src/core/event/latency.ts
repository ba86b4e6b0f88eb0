/**
 * How long facts take from being enqueued to being handled (spec E8), as a histogram whose error is below 1 %.
 *
 * Log-linear like HdrHistogram (128 steps per power of two, in microseconds), in plain arithmetic because core has no
 * dependency for it: recording costs a few nanoseconds and never allocates. tests/core/event/latency.test.ts holds it
 * against hdr-histogram-js.
 */
const stepBits = 7;
const steps = 1 << stepBits;
const unitsPerMs = 1000;
/** Longer than any wait that matters: 2^31 µs is 35 minutes. */
const unitsMax = 2 ** 31 - 1;

const indexOf = (units: number): number => {
  if (units < steps * 2) return units;
  const exponent = 31 - Math.clz32(units) - stepBits;
  return (exponent << stepBits) + (units >>> exponent);
};

/** The highest value that falls into the same step: a percentile is never reported lower than it was. */
const highestAt = (index: number): number => {
  if (index < steps * 2) return index;
  const exponent = (index >>> stepBits) - 1;
  const mantissa = index - (exponent << stepBits);
  return (mantissa + 1) * 2 ** exponent - 1;
};

export class LatencyHistogram {
  readonly #counts = new Float64Array(indexOf(unitsMax) + 1);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  /** @param ms real milliseconds with a fraction; below zero counts as zero */
  record(ms: number): void {
    const units = ms <= 0 ? 0 : Math.min(Math.round(ms * unitsPerMs), unitsMax);
    const index = indexOf(units);
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#count += 1;
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  get count(): number {
    return this.#count;
  }

  get sumMs(): number {
    return this.#sumMs;
  }

  /** Exact, not rounded to a step. */
  get maxMs(): number {
    return this.#maxMs;
  }

  /** @param share 0.99 for p99 @returns milliseconds, 0 while nothing was recorded */
  percentile(share: number): number {
    if (this.#count === 0) return 0;
    const wanted = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let index = 0; index < this.#counts.length; index += 1) {
      seen += this.#counts[index] as number;
      if (seen >= wanted) return Math.min(highestAt(index) / unitsPerMs, this.#maxMs);
    }
    return this.#maxMs;
  }

  /** How many values were at or below each of these bounds (ms, ascending), cumulative, as Prometheus counts. */
  buckets(boundsMs: readonly number[]): { readonly ms: number; readonly facts: number }[] {
    let facts = 0;
    let index = 0;
    return boundsMs.map((ms) => {
      const last = indexOf(Math.min(Math.round(ms * unitsPerMs), unitsMax));
      for (; index <= last; index += 1) facts += this.#counts[index] as number;
      return { ms, facts };
    });
  }
}
