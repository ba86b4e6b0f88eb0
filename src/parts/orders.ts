/** Orders: the desk that keeps them, the gates and the fence before the broker, and the comparison with what the venue says. */
import { createReportIntake } from "#core/execution/broker-reports.ts";
import { createExecutionRoute } from "#core/execution/execution-route.ts";
import { createEpochFence, createOrderGate } from "#core/execution/order-gate.ts";
import { createDeskLogic } from "#core/orders/desk-logic.ts";
import { createReconciliation } from "#core/orders/reconciliation.ts";
import { createComputingGates } from "#core/risk/computing-gates.ts";
import { orderMachine } from "#machines/order.machine.ts";
import { orderTakes } from "#machines/order.rules.ts";
import { tradingAllowed } from "#machines/safety.machine.ts";
import { tradingDayOf } from "#market/calendar.ts";
import type { Part, PartContext } from "./part.ts";

export const createOrdersPart = ({ config, ports, view, offer, intake }: PartContext) => {
  const { broker, clock } = ports;
  const { desk } = view;
  const fence = createEpochFence(ports.epoch);
  const gate = createOrderGate({ broker, fence });
  const reports = createReportIntake({
    broker,
    inlet: intake.inlet("broker"),
    offer,
    desk,
  });
  const reconciliation = createReconciliation({
    broker,
    desk,
    intake: reports,
    offer,
    isAwaited: gate.isAwaited,
    isTripped: () => view.safetyCause() === "FS070",
    matchSkewMs: config.broker.matchSkewMs,
  });
  const route = createExecutionRoute({
    gate,
    fence,
    riskGates: createComputingGates(config),
    view: {
      safety: view.safety,
      operating: () => view.operating().properties,
      mark: view.mark,
      instrument: view.instrument,
      now: view.now,
      ...(ports.tickAt === undefined ? {} : { tickAt: ports.tickAt }),
    },
    broker: { name: broker.name, live: broker.capabilities.live },
    desk,
    intake: reports,
    query: reconciliation.query,
    offer,
    clock,
    submitTimeoutMs: config.broker.submitTimeoutMs,
  });

  return {
    name: "orders",
    machines: {
      orders: {
        logic: createDeskLogic({
          instruments: config.instruments,
          limits: { unknownDeadlineMs: config.broker.unknownDeadlineMs, pendingDeadlineMs: config.broker.pendingDeadlineMs },
          finishedKept: config.broker.finishedOrdersKept,
          approvalsKept: 10_000,
          dayOf: tradingDayOf(config.instruments),
        }),
      },
      reconciliation: {
        logic: reconciliation.logic,
        input: { everyMs: config.broker.reconcileEveryMs, absentAfterMs: config.broker.absentAfterMs },
      },
    },
    hosts: [{ machine: orderMachine, takes: orderTakes }],
    effects: { ...route, ...reconciliation.handlers },
    listen: (dispatcher) => {
      dispatcher.handle("broker.connect.requested", () => reports.open(), { name: "orders" });
    },
    // What was approved before the halt must not leave after it (spec O7).
    safetyChanged: (to) => {
      if (!tradingAllowed(to)) fence.raise(`safety is ${to}`);
    },
    journalFailed: () => fence.close("the journal cannot append"),
    quieten: (why) => {
      fence.close(why);
      reconciliation.stop();
    },
    release: () => reports.close(),
  } satisfies Part;
};
