/** A strategy that answers with promises, or with anything else: the market goes on without it, and people are told. */
import { describe, expect, it } from "vitest";
import type { Strategy } from "#core/strategy/strategy.ts";
import { createWorld } from "../world.ts";

const price = 1_680_000;
const timeoutMs = 50;
const config = { events: { handlers: { timeoutMs } } };
const never = new Promise<void>(() => {});

describe("a strategy whose onTrade returns a promise", () => {
  it("that never ends is suspended after real time, says so, and holds the market at one trade only", async () => {
    let calls = 0;
    const strategy: Strategy = {
      name: "slow",
      onTrade: (() => {
        calls += 1;
        return never;
      }) as unknown as NonNullable<Strategy["onTrade"]>,
      evaluate: () => [],
    };
    const world = await createWorld({ strategy, config });
    const ticking = world.tick(price);
    await world.wait(timeoutMs);
    await ticking;
    expect(world.status().parts.strategy).toMatchObject({ suspended: expect.stringContaining("has not ended after 50 ms") });
    expect(world.log).toContainEqual(
      expect.objectContaining({
        level: "error",
        text: expect.stringContaining("the strategy slow is suspended: its onTrade returned a promise"),
      }),
    );
    const before = calls;
    for (let n = 0; n < 5; n += 1) await world.tick(price);
    expect(calls).toBe(before);
    await world.advance(60_000);
    const failed = world.facts().findLast(({ type }) => type === "cycle.failed");
    expect(failed?.payload).toMatchObject({ reason: expect.stringContaining("the strategy slow is suspended") });
    expect(world.status()).toMatchObject({ safety: "FAIL" });
  });

  it("that ends in time is waited for, and nothing is said", async () => {
    const seen: number[] = [];
    const onTrade = (async ({ priceMinor }: { readonly priceMinor: number }) => {
      await null;
      seen.push(priceMinor);
    }) as unknown as NonNullable<Strategy["onTrade"]>;
    const world = await createWorld({ strategy: { name: "calm", onTrade, evaluate: () => [] }, config });
    await world.tick(price);
    await world.wait(10 * timeoutMs);
    expect(seen).toEqual([price]);
    expect(world.status().parts.strategy).toMatchObject({ suspended: null });
  });
});

describe("a strategy whose evaluate returns no list", () => {
  it.each([
    { returned: {}, says: "evaluate of odd returned an object, and must return a list of proposals" },
    { returned: Promise.resolve([]), says: "evaluate of odd returned a promise" },
  ])("ends its cycle as failed with the reason: $says", async ({ returned, says }) => {
    const world = await createWorld({ strategy: { name: "odd", evaluate: () => returned as never } });
    await world.tick(price);
    await world.advance(2000);
    expect(world.facts().find(({ type }) => type === "cycle.failed")?.payload).toMatchObject({
      reason: expect.stringContaining(says),
    });
  });
});

describe("market time that stands still", () => {
  it("is told with whoever it waits for, at growing distances, and shown in the status", async () => {
    const world = await createWorld();
    const work = Promise.withResolvers<void>();
    void world.clock().hold(work.promise, undefined, "a disk that does not answer");
    const told = (): string[] => world.log.map(({ text }) => text).filter((text) => text.startsWith("market time stands still"));
    // The first look only notices it.
    for (let look = 0; look <= 20; look += 1) await world.wait(1000);
    expect(told()).toEqual([3, 6, 12].map((s) => `market time stands still for ${s} s because of a disk that does not answer`));
    expect(world.status().parts.vitals).toEqual({ standingStillMs: 20_000, because: "a disk that does not answer" });
    work.resolve();
    await world.settle();
    expect(world.status().parts.vitals).toEqual({ standingStillMs: 0, because: null });
  });
});
