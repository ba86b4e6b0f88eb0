/** A journal that another process holds for a while: nothing is lost, nothing is sent meanwhile, and nobody needs to restart. */
import { describe, expect, it } from "vitest";
import type { Proposal } from "#core/strategy/strategy.ts";
import { createWorld } from "../world.ts";

const price = 1_680_000;
const buy: Proposal = {
  type: "order",
  symbol: "SPY",
  side: "buy",
  orderType: "limit",
  quantity: 10,
  limitPriceMinor: price,
  signal: 1,
  reason: "told",
};
const held = "session-0001.sqlite is held by process 4242 (sqlite3)";

describe("a journal that somebody else holds", () => {
  it("closes trading with the holder's name, keeps what happens meanwhile, and opens again by itself", async () => {
    const world = await createWorld();
    await world.tick(price);
    world.journal().setBusy(held);
    await world.turns();
    expect(world.status()).toMatchObject({ safety: "FAIL", trading: { open: false, why: "safety is FAIL" } });
    expect(world.actor("safety").context).toMatchObject({ cause: { code: "FS075", reason: held } });
    world.root().house.offer({ type: "anomaly.raised", payload: { code: "AN061", reason: "meanwhile" }, source: "test" });
    await world.turns();
    const before = world.facts().length;

    world.journal().setBusy(undefined);
    await world.settle();
    expect(world.status().safety).toBe("NORMAL");
    const told = world.facts().slice(before);
    expect(told.map(({ type }) => type).filter((type) => /^(failsafe|anomaly)/.test(type))).toEqual([
      "failsafe.tripped",
      "anomaly.raised",
      "failsafe.cleared",
    ]);
    expect(world.status().journal).toMatchObject({ failure: null });
  });

  it("sends no order that was approved before: what was decided then is out of date", async () => {
    const coming: Proposal[] = [];
    const world = await createWorld({ strategy: { name: "told", evaluate: () => coming.splice(0) } });
    await world.tick(price);
    coming.push(buy);
    // The journal is taken while the order waits for its cause to be durable.
    const { journal } = world;
    world.root().house.dispatcher.handle("order.approved", () => journal().setBusy(held), { name: "test" });
    void world.advance(1000);
    await world.turns();
    await world.turns();
    expect(world.status().safety).toBe("FAIL");
    journal().setBusy(undefined);
    await world.settle();
    expect(world.facts().some(({ type }) => type === "order.approved")).toBe(true);
    expect(world.venue.submits).toEqual([]);
    expect(world.status().safety).toBe("NORMAL");
  });

  it("is over for a process that starts on it: the one that waited could not say so any more", async () => {
    const world = await createWorld();
    await world.fact("failsafe.tripped", { code: "FS075", reason: held });
    expect(world.status().safety).toBe("FAIL");
    await world.restart();
    expect(world.status().safety).toBe("NORMAL");
  });
});
