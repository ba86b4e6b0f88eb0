/** The machines that are drawn, by the name of their page and, where it differs, of their actor. */
import type { AnyStateMachine } from "xstate";
import { archiveMachine } from "#machines/archive.machine.ts";
import { executionLoopMachine } from "#machines/execution-loop.machine.ts";
import { feedMachine } from "#machines/feed.machine.ts";
import { heartbeatMachine } from "#machines/heartbeat.machine.ts";
import { maintenanceMachine } from "#machines/maintenance.machine.ts";
import { operatingMachine } from "#machines/operating-state.machine.ts";
import { opsMachine } from "#machines/ops.machine.ts";
import { orderMachine } from "#machines/order.machine.ts";
import { reconciliationMachine } from "#machines/reconciliation.machine.ts";
import { safetyMachine } from "#machines/safety.machine.ts";
import { schedulerMachine } from "#machines/scheduler.machine.ts";
import { sessionMachine } from "#machines/session.machine.ts";
import { supervisorMachine } from "#machines/supervisor.machine.ts";

export const drawnMachines: { readonly [page: string]: AnyStateMachine } = {
  supervisor: supervisorMachine,
  session: sessionMachine,
  safety: safetyMachine,
  "operating-state": operatingMachine,
  order: orderMachine,
  reconciliation: reconciliationMachine,
  "execution-loop": executionLoopMachine,
  feed: feedMachine,
  archive: archiveMachine,
  ops: opsMachine,
  maintenance: maintenanceMachine,
  scheduler: schedulerMachine,
  heartbeat: heartbeatMachine,
};
