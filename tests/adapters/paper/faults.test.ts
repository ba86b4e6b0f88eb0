import { describe, expect, it } from "vitest";
import { type Faults, noFaults, reportFate, requestFate } from "#adapters/paper/faults.ts";
import { readLedger } from "#adapters/paper/oracle.ts";
import { order, paperConfig, type World, waysToTheVenue } from "./world.ts";

const price = 1_680_000;
const told = (world: World): string[] => world.reports.map(({ type }) => type).filter((type) => type !== "connected");
const settled = async <T>(world: World, work: Promise<T>, ms: number): Promise<T | "pending"> => {
  let outcome: T | "pending" = "pending";
  void work.then((value) => {
    outcome = value;
  });
  await world.pass(ms);
  return outcome;
};

describe.each(waysToTheVenue)("the fault menu of an exchange $way (O11)", ({ createWorld }) => {
  const faulty = (faults: Partial<Faults>): Promise<World> =>
    createWorld({ config: paperConfig({ latencyMs: [10, 10], participationShare: 1, faults: { ...noFaults, ...faults } }) });

  it("refuses an order with which nothing is wrong", async () => {
    const world = await faulty({ rejectShare: 1 });
    expect(await settled(world, world.broker.submit(order()), 10)).toMatchObject({ error: { code: "venue.refused" } });
    expect(readLedger(world.ledgerPath).orders).toMatchObject([{ status: "rejected" }]);
  });

  it("accepts an order and takes that back, unless it was filled in between", async () => {
    const world = await faulty({ rejectAfterAcceptShare: 1 });
    expect(await settled(world, world.broker.submit(order()), 10)).toMatchObject({ ok: true });
    await world.pass(20);
    expect(told(world)).toEqual(["accepted", "rejected"]);
    const lucky = world.broker.submit(order({ orderId: "lucky" }));
    await world.pass(10);
    await world.trade(price, 10);
    await world.pass(100);
    expect(await lucky).toMatchObject({ ok: true });
    expect(told(world).slice(2)).toEqual(["accepted", "filled"]);
  });

  it("takes a cancel back too: the request is answered with yes, and a report says no", async () => {
    const world = await faulty({ rejectAfterAcceptShare: 1 });
    void world.broker.submit(order());
    await world.pass(10);
    await world.trade(price, 3);
    const cancel = world.broker.cancel({ orderId: "o-1", brokerOrderId: "P00000001", symbol: "SPY" });
    expect(await settled(world, cancel, 100)).toEqual({ ok: true, value: undefined });
    expect(told(world)).toEqual(["accepted", "filled", "cancelRejected"]);
    const orders = await world.broker.orders();
    expect(orders.ok && orders.value).toMatchObject([{ status: "partiallyFilled", leavesQuantity: 7 }]);
  });

  it("loses the response of an order that lives: its outcome is unknown after the deadline, and the list shows it (O5)", async () => {
    const world = await faulty({ lostResponseShare: 1 });
    const answer = world.broker.submit(order());
    expect(await settled(world, answer, 2_999)).toBe("pending");
    expect(await settled(world, answer, 1)).toEqual({
      ok: false,
      error: { type: "outcome.unknown", reason: "no answer within 3000 ms" },
    });
    const orders = await world.broker.orders();
    expect(orders.ok && orders.value).toMatchObject([{ clientOrderId: "o-1", status: "accepted" }]);
  });

  it("answers after the fill was reported", async () => {
    const world = await faulty({ lateResponseShare: 1, lateResponseMs: 500 });
    const answer = world.broker.submit(order());
    await world.pass(10);
    await world.trade(price, 10);
    expect(await settled(world, answer, 498)).toBe("pending");
    expect(told(world)).toEqual(["accepted", "filled"]);
    expect(await settled(world, answer, 1)).toMatchObject({ ok: true });
  });

  it("lets a late answer find nobody waiting once the deadline has passed", async () => {
    const world = await faulty({ lateResponseShare: 1, lateResponseMs: 5_000 });
    const answer = world.broker.submit(order());
    expect(await settled(world, answer, 6_000)).toMatchObject({ error: { type: "outcome.unknown" } });
  });

  it("brings an order late, and no list denies it meanwhile: a query waits behind it (O5)", async () => {
    const world = await faulty({ slowOrderShare: 1, slowOrderMs: 2_000 });
    const answer = world.broker.submit(order());
    const list = world.broker.orders();
    expect(await settled(world, list, 1_999)).toBe("pending");
    expect(await settled(world, list, 1)).toMatchObject({ ok: true, value: [{ clientOrderId: "o-1" }] });
    expect(await answer).toMatchObject({ ok: true });
  });

  it("reports everything twice", async () => {
    const world = await faulty({ duplicateReportShare: 1 });
    await world.buy("o-1", price, 10);
    await world.trade(price, 10);
    await world.pass(200);
    expect(told(world).toSorted()).toEqual(["accepted", "accepted", "filled", "filled"]);
    const fillIds = world.reports.flatMap((report) => (report.type === "filled" ? [report.fillId] : []));
    expect(new Set(fillIds).size).toBe(1);
  });

  it("reports nothing, while the lists stay true", async () => {
    const world = await faulty({ missingReportShare: 1 });
    await world.buy("o-1", price, 10);
    await world.trade(price, 10);
    await world.pass(200);
    expect(told(world)).toEqual([]);
    expect(await world.broker.executions()).toMatchObject({ ok: true, value: [{ quantity: 10 }] });
  });

  it("sends some reports by a detour, so that others overtake them", async () => {
    const world = await faulty({ reorderReportShare: 0.5 });
    for (let index = 0; index < 10; index += 1) {
      void world.broker.submit(order({ orderId: `o-${index}`, quantity: 1 }));
      await world.pass(10);
      await world.trade(price, 10);
    }
    await world.pass(500);
    const fills = world.reports.flatMap((report) => (report.type === "filled" ? [report.fillId] : []));
    expect(fills).toHaveLength(10);
    expect(fills).not.toEqual(fills.toSorted());
    expect(told(world).filter((type) => type === "accepted")).toHaveLength(10);
  });

  it("shows lists that are behind: an order and a fill appear only after the lag (O5)", async () => {
    const world = await faulty({ listLagMs: 1_000 });
    expect(world.broker.capabilities.clientOrderIdLookup).toBe(false);
    void world.broker.submit(order());
    await world.pass(500);
    await world.trade(price, 4);
    const lists = async (): Promise<unknown[]> => {
      const orders = await world.broker.orders();
      const executions = await world.broker.executions();
      return [
        orders.ok && orders.value.map(({ cumulativeQuantity }) => cumulativeQuantity),
        executions.ok && executions.value.length,
      ];
    };
    expect(await lists()).toEqual([[], 0]);
    await world.pass(509);
    expect(await lists()).toEqual([[0], 0]);
    await world.pass(491);
    expect(await lists()).toEqual([[4], 1]);
  });

  it("drops the connection after an order was recorded: outcome unknown, reports lost, connected again after the back-off (O5)", async () => {
    const world = await faulty({ disconnectShare: 1 });
    const answer = world.broker.submit(order());
    expect(await settled(world, answer, 10)).toEqual({
      ok: false,
      error: { type: "outcome.unknown", reason: "the connection was lost" },
    });
    expect(await world.broker.submit(order({ orderId: "o-2" }))).toMatchObject({ error: { type: "not.sent" } });
    expect(await world.broker.orders()).toMatchObject({ error: { type: "broker.unavailable" } });
    await world.trade(price, 4);
    await world.pass(998);
    expect(told(world)).toEqual(["lost"]);
    await world.pass(1);
    expect(world.reports.at(-1)?.type).toBe("connected");
    expect(await world.broker.orders()).toMatchObject({ value: [{ clientOrderId: "o-1", cumulativeQuantity: 4 }] });
  });

  it("loses with the connection what had not arrived, and nothing of it arrives later", async () => {
    const world = await faulty({ disconnectShare: 1 });
    const first = world.broker.submit(order());
    await world.pass(5);
    const second = world.broker.submit(order({ orderId: "o-2" }));
    await world.pass(5_000);
    expect(await first).toMatchObject({ error: { type: "outcome.unknown" } });
    expect(await second).toMatchObject({ error: { type: "outcome.unknown" } });
    expect(readLedger(world.ledgerPath).orders.map(({ orderId }) => orderId)).toEqual(["o-1"]);
  });

  it("falls silent with the connection up: nothing comes until the stall is over, then everything in its order", async () => {
    const world = await faulty({ stallShare: 1, stallMs: 2_000 });
    const answer = world.broker.submit(order());
    await world.pass(10);
    await world.trade(price, 10);
    const list = world.broker.orders();
    expect(await settled(world, answer, 1_998)).toBe("pending");
    expect(told(world)).toEqual([]);
    expect(await settled(world, answer, 1)).toMatchObject({ ok: true });
    expect(told(world)).toEqual(["accepted", "filled"]);
    expect(await list).toMatchObject({ ok: true });
  });

  it("can be a venue that knows no order id of ours, as KIS (O5)", async () => {
    const world = await createWorld({ config: paperConfig({ clientOrderIds: false }) });
    expect(world.broker.capabilities.clientOrderIdLookup).toBe(false);
    await world.buy("o-1", price, 10);
    await world.trade(price, 100);
    await world.pass(100);
    const orders = await world.broker.orders();
    const executions = await world.broker.executions();
    for (const one of [...world.reports, ...(orders.ok ? orders.value : []), ...(executions.ok ? executions.value : [])])
      expect(one).not.toHaveProperty("clientOrderId");
    expect(readLedger(world.ledgerPath).orders).toMatchObject([{ orderId: "o-1", status: "filled" }]);
  });
});

describe("luck", () => {
  const all: Faults = {
    ...noFaults,
    rejectShare: 0.2,
    rejectAfterAcceptShare: 0.2,
    lostResponseShare: 0.2,
    lateResponseShare: 0.2,
    slowOrderShare: 0.2,
    slowOrderMs: 400,
    duplicateReportShare: 0.2,
    missingReportShare: 0.2,
    reorderReportShare: 0.2,
    disconnectShare: 0.2,
    stallShare: 0.2,
  };

  it("is the order's own: it depends on the seed and the id, and not on which other faults are on", () => {
    const alone = requestFate(1, "submit o-1", [5, 40], { ...noFaults, lostResponseShare: 0.2 });
    const together = requestFate(1, "submit o-1", [5, 40], all);
    expect(together.response === "lost").toBe(alone.response === "lost");
    expect(requestFate(1, "submit o-1", [5, 40], all)).toEqual(together);
  });

  it("comes as often as its share says, within the latency's bounds", () => {
    const fates = Array.from({ length: 4_000 }, (_, index) => requestFate(9, `submit order-${index}`, [5, 40], all));
    const shareOf = (count: number): number => count / fates.length;
    expect(shareOf(fates.filter(({ refused }) => refused).length)).toBeCloseTo(0.2, 1);
    expect(shareOf(fates.filter(({ disconnects }) => disconnects).length)).toBeCloseTo(0.2, 1);
    expect(shareOf(fates.filter(({ response }) => response === "lost").length)).toBeCloseTo(0.2, 1);
    expect(shareOf(fates.filter(({ latencyMs }) => latencyMs === 400).length)).toBeCloseTo(0.2, 1);
    for (const { latencyMs } of fates) expect(latencyMs === 400 || (latencyMs >= 5 && latencyMs <= 40)).toBe(true);
    const reports = Array.from({ length: 4_000 }, (_, n) => reportFate(9, n, [5, 40], all));
    expect(reports.filter(({ missing }) => missing).length / 4_000).toBeCloseTo(0.2, 1);
  });
});
