/**
 * The figures of the last 24 hours, one row every ten seconds, in memory that never grows: what the plots of a page are drawn from (spec
 * I5). They live as long as the process, so a page that is loaded anew has them all.
 */

/** How rows that share a place in a plot become one: the worst of them is kept, so that no spike is lost; of a count the last. */
const folds = {
  /** Minor units of the account's currency, of the session so far. */
  pnlMinor: "last",
  /** What 99 of 100 facts of the lane took at most since the row before, or the age of the oldest that waits, if that is more. */
  lagP0Ms: "max",
  lagP1Ms: "max",
  lagP2Ms: "max",
  lagP3Ms: "max",
  /** Market time since the newest tick. */
  feedAgeMs: "max",
  /** p99 of the event loop's delay. */
  loopMs: "max",
  /** Rows of this run, so far. */
  received: "last",
  persisted: "last",
  diskFreeBytes: "min",
  memoryBytes: "max",
} as const satisfies { readonly [field: string]: "last" | "max" | "min" };

export type SampleField = keyof typeof folds;
export const sampleFields = Object.keys(folds) as SampleField[];

/** A figure that nobody could tell is left out. */
export type Sample = { readonly [F in SampleField]?: number };

/** Even places of time, the oldest first; null where nothing is known. */
export interface SampleSeries {
  /** Epoch ms of the host at which the first place begins. */
  readonly fromAt: number;
  readonly everyMs: number;
  readonly values: { readonly [F in SampleField]: readonly (number | null)[] };
}

export interface Samples {
  /** @param at epoch ms of the host */
  readonly add: (at: number, sample: Sample) => void;
  /**
   * @param untilAt epoch ms; the last place holds it
   * @param placesMax how many places a plot has; rows that share one are folded
   */
  readonly series: (spanMs: number, untilAt: number, placesMax: number) => SampleSeries;
  readonly bytes: number;
}

export const sampleEveryMs = 10_000;
/** 24 hours and one row, because the first place may be cut. */
const rowsMax = 8641;

const fold = (how: "last" | "max" | "min", kept: number | null | undefined, value: number): number => {
  if (kept === null || kept === undefined || how === "last") return value;
  return how === "max" ? Math.max(kept, value) : Math.min(kept, value);
};

export const createSamples = (): Samples => {
  const times = new Float64Array(rowsMax);
  const columns = new Map(sampleFields.map((field) => [field, new Float64Array(rowsMax)]));
  let rows = 0;
  let next = 0;

  return {
    bytes: times.byteLength * (1 + columns.size),
    add: (at, sample) => {
      times[next] = at;
      for (const [field, column] of columns) column[next] = sample[field] ?? Number.NaN;
      next = (next + 1) % rowsMax;
      rows = Math.min(rows + 1, rowsMax);
    },
    series: (spanMs, untilAt, placesMax) => {
      const everyMs = Math.ceil(spanMs / placesMax / sampleEveryMs) * sampleEveryMs;
      const places = Math.ceil(spanMs / everyMs);
      // On whole multiples, so that a plot moves by places and does not tremble.
      const fromAt = (Math.floor(untilAt / everyMs) - places + 1) * everyMs;
      const values = Object.fromEntries(
        sampleFields.map((field) => [field, Array.from({ length: places }, (): number | null => null)]),
      ) as { [F in SampleField]: (number | null)[] };
      for (let age = rows; age > 0; age -= 1) {
        const row = (next - age + rowsMax) % rowsMax;
        const place = Math.floor(((times[row] as number) - fromAt) / everyMs);
        if (place < 0 || place >= places) continue;
        for (const [field, column] of columns) {
          const value = column[row] as number;
          if (!Number.isNaN(value)) values[field][place] = fold(folds[field], values[field][place], value);
        }
      }
      return { fromAt, everyMs, values };
    },
  };
};

interface Latency {
  readonly buckets: readonly { readonly ms: number; readonly facts: number }[];
  readonly count: number;
}

/**
 * What 99 of 100 facts took at most between two looks at a lane that counts without end.
 *
 * @returns ms: the upper edge of a bucket, or `maxMs` beyond the last one; 0 when there was no fact
 */
export const p99Between = (before: Latency | undefined, after: Latency, maxMs: number): number => {
  const count = after.count - (before?.count ?? 0);
  if (count <= 0) return 0;
  const found = after.buckets.find(({ facts }, index) => facts - (before?.buckets[index]?.facts ?? 0) >= 0.99 * count);
  return found?.ms ?? maxMs;
};
