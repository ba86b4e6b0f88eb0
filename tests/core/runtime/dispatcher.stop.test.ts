/** Stopping (spec E9): nothing new from outside, P0 to the last fact, the rest until a deadline, and an honest count. */
import { expect, it } from "vitest";
import { balanced, drainAll, fill, imbalance, metric, setUp, setUpCosts, signal, tick, turn } from "../event/setup.ts";

/** Every handled fact costs `costMs` of the clock. */
const slow = (costMs: number) => {
  const { dispatcher, spend } = setUpCosts();
  dispatcher.handle(
    () => true,
    () => spend(costMs),
    { name: "slow" },
  );
  return dispatcher;
};

it("drains P0 fully although the deadline has long passed, and reports what it left in the other lanes (E9)", async () => {
  const dispatcher = slow(10);
  for (let mark = 0; mark < 50; mark += 1) dispatcher.offer(fill(mark));
  for (let mark = 0; mark < 50; mark += 1) dispatcher.offer(tick("A", mark));
  dispatcher.offer(signal("A", "s", 1));
  const report = await dispatcher.stop(20);
  expect(report.handled.P0).toBe(50);
  expect(report.left.P0).toBe(0);
  expect(report.handled.P1 + report.left.P1).toBe(50);
  expect(report.left.P1).toBeGreaterThan(40);
  expect(report.left.P2).toBe(1);
  expect(imbalance(dispatcher)).toEqual(balanced);
});

it("drains every lane when there is time", async () => {
  const { dispatcher, handled } = setUp();
  for (const newFact of [metric(1), signal("A", "s", 1), tick("A", 1), fill(1)]) dispatcher.offer(newFact);
  const report = await dispatcher.stop(1000);
  expect(report.left).toEqual({ P0: 0, P1: 0, P2: 0, P3: 0 });
  expect(handled).toHaveLength(4);
});

it("drains what safety had held back too: nobody comes after us to hand it over (E9)", async () => {
  const { dispatcher, handled } = setUp();
  dispatcher.setDegradation("CRITICAL_ONLY");
  for (const newFact of [metric(1), signal("A", "s", 1), tick("A", 1)]) dispatcher.offer(newFact);
  drainAll(dispatcher);
  const report = await dispatcher.stop(1000);
  expect(report.left).toEqual({ P0: 0, P1: 0, P2: 0, P3: 0 });
  expect(handled.slice(-3)).toEqual(["market.trade.ticked:A/1", "signal.generated:A/s/1", "metric.recorded:1"]);
});

it("tries again at once what waits for a retry: nobody turns its clock any more (E9)", async () => {
  const { dispatcher } = setUp();
  let tries = 0;
  dispatcher.handle(
    "market.trade.ticked",
    () => {
      tries += 1;
      throw new Error("never");
    },
    { name: "broken" },
  );
  dispatcher.offer(tick("A", 1));
  expect(await dispatcher.stop(1000)).toMatchObject({ left: { P1: 0 } });
  expect(tries).toBe(4);
  expect(dispatcher.lanes().P1).toMatchObject({ deadLettered: 1, inProgress: 0 });
});

it("refuses new facts from outside at once, counts them, and still takes what the draining itself brings about", async () => {
  const { dispatcher, handled } = setUp();
  dispatcher.handle(
    "order.filled",
    ({ payload }) => {
      if (payload.quantity === 1) dispatcher.offer(fill(2));
    },
    { name: "consequence" },
  );
  dispatcher.offer(fill(1));
  const stopping = dispatcher.stop(1000);
  dispatcher.offerExternal(fill(3));
  await stopping;
  expect(handled).toEqual(["order.filled:f1", "order.filled:f2"]);
  dispatcher.offer(fill(4));
  expect(dispatcher.refused()).toEqual({ "order.filled": 2 });
});

it("takes in the facts of sources that wait outside a full P0 lane", async () => {
  const { dispatcher, handled } = setUp({ lanes: { P0: { capacity: 1, warningDepth: 1, criticalDepth: 1 } } });
  const waits = [1, 2, 3].map((mark) => dispatcher.offerExternal(fill(mark)));
  await dispatcher.stop(1000);
  await Promise.all(waits);
  expect(handled.filter((mark) => mark.startsWith("order"))).toHaveLength(3);
});

it("waits for handlers that have not ended and for half-full groups", async () => {
  const { dispatcher } = setUp();
  let end: () => void = () => undefined;
  dispatcher.handle(
    "market.trade.ticked",
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
    { name: "slow" },
  );
  const groups: number[] = [];
  dispatcher.handleBatch("metric.recorded", (facts) => void groups.push(facts.length), { name: "writer" });
  dispatcher.offer(tick("A", 1));
  dispatcher.offer(metric(1));
  const stopping = dispatcher.stop(1000);
  await turn();
  expect(groups).toEqual([1]);
  end();
  expect((await stopping).left).toEqual({ P0: 0, P1: 0, P2: 0, P3: 0 });
});

it("counts what handlers still hold among what it left (E9)", async () => {
  const { clock, dispatcher } = setUp({}, {});
  dispatcher.handle("market.trade.ticked", () => new Promise(() => undefined), { name: "never ends" });
  dispatcher.offer(tick("A", 1));
  const stopping = dispatcher.stop(1000);
  await turn();
  clock.wind(1000);
  expect((await stopping).left).toEqual({ P0: 0, P1: 1, P2: 0, P3: 0 });
});

it("ends although critical facts beget critical facts for ever", async () => {
  const dispatcher = slow(1);
  dispatcher.handle("order.filled", ({ payload }) => dispatcher.offer(fill(payload.quantity + 1)), { name: "endless" });
  dispatcher.offer(fill(1));
  const report = await dispatcher.stop(50);
  expect(report.left.P0).toBe(0);
  expect(dispatcher.refused()["order.filled"]).toBeGreaterThan(0);
});
