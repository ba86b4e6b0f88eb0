/**
 * Can the market archive write, does it keep what it receives, and is there room for more?
 *
 * The sink buffers and retries by itself; here it is decided what that means: whether a person is told, and when the house
 * counts as well again. Trading does not depend on the archive, so everything here is an anomaly, never a fail-safe.
 */
import { assign, emit, enqueueActions, setup } from "xstate";
import {
  type ArchiveSample,
  type DiskLevel,
  diskLevel,
  lostInWindow,
  type RefusalLevel,
  refusalLevel,
  refusedInWindow,
  withSample,
} from "./archive.rules.ts";
import type { Alert, SafetyReport, TimerClear, TimerSet } from "./effects.ts";
import type { EventOf, FactType } from "./facts/catalog.ts";

export interface ArchiveInput {
  /** Wait before opening is tried again. */
  readonly reopenMs: number;
  /** Of what was received in the window, at least this share must be persisted. */
  readonly persistedShareMin: number;
  readonly disk: { readonly warningFreeShare: number; readonly criticalFreeShare: number };
}

export const archiveTakes = [
  "session.started",
  "archive.opened",
  "archive.write.failed",
  "archive.write.resumed",
  "archive.measured",
  "archive.close.requested",
  "archive.closed",
  "disk.measured",
  "timer.due",
] as const satisfies readonly FactType[];
export type ArchiveEvent = EventOf<typeof archiveTakes>;

export type ArchiveEffect =
  /** Answered by archive.opened or archive.write.failed. */
  | { readonly type: "archive.open" }
  /** Write what is buffered, fsync, seal; answered by archive.closed. */
  | { readonly type: "archive.close" }
  | TimerSet
  | TimerClear
  | SafetyReport
  | Alert;

interface ArchiveContext {
  readonly policy: ArchiveInput;
  readonly samples: readonly ArchiveSample[];
  readonly isLosing: boolean;
  readonly refusing: RefusalLevel;
  readonly disk: DiskLevel;
  /** Why the archive could not write last, for people. */
  readonly failure: string;
}

export const reopenTimer = "archive.reopen";

export const archiveMachine = setup({
  types: {
    context: {} as ArchiveContext,
    input: {} as ArchiveInput,
    events: {} as ArchiveEvent,
    emitted: {} as ArchiveEffect,
  },
  guards: {
    isReopenDue: ({ event }) => event.type === "timer.due" && event.id === reopenTimer,
  },
  actions: {
    open: emit({ type: "archive.open" }),
    close: emit({ type: "archive.close" }),
    setReopen: emit(({ context, event }) => ({
      type: "timer.set" as const,
      id: reopenTimer,
      at: event.at + context.policy.reopenMs,
    })),
    clearReopen: emit({ type: "timer.clear", id: reopenTimer }),
    reportFailure: enqueueActions(({ event, enqueue }) => {
      if (event.type !== "archive.write.failed") return;
      const text = `${event.path}: ${event.code}, ${event.reason}; ${event.bufferedRows} rows wait in memory`;
      enqueue.emit({ type: "safety.report", kind: "anomaly", code: "AN070", reason: text });
      enqueue.emit({ type: "alert.critical", code: "AN070", text });
      enqueue.assign({ failure: text });
    }),
    // People were told once. Safety takes silence for the end of a trouble, so it is told as long as it lasts.
    reportStill: emit(({ context }) => ({
      type: "safety.report" as const,
      kind: "anomaly" as const,
      code: "AN070" as const,
      reason: context.failure,
    })),
    resolveFailure: emit(({ event }) => ({
      type: "alert.resolved" as const,
      code: "AN070" as const,
      text:
        event.type === "archive.write.resumed"
          ? `the archive writes again; ${event.replayedRows} rows were kept, ${event.lostRows} lost`
          : "the archive writes again",
    })),
    forgetSamples: assign({ samples: [], isLosing: false, refusing: "ok" }),
    judgeSample: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "archive.measured") return;
      const samples = withSample(context.samples, event);
      const { lost, received } = lostInWindow(samples);
      const isLosing = received > 0 && (received - lost) / received < context.policy.persistedShareMin;
      if (isLosing) {
        const text = `${lost} of ${received} rows received were not persisted`;
        enqueue.emit({ type: "safety.report", kind: "anomaly", code: "AN071", reason: text });
        if (!context.isLosing) enqueue.emit({ type: "alert.critical", code: "AN071", text });
      }
      if (!isLosing && context.isLosing)
        enqueue.emit({ type: "alert.resolved", code: "AN071", text: "what is received is persisted again" });
      enqueue.assign({ samples, isLosing });
    }),
    judgeRefusals: enqueueActions(({ context, enqueue }) => {
      const window = refusedInWindow(context.samples);
      const refusing = refusalLevel(window);
      const text = `${window.refused} of ${window.received} rows received were refused`;
      if (refusing !== "ok") enqueue.emit({ type: "safety.report", kind: "anomaly", code: "AN072", reason: text });
      if (refusing === context.refusing) return;
      if (refusing === "ok") enqueue.emit({ type: "alert.resolved", code: "AN072", text: "what is received is taken again" });
      else enqueue.emit({ type: refusing === "critical" ? "alert.critical" : "alert.warning", code: "AN072", text });
      enqueue.assign({ refusing });
    }),
    judgeDisk: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "disk.measured") return;
      const disk = diskLevel(context.disk, event.freeShare, context.policy.disk);
      // A disk may be rather full for months; one that is nearly full is told to safety as long as it is.
      if (disk === context.disk && disk !== "critical") return;
      enqueue.assign({ disk });
      const until = event.hoursUntilFull === undefined ? "" : `, full in about ${event.hoursUntilFull.toFixed(1)} h`;
      const text = `${(event.freeShare * 100).toFixed(1)} % of the disk is free (${event.freeBytes} bytes)${until}`;
      if (disk === "ok") enqueue.emit({ type: "alert.resolved", code: "AN081", text });
      else {
        enqueue.emit({ type: "safety.report", kind: "anomaly", code: "AN081", reason: text });
        if (disk !== context.disk)
          enqueue.emit({ type: disk === "critical" ? "alert.critical" : "alert.warning", code: "AN081", text });
      }
    }),
  },
}).createMachine({
  id: "archive",
  context: ({ input }) => ({ policy: input, samples: [], isLosing: false, refusing: "ok", disk: "ok", failure: "" }),
  initial: "idle",
  on: {
    // Files that were open died with the process before; its counters too.
    "session.started": { target: ".opening", actions: "forgetSamples" },
    "archive.measured": { actions: ["judgeSample", "judgeRefusals"] },
    "disk.measured": { actions: "judgeDisk" },
  },
  states: {
    idle: { description: "The session has not started yet." },
    opening: {
      description: "Torn tails of a process that was killed are being cut, and it is read where rows go on.",
      entry: "open",
      on: {
        "archive.opened": { target: "writing" },
        "archive.write.failed": { target: "blocked", actions: "reportFailure" },
        "archive.close.requested": { target: "closing" },
      },
    },
    blocked: {
      description: "The archive could not be opened: rows wait in memory, and opening is tried again and again.",
      entry: "setReopen",
      on: {
        "timer.due": { guard: "isReopenDue", actions: ["open", "setReopen"] },
        "archive.measured": { actions: ["judgeSample", "judgeRefusals", "reportStill"] },
        "archive.opened": { target: "writing", actions: ["clearReopen", "resolveFailure"] },
        "archive.close.requested": { target: "closing", actions: "clearReopen" },
      },
    },
    writing: {
      on: {
        "archive.write.failed": { target: "degraded", actions: "reportFailure" },
        "archive.close.requested": { target: "closing" },
      },
    },
    degraded: {
      description: "Rows wait in a bounded buffer; the sink tries again by itself. What does not fit is counted and declared.",
      on: {
        "archive.write.resumed": { target: "writing", actions: "resolveFailure" },
        "archive.measured": { actions: ["judgeSample", "judgeRefusals", "reportStill"] },
        "archive.close.requested": { target: "closing" },
      },
    },
    closing: {
      entry: "close",
      on: {
        "archive.write.failed": { actions: "reportFailure" },
        "archive.closed": { target: "closed" },
      },
    },
    closed: { description: "Every accepted row is on disk and the segments are sealed." },
  },
});
