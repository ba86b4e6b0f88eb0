/** What people are told: alerts through their channels, and the lines of the log. */
import { tradingAllowed } from "#machines/safety.machine.ts";
import { createAlerts, createLogAlertChannel } from "#ops/automation/alerts.ts";
import type { Part, PartContext } from "./part.ts";

export const createAlertsPart = ({ ports: { log, wallClock }, view, tell }: PartContext) => {
  const alerts = createAlerts({ channels: [createLogAlertChannel(log)], clock: wallClock });

  /** An alarm is an effect, and a crash may have cut it off: every process says again which orders wait for a person. */
  const callForPersons = (): void => {
    const waiting = [...view.desk().liveOrders()].filter(({ isOverdue, isUndetermined }) => isOverdue && isUndetermined);
    if (waiting.length === 0) return;
    const named = waiting.map(({ orderId }) => orderId).join(", ");
    if (tradingAllowed(view.safety()))
      tell("failsafe.tripped", { code: "FS042", reason: `no outcome beyond the deadline: ${named}` });
    for (const { orderId } of waiting) {
      const text = `${orderId}: the submit's outcome is still unknown; an operator must look at the venue and resolve it`;
      alerts.handlers["alert.critical"]({ type: "alert.critical", code: "FS042", text });
    }
  };

  return {
    name: "alerts",
    effects: alerts.handlers,
    readings: { alertsLost: () => Object.values(alerts.figures()).reduce((sum, { lost }) => sum + lost, 0) },
    begin: callForPersons,
    listen: (dispatcher) => {
      // What became of an order is worth a line, but no line is worth a late fill: lines wait in P3.
      dispatcher.handle(
        ["order.filled", "order.canceled", "order.rejected", "order.denied", "order.expired", "order.submit.unknown"],
        ({ type, payload: { orderId } }) => {
          const order = view.desk().order(orderId);
          if (order === undefined) return;
          const { side, symbol, ordered, cumulative, endReason } = order;
          const ended = endReason === null ? "" : ` (${endReason})`;
          const text = `${orderId} ${side} ${ordered} ${symbol}: ${type}, ${cumulative} filled${ended}`;
          tell("log.written", { level: "info", text, fields: { orderId, fact: type } });
        },
        { name: "log" },
      );
      dispatcher.handle("log.written", ({ payload: { text, fields } }) => log.info((fields ?? {}) as object, text), {
        name: "log",
      });
    },
    release: () => alerts.close(),
  } satisfies Part;
};
