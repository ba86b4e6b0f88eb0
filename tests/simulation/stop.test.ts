import { describe, expect, it } from "vitest";
import { createWorld } from "../world.ts";

const price = 1_680_000;

describe("a stop (E9)", () => {
  it("handles every critical fact that waits, refuses what comes later, and leaves everything on disk (A2, E10)", async () => {
    const world = await createWorld();
    await world.tick(price);
    const { dispatcher, offer } = world.root().house;
    const handled: number[] = [];
    dispatcher.handle("feed.heard", ({ payload }) => void handled.push(payload.silentMs), { name: "test" });
    const stopped = world.stop();
    for (let index = 0; index < 80; index += 1)
      offer({ type: "feed.heard", payload: { feed: "x", silentMs: index, marketOpen: true }, source: "flood" });
    for (let index = 0; index < 500; index += 1)
      offer({
        type: "market.trade.ticked",
        payload: { symbol: "SPY", priceMinor: price, quantity: 1, sequence: 2 + index, exchangeAt: world.now() },
        source: "flood",
      });
    const { report, failure } = await stopped;
    expect(failure).toBeUndefined();
    expect(handled).toEqual(Array.from({ length: 80 }, (_, index) => index));
    for (const { accepted, handled: done, dropped, collapsed, sampled, deadLettered } of Object.values(report.lanes))
      expect(accepted).toBe(done + dropped + collapsed + sampled + deadLettered);
    expect(report.archive).toMatchObject({ received: 1, persisted: 1 });

    offer({ type: "feed.heard", payload: { feed: "x", silentMs: 999, marketOpen: true }, source: "late" });
    await world.settle();
    expect(handled).not.toContain(999);
    expect(world.status().refusedFacts).toEqual({ "feed.heard": 1 });
    // A fresh snapshot covers the whole journal: the next start replays nothing.
    expect(world.storage.snapshots.at(-1)?.seq).toBe(world.storage.records.length);
  });

  it("says what it left behind: a handler that never ends is not waited for beyond the deadline (E9)", async () => {
    const world = await createWorld({ config: { events: { drainMsMax: 20, handlers: { timeoutMs: 200 } } } });
    world.root().house.dispatcher.handle("market.trade.ticked", () => new Promise(() => undefined), { name: "never ends" });
    const payload = { symbol: "SPY", priceMinor: price, quantity: 1, sequence: 1, exchangeAt: 0 };
    world.root().house.offer({ type: "market.trade.ticked", payload, source: "test" });
    const stopping = world.stop();
    await world.advance(50);
    const { report } = await stopping;
    expect(report.lanes.P1).toMatchObject({ handled: 0, left: 1 });
    const left = world.log.find(({ text }) => text === "facts were left in the lanes");
    expect(left?.fields).toMatchObject({ left: { P0: 0, P1: 1 } });
  });

  it("hands over what safety had held back", async () => {
    const world = await createWorld();
    await world.answer({ command: "lockdown", reason: "x" });
    await world.tick(price);
    expect(world.status().lanes.P1.depth).toBe(1);
    const { report } = await world.stop();
    expect(report.safety).toBe("LOCKDOWN");
    expect(report.lanes.P1.handled).toBe(report.lanes.P1.accepted);
    expect(world.log.some(({ text }) => text === "facts were left in the lanes")).toBe(false);
    // The row itself was archived on its way in.
    expect(report.archive).toMatchObject({ received: 1, persisted: 1 });
  });

  it("sends nothing more: an intent that comes while it stops is denied, what works at the venue goes on working", async () => {
    const world = await createWorld();
    await world.tick(price);
    const order = {
      symbol: "SPY",
      side: "buy",
      orderType: "limit",
      quantity: 10,
      limitPriceMinor: price,
      strategy: "operator",
    } as const;
    await world.fact("order.intended", { ...order, orderId: "working" });
    await world.advance(2000);
    const stopped = world.stop();
    world.root().house.offer({ type: "order.intended", payload: { ...order, orderId: "late", quantity: 9 }, source: "test" });
    await stopped;
    const sent = world.venue.submits.map(({ orderId }) => orderId);
    expect(sent).toContain("working");
    await world.restart();
    expect(world.venue.submits.map(({ orderId }) => orderId)).toEqual(sent);
    world.venue.fill("working", 10, price);
    await world.settle();
    expect(world.status()).toMatchObject({ recovered: true, positions: { SPY: 10 } });
    expect(world.status().orders.unknown).toBe(0);
  });

  it("twice is once, and a stop in the middle of the day's end does not end it twice", async () => {
    const world = await createWorld();
    await world.tick(price);
    await world.endFeed();
    world.root().requestStop("again");
    const { failure } = await world.stop();
    expect(failure).toBeUndefined();
    expect(world.facts().filter(({ type }) => type === "session.ended")).toHaveLength(1);
  });
});
