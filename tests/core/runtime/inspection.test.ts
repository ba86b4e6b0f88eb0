import { describe, expect, it } from "vitest";
import { createWorld } from "../../world.ts";

/** Of one process: who was told of each deadline. */
const toldOf = (world: Awaited<ReturnType<typeof createWorld>>) => {
  const told = new Map<string, Set<string>>();
  world.root().inspection.observer.watch(({ event, actor }) => {
    if (event.type === "timer.due") told.set(event.id, (told.get(event.id) ?? new Set()).add(actor));
  });
  return told;
};

describe("a deadline", () => {
  it("is told to the actor that asked for it, and to no other", async () => {
    const world = await createWorld();
    const told = toldOf(world);
    await world.advance(60_000);
    expect([...(told.get("execution.cycle") ?? [])]).toEqual(["execution"]);
    for (const actors of told.values()) expect(actors.size).toBe(1);
  });

  it("reaches its actor after a restart too", async () => {
    const world = await createWorld();
    await world.advance(5_000);
    await world.restart();
    const told = toldOf(world);
    await world.advance(60_000);
    expect([...(told.get("execution.cycle") ?? [])]).toContain("execution");
  });
});

describe("what a page is shown", () => {
  it("has every machine with its state, its supervisor and since when", async () => {
    const world = await createWorld();
    await world.advance(1000);
    await world.answer({ command: "lockdown", reason: "test" });
    const sight = world.root().inspection.sight();
    const safety = sight?.machines.find(({ name }) => name === "safety");
    expect(safety).toMatchObject({ under: "supervisor", state: "LOCKDOWN", since: world.now(), broken: null, restarts: 0 });
    expect(sight?.machines.map(({ name }) => name)).toContain("reconciliation");
    expect(sight?.status.safety).toBe("LOCKDOWN");
  });

  it("says why, since when and what ends it", async () => {
    const world = await createWorld();
    await world.answer({ command: "lockdown", reason: "fills look wrong" });
    const why = world.root().inspection.sight()?.why;
    expect(why?.safety.sentence).toContain("fills look wrong");
    expect(why?.safety.moves.map(({ to }) => to)).toEqual(["NORMAL"]);
  });

  it("has the deadlines in their order, each with the machine that is told", async () => {
    const world = await createWorld();
    const deadlines = world.root().inspection.sight()?.deadlines ?? [];
    expect(deadlines.length).toBeGreaterThan(0);
    expect(deadlines.map(({ at }) => at)).toEqual(deadlines.map(({ at }) => at).toSorted((a, b) => a - b));
    expect(deadlines.find(({ id }) => id === "execution.cycle")?.actor).toBe("execution");
  });

  it("has live orders before ended ones, and each by its id", async () => {
    const world = await createWorld();
    await world.fact("order.intended", {
      orderId: "a-1",
      symbol: "SPY",
      side: "buy",
      orderType: "market",
      quantity: 100,
      strategy: "test",
    } as never);
    const inspection = world.root().inspection;
    expect(inspection.sight()?.orders).toMatchObject([{ orderId: "a-1", symbol: "SPY", ordered: 100 }]);
    expect(inspection.orderOf("a-1")).toMatchObject({ orderId: "a-1" });
    expect(inspection.orderOf("a-2")).toBeUndefined();
  });

  it("gives a machine's context, and of the desk its counts instead of every order", async () => {
    const { inspection } = (await createWorld()).root();
    expect(inspection.contextOf("safety")).toHaveProperty("cause");
    expect(Object.keys(inspection.contextOf("orders") as object)).toEqual(["counts", "trading", "refusals"]);
    expect(inspection.contextOf("nobody")).toBeUndefined();
  });
});
