/** The scheduler as a whole: machine, arithmetic and hands, on a clock that the test winds. */
import { describe, expect, it, test } from "vitest";
import { createActor, type SnapshotFrom } from "xstate";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import type { NewFact } from "#core/event/catalog.ts";
import { type SchedulerEffect, type SchedulerEvent, schedulerMachine } from "#machines/scheduler.machine.ts";
import { occurrencesOf } from "#ops/automation/schedule.ts";
import { createScheduler, type Scheduler } from "#ops/automation/scheduler.ts";

const hourMs = 3_600_000;
/** 2013-10-07, a Monday, 20:00 in Seoul. */
const monday = Date.UTC(2013, 9, 7, 11);
const seoul = (at: number | null): string | null =>
  at === null ? null : new Date(at + 9 * hourMs).toISOString().slice(0, 16).replace("T", " ");

/** Machine and hands with nothing between them but the clock; `snapshot` is what an earlier process left. */
const createHouse = (startAt: number, snapshot?: SnapshotFrom<typeof schedulerMachine>) => {
  const clock = createSimulatedClock({ startAt });
  const input = { failuresMax: 3, backoffMsMin: 500, backoffMsMax: 60_000 };
  const actor = createActor(schedulerMachine, snapshot === undefined ? { input } : { input, snapshot });
  const facts: NewFact[] = [];
  const effects: SchedulerEffect[] = [];
  const scheduler: Scheduler = createScheduler({
    clock,
    offer: (fact) => {
      facts.push(fact);
      actor.send({ type: fact.type, at: clock.now(), ...fact.payload } as unknown as SchedulerEvent);
    },
  });
  actor.on("*", (effect) => {
    effects.push(effect);
    (scheduler.handlers as Record<string, ((effect: never) => void) | undefined>)[effect.type]?.(effect as never);
  });
  actor.start();
  return {
    clock,
    scheduler,
    facts,
    effects,
    start: () => {
      scheduler.run();
      actor.send({ type: "session.started", at: clock.now(), session: "s", epoch: 1, recovered: snapshot !== undefined });
    },
    wind: async (at: number) => {
      await clock.advanceTo(at);
      await clock.released();
    },
    persisted: () => JSON.parse(JSON.stringify(actor.getPersistedSnapshot())) as SnapshotFrom<typeof schedulerMachine>,
  };
};

describe("cron lines", () => {
  const occurrences = (schedule: Parameters<typeof occurrencesOf>[0]) => {
    const found = occurrencesOf(schedule);
    if (!found.ok) throw new Error(found.error);
    return found.value;
  };

  it("are read in Korean time unless told otherwise", () => {
    expect(seoul(occurrences({ type: "cron", pattern: "0 21 * * *" }).after(monday))).toBe("2013-10-07 21:00");
    expect(occurrences({ type: "cron", pattern: "0 21 * * *", timeZone: "UTC" }).after(monday)).toBe(Date.UTC(2013, 9, 7, 21));
  });

  it("skip the exchange's holidays, one after another too", () => {
    const isHoliday = (day: string): boolean => ["2013-10-08", "2013-10-09"].includes(day);
    const { after, lastBetween } = occurrences({ type: "cron", pattern: "30 8 * * MON-FRI", isHoliday });
    expect(seoul(after(monday))).toBe("2013-10-10 08:30");
    expect(seoul(lastBetween(monday - 48 * hourMs, monday + 48 * hourMs))).toBe("2013-10-07 08:30");
    expect(occurrences({ type: "cron", pattern: "0 21 * * *", isHoliday: () => true }).after(monday)).toBeNull();
  });

  it("find the last occurrence at or before a moment, and none before the one that was handled", () => {
    const { lastBetween } = occurrences({ type: "cron", pattern: "0 21 * * *" });
    const nine = monday + hourMs;
    expect(lastBetween(0, nine)).toBe(nine);
    expect(lastBetween(0, nine - 1)).toBe(nine - 24 * hourMs);
    expect(lastBetween(nine, nine + 23 * hourMs)).toBeNull();
    expect(lastBetween(nine, nine + 50 * hourMs)).toBe(nine + 48 * hourMs);
  });

  test.each([
    [{ type: "cron", pattern: "every evening" }, /cannot be understood/],
    [{ type: "cron", pattern: "0 21 * * *", timeZone: "Asia/Pyong" }, /cannot be understood/],
    [{ type: "cron", pattern: "0 0 30 2 *" }, /never happens/],
    [{ type: "every", intervalMs: Number.NaN }, /no number/],
  ] as const)("%j is refused with a sentence", (schedule, sentence) => {
    expect(occurrencesOf(schedule)).toEqual({ ok: false, error: expect.stringMatching(sentence) });
  });

  test.each([
    [1, 100],
    [250, 250],
    [10 * hourMs, hourMs],
  ])("an interval of %i ms is brought to %i", (intervalMs, expected) => {
    expect(occurrences({ type: "every", intervalMs }).after(0)).toBe(expected);
  });
});

describe("the scheduler", () => {
  it("says what comes when, and what is under way (I9)", async () => {
    const { scheduler, start, wind } = createHouse(monday);
    let during: ReturnType<Scheduler["lines"]> = [];
    scheduler.addTarget("backup", { type: "cron", pattern: "0 21 * * *" }, async () => {
      await Promise.resolve();
      during = scheduler.lines();
    });
    scheduler.addTarget("look", { type: "every", intervalMs: 60_000 }, () => {});
    expect(scheduler.lines().map(({ nextAt }) => nextAt)).toEqual([null, null]);
    start();
    expect(scheduler.lines()).toEqual([
      { name: "backup", when: "21:00 Asia/Seoul, each day", nextAt: monday + hourMs, isUnderWay: false },
      { name: "look", when: "every 60 s", nextAt: monday + 60_000, isUnderWay: false },
    ]);
    await wind(monday + hourMs);
    expect(during[0]).toMatchObject({ nextAt: monday + 25 * hourMs, isUnderWay: true });
    expect(scheduler.lines()[0]?.isUnderWay).toBe(false);
  });

  it("runs a target at its time, with the time it was due, and again the next day", async () => {
    const house = createHouse(monday);
    const ran: (string | null)[] = [];
    house.scheduler.addTarget(
      "backup_maintenance",
      { type: "cron", pattern: "0 21 * * *" },
      (dueAt) => void ran.push(seoul(dueAt)),
    );
    house.start();
    await house.wind(monday + hourMs - 1);
    expect(ran).toEqual([]);
    await house.wind(monday + 26 * hourMs);
    expect(ran).toEqual(["2013-10-07 21:00", "2013-10-08 21:00"]);
  });

  it("lets a target that hangs delay no other, and takes it for failed at its limit (M11)", async () => {
    const house = createHouse(monday);
    const ticks: number[] = [];
    // Real work is not held here: a hung target must not stop time for the others.
    Object.assign(house.clock, { hold: <T>(work: Promise<T>) => work });
    house.scheduler.addTarget("hung", { type: "every", intervalMs: 1_000 }, () => new Promise(() => {}), { runMsMax: 5_000 });
    house.scheduler.addTarget("brisk", { type: "every", intervalMs: 1_000 }, (dueAt) => void ticks.push(dueAt - monday));
    house.start();
    for (let second = 1; second <= 10; second += 1) await house.wind(monday + second * 1_000);
    expect(ticks).toEqual([1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000, 10_000]);
    expect(house.facts).toContainEqual(
      expect.objectContaining({
        type: "schedule.finished",
        payload: { target: "hung", ok: false, reason: "not done after 5000 ms" },
      }),
    );
  });

  it("goes on trying a target that fails, ever more rarely, and never skips it for good (M11)", async () => {
    const house = createHouse(monday);
    let isBroken = true;
    let runs = 0;
    house.scheduler.addTarget("flaky", { type: "every", intervalMs: 1_000 }, () => {
      runs += 1;
      if (isBroken) throw new Error("no route");
    });
    house.start();
    for (let second = 1; second <= 600; second += 1) await house.wind(monday + second * 1_000);
    expect(runs).toBeGreaterThan(10);
    expect(runs).toBeLessThan(25);
    expect(house.effects.filter(({ type }) => type === "alert.warning")).toHaveLength(1);
    isBroken = false;
    for (let second = 601; second <= 700; second += 1) await house.wind(monday + second * 1_000);
    expect(house.effects.filter(({ type }) => type === "alert.resolved")).toHaveLength(1);
    const before = runs;
    await house.wind(monday + 701_000);
    expect(runs).toBe(before + 1);
  });

  it("makes up for what was missed while the process was down, once, with the latest time (M11)", async () => {
    const earlier = createHouse(monday);
    earlier.scheduler.addTarget("daily", { type: "cron", pattern: "0 21 * * *" }, () => {});
    earlier.start();
    await earlier.wind(monday + 2 * hourMs);
    earlier.scheduler.stop();

    const ran: (string | null)[] = [];
    const later = createHouse(monday + 80 * hourMs, earlier.persisted());
    later.scheduler.addTarget("daily", { type: "cron", pattern: "0 21 * * *" }, (dueAt) => void ran.push(seoul(dueAt)));
    later.start();
    await later.wind(monday + 81 * hourMs - 1);
    expect(ran).toEqual(["2013-10-10 21:00"]);
  });

  it("makes up for nothing when nothing was missed", async () => {
    const earlier = createHouse(monday);
    earlier.scheduler.addTarget("daily", { type: "cron", pattern: "0 21 * * *" }, () => {});
    earlier.start();
    await earlier.wind(monday + 2 * hourMs);
    const ran: number[] = [];
    const later = createHouse(monday + 3 * hourMs, earlier.persisted());
    later.scheduler.addTarget("daily", { type: "cron", pattern: "0 21 * * *" }, (dueAt) => void ran.push(dueAt));
    later.start();
    await later.wind(monday + 20 * hourMs);
    expect(ran).toEqual([]);
  });

  it("has done with a target of an older configuration", async () => {
    const earlier = createHouse(monday);
    Object.assign(earlier.clock, { hold: <T>(work: Promise<T>) => work });
    earlier.scheduler.addTarget("gone", { type: "every", intervalMs: 1_000 }, () => new Promise(() => {}));
    earlier.start();
    await earlier.wind(monday + 1_000);
    const later = createHouse(monday + hourMs, earlier.persisted());
    later.start();
    await later.wind(monday + 2 * hourMs);
    expect(later.facts.map(({ type, payload }) => [type, payload])).toEqual([
      ["schedule.finished", { target: "gone", ok: true, reason: "there is no such target any more" }],
    ]);
  });

  it("offers nothing after stop, and tells what is under way", async () => {
    const house = createHouse(monday);
    Object.assign(house.clock, { hold: <T>(work: Promise<T>) => work });
    let signal: AbortSignal | undefined;
    house.scheduler.addTarget("long", { type: "every", intervalMs: 1_000 }, (_, given) => {
      signal = given;
      return new Promise(() => {});
    });
    house.start();
    await house.wind(monday + 1_000);
    house.scheduler.stop();
    const count = house.facts.length;
    expect(signal?.aborted).toBe(true);
    await house.wind(monday + 20_000);
    expect(house.facts.slice(count).filter(({ type }) => type === "schedule.due")).toEqual([]);
  });

  it("refuses a second target of the same name, and a schedule it cannot read", () => {
    const { scheduler } = createHouse(monday);
    expect(scheduler.addTarget("a", { type: "every", intervalMs: 1_000 }, () => {}).ok).toBe(true);
    expect(scheduler.addTarget("a", { type: "every", intervalMs: 1_000 }, () => {})).toEqual({
      ok: false,
      error: 'the target "a" exists already',
    });
    expect(scheduler.addTarget("b", { type: "cron", pattern: "?" }, () => {}).ok).toBe(false);
  });
});
