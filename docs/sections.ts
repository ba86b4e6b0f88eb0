/** What is generated, and from what: each section and file of the docs with the code that is its source. */
import type { AnyStateMachine } from "xstate";
import { sessionReportJsonSchema } from "#commands/session-report.ts";
import { effectTable, irreversibleEffects } from "#core/runtime/effects.ts";
import { archiveMachine } from "#machines/archive.machine.ts";
import { executionLoopMachine } from "#machines/execution-loop.machine.ts";
import { feedMachine } from "#machines/feed.machine.ts";
import { heartbeatMachine } from "#machines/heartbeat.machine.ts";
import { maintenanceMachine } from "#machines/maintenance.machine.ts";
import { operatingMachine } from "#machines/operating-state.machine.ts";
import { opsMachine } from "#machines/ops.machine.ts";
import { reconciliationMachine } from "#machines/reconciliation.machine.ts";
import { safetyMachine } from "#machines/safety.machine.ts";
import { schedulerMachine } from "#machines/scheduler.machine.ts";
import { sessionMachine } from "#machines/session.machine.ts";
import { supervisorMachine } from "#machines/supervisor.machine.ts";
import { snapshotJsonSchema } from "#market/snapshot.ts";
import { chartOf } from "./chart.ts";
import { configurationReference } from "./reference.configuration.ts";
import { eventSchemas, eventsReference } from "./reference.events.ts";
import { orderSections } from "./reference.orders.ts";
import { alertsReference } from "./reference.safety.ts";
import { requirementsReference } from "./requirements.ts";

const machines: { readonly [page: string]: AnyStateMachine } = {
  supervisor: supervisorMachine,
  safety: safetyMachine,
  "operating-state": operatingMachine,
  reconciliation: reconciliationMachine,
  "execution-loop": executionLoopMachine,
  feed: feedMachine,
  session: sessionMachine,
  archive: archiveMachine,
  ops: opsMachine,
  maintenance: maintenanceMachine,
  scheduler: schedulerMachine,
  heartbeat: heartbeatMachine,
};

const effectsReference = (): string => {
  const irreversible: readonly string[] = irreversibleEffects;
  const rows = Object.entries(effectTable).map(
    ([type, { performedBy, says }]) =>
      `| \`${type}\` | ${irreversible.includes(type) ? "after its cause is durable" : "at once"} | ${performedBy} | ${says} |`,
  );
  return ["| effect | performed | by | what it asks for |", "|---|---|---|---|", ...rows.sort()].join("\n");
};

const json = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** Whole files, by path. */
export const generatedFiles = async (): Promise<{ readonly [path: string]: string }> => ({
  ...eventSchemas(),
  "docs/reference/session-report.schema.json": json(sessionReportJsonSchema()),
  "docs/reference/snapshot.schema.json": json(snapshotJsonSchema()),
});

/** Parts of pages, by the name between their markers. */
export const generatedSections = async (): Promise<{ readonly [name: string]: string }> => ({
  events: eventsReference(),
  effects: effectsReference(),
  configuration: configurationReference(),
  alerts: alertsReference(),
  requirements: requirementsReference(),
  ...orderSections(),
  ...Object.fromEntries(Object.entries(machines).map(([page, machine]) => [`chart:${page}`, chartOf(machine)])),
});
