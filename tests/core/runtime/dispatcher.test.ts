/** The corridor as a whole: record, order, accounting, backpressure, degradation (spec E1–E6, E8, E10). */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Fact, NewFact } from "#core/event/catalog.ts";
import { degradationLevels } from "#core/event/degradation.ts";
import { priorities } from "#core/event/fact.ts";
import { createDispatcher } from "#core/runtime/dispatcher.ts";
import {
  balanced,
  createHandClock,
  drainAll,
  eventsConfig,
  fill,
  imbalance,
  markOf,
  metric,
  setUp,
  setUpCosts,
  signal,
  tick,
  turn,
} from "../event/setup.ts";

describe("a fact's record (E2)", () => {
  const made = (...newFacts: NewFact[]): Fact[] => {
    const facts: Fact[] = [];
    const { dispatcher } = setUp({}, { runPrefix: "r7-" });
    dispatcher.handle(
      () => true,
      (fact) => {
        facts.push(fact);
      },
      { name: "collector" },
    );
    for (const newFact of newFacts) dispatcher.offer(newFact);
    drainAll(dispatcher);
    return facts;
  };

  it("carries id, priority, time, source and correlation, and what the seed demands of P0", () => {
    const [fact] = made({ ...fill(1), correlationId: "o1" });
    expect(fact).toEqual({
      id: "r7-0000000000001",
      type: "order.filled",
      priority: "P0",
      at: 1_000_000,
      source: "test",
      payload: { orderId: "o1", fillId: "f1", quantity: 1, priceMinor: 100 },
      correlationId: "o1",
      requiresAck: true,
      processingMsMax: 10,
    });
    const [lower] = made(tick("A", 1));
    expect(lower).not.toHaveProperty("requiresAck");
  });

  it("is frozen down to the parts of its payload: one handler cannot change what the next one sees (E2)", () => {
    const { dispatcher } = setUp();
    const seen: unknown[] = [];
    dispatcher.handle(
      "account.marked",
      ({ payload }) => {
        expect(Object.isFrozen((payload.marks as { readonly A: object }).A)).toBe(true);
        seen.push(payload.marks);
      },
      { name: "reader" },
    );
    dispatcher.offer({ type: "account.marked", source: "test", payload: { marks: { A: { priceMinor: 1 } } } });
    drainAll(dispatcher);
    expect(seen).toEqual([{ A: { priceMinor: 1 } }]);
  });

  it("is frozen, and so is its payload (E2)", () => {
    const [fact] = made(tick("A", 1));
    expect(Object.isFrozen(fact)).toBe(true);
    expect(Object.isFrozen(fact?.payload)).toBe(true);
  });

  it("keeps the time that the offerer knows better", () => {
    expect(made({ ...tick("A", 1), at: 42 })[0]?.at).toBe(42);
  });

  it("has an id that is unique and sorts by creation, past the first ten thousand too (E2)", () => {
    const { dispatcher } = setUp({}, { runPrefix: "0001-000003-" });
    const ids: string[] = [];
    dispatcher.handle(
      "market.trade.ticked",
      ({ id }) => {
        ids.push(id);
      },
      { name: "collector" },
    );
    for (let mark = 0; mark < 25_000; mark += 1) {
      dispatcher.offer(tick("A", mark));
      if (mark % 1000 === 0) drainAll(dispatcher);
    }
    drainAll(dispatcher);
    expect(new Set(ids).size).toBe(25_000);
    expect([...ids].sort()).toEqual(ids);
    // Ids of the next run are others, however many there were of this one.
    expect(ids.every((id) => id.startsWith("0001-000003-"))).toBe(true);
  });
});

describe("strict priority (E4)", () => {
  it("takes P0 before P1 before P2 before P3 at every take (E4)", () => {
    const { dispatcher, handled } = setUp();
    for (const newFact of [metric(1), signal("A", "s", 1), tick("A", 1), fill(1), metric(2), tick("A", 2)])
      dispatcher.offer(newFact);
    drainAll(dispatcher);
    expect(handled.map((mark) => mark.split(":")[0])).toEqual([
      "order.filled",
      "market.trade.ticked",
      "market.trade.ticked",
      "signal.generated",
      "metric.recorded",
      "metric.recorded",
    ]);
  });

  it("lets P2 and P3 yield to P1, not only to P0, also when the P1 fact comes while they are being handled", () => {
    const { dispatcher, handled } = setUp();
    dispatcher.handle(
      "metric.recorded",
      ({ payload }) => {
        if (payload.value === 1) dispatcher.offer(tick("A", 9));
      },
      { name: "p3" },
    );
    dispatcher.offer(metric(1));
    dispatcher.offer(metric(2));
    drainAll(dispatcher);
    expect(handled).toEqual(["metric.recorded:1", "market.trade.ticked:A/9", "metric.recorded:2"]);
  });

  it("returns to the event loop after its time slice, and goes on where it stopped (E4)", () => {
    const { dispatcher, spend } = setUpCosts();
    let handled = 0;
    dispatcher.handle(
      "market.trade.ticked",
      () => {
        spend(0.4);
        handled += 1;
      },
      { name: "slow" },
    );
    for (let mark = 0; mark < 4; mark += 1) dispatcher.offer(tick("A", mark));
    expect(dispatcher.drain()).toBe("more");
    expect(handled).toBe(3);
    expect(dispatcher.drain()).toBe("idle");
    expect(handled).toBe(4);
  });

  it("reads what I/O brings between two slices: a fill that arrives during a flood waits for one slice, not for the flood", async () => {
    const { dispatcher, spend } = setUpCosts();
    const order: string[] = [];
    dispatcher.handle(
      () => true,
      (fact) => {
        spend(0.5);
        order.push(markOf(fact));
      },
      { name: "slow" },
    );
    for (let mark = 0; mark < 100; mark += 1) dispatcher.offer(tick("A", mark));
    dispatcher.start();
    setImmediate(() => setImmediate(() => dispatcher.offerExternal(fill(1))));
    while (order.length < 101) await turn();
    expect(order.indexOf("order.filled:f1")).toBeLessThan(10);
  });

  it("gives P2 and P3 a measured share before P1 when configuration says so, and none by default (E4)", () => {
    const run = (share: number): { readonly first: string; readonly turns: number } => {
      const { dispatcher, spend } = setUpCosts({ lowLanesShareMin: share, timeSliceMs: 10_000 });
      const order: string[] = [];
      dispatcher.handle(
        () => true,
        ({ type }) => {
          spend(10);
          order.push(type);
        },
        { name: "slow" },
      );
      for (let mark = 0; mark < 50; mark += 1) dispatcher.offer(tick("A", mark));
      for (let mark = 0; mark < 50; mark += 1) dispatcher.offer(metric(mark));
      drainAll(dispatcher);
      return {
        first: order
          .slice(0, 50)
          .filter((type) => type === "metric.recorded")
          .length.toString(),
        turns: dispatcher.lowLaneTurns,
      };
    };
    expect(run(0)).toEqual({ first: "0", turns: 0 });
    // 5 % of a second are five turns of 10 ms.
    expect(run(0.05)).toEqual({ first: "5", turns: 5 });
  });
});

describe("the journal", () => {
  it("gets every journaled fact in order right before delivery, and no other", () => {
    const log: string[] = [];
    const { dispatcher } = setUp(
      {},
      {
        record: (fact) => log.push(`record ${markOf(fact)}`) > 0,
        deliver: (fact, route) => log.push(`deliver ${markOf(fact)} to ${route.join()}`),
      },
    );
    dispatcher.offer(fill(1));
    dispatcher.offer(tick("A", 1));
    dispatcher.offer(fill(2));
    drainAll(dispatcher);
    expect(log).toEqual([
      "record order.filled:f1",
      "deliver order.filled:f1 to orders",
      "record order.filled:f2",
      "deliver order.filled:f2 to orders",
    ]);
  });
});

describe("the door for the outside (E1)", () => {
  it("refuses an unknown type with its name and counts it (E1)", () => {
    const { dispatcher } = setUp();
    expect(dispatcher.offerUnknown({ type: "ORDER_TELEPORTED", payload: {}, source: "wire" })).toEqual({
      ok: false,
      error: "ORDER_TELEPORTED is not a fact of this house",
    });
    dispatcher.offerUnknown({ type: "ORDER_TELEPORTED", payload: {}, source: "wire" });
    dispatcher.offerUnknown({ type: "toString", payload: {}, source: "wire" });
    expect(dispatcher.refused()).toEqual({ ORDER_TELEPORTED: 2, toString: 1 });
  });

  it("refuses a payload that does not fit, in a sentence that names the field", () => {
    const { dispatcher } = setUp();
    const refused = dispatcher.offerUnknown({
      type: "order.filled",
      payload: { orderId: "o", fillId: "f", quantity: 1.5, priceMinor: 1 },
      source: "wire",
    });
    expect(refused).toEqual({ ok: false, error: "order.filled from wire: quantity is 1.5 and must be a whole number ≥ 0" });
    expect(dispatcher.refused()).toEqual({ "order.filled": 1 });
  });

  it("lets a good fact in", () => {
    const { dispatcher, handled } = setUp();
    const { type, payload, source } = tick("A", 5);
    expect(dispatcher.offerUnknown({ type, payload, source })).toEqual({ ok: true, value: "accepted" });
    drainAll(dispatcher);
    expect(handled).toEqual(["market.trade.ticked:A/5"]);
  });

  it("counts refused names in bounded memory, whatever names arrive", () => {
    const { dispatcher } = setUp();
    for (let index = 0; index < 10_000; index += 1) dispatcher.offerUnknown({ type: `x${index}`, payload: {}, source: "wire" });
    const refused = dispatcher.refused();
    expect(Object.keys(refused).length).toBeLessThanOrEqual(201);
    expect(Object.values(refused).reduce((sum, count) => sum + count)).toBe(10_000);
  });
});

describe("P0 when it is full (E3: BLOCK)", () => {
  const small = { lanes: { P0: { capacity: 3, warningDepth: 2, criticalDepth: 3, internalReserve: 3 } } };

  it("makes the source wait with the fact it could not place, and loses nothing", async () => {
    const { dispatcher, handled } = setUp(small);
    const waits = [1, 2, 3, 4, 5].map((mark) => dispatcher.offerExternal(fill(mark)));
    expect(waits).toEqual(["accepted", "accepted", "accepted", expect.any(Promise), expect.any(Promise)]);
    expect(dispatcher.lanes().P0).toMatchObject({ accepted: 5, depth: 5 });
    const opened: number[] = [];
    for (const [index, wait] of waits.entries()) if (typeof wait !== "string") void wait.then(() => opened.push(index));
    await turn();
    expect(opened).toEqual([]);
    drainAll(dispatcher);
    await turn();
    expect(opened).toEqual([3, 4]);
    expect(handled.filter((mark) => mark.startsWith("order"))).toEqual([1, 2, 3, 4, 5].map((mark) => `order.filled:f${mark}`));
  });

  it("keeps the order of a source that waits: who comes later does not overtake it", async () => {
    const { dispatcher, handled } = setUp({ lanes: { P0: { capacity: 1, warningDepth: 1, criticalDepth: 1 } } });
    dispatcher.offerExternal(fill(1));
    dispatcher.offerExternal(fill(2));
    dispatcher.handle(
      "order.filled",
      ({ payload }) => {
        if (payload.fillId === "f1") dispatcher.offerExternal(fill(3));
      },
      { name: "another source" },
    );
    drainAll(dispatcher);
    expect(handled.filter((mark) => mark.startsWith("order"))).toEqual(["order.filled:f1", "order.filled:f2", "order.filled:f3"]);
  });

  it("is a safety fact, FS095, once per episode (E3)", () => {
    const { dispatcher, handled } = setUp(small);
    for (let episode = 0; episode < 2; episode += 1) {
      for (let mark = 0; mark < 6; mark += 1) dispatcher.offerExternal(fill(mark));
      drainAll(dispatcher);
    }
    expect(handled.filter((mark) => mark === "failsafe.tripped:FS095")).toHaveLength(2);
  });

  it("bounds even those who wait outside, and counts what a source that ignores its promise loses", () => {
    const { dispatcher } = setUp({ lanes: { P0: { capacity: 3, warningDepth: 2, criticalDepth: 3, waitingOutsideMax: 2 } } });
    for (let mark = 0; mark < 100; mark += 1) dispatcher.offerExternal(fill(mark));
    expect(dispatcher.lanes().P0).toMatchObject({ accepted: 5, depth: 5 });
    expect(dispatcher.refused()).toEqual({ "order.filled": 95 });
  });
});

describe("backpressure (E6)", () => {
  const anomalies = (handled: readonly string[]): string[] => handled.filter((mark) => mark === "anomaly.raised:AN062");

  it("pauses the lanes below a critical one and raises one anomaly per crossing (E6)", () => {
    const reported: NewFact[] = [];
    const { dispatcher } = setUp(
      { lanes: { P1: { capacity: 10, warningShare: 0.5, criticalShare: 0.8 } } },
      { report: (newFact) => reported.push(newFact) },
    );
    for (let mark = 0; mark < 8; mark += 1) dispatcher.offer(tick("A", mark));
    for (let mark = 0; mark < 50; mark += 1) dispatcher.offer(tick("A", mark));
    expect(dispatcher.lanes()).toMatchObject({
      P1: { paused: false, pressure: "critical" },
      P2: { paused: true },
      P3: { paused: true },
    });
    drainAll(dispatcher);
    expect(dispatcher.lanes()).toMatchObject({ P1: { pressure: "calm" }, P2: { paused: false }, P3: { paused: false } });
    expect(reported.map(({ payload }) => payload)).toEqual([
      { code: "AN062", reason: "P1 is at its critical mark: 8 facts wait" },
    ]);
  });

  it("pauses everything below P0 while P0 is at its critical mark (E6)", () => {
    const { dispatcher, handled } = setUp({ lanes: { P0: { warningDepth: 2, criticalDepth: 3 } } });
    dispatcher.offer(tick("A", 1));
    for (let mark = 0; mark < 3; mark += 1) dispatcher.offer(fill(mark));
    expect(dispatcher.lanes()).toMatchObject({
      P0: { paused: false },
      P1: { paused: true },
      P2: { paused: true },
      P3: { paused: true },
    });
    drainAll(dispatcher);
    expect(handled.at(-1)).toBe("market.trade.ticked:A/1");
    expect(dispatcher.lanes().P1.paused).toBe(false);
  });

  it("raises the anomaly as a fact that is handled before what caused it", () => {
    const { dispatcher, handled } = setUp({ lanes: { P1: { capacity: 10, warningShare: 0.5, criticalShare: 0.8 } } });
    for (let mark = 0; mark < 9; mark += 1) dispatcher.offer(tick("A", mark));
    drainAll(dispatcher);
    expect(anomalies(handled)).toHaveLength(1);
    expect(handled[0]).toBe("anomaly.raised:AN062");
  });

  it("raises it every minute while the lane stays at its critical mark: the warning does not end while the load goes on (E6)", () => {
    const { clock, dispatcher, handled } = setUp({ lanes: { P1: { capacity: 10, warningShare: 0.5, criticalShare: 0.8 } } });
    for (let minute = 0; minute < 5; minute += 1) {
      for (let mark = 0; mark < 9; mark += 1) dispatcher.offer(tick("A", mark));
      clock.wind(60_000);
    }
    drainAll(dispatcher);
    expect(anomalies(handled)).toHaveLength(6);
    clock.wind(600_000);
    drainAll(dispatcher);
    expect(anomalies(handled)).toHaveLength(6);
    expect(clock.timers).toBe(0);
  });

  it("raises it of a lane that had filled up while it was held back, when it is open and does not empty (E6)", () => {
    const { clock, dispatcher, handled } = setUp({ lanes: { P1: { capacity: 10, warningShare: 0.5, criticalShare: 0.8 } } });
    dispatcher.setDegradation("CRITICAL_ONLY");
    for (let mark = 0; mark < 9; mark += 1) dispatcher.offer(tick("A", mark));
    clock.wind(600_000);
    drainAll(dispatcher);
    expect(anomalies(handled)).toHaveLength(0);
    dispatcher.setDegradation("NORMAL");
    clock.wind(60_000);
    drainAll(dispatcher);
    expect(anomalies(handled)).toHaveLength(1);
  });

  it("raises none for a lane that safety itself holds back", () => {
    const { dispatcher, handled } = setUp({ lanes: { P1: { capacity: 10, warningShare: 0.5, criticalShare: 0.8 } } });
    dispatcher.setDegradation("CRITICAL_ONLY");
    for (let mark = 0; mark < 100; mark += 1) dispatcher.offer(tick("A", mark));
    drainAll(dispatcher);
    expect(anomalies(handled)).toHaveLength(0);
  });
});

describe("degradation (E5)", () => {
  it("holds what a paused lane gets, by its own policy, and hands it over in order afterwards (E5)", () => {
    const { dispatcher, handled } = setUp();
    dispatcher.setDegradation("CRITICAL_ONLY");
    dispatcher.offer(tick("A", 1));
    dispatcher.offer(tick("A", 2));
    dispatcher.offer(signal("A", "s", 1));
    dispatcher.offer(signal("A", "s", 2));
    dispatcher.offer(metric(1));
    dispatcher.offer(fill(1));
    drainAll(dispatcher);
    expect([...handled].sort()).toEqual(["guardrail.tripped:GR090", "order.filled:f1"]);
    expect(dispatcher.lanes()).toMatchObject({ P1: { depth: 2 }, P2: { depth: 1, collapsed: 1 }, P3: { depth: 1 } });
    dispatcher.setDegradation("NORMAL");
    drainAll(dispatcher);
    expect(handled.slice(2)).toEqual([
      "market.trade.ticked:A/1",
      "market.trade.ticked:A/2",
      "signal.generated:A/s/2",
      "metric.recorded:1",
    ]);
  });

  it("reports that only critical facts are handled as GR090, once per entry", () => {
    const { dispatcher, handled } = setUp();
    dispatcher.setDegradation("CRITICAL_ONLY");
    dispatcher.setDegradation("CRITICAL_ONLY");
    drainAll(dispatcher);
    expect(handled).toEqual(["guardrail.tripped:GR090"]);
  });
});

describe("latency (E8)", () => {
  it("is the time from being enqueued to being handled, waiting included, not the handler's own time (E8)", () => {
    const { clock, dispatcher } = setUp();
    dispatcher.offer(tick("A", 1));
    clock.wind(40);
    expect(dispatcher.lanes().P1.oldestAgeMs).toBe(40);
    drainAll(dispatcher);
    expect(dispatcher.lanes().P1).toMatchObject({ maxMs: 40, oldestAgeMs: 0, latency: { count: 1, sumMs: 40 } });
    expect(dispatcher.lanes().P1.p50Ms).toBeCloseTo(40, 0);
  });

  it("includes the time at the door of a full P0 lane", () => {
    const { clock, dispatcher } = setUp({ lanes: { P0: { capacity: 1, warningDepth: 1, criticalDepth: 1 } } });
    dispatcher.offerExternal(fill(1));
    dispatcher.offerExternal(fill(2));
    clock.wind(25);
    drainAll(dispatcher);
    expect(dispatcher.lanes().P0.maxMs).toBe(25);
  });

  it("says whether the lane keeps its promise", () => {
    const { clock, dispatcher } = setUp();
    dispatcher.offer(fill(1));
    drainAll(dispatcher);
    expect(dispatcher.lanes().P0.withinSla).toBe(true);
    dispatcher.offer(fill(2));
    clock.wind(21);
    drainAll(dispatcher);
    expect(dispatcher.lanes().P0.withinSla).toBe(false);
  });

  it.each([
    { figure: "p50", slaMs: { p50: 1, p95: 1000, p99: 1000, max: 1000 } },
    { figure: "p95", slaMs: { p50: 1, p95: 1, p99: 1000, max: 1000 } },
    { figure: "p99", slaMs: { p50: 1, p95: 1, p99: 1, max: 1000 } },
  ])("breaks its promise at the $figure too, not only at its longest (E8)", ({ slaMs }) => {
    const { clock, dispatcher } = setUp({ lanes: { P0: { slaMs } } });
    dispatcher.offer(fill(1));
    clock.wind(2);
    drainAll(dispatcher);
    expect(dispatcher.lanes().P0.withinSla).toBe(false);
  });

  it("counts critical facts whose handlers took longer than they may (E8)", () => {
    const { dispatcher, spend } = setUpCosts();
    dispatcher.handle("order.filled", ({ payload }) => spend(payload.quantity), { name: "slow" });
    for (const costMs of [10, 11, 1, 500]) dispatcher.offer(fill(costMs));
    drainAll(dispatcher);
    expect(dispatcher.lanes().P0.overruns).toBe(2);
  });
});

describe("dropped ticks", () => {
  it("are counted per type, with the first and the latest that was lost (E3)", () => {
    const { dispatcher } = setUp({ lanes: { P1: { capacity: 2 } } }, { runPrefix: "r-" });
    for (let mark = 1; mark <= 5; mark += 1) dispatcher.offer(tick("A", mark));
    expect(dispatcher.types()["market.trade.ticked"]).toMatchObject({
      priority: "P1",
      accepted: 5,
      dropped: 3,
      firstDroppedId: "r-0000000000001",
      lastDroppedId: "r-0000000000003",
    });
  });
});

describe("dropped ticks of several symbols", () => {
  it("are bounded by the least and the greatest lost id, whichever left first (E3)", () => {
    const { dispatcher } = setUp({ lanes: { P1: { capacity: 2 } } });
    for (const symbol of ["A", "B", "B", "A"]) dispatcher.offer(tick(symbol, 0));
    expect(dispatcher.types()["market.trade.ticked"]).toMatchObject({
      dropped: 2,
      firstDroppedId: "0000000000001",
      lastDroppedId: "0000000000002",
    });
  });
});

describe("memory", () => {
  it("holds no fact that has left: payloads of ten thousand ticks can be collected (E10)", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const { dispatcher } = setUp({ lanes: { P1: { capacity: 100 } } });
    const payloads: WeakRef<object>[] = [];
    const flood = (): void => {
      for (let mark = 0; mark < 10_000; mark += 1) {
        const newFact = tick("A", mark);
        payloads.push(new WeakRef(newFact.payload));
        dispatcher.offer(newFact);
        if (mark % 1000 === 0) drainAll(dispatcher);
      }
      drainAll(dispatcher);
    };
    flood();
    const held = (): number => payloads.filter((payload) => payload.deref() !== undefined).length;
    // A look keeps what it finds until the turn is over, and the engine's own registers may hold the last one a little longer.
    for (let round = 0; round < 10; round += 1) {
      await turn();
      collect();
      await turn();
      if (held() === 0) break;
    }
    expect(held()).toBe(0);
  });
});

describe("conservation (E10)", () => {
  const action = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constantFrom("fill", "tick", "signal", "metric"), fc.nat(3), fc.boolean()) },
    { weight: 1, arbitrary: fc.constant("take" as const) },
    { weight: 1, arbitrary: fc.constantFrom(...degradationLevels) },
    { weight: 1, arbitrary: fc.nat(30) },
  );
  const tiny = {
    lanes: {
      P0: { capacity: 3, warningDepth: 2, criticalDepth: 3, internalReserve: 4, waitingOutsideMax: 3 },
      P1: { capacity: 6 },
      P2: { capacity: 3 },
      P3: { capacity: 8, samplingMarkShare: 0.5 },
    },
    handlers: { inProgressMax: 3, deadLettersMax: 2 },
  };

  it("holds at every moment of random offers, takes, pauses, failures and slow handlers (E10)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 120 }), async (actions) => {
        // A slice of 0.1 on a clock that moves by 0.2 per look takes one fact per drain.
        const hand = createHandClock();
        let looks = 0;
        const monotonicMs = (): number => {
          looks += 1;
          return hand.now() + looks * 0.2;
        };
        const clock = { ...hand, monotonicMs, wind: hand.wind };
        const dispatcher = createDispatcher({
          config: eventsConfig({ ...tiny, timeSliceMs: 0.1 }),
          clock,
          seed: 5,
          record: () => undefined,
          deliver: () => undefined,
        });
        const inHandler: Record<string, number>[] = [];
        dispatcher.handle(
          () => true,
          () => void inHandler.push(imbalance(dispatcher)),
          { name: "witness" },
        );
        dispatcher.handle(
          ["market.trade.ticked", "order.filled"],
          ({ id }) => {
            if (Number(id) % 3 === 0) throw new Error("no");
          },
          { name: "throws" },
        );
        dispatcher.handle(
          "signal.generated",
          async ({ id }) => {
            if (Number(id) % 2 === 0) throw new Error("no");
          },
          { name: "rejects" },
        );
        dispatcher.handle("signal.generated", () => new Promise(() => undefined), { name: "never ends" });
        dispatcher.handleBatch("metric.recorded", () => undefined, { name: "in groups" });
        let mark = 0;
        for (const each of actions) {
          mark += 1;
          if (each === "take") dispatcher.drain();
          else if (typeof each === "string") dispatcher.setDegradation(each);
          else if (typeof each === "number") {
            clock.wind(each);
            await turn();
          } else {
            const [what, key, isInternal] = each;
            const symbol = `S${key}`;
            const newFact =
              what === "fill"
                ? fill(mark)
                : what === "tick"
                  ? tick(symbol, mark)
                  : what === "signal"
                    ? signal(symbol, "s", mark)
                    : metric(mark);
            if (isInternal) dispatcher.offer(newFact);
            else void dispatcher.offerExternal(newFact);
          }
          expect(imbalance(dispatcher)).toEqual(balanced);
        }
        for (const each of inHandler) expect(each).toEqual(balanced);
        dispatcher.setDegradation("NORMAL");
        for (let round = 0; round < 5; round += 1) {
          drainAll(dispatcher);
          clock.wind(30_000);
          await turn();
        }
        drainAll(dispatcher);
        expect(imbalance(dispatcher)).toEqual(balanced);
        for (const priority of priorities) expect(dispatcher.lanes()[priority]).toMatchObject({ depth: 0, inProgress: 0 });
        expect(dispatcher.lanes().P0.dropped).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it("keeps strict priority, per-key order and, while paused, every fact that its lane's policy keeps", () =>
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const hand = createHandClock();
        let looks = 0;
        const monotonicMs = (): number => {
          looks += 1;
          return hand.now() + looks * 0.2;
        };
        const clock = { ...hand, monotonicMs };
        const dispatcher = createDispatcher({
          config: eventsConfig({ lanes: { P1: { capacity: 6 }, P2: { capacity: 3 } }, timeSliceMs: 0.1 }),
          clock,
          seed: 5,
          record: () => undefined,
          deliver: () => undefined,
          report: () => undefined,
        });
        const ticksBySymbol = new Map<string, number[]>();
        const wrong: string[] = [];
        dispatcher.handle(
          () => true,
          (fact) => {
            const lanes = dispatcher.lanes();
            const lane = priorities.indexOf(fact.priority);
            for (const higher of priorities.slice(0, lane))
              if (lanes[higher].depth > 0 && !lanes[higher].paused) wrong.push(`${fact.type} before ${higher}`);
            if (lanes[fact.priority].paused && fact.priority !== "P0") wrong.push(`${fact.type} while paused`);
            if (fact.type === "market.trade.ticked") {
              const marks = ticksBySymbol.get(fact.payload.symbol) ?? [];
              ticksBySymbol.set(fact.payload.symbol, [...marks, fact.payload.sequence]);
            }
          },
          { name: "judge" },
        );
        let mark = 0;
        const offered: Record<string, number> = { fill: 0, tick: 0, signal: 0, metric: 0 };
        for (const each of actions) {
          mark += 1;
          if (each === "take") dispatcher.drain();
          else if (typeof each === "string") dispatcher.setDegradation(each);
          else if (typeof each !== "number") {
            const [what, key] = each;
            offered[what] = (offered[what] as number) + 1;
            dispatcher.offer(
              what === "fill"
                ? fill(mark)
                : what === "tick"
                  ? tick(`S${key}`, mark)
                  : what === "signal"
                    ? signal(`S${key}`, "s", mark)
                    : metric(mark),
            );
          }
        }
        dispatcher.setDegradation("NORMAL");
        drainAll(dispatcher);
        expect(wrong).toEqual([]);
        for (const marks of ticksBySymbol.values()) expect([...marks].sort((a, b) => a - b)).toEqual(marks);
        const { P0, P1, P2, P3 } = dispatcher.lanes();
        // Nothing was refused either, also while the lane was paused.
        expect(P0.handled).toBeGreaterThanOrEqual(offered.fill as number);
        expect(P1.handled + P1.dropped).toBe(offered.tick);
        expect(P2.handled + P2.collapsed + P2.dropped).toBe(offered.signal);
        expect(P3.handled).toBe(offered.metric);
        expect(dispatcher.refused()).toEqual({});
      }),
    ));
});

describe("reload (E11)", () => {
  it("applies marks, rates and times live, and names sizes as needing a restart (E11)", () => {
    const { dispatcher } = setUp();
    const next = eventsConfig({
      lanes: { P1: { capacity: 5, warningShare: 0.0001, criticalShare: 0.0002 }, P3: { samplingRate: 0.5 } },
      timeSliceMs: 2,
      handlers: { deadLettersMax: 5 },
    });
    const { applied, needsRestart } = dispatcher.reload(next);
    expect([...applied].sort()).toEqual([
      "events.lanes.P1.criticalShare",
      "events.lanes.P1.warningShare",
      "events.lanes.P3.samplingRate",
      "events.timeSliceMs",
    ]);
    expect([...needsRestart].sort()).toEqual(["events.handlers.deadLettersMax", "events.lanes.P1.capacity"]);
    expect(dispatcher.lanes().P1.capacity).toBe(10_000);
    dispatcher.offer(tick("A", 1));
    dispatcher.offer(tick("A", 2));
    expect(dispatcher.lanes().P1.pressure).toBe("critical");
  });

  it("samples at the new mark and rate, reads the marks of what waits, and grants the new share (E11)", () => {
    const { dispatcher } = setUp({ lanes: { P3: { capacity: 100 } } });
    for (let mark = 0; mark < 20; mark += 1) dispatcher.offer(metric(mark));
    dispatcher.reload(
      eventsConfig({
        lanes: { P3: { capacity: 100, warningShare: 0.1, criticalShare: 0.15, samplingMarkShare: 0.2, samplingRate: 0 } },
        lowLanesShareMin: 1,
      }),
    );
    expect(dispatcher.lanes().P3.pressure).toBe("critical");
    dispatcher.offer(metric(20));
    expect(dispatcher.lanes().P3).toMatchObject({ depth: 20, sampled: 1 });
    dispatcher.offer(tick("A", 1));
    dispatcher.drain();
    expect(dispatcher.lowLaneTurns).toBeGreaterThan(0);
  });

  it("has nothing to say about the same section", () => {
    expect(setUp().dispatcher.reload(eventsConfig())).toEqual({ applied: [], needsRestart: [] });
  });

  it("leaves what waits where it is", () => {
    const { dispatcher, handled } = setUp();
    for (let mark = 0; mark < 5; mark += 1) dispatcher.offer(tick("A", mark));
    dispatcher.reload(eventsConfig({ lanes: { P1: { capacity: 2 } } }));
    drainAll(dispatcher);
    expect(handled).toHaveLength(5);
  });
});
