/** Health checks that hang, fail, recover, and say since when. */
import { describe, expect, it } from "vitest";
import { createHealthMonitor, type HealthCheck, type HealthFinding, type HealthResult } from "#ops/automation/health.ts";
import { houseChecks } from "#ops/automation/house-checks.ts";
import { exampleStatus } from "../../adapters/host/page/example-status.ts";

/** A host clock that is wound by hand. */
const createClock = () => {
  let now = 1_000_000;
  const timers = new Set<{ at: number; fire: () => void }>();
  return {
    now: () => now,
    monotonicMs: () => now,
    setTimer: (at: number, fire: () => void) => {
      const timer = { at, fire };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    wind: (ms: number) => {
      now += ms;
      for (const timer of [...timers].filter(({ at }) => at <= now)) {
        timers.delete(timer);
        timer.fire();
      }
    },
    timers,
  };
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const fine: HealthFinding = { state: "ok", reason: "fine" };
/** A check whose finding the test sets. */
const changeable = (name: string) => {
  const box = { finding: fine };
  return { box, check: { name, look: () => box.finding } satisfies HealthCheck };
};

describe("the health monitor", () => {
  it("keeps each check's last result with since when (M12)", async () => {
    const clock = createClock();
    const disk = changeable("disk");
    const monitor = createHealthMonitor({ clock, checks: [disk.check] });
    expect(monitor.results()).toEqual([]);
    await monitor.runChecks();
    clock.wind(1000);
    disk.box.finding = { state: "warning", reason: "18 % free" };
    await monitor.runChecks();
    clock.wind(1000);
    disk.box.finding = { state: "warning", reason: "17 % free" };
    await monitor.runChecks();
    expect(monitor.results()).toEqual([
      { name: "disk", state: "warning", reason: "17 % free", since: 1_001_000, checkedAt: 1_002_000, elapsedMs: 0 },
    ]);
  });

  it("tells of a change once, and when it is over", async () => {
    const told: [string, HealthFinding["state"], HealthFinding["state"] | undefined][] = [];
    const broker = changeable("broker");
    const monitor = createHealthMonitor({
      clock: createClock(),
      checks: [broker.check, { name: "disk", look: () => fine }],
      changed: (result: HealthResult, before) => told.push([result.name, result.state, before]),
    });
    for (const state of ["critical", "critical", "ok", "ok", "warning", "critical"] as const) {
      broker.box.finding = { state, reason: "heartbeat" };
      await monitor.runChecks();
    }
    expect(told).toEqual([
      ["broker", "critical", undefined],
      ["broker", "ok", "critical"],
      ["broker", "warning", "ok"],
      ["broker", "critical", "warning"],
    ]);
  });

  it("gives up on a check that hangs, without holding the others, and does not ask it again until it has answered (M12)", async () => {
    const clock = createClock();
    let asked = 0;
    let answer: (finding: HealthFinding) => void = () => {};
    const monitor = createHealthMonitor({
      clock,
      timeoutMs: 500,
      checks: [
        {
          name: "sheets",
          look: () => {
            asked += 1;
            return new Promise((resolve) => {
              answer = resolve;
            });
          },
        },
        { name: "disk", look: () => fine },
      ],
    });
    const run = monitor.runChecks();
    await turn();
    clock.wind(500);
    expect((await run).map(({ state, reason }) => [state, reason])).toEqual([
      ["critical", "did not answer within 500 ms"],
      ["ok", "fine"],
    ]);
    clock.wind(60_000);
    expect((await monitor.runChecks())[0]).toMatchObject({
      state: "critical",
      reason: "has not answered for 61 s",
      since: 1_000_500,
    });
    expect(asked).toBe(1);
    answer(fine);
    await turn();
    const again = monitor.runChecks();
    await turn();
    answer(fine);
    expect((await again)[0]).toMatchObject({ state: "ok" });
    expect(asked).toBe(2);
    expect(clock.timers.size).toBe(0);
  });

  it.each([
    {
      how: "throws",
      look: (): HealthFinding => {
        throw new Error("no heartbeat");
      },
    },
    { how: "rejects", look: (): Promise<HealthFinding> => Promise.reject(new Error("no heartbeat")) },
  ])("takes a check that $how for a finding of its own gravity", async ({ look }) => {
    const monitor = createHealthMonitor({
      clock: createClock(),
      checks: [
        { name: "broker", look },
        { name: "cache", look, failsAs: "warning" },
      ],
    });
    expect((await monitor.runChecks()).map(({ state, reason }) => [state, reason])).toEqual([
      ["critical", "failed: no heartbeat"],
      ["warning", "failed: no heartbeat"],
    ]);
  });
});

describe("the checks of the house (M12)", () => {
  const create = () => {
    const clock = createClock();
    const world = {
      status: exampleStatus(),
      freeShare: 0.5,
      archive: { received: 0, persisted: 0, refused: 0, repeated: 0, errored: 0, pending: 0 },
    };
    const checks = houseChecks({
      status: () => world.status,
      archive: () => world.archive,
      now: clock.now,
      loopDelayMsMax: 1000,
      disk: {
        free: async () => ({ freeBytes: world.freeShare * 1e9, totalBytes: 1e9 }),
        warningFreeShare: 0.2,
        criticalFreeShare: 0.1,
      },
      outside: [{ name: "broker", look: () => fine }],
    });
    const monitor = createHealthMonitor({ clock, checks });
    const archive = (
      received: number,
      persisted: number,
      over: { refused?: number; repeated?: number; pending?: number } = {},
    ): void => {
      world.archive = { received, persisted, refused: 0, repeated: 0, errored: 0, pending: 0, ...over };
    };
    const stateOf = async (name: string) => (await monitor.runChecks()).find((result) => result.name === name)?.state;
    return { clock, world, monitor, archive, stateOf };
  };

  it("asks about archive, journal, event loop, disk and what is injected", async () => {
    const { monitor } = create();
    expect((await monitor.runChecks()).map(({ name, state }) => [name, state])).toEqual([
      ["archive", "ok"],
      ["journal", "ok"],
      ["loop", "ok"],
      ["disk", "ok"],
      ["broker", "ok"],
    ]);
  });

  it("is not healthy while rows are received and not written, as the origin was (A2)", async () => {
    const { archive, stateOf } = create();
    archive(97_329, 116);
    expect(await stateOf("archive")).toBe("critical");
  });

  it("does not take rows that wait for the next write, or that are there already, for lost", async () => {
    const { archive, stateOf } = create();
    archive(1000, 0, { refused: 10, repeated: 10, pending: 990 });
    expect(await stateOf("archive")).toBe("ok");
    archive(2000, 990, { refused: 10, repeated: 10, pending: 1000 });
    expect(await stateOf("archive")).toBe("ok");
  });

  it.each([
    { refused: 9, state: "ok" },
    { refused: 11, state: "warning" },
    { refused: 101, state: "critical" },
    { refused: 10_000, state: "critical" },
  ])(
    "counts rows that were refused against health: $refused of 10,000 are $state, and the share says so (A2)",
    async ({ refused, state }) => {
      const { archive, monitor } = create();
      archive(10_000, 10_000 - refused, { refused });
      const [found] = await monitor.runChecks();
      const share = `${((10_000 - refused) / 100).toFixed(2)} %`;
      expect(found).toMatchObject({ name: "archive", state, reason: expect.stringContaining(share) });
      expect(found?.reason).toContain(`; ${refused} were refused`);
    },
  );

  it.each([
    { persisted: 9999, state: "ok" },
    { persisted: 9998, state: "critical" },
  ])("finds $state when $persisted of 10,000 rows were persisted", async ({ persisted, state }) => {
    const { archive, stateOf } = create();
    archive(10_000, persisted);
    expect(await stateOf("archive")).toBe(state);
  });

  it("notices a small loss in a large flow, and forgets it five minutes after the last", async () => {
    const { archive, clock, stateOf } = create();
    const states: (string | undefined)[] = [];
    for (let minute = 0; minute <= 10; minute += 1) {
      const received = 1_000_000 * (minute + 1);
      archive(received, received - (minute < 3 ? 0 : 600), { pending: 0 });
      states.push(await stateOf("archive"));
      clock.wind(60_000);
    }
    expect(states).toEqual(["ok", "ok", "ok", ...Array(5).fill("critical"), "ok", "ok", "ok"]);
  });

  it.each([
    { freeShare: 0.2, state: "ok" },
    { freeShare: 0.199, state: "warning" },
    { freeShare: 0.1, state: "warning" },
    { freeShare: 0.099, state: "critical" },
  ])("finds $state with $freeShare of the disk free", async ({ freeShare, state }) => {
    const { world, stateOf } = create();
    world.freeShare = freeShare;
    expect(await stateOf("disk")).toBe(state);
  });

  it("is critical while the event loop is blocked again and again", async () => {
    const { world, stateOf } = create();
    world.status = exampleStatus({ loopDelayMs: { p99: 1.4, max: 1200 } });
    expect(await stateOf("loop")).toBe("warning");
    world.status = exampleStatus({ loopDelayMs: { p99: 1100, max: 1200 } });
    expect(await stateOf("loop")).toBe("critical");
  });

  it("is critical while the journal does not get its records to disk", async () => {
    const { world, stateOf } = create();
    world.status = exampleStatus({ journal: { lastSeq: 1, pending: 10_001, failure: null } });
    expect(await stateOf("journal")).toBe("critical");
    world.status = exampleStatus({ journal: { lastSeq: 1, pending: 0, failure: "the disk is full" } });
    expect(await stateOf("journal")).toBe("critical");
  });
});
