/** Two hundred orders and a thousand trades with everything going wrong, the same for the same seed. */
import { noFaults } from "#adapters/paper/faults.ts";
import { createRandom } from "#core/random.ts";
import { order, paperConfig, type World, type WorldOptions } from "./world.ts";

export const allFaults = {
  ...noFaults,
  rejectShare: 0.05,
  rejectAfterAcceptShare: 0.05,
  lostResponseShare: 0.05,
  lateResponseShare: 0.05,
  lateResponseMs: 300,
  slowOrderShare: 0.05,
  slowOrderMs: 200,
  duplicateReportShare: 0.1,
  missingReportShare: 0.1,
  reorderReportShare: 0.1,
  disconnectShare: 0.02,
  stallShare: 0.02,
  stallMs: 500,
};

export const busyOptions = (seed: number): WorldOptions => ({
  seed,
  config: paperConfig({ faults: allFaults }),
  reconnectMs: [20, 100],
});

const price = 1_680_000;

export const playBusySession = async (
  world: World,
  steps = 1_000,
  afterStep?: (step: number) => Promise<void>,
): Promise<void> => {
  const draw = createRandom(4711);
  for (let step = 0; step < steps; step += 1) {
    if (step % 5 === 0) {
      const side = draw() < 0.6 ? "buy" : "sell";
      const limitPriceMinor = price + Math.floor(draw() * 9 - 4) * 100;
      const quantity = 1 + Math.floor(draw() * 20);
      void world.broker.submit(order({ orderId: `o-${step}`, side, limitPriceMinor, quantity }));
    }
    if (step % 17 === 0) void world.broker.cancel({ orderId: `o-${step - 34}`, brokerOrderId: "", symbol: "SPY" });
    await world.trade(price + Math.floor(draw() * 9 - 4) * 100, 1 + Math.floor(draw() * 100));
    await world.pass(Math.floor(draw() * 20));
    await afterStep?.(step);
  }
};
