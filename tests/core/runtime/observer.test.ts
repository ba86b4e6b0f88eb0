import { describe, expect, it } from "vitest";
import type { ActorName } from "#core/actors.ts";
import type { ActorEvent } from "#core/event/catalog.ts";
import type { FactOutcome } from "#core/orders/order-desk.ts";
import type { Effect } from "#core/runtime/effects.ts";
import { createObserver, hasMoved, orderSteps, type Step } from "#core/runtime/observer.ts";
import { openRecord } from "#machines/order.rules.ts";
import { createWorld, morning } from "../../world.ts";

const step = (over: Partial<Step> = {}): Omit<Step, "number"> => ({
  seq: 1,
  event: { type: "feed.ended", at: morning } as ActorEvent,
  lane: "P0",
  waitedMs: 0,
  tookMs: 0,
  actor: "feed" as ActorName,
  orderId: null,
  from: "live",
  to: "live",
  effects: [],
  refusal: null,
  ...over,
});
const calm = (): never => {
  throw new Error("nobody should be let go");
};

describe("whoever looks on", () => {
  it("is shown each fact once for every actor that took it, with the states before and after (I1)", async () => {
    const world = await createWorld();
    const seen: Step[] = [];
    world.root().inspection.observer.watch((one) => seen.push(one));
    await world.answer({ command: "lockdown", reason: "test" });
    const [locked] = seen.filter(({ actor }) => actor === "safety");
    expect(locked).toMatchObject({ event: { type: "operator.lockdown.requested" }, from: "NORMAL", to: "LOCKDOWN", lane: "P0" });
    expect(locked?.effects.map(({ type }) => type)).toContain("safety.announce");
    expect(world.facts()[(locked?.seq ?? 0) - 1]?.type).toBe("operator.lockdown.requested");
    // What follows in the same step comes after its cause.
    const told = seen.findIndex(({ actor, event }) => actor === "execution" && event.type === "safety.changed");
    expect(told).toBeGreaterThan(seen.indexOf(locked as Step));
  });

  it("is shown what became of each order, as a step of its own under orders (I1)", async () => {
    const world = await createWorld();
    await world.fact("order.intended", {
      orderId: "a-1",
      symbol: "SPY",
      side: "buy",
      orderType: "market",
      quantity: 100,
      strategy: "test",
      signal: 1,
      limitPriceMinor: undefined,
    } as never);
    const own = world
      .root()
      .inspection.observer.changesAfter(0)
      .filter(({ orderId }) => orderId === "a-1");
    expect(own.length).toBeGreaterThan(1);
    expect(own[0]).toMatchObject({ actor: "orders", from: null, to: "initialized", event: { type: "order.intended" } });
    expect(own[1]).toMatchObject({ from: "initialized" });
  });

  it("is shown that the desk closes also while orders are in flight, after what becomes of them (I1)", async () => {
    const world = await createWorld();
    await world.tick(1_690_000);
    world.venue.script("stall");
    const order = { orderId: "a-1", symbol: "SPY", side: "buy", orderType: "limit", quantity: 10, limitPriceMinor: 1_690_000 };
    await world.fact("order.intended", { ...order, strategy: "operator" } as never);
    const { observer } = world.root().inspection;
    const before = observer.newest();
    await world.fact("broker.disconnected", { broker: "paper", reason: "cable" });
    const own = observer
      .changesAfter(before)
      .filter(({ actor, event }) => actor === "orders" && event.type === "broker.disconnected");
    expect(own).toMatchObject([
      { orderId: "a-1", from: "submitting", to: "unknown" },
      { orderId: null, from: "open", to: "closed", effects: [] },
    ]);
    expect(own[0]?.effects.length).toBeGreaterThan(0);
    expect(observer.movedAt("orders")).toBe(own[1]?.event.at);
  });

  it("hears nothing of ticks, because no actor takes them (I1)", async () => {
    const world = await createWorld();
    const seen: Step[] = [];
    world.root().inspection.observer.watch((one) => seen.push(one));
    await world.tick(1_690_000);
    await world.tick(1_690_100);
    expect(seen.filter(({ event }) => event.type.startsWith("market."))).toEqual([]);
  });

  it("gets the state and the effects themselves, nothing is copied (I1)", () => {
    const observer = createObserver(calm);
    const effects = [{ type: "timer.clear", id: "feed.retry" }] as readonly Effect[];
    const event = { type: "feed.ended", at: morning } as ActorEvent;
    let seen: Step | undefined;
    observer.watch((one) => {
      seen = one;
    });
    observer.take(step({ effects, event }));
    expect(seen?.effects).toBe(effects);
    expect(seen?.event).toBe(event);
  });

  it("that throws three times is let go and reported once, and the others go on", () => {
    const faults: unknown[] = [];
    const observer = createObserver((error) => faults.push(error));
    let heard = 0;
    observer.watch(() => {
      throw new Error("broken page");
    });
    observer.watch(() => {
      heard += 1;
    });
    for (let count = 0; count < 5; count += 1) observer.take(step());
    expect(faults).toEqual([new Error("broken page")]);
    expect(heard).toBe(5);
  });

  it("may throw in the middle of a fact and changes nothing of what comes of it", async () => {
    const world = await createWorld();
    world.root().inspection.observer.watch(() => {
      throw new Error("broken page");
    });
    await world.answer({ command: "lockdown", reason: "test" });
    expect(world.status().safety).toBe("LOCKDOWN");
    expect(world.log.filter(({ text }) => text.startsWith("whoever looked on"))).toHaveLength(1);
  });

  it("hears no more once it has turned away, and may turn away twice", () => {
    const observer = createObserver(calm);
    let heard = 0;
    const leave = observer.watch(() => {
      heard += 1;
    });
    observer.take(step());
    leave();
    leave();
    observer.take(step());
    expect([heard, observer.isWatched()]).toEqual([1, false]);
  });
});

describe("the changes that are kept", () => {
  it("are moved states, effects and refusals; a fact that changed nothing, or only a deadline, is none", () => {
    const observer = createObserver(calm);
    observer.take(step());
    observer.take(step({ from: { opening: "archive" }, to: { opening: "archive" } }));
    observer.take(step({ to: "lost" }));
    observer.take(step({ effects: [{ type: "timer.set", id: "x", at: 1 }] as readonly Effect[] }));
    observer.take(step({ effects: [{ type: "timer.clear", id: "x" }, { type: "feed.measure" }] as never }));
    observer.take(step({ refusal: "no such order" }));
    expect(observer.changesAfter(0).map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(observer.changesAfter(2).map(({ refusal }) => refusal)).toEqual(["no such order"]);
    expect(observer.newest()).toBe(3);
  });

  it("are the last 2,000, and the numbers say how many are forgotten", () => {
    const observer = createObserver(calm);
    for (let count = 0; count < 4500; count += 1) observer.take(step({ to: "lost" }));
    const kept = observer.changesAfter(0);
    expect(kept).toHaveLength(2000);
    expect([kept[0]?.number, kept.at(-1)?.number]).toEqual([2501, 4500]);
  });

  it("of an order are not pushed out by cycles and timers, and stand in their order among them", () => {
    const observer = createObserver(calm);
    observer.take(step({ actor: "orders", orderId: "a-1", from: null, to: "initialized" }));
    for (let count = 0; count < 3000; count += 1) observer.take(step({ to: "lost" }));
    observer.take(step({ actor: "orders", orderId: "a-1", from: "initialized", to: "denied" }));
    observer.take(step({ to: "lost" }));
    const kept = observer.changesAfter(0);
    expect(kept.filter(({ orderId }) => orderId === "a-1").map(({ number }) => number)).toEqual([1, 3002]);
    expect(kept.at(-1)?.number).toBe(3003);
  });

  it("say since when an actor is where it is", () => {
    const observer = createObserver(calm);
    expect(observer.movedAt("feed")).toBeUndefined();
    observer.take(step({ to: "lost", event: { type: "feed.ended", at: morning + 5 } as ActorEvent }));
    observer.take(step({ from: "lost", to: "lost", event: { type: "feed.ended", at: morning + 9 } as ActorEvent }));
    expect(observer.movedAt("feed")).toBe(morning + 5);
  });

  it.each([
    [{ a: "b" }, { a: "b" }, false],
    [{ a: "b" }, { a: "c" }, true],
    [{ a: { b: "c" } }, { a: "b" }, true],
    [null, "initialized", true],
    ["x", "x", false],
  ])("a state that was %j and is %j has moved: %s", (from, to, moved) => {
    expect(hasMoved({ from, to })).toBe(moved);
  });

  it("have an effect once, however many orders a fact concerned", () => {
    const order = openRecord({
      orderId: "a",
      symbol: "SPY",
      side: "buy",
      orderType: "market",
      quantity: 1,
      strategy: "t",
      at: morning,
    });
    const outcomes: FactOutcome[] = [
      { orderId: "a", before: undefined, order, refusal: null },
      { orderId: "b", before: order, order, refusal: { orderId: "b", at: 1, fact: "x", code: "duplicate", reason: "twice" } },
    ];
    const effects = [{ type: "timer.clear", id: "x" }] as readonly Effect[];
    const steps = orderSteps({ ...step({ actor: "orders", effects }) }, outcomes);
    expect(steps.map((one) => [one.orderId, one.from, one.to, one.effects.length, one.refusal])).toEqual([
      ["a", null, "initialized", 1, null],
      ["b", "initialized", "initialized", 0, "twice"],
    ]);
  });
});
