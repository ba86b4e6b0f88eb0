import { describe, expect, it } from "vitest";
import { createWorld, type World } from "../../world.ts";

const terms = { symbol: "SPY", side: "buy", orderType: "limit", quantity: 10, limitPriceMinor: 1_680_000 } as const;

/** A world in which one order was wanted. */
const withOrder = async (script: "accept" | "loseRequest" | "loseResponse"): Promise<World> => {
  const world = await createWorld({ config: { maintenance: { enabled: false }, safety: { brokerGraceMs: 3_600_000 } } });
  await world.tick(1_680_000);
  world.venue.script(script);
  await world.fact("order.intended", { orderId: "1-1", ...terms, strategy: "operator", signal: 1 });
  return world;
};
const resolve = (world: World, outcome: "absent" | "bound" | "canceled", brokerOrderId?: string) =>
  world.answer({ command: "resolve", orderId: "1-1", outcome, brokerOrderId, operator: "mina", reason: "looked at the venue" });

describe("a person's word about an order (O5)", () => {
  it("ends an unknown order that the venue never had", async () => {
    const world = await withOrder("loseRequest");
    expect(world.status().orders).toMatchObject({ unknown: 1 });
    expect(await resolve(world, "absent")).toMatchObject({ exitCode: 0, body: { sentence: expect.stringContaining("denied") } });
    expect(world.status().orders).toMatchObject({ unknown: 0, denied: 1, open: 0 });
  });

  it("binds an unknown order to the venue's, and the venue is asked for the rest at once", async () => {
    const world = await withOrder("loseResponse");
    world.venue.fill("1-1", 10, 1_680_000, { silent: true });
    expect(await resolve(world, "bound", "B1")).toMatchObject({ exitCode: 0 });
    await world.advance(2_000);
    expect(world.status()).toMatchObject({ orders: { filled: 1, open: 0 }, positions: { SPY: 10 } });
  });

  it("about an order that has ended changes nothing, and is told so (O5)", async () => {
    const world = await withOrder("accept");
    world.venue.fill("1-1", 10, 1_680_000);
    await world.advance(1_000);
    expect(await resolve(world, "absent")).toEqual({
      exitCode: 4,
      body: expect.objectContaining({
        sentence: "1-1 is filled already: there is nothing to resolve, and nothing was changed.",
      }),
    });
    expect(world.status()).toMatchObject({ orders: { filled: 1 }, positions: { SPY: 10 } });
  });

  it("is refused when the outcome is known, and for an order that is not there", async () => {
    const world = await withOrder("accept");
    expect(await resolve(world, "absent")).toMatchObject({ exitCode: 4 });
    expect(world.status().orders).toMatchObject({ open: 1 });
    const other = { command: "resolve", orderId: "9-9", outcome: "absent", operator: "mina", reason: "x" } as const;
    expect(await world.answer(other)).toMatchObject({ exitCode: 4, body: { sentence: expect.stringContaining("9-9") } });
  });
});

describe("an order that waits for a person", () => {
  it("is told to them again by every process: the one before may have died with the alarm on its lips", async () => {
    const world = await withOrder("loseRequest");
    world.venue.setConnected(false, "the line is down");
    await world.advance(125_000);
    const alarms = () =>
      world.log.filter(({ level, fields }) => level === "error" && (fields as { code?: string }).code === "FS042").length;
    expect(world.status().safety).toBe("FAIL");
    const before = alarms();
    expect(before).toBeGreaterThan(0);
    await world.restart();
    expect(alarms()).toBeGreaterThan(before);
    // Told again, not counted as a second fail-safe.
    expect(world.status()).toMatchObject({ safety: "FAIL", orders: { unknown: 1 } });
  });
});

describe("the end of a day", () => {
  it("waits for how every order ended, although the venue's last reports were lost (O4, O6)", async () => {
    const world = await withOrder("accept");
    world.venue.fill("1-1", 4, 1_680_000, { silent: true });
    world.venue.end("1-1", "expired", { silent: true });
    await world.endFeed();
    const { report } = await world.root().finished;
    expect(report).toMatchObject({ orders: { expired: 1, open: 0 }, positions: { SPY: 4 } });
  });

  it("is not over for an order of a venue that has gone away: the next start looks for it", async () => {
    const world = await withOrder("accept");
    world.venue.setConnected(false, "the line is down");
    await world.endFeed();
    const { report, failure } = await world.root().finished;
    expect(failure).toContain("the venue has not told how an order ended");
    expect(report.orders).toMatchObject({ open: 1 });
  });

  it("proves that an order without an answer never arrived", async () => {
    const world = await withOrder("loseRequest");
    await world.endFeed();
    const { report } = await world.root().finished;
    expect(report.orders).toMatchObject({ denied: 1, unknown: 0, open: 0 });
  });
});
