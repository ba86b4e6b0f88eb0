/** With a disk that can be made to wait or to fail: what a person cannot see by killing processes. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, type Mock, vi } from "vitest";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import { createPaperBroker, type PaperBroker } from "#adapters/paper/broker.ts";
import { readLedger } from "#adapters/paper/oracle.ts";
import { newYorkMorning, order, paperConfig, patiently, scratch, venueOptions, type World, worldAround } from "./world.ts";

let datasync: Mock<() => Promise<void>>;
beforeEach(async () => {
  const file = await open(join(scratch(), "probe"), "w");
  datasync = vi.spyOn(Object.getPrototypeOf(file) as { datasync: () => Promise<void> }, "datasync");
  await file.close();
});
afterEach(() => {
  datasync.mockRestore();
});

/** As with a wall clock: time goes on while the disk works. */
const createWallWorld = async (): Promise<World> => {
  const clock = createSimulatedClock({ startAt: newYorkMorning });
  const ledgerPath = join(scratch(), "session-0001.jsonl");
  const running = { ...clock, now: clock.now, hold: <T>(work: Promise<T>) => work };
  const config = paperConfig({ latencyMs: [10, 10], participationShare: 1 });
  const opened = await createPaperBroker({ ...venueOptions({ config }), clock: running, ledgerPath });
  if (!opened.ok) throw new Error(opened.error.reason);
  return worldAround(opened.value, clock, ledgerPath, {});
};

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe("the paper exchange on a slow disk", () => {
  it("answers and reports nothing before its record is synced (O14)", async () => {
    const world = await createWallWorld();
    const disk = Promise.withResolvers<void>();
    datasync.mockImplementation(() => disk.promise);
    let answered = false;
    void world.broker.submit(order()).then(() => {
      answered = true;
    });
    await world.pass(500);
    await expect.poll(() => readLedger(world.ledgerPath).orders.length, patiently).toBe(1);
    await settle();
    expect(answered).toBe(false);
    expect(world.reports.map(({ type }) => type)).toEqual(["connected"]);
    const list = world.broker.orders();
    await settle();
    disk.resolve();
    await expect.poll(() => answered, patiently).toBe(true);
    await expect.poll(() => world.reports.map(({ type }) => type), patiently).toEqual(["connected", "accepted"]);
    expect(await list).toMatchObject({ ok: true, value: [{ status: "accepted" }] });
  });

  it("syncs once for everything that waits together", async () => {
    const world = await createWallWorld();
    const submit = (_: unknown, index: number) => world.broker.submit(order({ orderId: `o-${index}`, quantity: 1 }));
    const answers = Array.from({ length: 100 }, submit);
    await world.pass(10);
    await Promise.all(answers);
    datasync.mockClear();
    await world.trade(1_680_000, 1_000);
    await expect.poll(() => readLedger(world.ledgerPath).fills.length, patiently).toBe(100);
    await expect.poll(() => datasync.mock.calls.length, patiently).toBe(1);
    await settle();
    expect(datasync.mock.calls.length).toBe(1);
  });

  it("stays away when the disk fails: what was asked is unknown, nothing is told, the ledger stays sound", async () => {
    const world = await createWallWorld();
    datasync.mockRejectedValue(new Error("EIO"));
    const answers = [world.broker.submit(order()), world.broker.submit(order({ orderId: "o-2" }))];
    await world.pass(10);
    for (const answer of answers) expect(await answer).toMatchObject({ error: { type: "outcome.unknown" } });
    expect(world.reports.map(({ type }) => type)).toEqual(["connected", "lost"]);
    await world.pass(60_000);
    expect(world.reports.filter(({ type }) => type === "connected")).toHaveLength(1);
    expect(world.reports.at(-1)).toMatchObject({ type: "lost", reason: expect.stringContaining("EIO") });
    expect(readLedger(world.ledgerPath).damage).toBeUndefined();
  });

  it("is not opened at all when its first record cannot be synced", async () => {
    datasync.mockRejectedValue(new Error("EIO"));
    const clock = createSimulatedClock({ startAt: newYorkMorning });
    const opened = await createPaperBroker({ ...venueOptions({}), clock, ledgerPath: join(scratch(), "new.jsonl") });
    expect(opened).toMatchObject({ ok: false, error: { type: "ledger.unavailable" } });
    await (opened.ok ? (opened.value as PaperBroker).close() : undefined);
  });
});
