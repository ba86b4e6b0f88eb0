/**
 * How far this machine's clock is from a venue's.
 *
 * An answer over HTTP says the venue's time in whole seconds (`Date`), and it was said between our asking and our hearing: that
 * bounds the difference from both sides however slow the way was, and what is possible and nearest to none is believed. A message
 * that says when it was sent bounds it from one side: it cannot have come before it was sent.
 */
import { request as askPlain } from "node:http";
import { request as askSafely } from "node:https";
import type { Clock } from "#core/ports.ts";
import { ConnectionRefused } from "#market/ports.ts";
import { type RefusedByVenue, refusalOf } from "./refusal.ts";

export interface VenueClock {
  /** What this machine's clock is ahead of the venue's, negative when behind; undefined while nobody knows. */
  readonly aheadMs: () => number | undefined;
  /** Asks the venue once; never rejects. @returns the refusal, where the venue does not want to be asked now */
  readonly ask: () => Promise<RefusedByVenue | undefined>;
  /** A message was sent at this time, by the venue's clock. */
  readonly heard: (sentAt: number) => void;
}

/** `Date` names the second that has begun. */
const dateStepMs = 1000;
/** Beyond it the wall clock was stepped between question and answer. */
const steppedMs = 500;

/** What is possible, and of that the nearest to none. */
const nearestToNone = (atLeast: number, atMost: number): number => (atLeast > 0 ? atLeast : atMost < 0 ? atMost : 0);

export const createVenueClock = ({
  venue,
  url,
  clock,
  answerMsMax,
}: {
  readonly venue: string;
  /** http: or https:, a cheap public request. */
  readonly url: string;
  readonly clock: Pick<Clock, "now" | "monotonicMs" | "setTimer">;
  readonly answerMsMax: number;
}): VenueClock => {
  let ahead: number | undefined;
  let refused: { readonly refusal: RefusedByVenue; readonly untilMs: number } | undefined;

  const ask = (): Promise<RefusedByVenue | undefined> =>
    new Promise((resolve) => {
      const leftMs = refused === undefined ? 0 : refused.untilMs - clock.monotonicMs();
      // It said how long it wants to be left alone, and a lost connection does not change that.
      if (refused !== undefined && leftMs > 0) return resolve(new ConnectionRefused(refused.refusal.message, Math.ceil(leftMs)));
      const sentAt = clock.now();
      const sentMs = clock.monotonicMs();
      const asked = (url.startsWith("https:") ? askSafely : askPlain)(url, { method: "GET", agent: false });
      const cancel = clock.setTimer(sentAt + answerMsMax, () => asked.destroy(new Error("no answer")));
      const end = (refusal?: RefusedByVenue): void => {
        cancel();
        asked.destroy();
        resolve(refusal);
      };
      // Nobody knows any more: the next message, or the next answer, tells.
      asked.on("error", () => {
        ahead = undefined;
        end();
      });
      asked.on("response", ({ statusCode = 0, headers }) => {
        const heardAt = clock.now();
        const wasStepped = Math.abs(heardAt - sentAt - (clock.monotonicMs() - sentMs)) > steppedMs;
        const saidAt = Date.parse(headers.date ?? "");
        ahead = wasStepped || Number.isNaN(saidAt) ? undefined : nearestToNone(sentAt - saidAt - dateStepMs, heardAt - saidAt);
        const refusal = refusalOf(venue, statusCode, headers["retry-after"], heardAt);
        refused = refusal && { refusal, untilMs: clock.monotonicMs() + refusal.retryAfterMs };
        end(refusal);
      });
      asked.end();
    });

  return {
    aheadMs: () => ahead,
    ask,
    heard: (sentAt) => {
      const atMost = clock.now() - sentAt;
      // Late messages prove nothing: the way may have been slow, or this process busy.
      if (ahead === undefined ? atMost < 0 : atMost < ahead) ahead = atMost;
    },
  };
};
