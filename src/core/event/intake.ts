/**
 * Where streams end and lanes begin: everything outside comes in through an inlet. A source is an Observable; it is held back
 * while P0 is busy with what it said, and opened again when it was lost.
 *
 * Nothing here buffers without bound: a pulled source is not asked for more (`pulled`); a pushed one is told to wait (the
 * valve's `changes`), and only what one read had brought is held; of one that cannot wait one value per key (`conflateBy`).
 */
import { defer, Observable, retry, Subscription } from "rxjs";
import type { Config } from "#config/schema.ts";
import { reconnectDelayMs } from "#machines/feed.rules.ts";
import { NewestMap } from "../newest.ts";
import type { Pace, Valve } from "../ports.ts";
import { type Clock, ConnectionEnded } from "../ports.ts";
import { type NewFact, rowOf } from "./catalog.ts";
import { reasonOf } from "./handlers.ts";
import { createValve } from "./valve.ts";

/**
 * What became of an offer from outside: in its lane; waiting for room until the promise resolves; or refused and counted,
 * because even the door was full, or because the house does not know the type or is stopping.
 */
export type Reception = "accepted" | Promise<void> | "full" | "refused";

export interface Source<T> {
  /**
   * Subscribed once per connection. Completion is an end, as of a recorded day; an error is a lost connection, a
   * `ConnectionEnded` one that must not be opened again. Whoever can wait does so while the valve is closed.
   */
  open(valve: Valve): Observable<T>;
  /** Offers what the item says. */
  take(item: T): void;
  /** For a source that cannot wait: while the valve is closed only the newest item of each key is held. */
  readonly conflateBy?: (item: T) => string;
  /** False: whoever attached it decides when it is opened again (default true: the intake does, after a wait). */
  readonly reopens?: boolean;
  /** The connection is gone. `waitMs`: until it is opened again; undefined: it will not be. */
  readonly lost?: (reason: string, waitMs: number | undefined) => void;
  readonly ended?: () => void;
}

export interface SourceFigures {
  /** Items that came through; those that gave way on the way are `conflated`. */
  readonly received: number;
  /** Facts that were refused: there was no room even at the door, the house was stopping, or nobody could say what they belong to. */
  readonly refused: number;
  /** Items that gave way to a newer one of their key while the source should have waited. */
  readonly conflated: number;
  readonly reconnects: number;
  readonly paused: boolean;
}

/** One source's way in; it stays when the connection behind it changes. */
export interface Inlet {
  readonly valve: Valve;
  /**
   * Offers a fact in the source's name. @returns what to wait for before more is offered, the valve being closed until then; or
   * that the fact was refused, and with it a connection that goes on although it was asked to wait
   */
  offer(newFact: NewFact): Promise<void> | "refused" | undefined;
  /** Counts something that the source's owner had to give up. */
  countRefused(): void;
  /** Closes the valve for a reason of the house's own, for example a disk that is behind. */
  closeUntil(open: Promise<void>): void;
  /** Opens the source. @returns closes it; one at a time */
  attach<T>(source: Source<T>): () => void;
}

export interface Intake {
  /** @param name of the source, for figures and people; asked for once */
  inlet(name: string): Inlet;
  figures(): { readonly [source: string]: SourceFigures };
  /** Holds from the next connection, item or loss on. */
  reload(config: Config["events"]["intake"]): void;
  /** Closes every valve for good: what sources have to say from now on stays with them. */
  stop(): void;
}

export interface IntakeOptions {
  readonly config: Config["events"]["intake"];
  readonly clock: Clock;
  /** Seeded: of the jitter. */
  readonly random: () => number;
  /** The dispatcher's `offerExternal`. */
  readonly offer: (newFact: NewFact) => Reception;
  /** The dispatcher's `whenCalm`: sources wait from P0's warning mark on, so that a burst is no overflow. */
  readonly whenCalm?: () => Promise<void> | undefined;
}

const never = new Promise<never>(() => {});

const waitOn = (clock: Clock, ms: number): Observable<true> =>
  new Observable((subscriber) =>
    clock.setTimer(clock.now() + ms, () => {
      subscriber.next(true);
      subscriber.complete();
    }),
  );

/**
 * Lets everything through while the valve is open and keeps it back, in its order, while it is closed: what one read of a socket
 * had brought before the socket was paused, or the newest value of each key of a source that cannot be paused at all.
 *
 * @param max items held. Beyond it the oldest key gives way; a source without keys was asked to wait and did not, which is an error
 * @param keyOf for sources whose older values are worth nothing once a newer one of the same key is there
 * @param left told of every item that was replaced or gave way
 */
export const holdWhileClosed =
  <T>({
    valve,
    max,
    keyOf,
    left = () => undefined,
  }: {
    readonly valve: Valve;
    readonly max: number;
    readonly keyOf?: ((item: T) => string) | undefined;
    readonly left?: (item: T) => void;
  }) =>
  (items: Observable<T>): Observable<T> =>
    new Observable((subscriber) => {
      const held = new NewestMap<unknown, T>(max);
      let count = 0;
      /** Ends what comes after the held items: the end or the error of the source. */
      let end: (() => void) | undefined;
      const release = (): void => {
        for (const [key, item] of held) {
          if (!valve.isOpen) return;
          held.delete(key);
          subscriber.next(item);
        }
        end?.();
      };
      const keep = (item: T): void => {
        const key = keyOf === undefined ? count++ : keyOf(item);
        const older = held.get(key);
        if (older !== undefined) left(older);
        else if (keyOf === undefined && held.size >= max) {
          subscriber.error(new Error(`it was asked to wait and went on; ${max} items are held already`));
          return;
        }
        const forgotten = held.set(key, item);
        if (forgotten !== undefined) left(forgotten[1]);
      };
      const after = (last: () => void): void => {
        end = last;
        if (held.size === 0) last();
      };
      // Two subscriptions: the source may end while held items still wait.
      const both = new Subscription();
      both.add(valve.changes.subscribe((isOpen) => isOpen && release()));
      both.add(
        items.subscribe({
          next: (item) => (valve.isOpen && held.size === 0 ? subscriber.next(item) : keep(item)),
          error: (error: unknown) => after(() => subscriber.error(error)),
          complete: () => after(() => subscriber.complete()),
        }),
      );
      return both;
    });

export const createIntake = ({ config: initial, clock, random, offer, whenCalm = () => undefined }: IntakeOptions): Intake => {
  let config = initial;
  const pace: Pace = {
    clock,
    get timeSliceMs() {
      return config.timeSliceMs;
    },
  };
  const figures = new Map<string, () => SourceFigures>();
  const valves: ((open: Promise<void>) => void)[] = [];
  /** Only sources of P0 facts wait for P0; market data goes on. */
  const calmAfter = ({ type }: NewFact): Promise<void> | undefined => (rowOf(type).priority === "P0" ? whenCalm() : undefined);

  const inlet = (name: string): Inlet => {
    const { valve, closeUntil } = createValve(pace);
    const counts = { received: 0, refused: 0, conflated: 0, reconnects: 0 };
    figures.set(name, () => ({ ...counts, paused: !valve.isOpen }));
    valves.push(closeUntil);
    let isFirst = true;
    /** Ends the present connection as lost. */
    let cut: (reason: string) => void = () => undefined;

    const attach = <T>(source: Source<T>): (() => void) => {
      const { conflateBy, reopens = true } = source;
      let attempt = 0;
      /** Of the present connection, once it has said something. */
      let firstItemAt: number | undefined;

      const connection = (): Observable<T> =>
        source.open(valve).pipe(
          holdWhileClosed<T>({
            valve,
            max: config.heldMax,
            keyOf: conflateBy,
            left: () => {
              counts.conflated += 1;
            },
          }),
        );
      const cuttable = new Observable<T>((subscriber) => {
        cut = (reason) => subscriber.error(new Error(reason));
        firstItemAt = undefined;
        if (isFirst) isFirst = false;
        else counts.reconnects += 1;
        return defer(connection).subscribe(subscriber);
      });
      const comesBack = (error: unknown): boolean => reopens && !(error instanceof ConnectionEnded);
      const again = (error: unknown): Observable<true> => {
        if (!comesBack(error)) throw error;
        const [firstMs, capMs] = config.reconnectMs;
        // One that held for longer than the longest wait was a good one; one that only connects and drops keeps backing off.
        if (firstItemAt !== undefined && clock.now() - firstItemAt > capMs) attempt = 0;
        const waitMs = reconnectDelayMs({ firstMs, capMs }, attempt, random());
        attempt += 1;
        source.lost?.(reasonOf(error), waitMs);
        return waitOn(clock, waitMs);
      };
      const subscription = cuttable.pipe(retry({ delay: again })).subscribe({
        next: (item) => {
          counts.received += 1;
          firstItemAt ??= clock.now();
          source.take(item);
        },
        error: (error: unknown) => source.lost?.(reasonOf(error), undefined),
        complete: () => source.ended?.(),
      });
      return () => subscription.unsubscribe();
    };

    return {
      valve,
      offer: (newFact) => {
        const reception = offer(newFact);
        if (reception === "full" || reception === "refused") {
          counts.refused += 1;
          // Cut the connection; the reconciliation after it recovers what is lost here.
          if (reception === "full") cut(`P0 and its door are full: ${newFact.type} was refused`);
          return "refused";
        }
        const room = reception === "accepted" ? calmAfter(newFact) : reception;
        if (room === undefined) return undefined;
        // In a replay market time waits with the source, so that the run is the same on every machine.
        const held = clock.hold(room);
        closeUntil(held);
        return held;
      },
      countRefused: () => {
        counts.refused += 1;
      },
      closeUntil,
      attach,
    };
  };

  return {
    inlet,
    figures: () => Object.fromEntries([...figures].map(([name, read]) => [name, read()])),
    reload: (changed) => {
      config = changed;
    },
    stop: () => {
      for (const closeUntil of valves) closeUntil(never);
    },
  };
};
