/** The user's strategy: its eyes, its cycles, and what becomes of its proposals. */
import { createOrderIds } from "#core/orders/intent.ts";
import { createCycle } from "#core/strategy/cycle.ts";
import { executionLoopMachine } from "#machines/execution-loop.machine.ts";
import type { Part, PartContext } from "./part.ts";

export const createStrategyPart = ({ config, ports, view, offer, tell }: PartContext) => {
  const { strategy } = ports;
  const cycle = createCycle({
    strategy,
    clock: ports.clock,
    offer,
    signalMsMax: 2 * config.execution.intervalMs,
    nextOrderId: createOrderIds(ports.orderSeries),
    view: () => ({
      now: view.now(),
      instruments: view.instruments,
      position: (symbol) => view.desk().position(symbol).quantity,
      mark: view.mark,
      openOrders: [...view.desk().liveOrders()].map((order) => ({
        orderId: order.orderId,
        symbol: order.symbol,
        side: order.side,
        leavesQuantity: order.ordered - order.cumulative,
        createdAt: order.intendedAt,
        isCancelPending: order.isCancelPending,
      })),
      entrySignalMin: view.operating().properties.entrySignalMin,
      newEntry: view.operating().properties.newEntry,
    }),
  });

  return {
    name: "strategy",
    machines: { execution: { logic: executionLoopMachine, input: config.execution } },
    effects: { "cycle.run": ({ cycle: number }: { readonly cycle: number }) => cycle.run(number) },
    readings: { signalsDropped: cycle.droppedSignals },
    listen: (dispatcher) => {
      dispatcher.handle(
        "market.trade.ticked",
        ({ payload: { symbol, priceMinor, quantity, exchangeAt } }) =>
          strategy.onTrade?.({ symbol, priceMinor, quantity, at: exchangeAt }),
        { name: "strategy" },
      );
      dispatcher.handle("signal.generated", cycle.actOnSignal, { name: "signals" });
    },
    begin: (cause) => {
      if (config.trading.enabled) tell("execution.start.requested", { cause });
    },
  } satisfies Part;
};
