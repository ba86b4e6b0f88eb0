/** The file KILL in the whole house: what it stops, when, and what it takes to trade again. */
import { describe, expect, it } from "vitest";
import type { SafetyContext } from "#machines/safety.machine.ts";
import { createWorld, type World } from "../world.ts";

const price = 1_680_000;
const kim = { operator: "kim", reason: "looked" };
const order = (orderId: string) => ({
  orderId,
  symbol: "SPY",
  side: "buy" as const,
  orderType: "limit" as const,
  quantity: 10,
  limitPriceMinor: price,
  strategy: "operator",
});
const shown = (world: World) => world.status().parts["kill-switch"];
const causeOf = (world: World) => (world.actor("safety").context as SafetyContext).cause?.code;
const count = (world: World, type: string): number => world.facts().filter((fact) => fact.type === type).length;
/** Real time for a look, and what follows from it. */
const look = async (world: World): Promise<void> => {
  await world.wait(1000);
  await world.settle();
};

describe("the kill switch (S2, S3)", () => {
  it("leads to LOCKDOWN within a second of real time: no order leaves, and it shows why and since when", async () => {
    const world = await createWorld();
    await world.tick(price);
    expect(shown(world)).toMatchObject({ state: "off", on: 0, reason: null, since: null, path: "/qts/KILL" });
    world.setKillSwitch("quotes look stale");
    await look(world);
    expect([world.status().safety, causeOf(world)]).toEqual(["LOCKDOWN", "FS121"]);
    const since = new Date(world.now()).toISOString();
    expect(shown(world)).toMatchObject({ state: "on", on: 1, reason: "quotes look stale", since });
    expect(world.status().parts.posture).toEqual({ cause: "FS121", reason: "quotes look stale", since });
    await world.fact("order.intended", order("too late"));
    expect(world.venue.submits).toEqual([]);
    for (let second = 0; second < 15; second += 1) await look(world);
    expect(count(world, "kill.switch.tripped")).toBe(1);
  });

  it("is not to be released while it is there; once removed, a release opens trading at once, and nothing else does", async () => {
    const world = await createWorld();
    await world.tick(price);
    world.setKillSwitch("stop");
    await look(world);
    const refused = await world.answer({ command: "release", ...kim });
    expect(refused.exitCode).toBe(4);
    expect(refused.body.sentence).toBe(
      "LOCKDOWN goes on: the kill switch is on (stop). First remove /qts/KILL, then `qts release` again.",
    );
    expect(world.status().safety).toBe("LOCKDOWN");

    // Nobody has to wait for the next look.
    world.setKillSwitch(null);
    expect(await world.answer({ command: "release", ...kim })).toMatchObject({ exitCode: 0, body: { safety: "NORMAL" } });
    await world.fact("order.intended", order("again"));
    expect(world.venue.submits.map(({ orderId }) => orderId)).toEqual(["again"]);

    world.setKillSwitch("stop again");
    await look(world);
    world.setKillSwitch(null);
    await look(world);
    expect(shown(world)).toMatchObject({ state: "off" });
    expect(world.status().safety).toBe("LOCKDOWN");
  });

  it("counts from the start on: before the venue is asked, and after a kill it is told once", async () => {
    const world = await createWorld();
    world.setKillSwitch("over night");
    await world.restart();
    const types = world.facts().map(({ type }) => type);
    expect(types.indexOf("kill.switch.tripped")).toBeGreaterThan(-1);
    expect(types.lastIndexOf("kill.switch.tripped")).toBeLessThan(types.lastIndexOf("broker.connected"));
    expect(world.status().safety).toBe("LOCKDOWN");
    await world.restart();
    expect(count(world, "kill.switch.tripped")).toBe(1);
    expect(await world.answer({ command: "release", ...kim })).toMatchObject({ exitCode: 4 });

    world.setKillSwitch(null);
    await world.restart();
    expect(shown(world)).toMatchObject({ state: "off" });
    expect(world.status().safety).toBe("LOCKDOWN");
    expect(await world.answer({ command: "release", ...kim })).toMatchObject({ exitCode: 0 });
  });

  it("is not watched where the configuration says that there is none, and status says so", async () => {
    const world = await createWorld({ config: { killSwitch: { available: false } } });
    world.setKillSwitch("stop");
    await look(world);
    expect(world.status().safety).toBe("NORMAL");
    expect(shown(world)).toMatchObject({ state: "not watched", on: 0 });
    // What an earlier run, which watched it, left behind must not lock the release for ever.
    await world.fact("kill.switch.tripped", { reason: "of another configuration" });
    await world.restart();
    expect(await world.answer({ command: "release", ...kim })).toMatchObject({ exitCode: 0 });
  });

  it("is on from the start where the configuration trips it, and names the key that does", async () => {
    const world = await createWorld({ config: { killSwitch: { tripped: true } } });
    expect([world.status().safety, causeOf(world)]).toEqual(["LOCKDOWN", "FS121"]);
    const { body } = await world.answer({ command: "release", ...kim });
    expect(body.sentence).toContain("set killSwitch.tripped to false");
  });

  it("that nobody can look at is an anomaly, told once, and neither on nor off", async () => {
    const world = await createWorld();
    world.breakKillSwitch("/qts/KILL cannot be looked at (EIO)");
    await look(world);
    await look(world);
    expect([world.status().safety, causeOf(world)]).toEqual(["WARNING", "AN064"]);
    expect(count(world, "anomaly.raised")).toBe(1);
    expect(shown(world)).toMatchObject({ state: "unreadable", on: 0 });
    world.setKillSwitch("stop");
    await look(world);
    expect(world.status().safety).toBe("LOCKDOWN");
  });
});

describe("the emergency stop (S2)", () => {
  it("leads to LOCKDOWN at once, says what that means and how it ends, and survives a kill", async () => {
    const world = await createWorld();
    await world.tick(price);
    const { exitCode, body } = await world.answer({ command: "stop-trading", reason: "news", operator: "lee" });
    expect(exitCode).toBe(0);
    expect(body.sentence).toContain("no new order leaves, and open orders stay at the venue");
    expect(body.sentence).toContain("`qts release` ends it");
    expect([world.status().safety, causeOf(world)]).toEqual(["LOCKDOWN", "FS120"]);
    expect(world.status().parts.posture).toMatchObject({ cause: "FS120", reason: "lee: news" });
    await world.restart();
    expect([world.status().safety, causeOf(world)]).toEqual(["LOCKDOWN", "FS120"]);
    expect(await world.answer({ command: "release", ...kim })).toMatchObject({ exitCode: 0 });
  });
});
