/**
 * Requests that wait for their answer, each with a deadline in market time.
 *
 * The first of answer, deadline and lost connection settles a request; whatever comes later finds nobody waiting.
 */
import type { Cancel, Clock } from "#core/ports.ts";

/** Why no answer will come. */
export type NoAnswer = { readonly type: "no.answer"; readonly reason: string };
export type Answered<R> = { readonly type: "answer"; readonly value: R } | NoAnswer;

export interface Requests {
  /** @param send hands over the function that takes the answer */
  ask<R>(send: (answer: (value: R) => void) => void): Promise<Answered<R>>;
  failAll(reason: string): void;
}

export const createRequests = ({ clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number }): Requests => {
  const waiting = new Set<(outcome: NoAnswer) => void>();

  const ask: Requests["ask"] = <R>(send: (answer: (value: R) => void) => void) =>
    new Promise<Answered<R>>((resolve) => {
      let stopTimer: Cancel = () => undefined;
      const settle = (outcome: Answered<R>): void => {
        if (!waiting.delete(settle)) return;
        stopTimer();
        resolve(outcome);
      };
      waiting.add(settle);
      stopTimer = clock.setTimer(clock.now() + timeoutMs, () =>
        settle({ type: "no.answer", reason: `no answer within ${timeoutMs} ms` }),
      );
      send((value) => settle({ type: "answer", value }));
    });

  const failAll = (reason: string): void => {
    for (const settle of [...waiting]) settle({ type: "no.answer", reason });
  };

  return { ask, failAll };
};
