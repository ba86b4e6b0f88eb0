import { describe, expect, it } from "vitest";
import type { OpsPorts } from "#parts/ports.ts";
import { createWorld, type World } from "../world.ts";

const price = 1_680_000;
const config = { archive: { silenceMsMax: 1e9 } };

type Fault = "throws" | "rejects" | "hangs";
/** Every hand that ops has fails in the same way. */
const faulty = (fault: Fault): OpsPorts => {
  const hand = new Proxy(
    {},
    {
      get: () => () => {
        if (fault === "throws") throw new Error("ops is broken");
        return fault === "rejects" ? Promise.reject(new Error("ops is broken")) : new Promise(() => {});
      },
    },
  );
  return { files: hand, worker: hand } as OpsPorts;
};

/** Buys ten and has them filled: what core is for. */
const trade = async (world: World, orderId: string): Promise<void> => {
  await world.tick(price);
  await world.fact("order.intended", {
    orderId,
    symbol: "SPY",
    side: "buy",
    orderType: "limit",
    quantity: 10,
    limitPriceMinor: price,
    strategy: "operator",
  });
  world.venue.fill(orderId, 10, price);
  await world.settle();
};

describe("ops is optional (M10)", () => {
  it("without it core records, trades, recovers and ends the day", async () => {
    const world = await createWorld({ config });
    await trade(world, "one");
    await world.restart();
    await world.advance(2000);
    await trade(world, "two");
    expect(world.status()).toMatchObject({ safety: "NORMAL", positions: { SPY: 20 }, archive: { errored: 0 } });
    expect(world.status().machines).not.toHaveProperty("maintenance");
    await world.endFeed();
    const { report, failure } = await world.root().finished;
    expect(failure).toBeUndefined();
    expect(report).toMatchObject({ recovered: true, orders: { filled: 2 }, positions: { SPY: 20 } });
  });

  it.each(["throws", "rejects", "hangs"] as const)(
    "when every hand of ops %s, core trades and the day ends all the same",
    async (fault) => {
      const world = await createWorld({ config, ops: faulty(fault) });
      await trade(world, "one");
      await world.endFeed();
      if (fault === "hangs") {
        expect(world.status().machines.maintenance).toBe("working.planning");
        // What trades is told of nothing until the run is given up.
        expect(world.status().safety).toBe("NORMAL");
        await world.wait(3_600_000);
        await world.wait(60_000);
      }
      const { report, failure } = await world.root().finished;
      expect(failure).toBeUndefined();
      expect(report).toMatchObject({ safety: "WARNING", orders: { filled: 1 }, archive: { received: 1, persisted: 1 } });
      expect(world.facts().filter(({ type }) => type.startsWith("failsafe"))).toEqual([]);
      expect(world.log.some(({ fields }) => (fields as { code?: string }).code === "AN080")).toBe(true);
    },
  );

  it("a run that hangs does not hold the market's time for ever, and does not keep a person from stopping", async () => {
    const world = await createWorld({ config, ops: faulty("hangs") });
    world.root().house.offer({ type: "maintenance.run.requested", payload: { runId: "r1", cause: "test" }, source: "test" });
    await world.wait(3_600_000);
    await world.advance(1000);
    await trade(world, "one");
    expect(world.status()).toMatchObject({ positions: { SPY: 10 } });
    const stopped = world.stop();
    await world.settle();
    await world.wait(60_000);
    expect((await stopped).failure).toBeUndefined();
  });

  it("a part of ops that cannot be kept alive is a WARNING, given up, and takes nothing else with it", async () => {
    const world = await createWorld({ config, ops: faulty("hangs") });
    for (let failure = 0; failure < 8; failure += 1) {
      await world.fact("component.failed", { component: "maintenance", reason: "a bug" });
      await world.advance(3000);
    }
    expect(world.status().machines).toMatchObject({ supervisor: "running", ops: "impaired" });
    expect(world.status().safety).toBe("WARNING");
    await world.fact("component.failed", { component: "ops", reason: "a bug" });
    await world.advance(3000);
    await trade(world, "one");
    expect(world.status()).toMatchObject({ safety: "WARNING", positions: { SPY: 10 } });
    expect(world.facts().filter(({ type }) => type.startsWith("failsafe"))).toEqual([]);
  });

  it.each([
    { from: "the journal", keep: async (_world: World) => {} },
    { from: "a snapshot", keep: async (world: World) => void (await world.root().house.saveSnapshot()) },
  ])("comes and goes between two starts, recovered from $from", async ({ keep }) => {
    const world = await createWorld({ config });
    await trade(world, "one");
    await keep(world);
    await world.restart({ ops: faulty("throws") });
    expect(world.status().machines).toMatchObject({ ops: "running", maintenance: "idle" });
    await keep(world);
    await world.restart({ ops: undefined });
    expect(world.status().machines).not.toHaveProperty("ops");
    expect(world.status()).toMatchObject({ safety: "NORMAL", positions: { SPY: 10 } });
  });
});
