/** Whatever a venue does to an order, and however late, twice, out of order or not at all it says so, its lists heal our record. */
import { describe, expect, it } from "vitest";
import { isTerminal, leavesOf, type OrderRecord, statusOf } from "#machines/order.rules.ts";
import { createRig, type Rig } from "./rig.ts";
import { createVenueHistory } from "./venue-history.ts";

const orderId = "1";

const shown = (rig: Rig) => {
  const order = rig.desk().order(orderId) as OrderRecord;
  return {
    isEnded: isTerminal(statusOf(order)),
    cumulative: order.cumulative,
    leaves: leavesOf(order),
    cashMinor: rig.desk().totals().cashMinor,
    position: rig.desk().position("SPY").quantity,
    counted: order.fills.reduce((sum, { quantity }) => sum + quantity, 0),
    isTradingOpen: rig.desk().trading().open,
  };
};

/** Lives one history and asks the broker at its end, in the same process or in the next one. */
const live = async (seed: number, lost: number) => {
  const first = createRig({ clientOrderIdLookup: seed % 3 > 0 });
  first.buy(orderId, 4 + (seed % 5));
  await first.settle();
  const history = createVenueHistory(first, { seed, quantity: 4 + (seed % 5), lost, hasNewIds: seed % 3 > 0 });
  for (let step = 0; step < 6 + (seed % 9); step += 1) await history.step();
  await history.deliverAll();
  let rig = first;
  if (seed % 2 === 0) {
    first.reconcile.stop();
    const state = JSON.parse(JSON.stringify(first.desk().persist()));
    rig = createRig({ after: { state, broker: first.broker, at: first.now() }, leaseEpoch: 2 });
  }
  rig.reconcile.run(rig === first ? "reconnect" : "start");
  await rig.pass(90_000);
  const truth = history.truth();
  const expected = { ...truth, position: truth.cumulative, counted: truth.cumulative, isTradingOpen: true };
  return { shown: shown(rig), expected, told: history.told };
};

describe("every legal history of a venue (O2, O3, O4)", () => {
  it.each([
    { name: "when all reports come, late, twice and out of order", lost: 0, from: 1 },
    { name: "when a fifth of the reports is lost", lost: 20, from: 10_001 },
  ])("heals from the list and the executions $name", async ({ lost, from }) => {
    const count = Number(process.env.QTS_HISTORIES ?? 100);
    const unhealed: string[] = [];
    for (let seed = from; seed < from + count; seed += 1) {
      const { shown, expected, told } = await live(seed, lost);
      if (JSON.stringify(shown) !== JSON.stringify(expected))
        unhealed.push([`seed ${seed}`, ...told, JSON.stringify(shown), JSON.stringify(expected)].join("\n"));
    }
    expect(unhealed.length, `${unhealed.length} of ${count}, first: ${unhealed[0]}`).toBe(0);
  });
});
