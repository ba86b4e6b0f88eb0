/**
 * When is the venue asked, and when do our orders and positions agree with its own? (spec O5, O6)
 *
 * A run asks for orders, executions and the account, and compares. What was missing has been told as facts by then; the
 * machine hears of counts and of the positions that differ, never of lists. It counts how often an order was absent, looks
 * again before a difference counts, tries again with growing waits, and says when trading may open. All of that is context
 * and deadlines, so it survives a restart; only a question that was under way does not.
 */
import { and, assign, emit, enqueueActions, setup } from "xstate";
import type { SafetyReport, TimerClear, TimerSet } from "./effects.ts";
import type { EventOf, FactType } from "./facts/catalog.ts";
import {
  type Absences,
  absencesSince,
  answerMsMax,
  comparisonsMax,
  confirmMs,
  type Disagreement,
  disagreementAt,
  hasLasted,
  isAbsent,
  isLasting,
  lookupDelayMs,
  type ReconciliationCause,
  retryDelayMs,
  withAbsence,
} from "./reconciliation.rules.ts";

export interface ReconciliationInput {
  /** Between two runs while nothing happens. */
  readonly everyMs: number;
  /** A venue with client order ids may say "absent" only this long after the approval. */
  readonly absentAfterMs: number;
}

export const reconciliationTakes = [
  "session.started",
  "session.ended",
  "broker.connected",
  "reconciliation.requested",
  "order.lookup.requested",
  "order.not.listed",
  "reconciliation.compared",
  "reconciliation.unanswered",
  "reconciliation.completed",
  "timer.due",
] as const satisfies readonly FactType[];
export type ReconciliationEvent = EventOf<typeof reconciliationTakes>;

/** What a run found; zero everywhere means that both sides agree. */
interface Findings {
  readonly orders: number;
  readonly fills: number;
  readonly mismatches: number;
}

export type ReconciliationEffect =
  /** Tell that a run begins: trading closes unless the cause is the timer, and what was on its way becomes unknown. */
  | { readonly type: "reconciliation.begin"; readonly cause: ReconciliationCause }
  /**
   * Ask the venue and compare; answered by reconciliation.compared or .unanswered with the same number. `hasLasted`: positions
   * have differed for so long that its lists are no longer behind our reports.
   */
  | {
      readonly type: "broker.compare";
      readonly asked: number;
      readonly cause: ReconciliationCause;
      readonly hasLasted: boolean;
    }
  /** Tell the order that the venue never had it. */
  | { readonly type: "order.report.absent"; readonly orderId: string }
  /** Tell that both sides agree. */
  | ({ readonly type: "reconciliation.complete"; readonly cause: ReconciliationCause } & Findings)
  /** Tell that they do not, or that the venue did not answer. */
  | { readonly type: "reconciliation.fail"; readonly cause: ReconciliationCause; readonly reason: string }
  | TimerSet
  | TimerClear
  | SafetyReport;

export interface ReconciliationContext {
  readonly policy: ReconciliationInput;
  /** Of the run under way, or of the last one. */
  readonly cause: ReconciliationCause;
  /** Runs that wait for the present one, each cause once. */
  readonly queued: readonly ReconciliationCause[];
  /** Reports may have been lost since the last comparison; what is missing then is acted on at once. */
  readonly gap: "start" | "reconnect" | null;
  /** Number of the newest question; an answer to an older one is late. */
  readonly asked: number;
  /** The first question of the run. */
  readonly firstAsked: number;
  readonly findings: Findings;
  readonly failuresInRow: number;
  /** When the next run begins by itself. */
  readonly nextAt: number | null;
  /** Orders without an outcome at the last agreement, and how long they have been looked for. */
  readonly lookups: { readonly orders: number; readonly attempt: number };
  readonly absences: Absences;
  readonly disagreement: Disagreement | null;
}

/** Timer ids of this machine. */
export const runTimer = "reconciliation.run";
export const confirmTimer = "reconciliation.confirm";
export const answerTimer = "reconciliation.answer";

const noFindings: Findings = { orders: 0, fills: 0, mismatches: 0 };

const withCause = (queued: readonly ReconciliationCause[], cause: ReconciliationCause): readonly ReconciliationCause[] =>
  queued.includes(cause) ? queued : [...queued, cause];

const nextRunDelayMs = ({ policy, lookups, failuresInRow }: ReconciliationContext, event: ReconciliationEvent): number => {
  switch (event.type) {
    case "order.lookup.requested":
      return lookupDelayMs(0);
    case "reconciliation.completed":
      return lookupDelayMs(lookups.attempt);
    case "reconciliation.compared":
      if (event.disagreement !== undefined) return retryDelayMs(failuresInRow);
      // What the stream may be about to explain is looked at again before it is acted on.
      return event.unconfirmed > 0 ? Math.min(confirmMs, policy.everyMs) : policy.everyMs;
    default:
      return retryDelayMs(failuresInRow);
  }
};

export const reconciliationMachine = setup({
  types: {
    context: {} as ReconciliationContext,
    input: {} as ReconciliationInput,
    events: {} as ReconciliationEvent,
    emitted: {} as ReconciliationEffect,
  },
  guards: {
    isQueued: ({ context }) => context.queued.length > 0,
    isRunDue: ({ event }) => event.type === "timer.due" && event.id === runTimer,
    isConfirmDue: ({ event }) => event.type === "timer.due" && event.id === confirmTimer,
    isAnswerOverdue: ({ event }) => event.type === "timer.due" && event.id === answerTimer,
    isThisAnswer: ({ context, event }) => "asked" in event && event.asked === context.asked,
    agrees: ({ event }) => event.type === "reconciliation.compared" && event.disagreement === undefined,
    wasLastComparison: ({ context: { cause, asked, firstAsked } }) => asked - firstAsked + 1 >= comparisonsMax[cause],
    isLooking: ({ event }) => event.type === "reconciliation.completed" && (event.lookups ?? 0) > 0,
  },
  actions: {
    noteStart: assign({ gap: "start", queued: [], nextAt: null, lookups: { orders: 0, attempt: 0 } }),
    // A start that has not been compared yet remains one, however often the connection is made anew.
    noteConnected: assign(({ context: { gap, queued } }) => {
      const cause = gap === "start" ? "start" : "reconnect";
      return { gap: cause, queued: withCause(queued, cause) };
    }),
    queueRequest: assign(({ context, event }) =>
      event.type === "reconciliation.requested" ? { queued: withCause(context.queued, event.cause) } : {},
    ),
    queueDue: assign(({ context: { gap, queued } }) => ({ nextAt: null, queued: withCause(queued, gap ?? "timer") })),
    beginRun: enqueueActions(({ context, enqueue }) => {
      const [cause = "timer", ...queued] = context.queued;
      enqueue.assign({ cause, queued, firstAsked: context.asked + 1, findings: noFindings });
      enqueue.emit({ type: "reconciliation.begin", cause });
    }),
    ask: enqueueActions(({ context: { asked, cause, disagreement }, event, enqueue }) => {
      enqueue.assign({ asked: asked + 1 });
      enqueue.emit({ type: "timer.set", id: answerTimer, at: event.at + answerMsMax });
      // At a start the positions may differ in another way than they did before it.
      const isOld = cause !== "start" && hasLasted(disagreement, event.at);
      enqueue.emit({ type: "broker.compare", asked: asked + 1, cause, hasLasted: isOld });
    }),
    /** When the next run begins by itself. The earliest wins: one run answers every question that waits. */
    setNextRun: enqueueActions(({ context, event, enqueue }) => {
      const at = event.at + nextRunDelayMs(context, event);
      if (context.nextAt !== null && context.nextAt <= at) return;
      enqueue.assign({ nextAt: at });
      enqueue.emit({ type: "timer.set", id: runTimer, at });
    }),
    clearNextRun: emit({ type: "timer.clear", id: runTimer }),
    setConfirm: emit(({ event }) => ({ type: "timer.set" as const, id: confirmTimer, at: event.at + confirmMs })),
    clearConfirm: emit({ type: "timer.clear", id: confirmTimer }),
    clearAnswer: emit({ type: "timer.clear", id: answerTimer }),
    startLookup: assign({ lookups: ({ context }) => ({ orders: Math.max(1, context.lookups.orders), attempt: 1 }) }),
    countLookup: assign(({ context, event }) =>
      event.type === "reconciliation.completed"
        ? { lookups: { orders: event.lookups ?? 0, attempt: context.lookups.attempt + 1 } }
        : {},
    ),
    endLookups: assign({ lookups: { orders: 0, attempt: 0 }, absences: {} }),
    noteAbsence: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "order.not.listed") return;
      const { at, orderId, approvedAt, asked } = event;
      const { findings, policy } = context;
      const absences = withAbsence(context.absences, orderId, asked);
      enqueue.assign({ absences });
      if (!isAbsent(absences[orderId], { at, approvedAt, absentAfterMs: policy.absentAfterMs })) return;
      enqueue.assign({ findings: { ...findings, orders: findings.orders + 1 } });
      enqueue.emit({ type: "order.report.absent", orderId });
    }),
    noteFindings: assign(({ context: { findings }, event }) => {
      if (event.type !== "reconciliation.compared") return {};
      const { orders, fills, mismatches } = event;
      return { gap: null, findings: { orders: findings.orders + orders, fills: findings.fills + fills, mismatches } };
    }),
    /** Safety may stand at FS070 for an earlier process that did not know this machine. */
    endDisagreement: enqueueActions(({ context: { disagreement }, event, enqueue }) => {
      if (disagreement?.hasTripped || (event.type === "reconciliation.compared" && event.tripped))
        enqueue.emit({ type: "safety.report", kind: "cleared", code: "FS070", reason: "positions agree with the broker's" });
      enqueue.assign({ disagreement: null });
    }),
    noteDisagreement: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "reconciliation.compared" || event.disagreement === undefined) return;
      const { at, disagreement: reason } = event;
      const disagreement = disagreementAt(context.disagreement, { at, cause: context.cause, reason });
      const hasTripped = isLasting(disagreement, at);
      enqueue.assign({ disagreement: hasTripped ? { ...disagreement, hasTripped } : disagreement });
      if (hasTripped) enqueue.emit({ type: "safety.report", kind: "failsafe", code: "FS070", reason });
      else if (disagreement.since !== context.disagreement?.since)
        enqueue.emit({ type: "safety.report", kind: "anomaly", code: "AN030", reason: `positions disagree: ${reason}` });
    }),
    complete: enqueueActions(({ context: { absences, cause, findings, firstAsked }, enqueue }) => {
      const { orders, fills } = findings;
      enqueue.assign({ failuresInRow: 0, absences: absencesSince(absences, firstAsked) });
      enqueue.emit({ type: "reconciliation.complete", cause, ...findings });
      if (fills > 0 || (orders > 0 && cause !== "start"))
        enqueue.emit({
          type: "safety.report",
          kind: "anomaly",
          code: "AN030",
          reason: `reconciliation found ${fills} fills and ${orders} orders that no report had told`,
        });
    }),
    fail: emit(({ context: { cause }, event }) => ({
      type: "reconciliation.fail" as const,
      cause,
      reason:
        event.type === "reconciliation.compared"
          ? `positions disagree: ${event.disagreement}`
          : event.type === "reconciliation.unanswered"
            ? event.reason
            : `the broker has not answered for ${answerMsMax} ms`,
    })),
    countFailure: assign(({ context }) => ({ failuresInRow: context.failuresInRow + 1 })),
  },
}).createMachine({
  id: "reconciliation",
  context: ({ input }) => ({
    policy: input,
    cause: "start",
    queued: [],
    gap: "start",
    asked: 0,
    firstAsked: 0,
    findings: noFindings,
    failuresInRow: 0,
    nextAt: null,
    lookups: { orders: 0, attempt: 0 },
    absences: {},
    disagreement: null,
  }),
  initial: "idle",
  on: {
    // Whatever was being asked died with the process before, and the connection with it.
    "session.started": { target: ".idle", actions: ["noteStart", "clearNextRun", "clearConfirm", "clearAnswer"] },
    "session.ended": { target: ".stopped", actions: ["clearNextRun", "clearConfirm", "clearAnswer"] },
    "broker.connected": { actions: "noteConnected" },
    "reconciliation.requested": { actions: "queueRequest" },
    "order.lookup.requested": {
      actions: ["startLookup", "setNextRun"],
    },
    // Our own word, come back with what is still open once all that was found has been handled.
    "reconciliation.completed": [{ guard: "isLooking", actions: ["setNextRun", "countLookup"] }, { actions: "endLookups" }],
    "timer.due": { guard: "isRunDue", actions: "queueDue" },
  },
  states: {
    idle: {
      description: "Nothing is being asked; the next run begins with a connection, a request or its time.",
      always: { guard: "isQueued", target: "asking", actions: "beginRun" },
    },
    asking: {
      description: "The venue is asked for orders, executions and positions, in this order, and the answers are compared.",
      entry: "ask",
      exit: "clearAnswer",
      on: {
        "order.not.listed": { guard: "isThisAnswer", actions: "noteAbsence" },
        "reconciliation.compared": [
          {
            guard: and(["isThisAnswer", "agrees"]),
            target: "idle",
            actions: ["noteFindings", "endDisagreement", "complete", "setNextRun"],
          },
          {
            guard: and(["isThisAnswer", "wasLastComparison"]),
            target: "idle",
            actions: ["noteFindings", "noteDisagreement", "fail", "setNextRun", "countFailure"],
          },
          { guard: "isThisAnswer", target: "confirming", actions: "noteFindings" },
        ],
        "reconciliation.unanswered": { guard: "isThisAnswer", target: "idle", actions: ["fail", "setNextRun", "countFailure"] },
        "timer.due": { guard: "isAnswerOverdue", target: "idle", actions: ["fail", "setNextRun", "countFailure"] },
      },
    },
    confirming: {
      description: "Positions differ, perhaps because they move: they are compared again a moment later.",
      entry: "setConfirm",
      on: { "timer.due": { guard: "isConfirmDue", target: "asking" } },
    },
    stopped: { description: "The session has ended; nothing is asked any more." },
  },
});
