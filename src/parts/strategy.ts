/** The user's strategy: its eyes, its cycles, and what becomes of its proposals. */
import { createCycle } from "#core/strategy/cycle.ts";
import { GuestFault, isThenable } from "#core/strategy/guest.ts";
import type { Trade } from "#core/strategy/strategy.ts";
import { executionLoopMachine } from "#machines/execution-loop.machine.ts";
import type { Part, PartContext } from "./part.ts";

export const createStrategyPart = ({ config, ports, view, offer, tell, nextOrderId }: PartContext) => {
  const { strategy, wallClock, log } = ports;
  const { timeoutMs } = config.events.handlers;
  /** Why nothing of the strategy is called any more in this process. */
  let suspended: string | undefined;

  /** A promise that never ends would hold market time at every trade. Its limit counts real time, also in a replay. */
  const watched = (outcome: PromiseLike<void>): Promise<void> =>
    new Promise((resolve, reject) => {
      const cancel = wallClock.setTimer(wallClock.now() + timeoutMs, () => {
        if (suspended === undefined) {
          suspended = `the strategy ${strategy.name} is suspended: its onTrade returned a promise that has not ended after ${timeoutMs} ms`;
          log.error({ strategy: strategy.name }, `${suspended}; it is not called any more until QTS is started again`);
        }
        resolve();
      });
      outcome.then(
        () => {
          cancel();
          resolve();
        },
        (error: unknown) => {
          cancel();
          reject(error);
        },
      );
    });

  const onTrade = (trade: Trade): void | Promise<void> => {
    if (suspended !== undefined) return;
    const outcome: unknown = strategy.onTrade?.(trade);
    if (isThenable(outcome)) return watched(outcome as PromiseLike<void>);
  };

  const cycle = createCycle({
    strategy: {
      name: strategy.name,
      evaluate: (seen) => {
        if (suspended !== undefined) throw new GuestFault(suspended);
        return strategy.evaluate(seen);
      },
    },
    clock: ports.clock,
    offer,
    signalMsMax: 2 * config.execution.intervalMs,
    nextOrderId,
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
    figures: () => ({ name: strategy.name, suspended: suspended ?? null }),
    listen: (dispatcher) => {
      dispatcher.handle(
        "market.trade.ticked",
        ({ payload: { symbol, priceMinor, quantity, exchangeAt } }) => onTrade({ symbol, priceMinor, quantity, at: exchangeAt }),
        { name: "strategy" },
      );
      dispatcher.handle("signal.generated", cycle.actOnSignal, { name: "signals" });
    },
    begin: (cause) => {
      if (config.trading.enabled) tell("execution.start.requested", { cause });
    },
  } satisfies Part;
};
