/** The part that takes samples, in the whole house. */
import { describe, expect, it } from "vitest";
import { createWorld } from "../world.ts";

const hourMs = 3_600_000;

describe("the samples of a session", () => {
  it("come every ten seconds of real time, by the house's own tick (I5)", async () => {
    const world = await createWorld();
    await world.wait(60_000);
    const { values } = world.root().inspection.samples(hourMs);
    expect(values.pnlMinor.filter((value) => value !== null)).toHaveLength(7);
    expect(values.received.at(-1)).toBe(0);
  });

  it("begin with the process: a house that is killed and starts again has none of before", async () => {
    const world = await createWorld();
    await world.wait(60_000);
    await world.restart();
    const { values } = world.root().inspection.samples(hourMs);
    expect(values.pnlMinor.filter((value) => value !== null)).toHaveLength(1);
  });
});
