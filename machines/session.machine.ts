/**
 * How a session begins and how it ends.
 *
 * It begins with the archive and with the venue's word about our orders, and then the market is opened. It ends because the
 * data is over, or because somebody wants it to: the day's orders are settled with the venue and the day is backed up, or
 * what waits is made durable and the next start goes on. After a crash the next process begins anew, from any state.
 */
import { assign, emit, setup } from "xstate";
import type { TimerClear, TimerSet } from "./effects.ts";
import type { EventOf, FactType } from "./facts/catalog.ts";

export interface SessionInput {
  /** The market begins without a venue that does not answer for this long; trading stays closed until it does. */
  readonly venueMsMax: number;
  /** At the day's end the venue is asked for so long how its orders ended; then they are a person's. */
  readonly settleMsMax: number;
  /** Wait before the venue is asked again at the day's end: the first one, doubled each time up to the longest. */
  readonly settleWaitMsMin: number;
  readonly settleWaitMsMax: number;
}

export const sessionTakes = [
  "session.started",
  "archive.opened",
  "archive.write.failed",
  "reconciliation.completed",
  "reconciliation.failed",
  "broker.disconnected",
  "feed.ended",
  "session.end.requested",
  "session.venue.closed",
  "session.sealed",
  "session.settled",
  "session.maintained",
  "timer.due",
] as const satisfies readonly FactType[];
export type SessionEvent = EventOf<typeof sessionTakes>;

/** What a run begins with: a new session, or one that an earlier process had begun. Said as the cause of what follows from it. */
export type Beginning = "started" | "recovered";

export type SessionEffect =
  /** Connect to the venue and compare orders; answered by reconciliation.completed, .failed or broker.disconnected. */
  | { readonly type: "session.venue.open"; readonly cause: Beginning }
  /** Begin the market and, if configuration says so, trading. */
  | { readonly type: "session.begin"; readonly cause: Beginning }
  /** Nothing new is begun: no cycle, and no market data either unless the day is over anyway. */
  | { readonly type: "session.halt"; readonly cause: string; readonly isDayOver: boolean }
  /** The market closes at the venue; answered by session.venue.closed. */
  | { readonly type: "session.venue.close" }
  /** Everything archived is to be durable; answered by session.sealed, in real time at the latest. */
  | { readonly type: "session.seal"; readonly cause: string }
  /** Compare our orders with the venue's; answered by session.settled. */
  | { readonly type: "session.settle" }
  /** Back up the day; answered by session.maintained. */
  | { readonly type: "session.maintain" }
  /** Where nobody else winds the market's clock (a replay before and after its data), wind it until this time or this wait's end. */
  | { readonly type: "session.wait"; readonly until: number }
  /** Hand over what waits, report, and let go of everything. */
  | { readonly type: "session.close"; readonly cause: string; readonly isDayOver: boolean; readonly ownerless: number }
  | TimerSet
  | TimerClear;

export interface SessionContext {
  readonly policy: SessionInput;
  readonly recovered: boolean;
  /** Why the session ends. */
  readonly cause: string;
  /** Somebody wants it to end; before it has begun that is remembered. */
  readonly isEndRequested: boolean;
  /** Epoch ms: until then the venue is asked how the day's orders ended; 0 before the day's end. */
  readonly settleUntil: number;
  readonly settleWaitMs: number;
  /** Orders without an end that no person owns, at the day's end. */
  readonly ownerless: number;
}

/** Timer ids of this machine. */
export const venueTimer = "session.venue";
export const settleTimer = "session.settle";

const dayOver = "the day is over";
const beginning = ({ recovered }: SessionContext): Beginning => (recovered ? "recovered" : "started");

export const sessionMachine = setup({
  types: {
    context: {} as SessionContext,
    input: {} as SessionInput,
    events: {} as SessionEvent,
    emitted: {} as SessionEffect,
  },
  guards: {
    isEndRequested: ({ context }) => context.isEndRequested,
    isVenueDue: ({ event }) => event.type === "timer.due" && event.id === venueTimer,
    isSettleDue: ({ event }) => event.type === "timer.due" && event.id === settleTimer,
    isSettled: ({ event }) => event.type === "session.settled" && event.agreed && event.open === 0,
    isTooLate: ({ context, event }) => event.at > context.settleUntil,
  },
  actions: {
    // The rest of the context is set anew before it is read.
    beginAnew: assign(({ event }) =>
      event.type === "session.started" ? { recovered: event.recovered, isEndRequested: false } : {},
    ),
    rememberEnd: assign(({ event }) =>
      event.type === "session.end.requested" ? { isEndRequested: true, cause: event.cause } : {},
    ),
    noteDayOver: assign({ cause: dayOver }),
    openVenue: emit(({ context }) => ({ type: "session.venue.open" as const, cause: beginning(context) })),
    setVenueDeadline: emit(({ context, event }) => ({
      type: "timer.set" as const,
      id: venueTimer,
      at: event.at + context.policy.venueMsMax,
    })),
    clearVenueDeadline: emit({ type: "timer.clear", id: venueTimer }),
    waitForVenue: emit(({ context, event }) => ({
      type: "session.wait" as const,
      until: event.at + context.policy.venueMsMax,
    })),
    begin: emit(({ context }) => ({ type: "session.begin" as const, cause: beginning(context) })),
    halt: emit(({ context }) => ({ type: "session.halt" as const, cause: context.cause, isDayOver: false })),
    haltDay: emit(({ context }) => ({ type: "session.halt" as const, cause: context.cause, isDayOver: true })),
    closeVenue: emit({ type: "session.venue.close" }),
    seal: emit(({ context }) => ({ type: "session.seal" as const, cause: context.cause })),
    startSettling: assign(({ context, event }) => ({
      settleUntil: event.at + context.policy.settleMsMax,
      settleWaitMs: context.policy.settleWaitMsMin,
    })),
    settle: emit({ type: "session.settle" }),
    setNextLook: emit(({ context, event }) => ({
      type: "timer.set" as const,
      id: settleTimer,
      at: event.at + context.settleWaitMs,
    })),
    waitForNextLook: emit(({ context, event }) => ({ type: "session.wait" as const, until: event.at + context.settleWaitMs })),
    waitLonger: assign(({ context }) => ({
      settleWaitMs: Math.min(2 * context.settleWaitMs, context.policy.settleWaitMsMax),
    })),
    clearNextLook: emit({ type: "timer.clear", id: settleTimer }),
    noteOwnerless: assign(({ event }) => (event.type === "session.settled" ? { ownerless: event.ownerless } : {})),
    maintain: emit({ type: "session.maintain" }),
    closeDay: emit(({ context }) => ({
      type: "session.close" as const,
      cause: context.cause,
      isDayOver: true,
      ownerless: context.ownerless,
    })),
    close: emit(({ context }) => ({ type: "session.close" as const, cause: context.cause, isDayOver: false, ownerless: 0 })),
  },
}).createMachine({
  id: "session",
  context: ({ input }) => ({
    policy: input,
    recovered: false,
    cause: "",
    isEndRequested: false,
    settleUntil: 0,
    settleWaitMs: 0,
    ownerless: 0,
  }),
  initial: "idle",
  on: { "session.started": { target: ".opening", actions: "beginAnew" } },
  states: {
    idle: { description: "The journal is being replayed, or nothing has begun yet." },
    opening: {
      initial: "archive",
      on: { "session.end.requested": { actions: "rememberEnd" } },
      states: {
        archive: {
          description: "The archive says whether it can write; trading does not depend on its answer.",
          on: { "archive.opened": { target: "venue" }, "archive.write.failed": { target: "venue" } },
        },
        venue: {
          description: "The venue is asked what became of our orders, before anything new is begun.",
          entry: ["setVenueDeadline", "openVenue", "waitForVenue"],
          exit: "clearVenueDeadline",
          on: {
            "reconciliation.completed": { target: "#session.opened" },
            "reconciliation.failed": { target: "#session.opened" },
            "broker.disconnected": { target: "#session.opened" },
            "timer.due": { guard: "isVenueDue", target: "#session.opened" },
          },
        },
      },
    },
    opened: { always: [{ guard: "isEndRequested", target: "stopping" }, { target: "running" }] },
    running: {
      description: "The market is open as far as this process is concerned.",
      entry: "begin",
      on: {
        "feed.ended": { target: "endingDay", actions: "noteDayOver" },
        "session.end.requested": { target: "stopping", actions: "rememberEnd" },
      },
    },
    endingDay: {
      entry: "haltDay",
      initial: "closingVenue",
      on: { "session.end.requested": { target: "stopping", actions: "rememberEnd" } },
      states: {
        closingVenue: {
          entry: "closeVenue",
          on: { "session.venue.closed": { target: "sealing" } },
        },
        sealing: {
          entry: "seal",
          on: { "session.sealed": { target: "settling", actions: "startSettling" } },
        },
        settling: {
          description: "The venue has closed: it is asked until every order has an end and the positions agree.",
          entry: "settle",
          on: {
            "session.settled": [
              { guard: "isSettled", target: "maintaining", actions: "noteOwnerless" },
              { guard: "isTooLate", target: "maintaining", actions: "noteOwnerless" },
              { target: "waiting" },
            ],
          },
        },
        waiting: {
          description: "Its last reports may have been lost, or the connection with them: it is asked again, later and later.",
          entry: ["setNextLook", "waitForNextLook", "waitLonger"],
          exit: "clearNextLook",
          on: {
            "timer.due": { guard: "isSettleDue", actions: "closeVenue" },
            "session.venue.closed": { target: "settling" },
          },
        },
        maintaining: {
          entry: "maintain",
          on: { "session.maintained": { target: "#session.closed", actions: "closeDay" } },
        },
      },
    },
    stopping: {
      description: "Somebody ended the session in the middle of the day. The next start on this home goes on.",
      entry: ["halt", "seal"],
      on: { "session.sealed": { target: "closed", actions: "close" } },
    },
    closed: { description: "What waits is handed over and the process ends." },
  },
});
