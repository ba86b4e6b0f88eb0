/** Defects of the system QTS came from (spec origin-facts.md §3, marked [!]): each with a test that QTS does not have it. */
import { expect, it } from "vitest";
import type { NewFact } from "#core/event/catalog.ts";
import { drainAll, fill, metric, setUp, signal, tick, turn } from "./setup.ts";

it("does not overwrite a signal of one symbol, or of one strategy, by another's", () => {
  const { dispatcher, handled } = setUp();
  dispatcher.offer(signal("A", "cross", 1));
  dispatcher.offer(signal("B", "cross", 2));
  dispatcher.offer(signal("A", "breakout", 3));
  dispatcher.offer(signal("A", "cross", 4));
  drainAll(dispatcher);
  expect(handled).toEqual(["signal.generated:A/cross/4", "signal.generated:B/cross/2", "signal.generated:A/breakout/3"]);
});

it("can fill P2 to its capacity, because keys are more than types", () => {
  const { dispatcher } = setUp();
  for (let mark = 0; mark < 1000; mark += 1) dispatcher.offer(signal(`S${mark}`, "s", mark));
  expect(dispatcher.lanes().P2).toMatchObject({ depth: 1000, collapsed: 0, dropped: 0 });
});

it("does not lose the ticks that a liquidation needs in LOCKDOWN: the paused lane holds them", () => {
  const { dispatcher, handled } = setUp({}, { report: () => undefined });
  dispatcher.setDegradation("CRITICAL_ONLY");
  for (let mark = 0; mark < 100; mark += 1) dispatcher.offer(tick("A", mark));
  drainAll(dispatcher);
  expect(handled).toEqual([]);
  expect(dispatcher.lanes().P1).toMatchObject({ accepted: 100, depth: 100, dropped: 0 });
  dispatcher.setDegradation("NORMAL");
  drainAll(dispatcher);
  expect(handled).toHaveLength(100);
});

it("can say what the ring dropped, how many and from where to where, and keeps the newest of every symbol", () => {
  const { dispatcher, handled } = setUp({ lanes: { P1: { capacity: 4 } } });
  dispatcher.offer(tick("quiet", 0));
  for (let mark = 1; mark <= 20; mark += 1) dispatcher.offer(tick("busy", mark));
  expect(dispatcher.types()["market.trade.ticked"]).toMatchObject({
    dropped: 17,
    firstDroppedId: "0000000000002",
    lastDroppedId: "0000000000018",
  });
  drainAll(dispatcher);
  expect(handled.filter((mark) => mark.startsWith("market"))).toEqual([
    "market.trade.ticked:quiet/0",
    "market.trade.ticked:busy/18",
    "market.trade.ticked:busy/19",
    "market.trade.ticked:busy/20",
  ]);
});

it("does not deadlock when a P0 handler offers P0 facts while the lane is full", async () => {
  const { dispatcher, handled } = setUp({ lanes: { P0: { capacity: 3, warningDepth: 2, criticalDepth: 3 } } });
  dispatcher.handle(
    "order.filled",
    ({ payload }) => {
      if (payload.quantity < 100)
        for (let extra = 1; extra <= 5; extra += 1) dispatcher.offer(fill(payload.quantity * 100 + extra));
    },
    { name: "begets" },
  );
  const waits = [1, 2, 3, 4, 5, 6].map((mark) => dispatcher.offerExternal(fill(mark)));
  expect(waits.filter((wait) => wait !== "accepted")).toHaveLength(3);
  dispatcher.start();
  await Promise.all(waits);
  while (handled.filter((mark) => mark.startsWith("order")).length < 36) await turn();
  expect(dispatcher.lanes().P0).toMatchObject({ depth: 0, dropped: 0 });
  expect(dispatcher.refused()).toEqual({});
});

it("answers with a count and FS095, not with a hang, when even the internal reserve is full", () => {
  const reported: NewFact[] = [];
  const { dispatcher } = setUp({ lanes: { P0: { internalReserve: 5 } } }, { report: (newFact) => reported.push(newFact) });
  for (let mark = 0; mark < 8; mark += 1) dispatcher.offer(fill(mark));
  drainAll(dispatcher);
  expect(dispatcher.refused()).toEqual({ "order.filled": 3 });
  expect(dispatcher.lanes().P0).toMatchObject({ accepted: 5, handled: 5 });
  expect(reported.map(({ payload }) => payload)).toMatchObject([{ code: "FS095" }]);
});

it("lets P3 yield to P1 at every take, so priority is strict", () => {
  const { dispatcher, handled } = setUp();
  for (let mark = 0; mark < 3; mark += 1) dispatcher.offer(metric(mark));
  dispatcher.handle("metric.recorded", ({ payload }) => dispatcher.offer(tick("A", payload.value)), { name: "p3" });
  drainAll(dispatcher);
  expect(handled.map((mark) => mark.split(".")[0])).toEqual(["metric", "market", "metric", "market", "metric", "market"]);
});

it("keeps the list of dead letters bounded, and gives batch handlers retry and dead letters too", () => {
  const { clock, dispatcher } = setUp({ handlers: { deadLettersMax: 10 }, lanes: { P3: { batchSize: 20 } } });
  dispatcher.handleBatch(
    "metric.recorded",
    () => {
      throw new Error("no");
    },
    { name: "writer" },
  );
  for (let mark = 0; mark < 100; mark += 1) dispatcher.offer(metric(mark));
  drainAll(dispatcher);
  clock.wind(1000);
  expect(dispatcher.deadLetters.size).toBe(10);
  expect(dispatcher.deadLetters.forgotten).toBe(90);
});

it("does not let a retry of one P0 fact stall the P0 facts behind it", () => {
  const { dispatcher, handled } = setUp();
  dispatcher.handle(
    "order.filled",
    ({ payload }) => {
      if (payload.quantity === 0) throw new Error("no");
    },
    { name: "fails on the first" },
  );
  for (let mark = 0; mark < 10; mark += 1) dispatcher.offer(fill(mark));
  drainAll(dispatcher);
  // No time has passed on the clock, so no retry has run, and yet everybody behind the first one is through.
  expect(handled).toHaveLength(10);
  expect(dispatcher.lanes().P0.handled).toBe(9);
});

it("measures from enqueued to handled, not the batch's time divided by its size", () => {
  const { clock, dispatcher } = setUp({ lanes: { P3: { batchSize: 10, batchWaitMs: 500 } } });
  dispatcher.handleBatch("metric.recorded", () => undefined, { name: "writer" });
  dispatcher.offer(metric(1));
  dispatcher.offer(metric(2));
  clock.wind(100);
  drainAll(dispatcher);
  clock.wind(500);
  expect(dispatcher.lanes().P3.maxMs).toBe(600);
});

it("samples the same facts for the same seed, and starts before the lane is full", () => {
  const kept = (seed: number): string[] => {
    const { dispatcher, handled } = setUp({ lanes: { P3: { capacity: 100, samplingMarkShare: 0.5 } } }, { seed });
    for (let mark = 0; mark < 300; mark += 1) dispatcher.offer(metric(mark));
    expect(dispatcher.lanes().P3.dropped).toBe(0);
    expect(dispatcher.lanes().P3.sampled).toBeGreaterThan(200);
    drainAll(dispatcher);
    return handled;
  };
  expect(kept(1)).toEqual(kept(1));
  expect(kept(1)).not.toEqual(kept(2));
});

it("does not stop with P0 facts still in the lane", async () => {
  const { dispatcher, handled } = setUp();
  for (let mark = 0; mark < 30; mark += 1) dispatcher.offer(fill(mark));
  const { left } = await dispatcher.stop(0);
  expect(left.P0).toBe(0);
  expect(handled).toHaveLength(30);
});
