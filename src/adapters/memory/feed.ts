/** A feed that says what it is told to say, when it is told: for tests and examples. */
import { Observable, type Subscriber } from "rxjs";
import type { Feed, RawTick, SequenceBySymbol } from "#market/ports.ts";

export interface MemoryFeed extends Feed {
  /** Delivers a tick to whoever is connected; nobody else will see it. */
  deliver(tick: RawTick): void;
  /** Breaks the connection with this reason. */
  disconnect(reason: string): void;
  /** Ends the data, as a recorded source does. */
  end(): void;
  readonly isConnected: boolean;
  /** Where each connection so far was asked to go on. */
  readonly openedAfter: readonly SequenceBySymbol[];
}

/** @param recorded ticks that every connection delivers first, except those its `afterSequence` leaves out */
export const createMemoryFeed = (name = "memory", recorded: readonly RawTick[] = []): MemoryFeed => {
  const openedAfter: SequenceBySymbol[] = [];
  let current: Subscriber<RawTick> | undefined;
  return {
    name,
    openedAfter,
    get isConnected() {
      return current !== undefined && !current.closed;
    },
    deliver: (tick) => current?.next(tick),
    disconnect: (reason) => current?.error(new Error(reason)),
    end: () => current?.complete(),
    open: ({ afterSequence = {} }) => {
      openedAfter.push(afterSequence);
      return {
        ticks: new Observable<RawTick>((subscriber) => {
          current = subscriber;
          for (const tick of recorded) if (tick.sequence > (afterSequence[tick.symbol] ?? 0)) subscriber.next(tick);
        }),
        progress: () => null,
        stop: async () => current?.complete(),
      };
    },
  };
};
