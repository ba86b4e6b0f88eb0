/** Recorded values as a source that cannot wait: each comes when market time has reached its own. */
import { Observable } from "rxjs";
import type { Clock } from "#core/ports.ts";

/** @param values in any order; one whose time has passed comes at once; completes after the last */
export const playedAt = <T extends { readonly at: number }>(
  clock: Pick<Clock, "setTimer">,
  values: readonly T[],
): Observable<T> =>
  new Observable((subscriber) => {
    let left = values.length;
    if (left === 0) subscriber.complete();
    for (const value of values)
      subscriber.add(
        clock.setTimer(value.at, () => {
          subscriber.next(value);
          left -= 1;
          if (left === 0) subscriber.complete();
        }),
      );
  });
