/**
 * A valve between a source and the lanes: closed while P0 has no room for what the source said. A source that may not lose
 * anything delivers only while it is open, so what cannot be taken stays where it came from: in the socket, and then at the
 * peer.
 */
import { BehaviorSubject, distinctUntilChanged, map, Observable } from "rxjs";
import type { Pace, Valve } from "../ports.ts";

/** @returns the source's end, and `closeUntil`, which closes the valve until everything it was given has resolved */
export const createValve = (pace: Pace): { readonly valve: Valve; readonly closeUntil: (open: Promise<void>) => void } => {
  const changed = new BehaviorSubject<void>(undefined);
  let closedBy = 0;
  let waiting: (() => void)[] = [];
  const isOpen = (): boolean => closedBy === 0;
  const reopen = (): void => {
    closedBy -= 1;
    if (closedBy > 0) return;
    changed.next();
    // Whoever was told first may have said enough to close it again; the others go on waiting.
    if (!isOpen()) return;
    const resumed = waiting;
    waiting = [];
    for (const resume of resumed) resume();
  };
  return {
    valve: {
      pace,
      get isOpen() {
        return isOpen();
      },
      // The state is read when it is told: one that has already changed again is not told at all.
      changes: changed.pipe(map(isOpen), distinctUntilChanged()),
      whenOpen: () => (isOpen() ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    },
    closeUntil(open) {
      closedBy += 1;
      if (closedBy === 1) changed.next();
      void open.then(reopen, reopen);
    },
  };
};

/**
 * An Observable over a pulled source, which keeps the pull: the next item is asked for only while the valve is open.
 *
 * `from(asyncIterable)` with `concatMap` would ask for everything and keep it in a buffer without bound. Here at most one
 * group (what one read of a socket brought) is in hand. And a group is not taken in one go: a chunk of 64 KiB of ticks is
 * several milliseconds of parsing, during which a fill would wait unread in another socket.
 *
 * @param open gives groups in order, for example the frames of one chunk, parsed as they are asked for. At unsubscription its
 *   `return` is called, which waits for the group that was asked for last; a source that may be silent ends when `left` resolves
 */
export const pulled = <T>(open: (left: Promise<void>) => AsyncIterable<Iterable<T>>, valve: Valve): Observable<T> =>
  new Observable((subscriber) => {
    const { clock } = valve.pace;
    const timeSliceMs = (): number => valve.pace.timeSliceMs;
    const left = Promise.withResolvers<void>();
    const groups = open(left.promise)[Symbol.asyncIterator]();

    const untilOpen = async (): Promise<void> => {
      while (!valve.isOpen) await valve.whenOpen();
    };

    const pull = async (): Promise<void> => {
      let usedMs = 0;
      for (;;) {
        const { done, value } = await groups.next();
        if (done === true) return;
        if (!valve.isOpen) await untilOpen();
        let startedMs = clock.monotonicMs();
        for (const item of value) {
          if (subscriber.closed) return;
          subscriber.next(item);
          if (!valve.isOpen) await untilOpen();
          else if (usedMs + clock.monotonicMs() - startedMs < timeSliceMs()) continue;
          else await clock.yieldToIo();
          usedMs = 0;
          startedMs = clock.monotonicMs();
        }
        usedMs += clock.monotonicMs() - startedMs;
        if (subscriber.closed) return;
      }
    };
    pull().then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
    return () => {
      left.resolve();
      // The source may already have failed; then there is nothing left to close.
      void groups.return?.().catch(() => undefined);
    };
  });
