/**
 * Where streams end and lanes begin: sources are Observables, checked once at the door, paused when P0 is full, opened
 * again when they break.
 *
 * Nothing here buffers without bound: a pulled source is not asked for more (valve.ts), and a source that cannot be paused
 * either conflates (one value per key) or has its surplus refused at the door and counted.
 */
import { concat, defer, EMPTY, Observable, retry, Subscription, tap, throwError } from "rxjs";
import type { Config } from "#config/schema.ts";
import type { Clock } from "../ports.ts";
import type { Result } from "../result.ts";
import type { NewFact } from "./catalog.ts";
import { reasonOf } from "./handlers.ts";
import { createValve, type Valve } from "./valve.ts";

export interface Source<T> {
  readonly name: string;
  /** Subscribed once per connection. Sources that can wait do so while the valve is closed. */
  open(valve: Valve): Observable<T>;
  /** The one check of what came from outside; undefined: nothing to report (a heartbeat). */
  read(raw: T): Result<NewFact | undefined, string>;
  /** True for a replay: its end is an end, not a broken connection. */
  readonly ends?: boolean;
}

export interface SourceFigures {
  readonly received: number;
  readonly refused: number;
  readonly reconnects: number;
  readonly paused: boolean;
}

export interface IntakeOptions {
  readonly config: Config["events"]["intake"];
  readonly clock: Clock;
  /** Seeded: of the jitter. */
  readonly random: () => number;
  /** The dispatcher's `offerExternal`. */
  readonly offer: (newFact: NewFact) => Promise<void> | undefined;
  /** Something that came from outside was not understood. */
  readonly refused?: (source: string, reason: string) => void;
  /** A source was lost; it is opened again after `waitMs`. */
  readonly lost?: (source: string, reason: string, waitMs: number) => void;
}

export interface Intake {
  /** @returns a function that closes the source */
  attach<T>(source: Source<T>): () => void;
  figures(): { readonly [source: string]: SourceFigures };
}

/**
 * The wait before the next attempt: between 0 and the capped exponential, at random. Full jitter spreads the sources that
 * lost the same peer at the same moment. (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015.)
 */
export const backoffMs = (attempt: number, [firstMs, longestMs]: readonly [number, number], random: () => number): number =>
  Math.round(random() * Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, 30)));

const waitOn = (clock: Clock, ms: number): Observable<true> =>
  new Observable((subscriber) =>
    clock.setTimer(clock.now() + ms, () => {
      subscriber.next(true);
      subscriber.complete();
    }),
  );

/**
 * Keeps the newest item of each key while the valve is closed and lets everything through while it is open.
 *
 * For sources that cannot be paused and whose older values are worth nothing once a newer one is there. What is held goes
 * out in the order in which the keys were first seen, as long as the valve stays open.
 *
 * @param keysMax keys held at most; beyond it the oldest key gives way
 * @param left told of every item that was replaced or gave way
 */
export const conflateWhileClosed =
  <T>(keyOf: (item: T) => string, valve: Valve, keysMax: number, left: (item: T) => void) =>
  (items: Observable<T>): Observable<T> =>
    new Observable((subscriber) => {
      const held = new Map<string, T>();
      let over = false;
      const release = (): void => {
        for (const [key, item] of held) {
          if (!valve.isOpen) return;
          held.delete(key);
          subscriber.next(item);
        }
        if (over) subscriber.complete();
      };
      const keep = (item: T): void => {
        const key = keyOf(item);
        const older = held.get(key);
        if (older !== undefined) left(older);
        else if (held.size >= keysMax) {
          const [first] = held;
          if (first !== undefined) {
            held.delete(first[0]);
            left(first[1]);
          }
        }
        held.set(key, item);
      };
      // Beside each other: when the items have ended, what is still held must be let out.
      const both = new Subscription();
      both.add(valve.changes.subscribe((isOpen) => isOpen && release()));
      const upstream = items.subscribe({
        next: (item) => (valve.isOpen && held.size === 0 ? subscriber.next(item) : keep(item)),
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          over = true;
          if (held.size === 0) subscriber.complete();
        },
      });
      both.add(upstream);
      return both;
    });

export const createIntake = ({ config, clock, random, offer, refused, lost }: IntakeOptions): Intake => {
  const figures = new Map<string, () => SourceFigures>();

  return {
    attach<T>(source: Source<T>) {
      const { valve, closeUntil } = createValve({ clock, timeSliceMs: config.timeSliceMs });
      let received = 0;
      let refusals = 0;
      let reconnects = 0;
      figures.set(source.name, () => ({ received, refused: refusals, reconnects, paused: !valve.isOpen }));

      const admit = (raw: T): void => {
        received += 1;
        const read = source.read(raw);
        if (!read.ok) {
          refusals += 1;
          refused?.(source.name, read.error);
          return;
        }
        if (read.value === undefined) return;
        const room = offer(read.value);
        if (room !== undefined) closeUntil(room);
      };

      const ended = source.ends === true ? EMPTY : throwError(() => new Error("the source ended"));
      const subscription = concat(
        defer(() => source.open(valve)),
        ended,
      )
        .pipe(
          tap(admit),
          retry({
            // The count starts again with the first item, so a source that only connects and drops keeps backing off.
            resetOnSuccess: true,
            delay: (error: unknown, attempt) => {
              reconnects += 1;
              const waitMs = backoffMs(attempt, config.reconnectMs, random);
              lost?.(source.name, reasonOf(error), waitMs);
              return waitOn(clock, waitMs);
            },
          }),
        )
        .subscribe({ error: (error: unknown) => lost?.(source.name, reasonOf(error), Number.POSITIVE_INFINITY) });
      return () => {
        subscription.unsubscribe();
        figures.delete(source.name);
      };
    },
    figures: () => Object.fromEntries([...figures].map(([name, read]) => [name, read()])),
  };
};
