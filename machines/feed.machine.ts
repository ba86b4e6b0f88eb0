/**
 * Is market data arriving, and what is done when it is not?
 *
 * Judged by the age of data within the trading session, never by a ping: a socket that answers pings and delivers nothing
 * was the origin's longest blindness. Ticks do not pass through here; when the silence deadline is due the machine asks for
 * the age (`feed.measure`) and gets `feed.heard` or `feed.went.stale` as an answer.
 */
import { assign, emit, setup } from "xstate";
import type { Alert, SafetyReport, TimerClear, TimerSet } from "./effects.ts";
import type { EventOf, FactType } from "./facts/catalog.ts";
import { fractionOf, isLeftAlone, type ReconnectPolicy, reconnectDelayMs } from "./feed.rules.ts";

export interface FeedInput {
  /** Name of the source, for people. */
  readonly feed: string;
  /** In session, data older than this is silence. */
  readonly silenceMsMax: number;
  readonly reconnect: ReconnectPolicy;
}

export const feedTakes = [
  "session.started",
  "feed.connect.requested",
  "feed.stop.requested",
  "feed.connected",
  "feed.disconnected",
  "feed.heard",
  "feed.went.stale",
  "feed.recovered",
  "feed.ended",
  "timer.due",
] as const satisfies readonly FactType[];
export type FeedEvent = EventOf<typeof feedTakes>;

export type FeedEffect =
  /** Open the source where the archive ends; answered by feed.connected or feed.disconnected. */
  | { readonly type: "feed.connect"; readonly feed: string }
  | { readonly type: "feed.stop"; readonly feed: string }
  /** Look at the age of the newest data; answered by feed.heard or feed.went.stale. */
  | { readonly type: "feed.measure"; readonly feed: string; readonly silenceMsMax: number }
  /** Say feed.recovered at the next data. */
  | { readonly type: "feed.await"; readonly feed: string }
  | TimerSet
  | TimerClear
  | SafetyReport
  | Alert;

interface FeedContext {
  readonly policy: FeedInput;
  /** Failed tries since data last arrived. */
  readonly attempts: number;
  /** AN010 is open: it was raised and not yet resolved. */
  readonly isAlerted: boolean;
  /** Why data is missing, for people. */
  readonly cause: string;
  /** The source wants to be left alone until then, epoch ms; outlives the process, because a ban does. */
  readonly notBefore: number;
}

/** Timer ids of this machine. */
export const silenceTimer = "feed.silence";
export const retryTimer = "feed.retry";

export const feedMachine = setup({
  types: {
    context: {} as FeedContext,
    input: {} as FeedInput,
    events: {} as FeedEvent,
    emitted: {} as FeedEffect,
  },
  guards: {
    isSilenceDue: ({ event }) => event.type === "timer.due" && event.id === silenceTimer,
    isRetryDue: ({ event }) => event.type === "timer.due" && event.id === retryTimer,
    isAlerted: ({ context }) => context.isAlerted,
    isLeftAlone: ({ context, event }) => isLeftAlone(context.notBefore, event.at),
    isDueTooEarly: ({ context, event }) =>
      event.type === "timer.due" && event.id === retryTimer && isLeftAlone(context.notBefore, event.at),
    isMarketClosed: ({ event }) => event.type === "feed.heard" && !event.marketOpen,
    hasNoTryLeft: ({ context: { policy, attempts } }) =>
      policy.reconnect.attemptsMax > 0 && attempts >= policy.reconnect.attemptsMax,
  },
  actions: {
    connect: emit(({ context }) => ({ type: "feed.connect" as const, feed: context.policy.feed })),
    stop: emit(({ context }) => ({ type: "feed.stop" as const, feed: context.policy.feed })),
    measure: emit(({ context: { policy } }) => ({
      type: "feed.measure" as const,
      feed: policy.feed,
      silenceMsMax: policy.silenceMsMax,
    })),
    awaitData: emit(({ context }) => ({ type: "feed.await" as const, feed: context.policy.feed })),
    setSilence: emit(({ context: { policy }, event }) => ({
      type: "timer.set" as const,
      id: silenceTimer,
      // The deadline belongs to the newest data; a closed market is looked at again after the same time.
      at:
        event.type === "feed.heard" && event.marketOpen
          ? event.at + Math.max(1, policy.silenceMsMax - event.silentMs)
          : event.at + policy.silenceMsMax,
    })),
    setConnectLimit: emit(({ context: { policy }, event }) => ({
      type: "timer.set" as const,
      id: retryTimer,
      at: event.at + policy.reconnect.connectMsMax,
    })),
    setRetry: emit(({ context: { policy, attempts, notBefore }, event }) => {
      const delayMs = reconnectDelayMs(policy.reconnect, attempts, fractionOf(event.at, attempts));
      // While the source is left alone safety is told again and again that data is missing.
      const at = isLeftAlone(notBefore, event.at)
        ? Math.min(notBefore + delayMs, event.at + policy.silenceMsMax)
        : event.at + delayMs;
      return { type: "timer.set" as const, id: retryTimer, at };
    }),
    setStaleLimit: emit(({ context: { policy }, event }) => ({
      type: "timer.set" as const,
      id: retryTimer,
      at: event.at + policy.silenceMsMax,
    })),
    clearSilence: emit({ type: "timer.clear", id: silenceTimer }),
    clearRetry: emit({ type: "timer.clear", id: retryTimer }),
    countTry: assign({ attempts: ({ context }) => context.attempts + 1 }),
    forgetTries: assign({ attempts: 0 }),
    noteCause: assign(({ context, event }) => {
      const { policy } = context;
      if (event.type === "feed.disconnected")
        return {
          cause: `${policy.feed} is disconnected: ${event.reason}`,
          notBefore: event.retryAfterMs === undefined ? context.notBefore : event.at + event.retryAfterMs,
        };
      if (event.type === "feed.went.stale") return { cause: `${policy.feed} has delivered nothing for ${event.silentMs} ms` };
      return { cause: `${policy.feed} does not answer` };
    }),
    noteAlert: assign({ isAlerted: true }),
    noteResolved: assign({ isAlerted: false }),
    reportMissing: emit(({ context }) => ({
      type: "safety.report" as const,
      kind: "anomaly" as const,
      code: "AN010" as const,
      reason: context.cause,
    })),
    alertMissing: emit(({ context }) => ({ type: "alert.warning" as const, code: "AN010" as const, text: context.cause })),
    alertGivenUp: emit(({ context: { policy, attempts, cause } }) => ({
      type: "alert.critical" as const,
      code: "AN010" as const,
      text: `${cause}; given up after ${attempts} tries, ${policy.feed} waits for a person`,
    })),
    resolve: emit(({ context: { policy } }) => ({
      type: "alert.resolved" as const,
      code: "AN010" as const,
      text: `${policy.feed} delivers again`,
    })),
    resolveClosed: emit(({ context: { policy } }) => ({
      type: "alert.resolved" as const,
      code: "AN010" as const,
      text: `${policy.feed}: the market is closed, silence is expected`,
    })),
  },
}).createMachine({
  id: "feed",
  context: ({ input }) => ({ policy: input, attempts: 0, isAlerted: false, cause: "", notBefore: 0 }),
  initial: "idle",
  on: {
    // Whatever was connected died with the process before.
    "session.started": { target: ".idle", actions: ["clearSilence", "clearRetry"] },
    "feed.connect.requested": [
      { guard: "isLeftAlone", target: ".reconnecting", actions: ["clearSilence", "stop", "forgetTries"] },
      { target: ".connecting", actions: "forgetTries" },
    ],
    "feed.stop.requested": { target: ".stopped", actions: ["stop", "clearSilence", "clearRetry"] },
  },
  states: {
    idle: { description: "Nothing is connected; market data has not been asked for yet." },
    connecting: {
      entry: ["connect", "setConnectLimit"],
      on: {
        "feed.connected": [
          { guard: "isAlerted", target: "stale", actions: ["clearRetry", "setSilence"] },
          { target: "live", actions: ["clearRetry", "setSilence"] },
        ],
        "feed.disconnected": { target: "lost", actions: "noteCause" },
        "timer.due": { guard: "isRetryDue", target: "lost", actions: ["stop", "noteCause"] },
      },
    },
    live: {
      description: "Connected, and data is young enough or its age has not been asked for yet.",
      on: {
        "timer.due": { guard: "isSilenceDue", actions: "measure" },
        "feed.heard": { actions: ["forgetTries", "setSilence"] },
        "feed.went.stale": {
          target: "stale",
          actions: ["noteCause", "reportMissing", "alertMissing", "noteAlert", "setSilence"],
        },
        "feed.disconnected": { target: "lost", actions: "noteCause" },
        "feed.ended": { target: "ended" },
      },
    },
    stale: {
      description:
        "Connected and silent in session, or just reconnected: healthy only when data arrives, or the market has closed.",
      entry: ["awaitData", "setStaleLimit"],
      on: {
        "feed.recovered": { target: "live", actions: ["forgetTries", "resolve", "noteResolved", "clearRetry", "setSilence"] },
        "feed.heard": [
          { guard: "isMarketClosed", target: "live", actions: ["resolveClosed", "noteResolved", "clearRetry", "setSilence"] },
          { actions: "setSilence" },
        ],
        "feed.went.stale": { actions: "setSilence" },
        "timer.due": [
          { guard: "isSilenceDue", actions: "measure" },
          // A connection that stays silent may be dead without knowing it: take a new one.
          { guard: "isRetryDue", target: "lost", actions: "stop" },
        ],
        "feed.disconnected": { target: "lost", actions: "noteCause" },
        "feed.ended": { target: "ended", actions: ["resolve", "noteResolved"] },
      },
    },
    lost: {
      description: "Not connected: decides whether to try again.",
      entry: "clearSilence",
      always: [
        { guard: "hasNoTryLeft", target: "failed" },
        { guard: "isAlerted", target: "reconnecting", actions: "reportMissing" },
        { target: "reconnecting", actions: ["reportMissing", "alertMissing", "noteAlert"] },
      ],
    },
    reconnecting: {
      description: "Waits, longer after each failed try, up to a cap, and as long as the source wants to be left alone.",
      entry: ["setRetry", "countTry"],
      on: {
        "timer.due": [
          { guard: "isDueTooEarly", actions: ["reportMissing", "setRetry"] },
          { guard: "isRetryDue", target: "connecting" },
        ],
      },
    },
    ended: {
      description: "The recorded source has no more data.",
      entry: ["clearSilence", "clearRetry"],
    },
    stopped: { description: "Market data was stopped on request." },
    failed: {
      description:
        "Every try was used up: a person must ask for the connection again, and safety is told that data is still missing.",
      entry: ["alertGivenUp", "noteAlert", "reportMissing", "setStaleLimit"],
      on: { "timer.due": { guard: "isRetryDue", actions: ["reportMissing", "setStaleLimit"] } },
    },
  },
});
