import { describe, expect, it } from "vitest";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import type { NewFact } from "#core/event/catalog.ts";
import { createDeadlines } from "#core/runtime/deadlines.ts";
import { setUp } from "../event/setup.ts";

const createSetup = (table?: { readonly [id: string]: number }, startAt = 0) => {
  const clock = createSimulatedClock({ startAt });
  const offered: NewFact[] = [];
  const deadlines = createDeadlines({ clock, offer: (fact) => offered.push(fact), ...(table === undefined ? {} : { table }) });
  const due = () => offered.map(({ payload }) => payload);
  return { clock, deadlines, due };
};

describe("deadlines", () => {
  it("become facts at their time, not before", async () => {
    const { clock, deadlines, due } = createSetup();
    deadlines.arm();
    deadlines.set("quiet", 1000);
    await clock.advanceTo(999);
    expect(due()).toEqual([]);
    await clock.advanceTo(1000);
    expect(due()).toEqual([{ id: "quiet", dueAt: 1000 }]);
  });

  it("only record while the journal is replayed, and fire once armed, those that passed meanwhile too", async () => {
    const { clock, deadlines, due } = createSetup({ override: 500, cooldown: 5000 }, 1000);
    await clock.advanceTo(2000);
    expect(due()).toEqual([]);
    deadlines.arm();
    await clock.advanceTo(2001);
    expect(due()).toEqual([{ id: "override", dueAt: 500 }]);
    expect(deadlines.table()).toEqual({ override: 500, cooldown: 5000 });
  });

  it("stay in the table until their fact is handled, so that a crash in between cannot lose them", async () => {
    const { clock, deadlines } = createSetup();
    deadlines.arm();
    deadlines.set("quiet", 1000);
    await clock.advanceTo(1000);
    expect(deadlines.table()).toEqual({ quiet: 1000 });
    expect(deadlines.take("quiet", 1000)).toEqual({ at: 1000, owner: undefined });
    expect(deadlines.table()).toEqual({});
  });

  it("that thousands of orders share are all told, as the house has room for them", async () => {
    const clock = createSimulatedClock({ startAt: 0 });
    const told: string[] = [];
    const { dispatcher } = setUp(
      {},
      { clock, deliver: ({ payload }) => told.push((payload as { readonly id: string }).id), report: () => expect.unreachable() },
    );
    const deadlines = createDeadlines({ clock, offer: dispatcher.offer, hasRoom: () => dispatcher.hasRoomInside });
    const ids = Array.from({ length: 3000 }, (_, index) => `order.${index}`);
    for (const id of ids) deadlines.set(id, 1000);
    deadlines.arm();
    dispatcher.start();
    await clock.advanceTo(1000);
    expect(told).toEqual(ids);
    expect(dispatcher.refused()).toEqual({});
  });

  it("are out of date once set anew or cleared: nobody is told", () => {
    const { deadlines } = createSetup();
    deadlines.set("quiet", 1000);
    deadlines.set("quiet", 2000);
    expect(deadlines.take("quiet", 1000)).toBeUndefined();
    deadlines.clear("quiet");
    expect(deadlines.take("quiet", 2000)).toBeUndefined();
  });
});
