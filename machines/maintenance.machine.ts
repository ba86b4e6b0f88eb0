/**
 * Maintenance: backup, proof, retention, cleanup, in this order and no other (seed 000 §6, spec M1).
 *
 * The chart has one way to deletion and it leads through `verifying`. Each effect is performed outside and comes back as a
 * fact with the same run id; a fact of another run is late news and changes nothing. A failing step leaves data where it is.
 */
import { assign, emit, enqueueActions, setup } from "xstate";
import type { Alert, SafetyReport } from "./effects.ts";
import type { EventOf, FactType } from "./facts/catalog.ts";
import { endsRun } from "./maintenance.rules.ts";

export const maintenanceTakes = [
  "session.started",
  "maintenance.run.requested",
  "maintenance.planned",
  "maintenance.backup.completed",
  "maintenance.backup.verified",
  "maintenance.scanned",
  "maintenance.cleaned",
  "maintenance.failed",
] as const satisfies readonly FactType[];
export type MaintenanceEvent = EventOf<typeof maintenanceTakes>;

export type MaintenanceEffect =
  /** List the files under the data root and what of them the backup lacks. */
  | { readonly type: "maintenance.plan"; readonly runId: string }
  /** Write what is lacking into a new archive. */
  | { readonly type: "backup.run"; readonly runId: string }
  /** Read the archive back from its destination and make the manifest durable; no path when nothing was new. */
  | { readonly type: "backup.verify"; readonly runId: string; readonly archivePath?: string }
  /** Split the manifest's files into kept and expired; touches nothing. */
  | { readonly type: "retention.scan"; readonly runId: string; readonly manifestSha256: string }
  /** Delete expired files. Cannot be undone: performed only when its cause is durable in the journal. */
  | { readonly type: "cleanup.run"; readonly runId: string; readonly manifestSha256: string }
  | Alert
  | SafetyReport;

/** What the latest run has done so far; zeros before the first. */
export interface MaintenanceFigures {
  readonly backedUp: number;
  readonly verified: number;
  readonly deleted: number;
  readonly kept: number;
}

export interface MaintenanceContext {
  readonly runId: string | null;
  /** The verified manifest of this run; null until there is one. */
  readonly manifestSha256: string | null;
  readonly failure: { readonly step: string; readonly reason: string } | null;
  readonly figures: MaintenanceFigures;
  /** An AN080 is out and has not been resolved. */
  readonly alerted: boolean;
}

const noFigures: MaintenanceFigures = { backedUp: 0, verified: 0, deleted: 0, kept: 0 };

export const maintenanceMachine = setup({
  types: {
    context: {} as MaintenanceContext,
    events: {} as MaintenanceEvent,
    emitted: {} as MaintenanceEffect,
  },
  guards: {
    isOfThisRun: ({ context, event }) => "runId" in event && event.runId === context.runId,
    isNothingToKeep: ({ context, event }) =>
      event.type === "maintenance.planned" && event.runId === context.runId && endsRun(event.type, event),
    isProven: ({ context, event }) => "runId" in event && event.runId === context.runId && context.manifestSha256 !== null,
    isOursWithLeftovers: ({ context, event }) =>
      event.type === "maintenance.cleaned" && event.runId === context.runId && event.failed > 0,
  },
  actions: {
    begin: assign(({ context, event }) =>
      event.type === "maintenance.run.requested"
        ? { runId: event.runId, manifestSha256: null, failure: null, figures: noFigures }
        : context,
    ),
    noteBackedUp: assign(({ context, event }) =>
      event.type === "maintenance.backup.completed" ? { figures: { ...context.figures, backedUp: event.files } } : {},
    ),
    noteProof: assign(({ context, event }) =>
      event.type === "maintenance.backup.verified"
        ? { manifestSha256: event.manifestSha256, figures: { ...context.figures, verified: event.files } }
        : {},
    ),
    noteCleaned: assign(({ context, event }) =>
      event.type === "maintenance.cleaned" ? { figures: { ...context.figures, deleted: event.deleted, kept: event.kept } } : {},
    ),
    noteFailure: assign(({ event }) =>
      event.type === "maintenance.failed" ? { failure: { step: event.step, reason: event.reason } } : {},
    ),
    noteInterruption: assign({
      failure: { step: "interrupted", reason: "the process ended in the middle of the run" },
    }),
    warnUndeleted: emit(({ event }) => ({
      type: "alert.warning" as const,
      code: "AN082" as const,
      text: event.type === "maintenance.cleaned" ? `${event.failed} expired files could not be deleted` : "",
    })),
    reportFailure: emit(({ context }) => ({
      type: "safety.report" as const,
      kind: "anomaly" as const,
      code: "AN080" as const,
      reason: `${context.failure?.step}: ${context.failure?.reason}`,
    })),
    alertFailure: emit(({ context }) => ({
      type: "alert.warning" as const,
      code: "AN080" as const,
      text: `maintenance run ${context.runId} failed at ${context.failure?.step}: ${context.failure?.reason}`,
    })),
    resolveAlert: enqueueActions(({ context, enqueue }) => {
      if (!context.alerted) return;
      enqueue.emit({ type: "alert.resolved", code: "AN080", text: `maintenance run ${context.runId} is done` });
      enqueue.assign({ alerted: false });
    }),
  },
}).createMachine({
  id: "maintenance",
  context: { runId: null, manifestSha256: null, failure: null, figures: noFigures, alerted: false },
  initial: "idle",
  states: {
    idle: {
      on: { "maintenance.run.requested": { target: "working", actions: "begin" } },
    },
    working: {
      description: "One run at a time: a request during a run is covered by the run that is under way.",
      initial: "planning",
      on: {
        "maintenance.failed": { guard: "isOfThisRun", target: "failed", actions: "noteFailure" },
        // The hands that did the work died with the process; nobody would ever report the step's outcome.
        "session.started": { target: "failed", actions: "noteInterruption" },
      },
      states: {
        planning: {
          entry: emit(({ context }) => ({ type: "maintenance.plan" as const, runId: context.runId as string })),
          on: {
            "maintenance.planned": [
              { guard: "isNothingToKeep", target: "#maintenance.done" },
              { guard: "isOfThisRun", target: "backingUp" },
            ],
          },
        },
        backingUp: {
          entry: emit(({ context }) => ({ type: "backup.run" as const, runId: context.runId as string })),
          on: {
            "maintenance.backup.completed": {
              guard: "isOfThisRun",
              target: "verifying",
              actions: "noteBackedUp",
            },
          },
        },
        verifying: {
          description: "The backup is read back from where it lies; no exception so far proves nothing.",
          entry: emit(({ context, event }) => ({
            type: "backup.verify" as const,
            runId: context.runId as string,
            ...(event.type === "maintenance.backup.completed" && event.archivePath !== undefined
              ? { archivePath: event.archivePath }
              : {}),
          })),
          on: {
            "maintenance.backup.verified": { guard: "isOfThisRun", target: "scanning", actions: "noteProof" },
          },
        },
        scanning: {
          description: "Only files of the verified manifest are looked at, so nothing unbacked can become a candidate.",
          entry: emit(({ context }) => ({
            type: "retention.scan" as const,
            runId: context.runId as string,
            manifestSha256: context.manifestSha256 as string,
          })),
          on: {
            "maintenance.scanned": { guard: "isProven", target: "cleaningUp" },
          },
        },
        cleaningUp: {
          description: "Deletes what retention named and the manifest proves, each file checked again right before.",
          entry: emit(({ context }) => ({
            type: "cleanup.run" as const,
            runId: context.runId as string,
            manifestSha256: context.manifestSha256 as string,
          })),
          on: {
            "maintenance.cleaned": [
              { guard: "isOursWithLeftovers", target: "#maintenance.done", actions: ["noteCleaned", "warnUndeleted"] },
              { guard: "isOfThisRun", target: "#maintenance.done", actions: "noteCleaned" },
            ],
          },
        },
      },
    },
    done: {
      entry: "resolveAlert",
      on: { "maintenance.run.requested": { target: "working", actions: "begin" } },
    },
    failed: {
      description: "Visible, and not final: the next request starts from the beginning.",
      entry: ["alertFailure", "reportFailure", assign({ alerted: true })],
      on: { "maintenance.run.requested": { target: "working", actions: "begin" } },
    },
  },
});
