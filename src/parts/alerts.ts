/** What people are told: alerts through their channels, and the lines of the log. */
import { tradingAllowed } from "#machines/safety.machine.ts";
import { createAlerts, createLogAlertChannel } from "#ops/automation/alerts.ts";
import { quietHoursOf } from "#ops/automation/quiet-hours.ts";
import type { Part, PartContext } from "./part.ts";

export const createAlertsPart = ({ config, ports: { log, wallClock, alertChannels = [] }, view, tell }: PartContext) => {
  const alerts = createAlerts({
    channels: [createLogAlertChannel(log), ...alertChannels],
    clock: wallClock,
    quiet: quietHoursOf(config.alerts.quiet),
  });
  const lost = (): number => Object.values(alerts.figures()).reduce((sum, figures) => sum + figures.lost, 0);

  /** The report has been told by now: what is lost from here on has a line of its own. */
  const close = async (): Promise<void> => {
    const before = lost();
    await alerts.close();
    if (lost() > before)
      log.warn({ lost: lost() - before }, "alerts were lost, because the session ended before a channel took them");
  };

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
    readings: { alertsLost: lost, alertsTold: alerts.told },
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
    lastWords: close,
    release: close,
    figures: () =>
      Object.fromEntries(
        Object.entries(alerts.figures()).flatMap(([channel, figures]) =>
          Object.entries(figures)
            // The log is there at once and has no night.
            .filter(([figure]) => channel !== "log" || !["waiting", "held", "limited", "lastFailure"].includes(figure))
            .map(([figure, value]) => [`${channel}${figure.charAt(0).toUpperCase()}${figure.slice(1)}`, value]),
        ),
      ),
  } satisfies Part;
};
