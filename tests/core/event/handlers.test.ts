/** Handlers beside the actors (spec E7): isolated, retried outside the lane, given up with a reason. */
import { describe, expect, it } from "vitest";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import type { NewFact } from "#core/event/catalog.ts";
import { balanced, drainAll, fill, imbalance, lettersOf, metric, setUp, tick, turn } from "./setup.ts";

const fails = (): never => {
  throw new Error("broken");
};

const codesOf = (reported: readonly NewFact[]): unknown[] => reported.map(({ payload }) => (payload as { code?: string }).code);

describe("several handlers of one type", () => {
  it("are isolated: one that throws takes nothing from the others, from the actors or from the next fact", () => {
    const delivered: string[] = [];
    const { dispatcher, handled } = setUp({}, { deliver: ({ type }) => delivered.push(type) });
    dispatcher.handle(
      "order.filled",
      () => {
        throw new Error("broken");
      },
      { name: "broken" },
    );
    const seen: string[] = [];
    dispatcher.handle("order.filled", ({ payload }) => void seen.push(payload.fillId), { name: "after the broken one" });
    dispatcher.offer(fill(1));
    dispatcher.offer(fill(2));
    drainAll(dispatcher);
    expect(seen).toEqual(["f1", "f2"]);
    expect(handled).toEqual(["order.filled:f1", "order.filled:f2"]);
    expect(delivered).toEqual(["order.filled", "order.filled"]);
  });

  it("are chosen by a type, by several types, or by a question asked of each fact", () => {
    const { dispatcher } = setUp();
    const seen: string[] = [];
    dispatcher.handle("order.filled", () => void seen.push("one"), { name: "one" });
    dispatcher.handle(["order.filled", "market.trade.ticked"], () => void seen.push("several"), { name: "several" });
    dispatcher.handle(
      ({ priority }) => priority === "P1",
      () => void seen.push("question"),
      { name: "question" },
    );
    dispatcher.offer(fill(1));
    dispatcher.offer(tick("A", 1));
    drainAll(dispatcher);
    expect(seen).toEqual(["one", "several", "several", "question"]);
  });

  it("leave by the function that their registration returned, also in the middle of a fact", () => {
    const { dispatcher } = setUp();
    const seen: string[] = [];
    const leave = dispatcher.handle(
      "order.filled",
      () => {
        seen.push("once");
        leave();
        leave();
      },
      { name: "once" },
    );
    dispatcher.handle("order.filled", () => void seen.push("always"), { name: "always" });
    dispatcher.offer(fill(1));
    dispatcher.offer(fill(2));
    drainAll(dispatcher);
    expect(seen).toEqual(["once", "always", "always"]);
  });

  it("survive a question that throws: the fact is a dead letter of that handler only", () => {
    const { dispatcher, handled } = setUp();
    dispatcher.handle(
      ({ type }) => {
        if (type === "market.trade.ticked") throw new Error("cannot answer");
        return false;
      },
      () => undefined,
      { name: "confused" },
    );
    dispatcher.offer(tick("A", 1));
    drainAll(dispatcher);
    expect(handled).toEqual(["market.trade.ticked:A/1", "anomaly.raised:AN063"]);
    expect(lettersOf(dispatcher)).toMatchObject([{ handler: "confused", reason: "its filter failed: cannot answer" }]);
  });
});

describe("a handler that fails", () => {
  it("is tried again after 10 and 20 ms, at most three times, and then the fact is a dead letter with the reason (E7)", () => {
    const { clock, dispatcher } = setUp();
    const attempts: number[] = [];
    const start = clock.now();
    dispatcher.handle(
      "market.trade.ticked",
      () => {
        attempts.push(clock.now() - start);
        throw new Error("no luck");
      },
      { name: "unlucky" },
    );
    dispatcher.offer(tick("A", 1));
    drainAll(dispatcher);
    expect(dispatcher.lanes().P1).toMatchObject({ handled: 0, inProgress: 1, depth: 0 });
    clock.wind(1000);
    expect(attempts).toEqual([0, 10, 30, 50]);
    expect(dispatcher.lanes().P1).toMatchObject({ handled: 0, deadLettered: 1, inProgress: 0 });
    expect(lettersOf(dispatcher)).toMatchObject([{ handler: "unlucky", reason: "no luck", attempts: 4 }]);
    expect(clock.timers).toBe(0);
  });

  it("counts as handled, with the whole time it took, when a retry succeeds", () => {
    const { clock, dispatcher } = setUp();
    let attempts = 0;
    dispatcher.handle(
      "market.trade.ticked",
      () => {
        attempts += 1;
        if (attempts < 3) throw new Error("not yet");
      },
      { name: "late" },
    );
    dispatcher.offer(tick("A", 1));
    drainAll(dispatcher);
    clock.wind(1000);
    expect(dispatcher.lanes().P1).toMatchObject({ handled: 1, deadLettered: 0, maxMs: 30 });
  });

  it("does not hold up its lane: later facts pass while it waits for its retry", () => {
    const { clock, dispatcher, handled } = setUp();
    let isFirst = true;
    dispatcher.handle(
      "order.filled",
      () => {
        if (!isFirst) return;
        isFirst = false;
        throw new Error("once");
      },
      { name: "once" },
    );
    for (let mark = 0; mark < 50; mark += 1) dispatcher.offer(fill(mark));
    drainAll(dispatcher);
    expect(handled).toHaveLength(50);
    expect(dispatcher.lanes().P0).toMatchObject({ handled: 49, inProgress: 1 });
    clock.wind(10);
    expect(dispatcher.lanes().P0).toMatchObject({ handled: 50, inProgress: 0 });
  });

  it("of critical facts is a safety fact, FS098, once until it succeeds again (E7)", () => {
    const reported: NewFact[] = [];
    const { clock, dispatcher } = setUp({}, { report: (newFact) => reported.push(newFact) });
    let isBroken = true;
    dispatcher.handle(
      "order.filled",
      () => {
        if (isBroken) throw new Error("broken");
      },
      { name: "ledger" },
    );
    const offerAndWait = (mark: number): void => {
      dispatcher.offer(fill(mark));
      drainAll(dispatcher);
      clock.wind(100);
      drainAll(dispatcher);
    };
    offerAndWait(1);
    offerAndWait(2);
    isBroken = false;
    offerAndWait(3);
    isBroken = true;
    offerAndWait(4);
    const reason = expect.stringMatching(/^ledger gave up on order\.filled: broken \(handlers\.test\.ts:\d+:\d+\)$/);
    expect(reported.map(({ payload }) => payload)).toEqual([
      { code: "FS098", reason },
      { code: "FS098", reason },
    ]);
  });

  it("of the alarm about itself does not raise alarms for ever, also when other facts succeed in between", () => {
    const { dispatcher } = setUp(
      {},
      {
        deliver: ({ type, payload }) => {
          if (type === "failsafe.tripped" || (payload as { quantity?: number }).quantity === 0) throw new Error("gone");
        },
      },
    );
    dispatcher.offer(fill(0));
    for (let round = 1; round <= 10; round += 1) {
      dispatcher.offer(fill(round));
      drainAll(dispatcher);
    }
    expect(lettersOf(dispatcher).map(({ fact }) => fact.type)).toEqual(["order.filled", "failsafe.tripped"]);
  });

  it("of other facts is an anomaly, AN063, at most once a minute however often it recovers and fails again (E7)", () => {
    const { clock, dispatcher, handled } = setUp({ handlers: { retries: 0 } });
    dispatcher.handle(
      "market.trade.ticked",
      ({ payload }) => {
        if (payload.sequence % 2 === 1) throw new Error("odd");
      },
      { name: "strategy" },
    );
    const alarms = (): number => handled.filter((mark) => mark === "anomaly.raised:AN063").length;
    for (let mark = 0; mark < 100; mark += 1) dispatcher.offer(tick("A", mark));
    drainAll(dispatcher);
    expect(alarms()).toBe(1);
    clock.wind(60_000);
    for (let mark = 0; mark < 100; mark += 1) dispatcher.offer(tick("A", mark));
    drainAll(dispatcher);
    expect(alarms()).toBe(2);
    expect(dispatcher.deadLetters.groups()).toMatchObject([
      { count: 100, reasons: 1, latest: { handler: "strategy", reason: "odd", fact: { payload: { sequence: 99 } } } },
    ]);
  });

  it("and goes on failing raises AN063 every minute: the warning does not end while the failing goes on (E7)", () => {
    const { clock, dispatcher, handled } = setUp({ handlers: { retries: 0 } });
    const reasons: string[] = [];
    dispatcher.handle("market.trade.ticked", fails, { name: "strategy" });
    dispatcher.handle("anomaly.raised", ({ payload }) => void reasons.push(payload.reason.replace(/ \(.*/, "")), {
      name: "reader",
    });
    const alarms = (): number => handled.filter((mark) => mark === "anomaly.raised:AN063").length;
    for (let second = 0; second < 600; second += 1) {
      dispatcher.offer(tick("A", second));
      drainAll(dispatcher);
      clock.wind(1000);
    }
    expect(alarms()).toBe(10);
    // Told to people once: what comes each minute has the same words, without the figures of one fact.
    const again = "strategy goes on giving up on market.trade.ticked";
    expect(reasons).toEqual(["strategy gave up on market.trade.ticked: broken", ...Array.from({ length: 9 }, () => again)]);
    // A clock that was set back by an hour does not silence it for an hour.
    clock.wind(-3_600_000);
    dispatcher.offer(tick("A", 600));
    drainAll(dispatcher);
    expect(alarms()).toBe(11);
  });

  it("on an alarm of the lanes, of which nothing is said, is told all the same when it fails on a fill", () => {
    const reported: NewFact[] = [];
    const { dispatcher } = setUp({ handlers: { retries: 0 } }, { report: (newFact) => reported.push(newFact) });
    dispatcher.handle(["guardrail.tripped", "order.filled"], fails, { name: "ledger" });
    dispatcher.offer({ type: "guardrail.tripped", source: "dispatcher", payload: { code: "GR090", reason: "x" } });
    dispatcher.offer(fill(1));
    drainAll(dispatcher);
    expect(codesOf(reported)).toEqual(["FS098"]);
  });

  it("on fills is FS098 also when it has failed on other facts before, or succeeds on them in between (E7)", () => {
    const reported: NewFact[] = [];
    const { dispatcher } = setUp({ handlers: { retries: 0 } }, { report: (newFact) => reported.push(newFact) });
    dispatcher.handle(
      ["market.trade.ticked", "order.filled"],
      ({ type, payload }) => {
        if (type === "order.filled" || payload.sequence === 0) fails();
      },
      { name: "ledger" },
    );
    for (let mark = 0; mark < 3; mark += 1) {
      dispatcher.offer(tick("A", mark));
      drainAll(dispatcher);
      dispatcher.offer(fill(mark));
      drainAll(dispatcher);
    }
    expect(codesOf(reported)).toEqual(["AN063", "FS098"]);
  });

  it("is told again at its next failure once safety has recovered, however soon that is (E7)", () => {
    const reported: NewFact[] = [];
    const { dispatcher } = setUp({ handlers: { retries: 0 } }, { report: (newFact) => reported.push(newFact) });
    dispatcher.handle(["market.trade.ticked", "order.filled"], fails, { name: "ledger" });
    const both = (mark: number): void => {
      dispatcher.offer(tick("A", mark));
      dispatcher.offer(fill(mark));
      drainAll(dispatcher);
    };
    both(1);
    dispatcher.setDegradation("P2_P3_PAUSED");
    both(2);
    expect(codesOf(reported)).toEqual(["FS098", "AN063"]);
    dispatcher.setDegradation("NORMAL");
    both(3);
    both(4);
    expect(codesOf(reported)).toEqual(["FS098", "AN063", "FS098", "AN063"]);
  });

  it("fills one line of a screen, however many reasons it has and whatever is in them", () => {
    const { dispatcher } = setUp({ handlers: { retries: 0 } });
    const thrown = [new Error("price 1"), new Error(`two\nlines \u001b[31m${"x".repeat(1000)}`), undefined, new RangeError("")];
    dispatcher.handle(
      "market.trade.ticked",
      ({ payload }) => {
        throw thrown[payload.sequence];
      },
      { name: "strategy" },
    );
    const reasons = thrown.map((_, mark) => {
      dispatcher.offer(tick("A", mark));
      drainAll(dispatcher);
      return dispatcher.deadLetters.groups().at(-1)?.latest.reason;
    });
    expect(reasons).toEqual([
      "price 1",
      expect.stringMatching(/^two lines {2}?\[31mx{200,}…$/),
      "it threw undefined",
      "RangeError",
    ]);
    expect(dispatcher.deadLetters.groups()).toMatchObject([{ count: 4, reasons: 4 }]);
  });

  it("and keeps failing fills a bounded list: the newest letters stay, the others are counted", () => {
    const { clock, dispatcher } = setUp({ handlers: { deadLettersMax: 3, retries: 0 } });
    dispatcher.handle(
      "market.trade.ticked",
      () => {
        throw new Error("no");
      },
      { name: "no" },
    );
    for (let mark = 0; mark < 10; mark += 1) dispatcher.offer(tick("A", mark));
    drainAll(dispatcher);
    clock.wind(100);
    expect(dispatcher.deadLetters.forgotten).toBe(7);
    expect(lettersOf(dispatcher).map(({ fact }) => fact.payload)).toMatchObject([
      { sequence: 7 },
      { sequence: 8 },
      { sequence: 9 },
    ]);
    expect(dispatcher.lanes().P1.deadLettered).toBe(10);
  });
});

describe("an asynchronous handler", () => {
  it("that never ends does not keep a replay's market time for ever: its timeout is real time there too (E7)", async () => {
    const clock = createSimulatedClock({ startAt: 0 });
    const { dispatcher } = setUp({ handlers: { retries: 0, timeoutMs: 20 } }, { clock });
    dispatcher.handle("order.filled", () => new Promise<void>(() => undefined), { name: "hangs" });
    dispatcher.offer(fill(1));
    drainAll(dispatcher);
    await clock.advanceTo(60_000);
    expect(clock.now()).toBe(60_000);
    expect(lettersOf(dispatcher)).toMatchObject([{ handler: "hangs", reason: "took longer than 20 ms" }]);
  });

  it("does not stall its lane, and its fact is handled when it ends", async () => {
    const { clock, dispatcher, handled } = setUp();
    const ends: (() => void)[] = [];
    dispatcher.handle("market.trade.ticked", () => new Promise<void>((resolve) => ends.push(resolve)), { name: "slow" });
    dispatcher.offer(tick("A", 1));
    dispatcher.offer(tick("A", 2));
    drainAll(dispatcher);
    expect(handled).toHaveLength(2);
    expect(dispatcher.lanes().P1).toMatchObject({ handled: 0, inProgress: 2 });
    clock.wind(15);
    for (const end of ends) end();
    await turn();
    expect(dispatcher.lanes().P1).toMatchObject({ handled: 2, inProgress: 0, maxMs: 15 });
    expect(clock.timers).toBe(0);
  });

  it("that rejects or takes too long is retried like one that throws", async () => {
    const { clock, dispatcher } = setUp({ handlers: { timeoutMs: 100, retries: 1 } });
    dispatcher.handle("market.trade.ticked", () => new Promise(() => undefined), { name: "hangs" });
    dispatcher.handle("metric.recorded", () => Promise.reject(new Error("no")), { name: "rejects" });
    dispatcher.offer(tick("A", 1));
    dispatcher.offer(metric(1));
    drainAll(dispatcher);
    for (let round = 0; round < 5; round += 1) {
      await turn();
      clock.wind(100);
    }
    await turn();
    expect(lettersOf(dispatcher).map(({ handler, reason, attempts }) => [handler, reason, attempts])).toEqual([
      ["rejects", "no", 2],
      ["hangs", "took longer than 100 ms", 2],
    ]);
    expect(imbalance(dispatcher)).toEqual(balanced);
  });

  it("that never ends holds a bounded number of facts; the rest become dead letters, not memory", () => {
    const { dispatcher } = setUp({ handlers: { inProgressMax: 5 } });
    dispatcher.handle("market.trade.ticked", () => new Promise(() => undefined), { name: "hangs" });
    for (let mark = 0; mark < 100; mark += 1) dispatcher.offer(tick("A", mark));
    drainAll(dispatcher);
    expect(dispatcher.lanes().P1).toMatchObject({ inProgress: 5, deadLettered: 95 });
    expect(lettersOf(dispatcher)[0]?.reason).toBe("5 facts are already in progress at this handler");
  });

  it("that ends after its time-out changes nothing any more", async () => {
    const { clock, dispatcher } = setUp({ handlers: { timeoutMs: 100, retries: 0 } });
    let end: () => void = () => undefined;
    dispatcher.handle(
      "market.trade.ticked",
      () =>
        new Promise<void>((resolve) => {
          end = resolve;
        }),
      { name: "late" },
    );
    dispatcher.offer(tick("A", 1));
    drainAll(dispatcher);
    clock.wind(100);
    end();
    await turn();
    expect(dispatcher.lanes().P1).toMatchObject({ handled: 0, deadLettered: 1, inProgress: 0 });
  });
});

describe("a batch handler", () => {
  const collect = (changes: object = {}) => {
    const base = setUp(changes);
    const groups: number[][] = [];
    const leave = base.dispatcher.handleBatch(
      "metric.recorded",
      (facts) => void groups.push(facts.map(({ payload }) => payload.value)),
      { name: "writer" },
    );
    return { ...base, groups, leave };
  };

  it("gets groups of the lane's batch size, and the rest after the lane's batch wait", () => {
    const { clock, dispatcher, groups } = collect({ lanes: { P3: { batchSize: 3, batchWaitMs: 1000 } } });
    for (let mark = 1; mark <= 7; mark += 1) dispatcher.offer(metric(mark));
    drainAll(dispatcher);
    expect(groups).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    clock.wind(999);
    expect(groups).toHaveLength(2);
    clock.wind(1);
    expect(groups[2]).toEqual([7]);
    expect(dispatcher.lanes().P3).toMatchObject({ handled: 7, maxMs: 1000 });
  });

  it("gets larger groups while its lane is at the warning mark (E6)", () => {
    const { dispatcher, groups } = collect({
      lanes: { P3: { capacity: 10, batchSize: 2, warningShare: 0.5, criticalShare: 1, samplingMarkShare: 1 } },
    });
    for (let mark = 1; mark <= 8; mark += 1) dispatcher.offer(metric(mark));
    drainAll(dispatcher);
    expect(groups.map((group) => group.length)).toEqual([4, 2, 2]);
  });

  it("is retried with its whole group, and given up with its whole group", () => {
    const { clock, dispatcher } = setUp({ lanes: { P3: { batchSize: 2 } }, handlers: { retries: 1 } });
    const groups: number[] = [];
    dispatcher.handleBatch(
      "metric.recorded",
      (facts) => {
        groups.push(facts.length);
        throw new Error("disk full");
      },
      { name: "writer" },
    );
    dispatcher.offer(metric(1));
    dispatcher.offer(metric(2));
    drainAll(dispatcher);
    clock.wind(100);
    expect(groups).toEqual([2, 2]);
    expect(lettersOf(dispatcher)).toHaveLength(2);
    expect(dispatcher.lanes().P3).toMatchObject({ deadLettered: 2, inProgress: 0 });
  });

  it("that leaves gets what was already collected for it", () => {
    const { clock, dispatcher, groups, leave } = collect();
    dispatcher.offer(metric(1));
    drainAll(dispatcher);
    leave();
    expect(groups).toEqual([[1]]);
    expect(clock.timers).toBe(0);
  });
});
