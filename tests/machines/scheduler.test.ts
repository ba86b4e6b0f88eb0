/** The scheduler chart alone: who runs, who waits, who rests. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createActor, type SnapshotFrom } from "xstate";
import { type SchedulerEffect, type SchedulerEvent, schedulerMachine } from "#machines/scheduler.machine.ts";

const input = { failuresMax: 3, backoffMsMin: 500, backoffMsMax: 60_000 };
const due = (target: string, at: number): SchedulerEvent => ({ type: "schedule.due", at, target, dueAt: at });
const finished = (target: string, at: number, ok = true): SchedulerEvent =>
  ok ? { type: "schedule.finished", at, target, ok } : { type: "schedule.finished", at, target, ok, reason: "no route" };
const restarted = (at: number): SchedulerEvent => ({ type: "session.started", at, session: "s", epoch: 2, recovered: true });

const play = (events: readonly SchedulerEvent[], snapshot?: SnapshotFrom<typeof schedulerMachine>) => {
  const actor = createActor(schedulerMachine, snapshot === undefined ? { input } : { input, snapshot });
  const effects: SchedulerEffect[] = [];
  actor.on("*", (effect) => void effects.push(effect));
  actor.start();
  for (const event of events) actor.send(event);
  return { effects, snapshot: actor.getSnapshot() };
};
const persistedAfter = (events: readonly SchedulerEvent[]) =>
  JSON.parse(JSON.stringify(play(events).snapshot)) as SnapshotFrom<typeof schedulerMachine>;

describe("the scheduler machine", () => {
  it("runs a target when it is due", () => {
    expect(play([due("backup", 1_000)]).effects).toEqual([{ type: "schedule.run", target: "backup", dueAt: 1_000 }]);
  });

  it("lets a slow target delay nobody but itself", () => {
    const { effects } = play([due("slow", 1_000), due("other", 1_100), finished("other", 1_200), due("other", 1_300)]);
    expect(effects.filter((effect) => effect.type === "schedule.run").map(({ target }) => target)).toEqual([
      "slow",
      "other",
      "other",
    ]);
  });

  it("makes one run of all that was missed while a target was running, and does it right after", () => {
    const { effects } = play([
      due("slow", 1_000),
      due("slow", 2_000),
      due("slow", 3_000),
      finished("slow", 3_500),
      finished("slow", 3_600),
    ]);
    expect(effects).toEqual([
      { type: "schedule.run", target: "slow", dueAt: 1_000 },
      { type: "schedule.run", target: "slow", dueAt: 3_000 },
    ]);
  });

  it("backs off twice as long after each failure, at most the maximum, and goes on trying for ever", () => {
    let at = 0;
    const events: SchedulerEvent[] = [];
    const waits: number[] = [];
    for (let failure = 0; failure < 12; failure += 1) {
      events.push(due("flaky", at), finished("flaky", at, false));
      const retry = play(events).effects.findLast((effect) => effect.type === "schedule.retry");
      waits.push((retry?.at ?? 0) - at);
      at = retry?.at ?? 0;
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000, 60_000]);
  });

  it("remembers what was due during the rest, and runs when the rest is over", () => {
    const resting = [due("flaky", 0), finished("flaky", 0, false), due("flaky", 499)];
    expect(play(resting).effects.filter(({ type }) => type === "schedule.run")).toHaveLength(1);
    expect(play([...resting, due("flaky", 500)]).effects.filter(({ type }) => type === "schedule.run")).toHaveLength(2);
  });

  it("raises one alert at the limit of failures and takes it back at the first success", () => {
    const failing = [0, 1_000, 3_000, 10_000].flatMap((at) => [due("flaky", at), finished("flaky", at, false)]);
    const after = play([...failing, due("flaky", 100_000), finished("flaky", 100_001)]);
    expect(after.effects.filter(({ type }) => type === "alert.warning")).toHaveLength(1);
    expect(after.effects.filter(({ type }) => type === "safety.report")).toHaveLength(1);
    expect(after.effects.filter(({ type }) => type === "alert.resolved")).toHaveLength(1);
    expect(play(failing).snapshot.value).toBe("struggling");
    expect(after.snapshot.value).toBe("steady");
  });

  it("stays struggling until the last of several struggling targets works again", () => {
    const failing = ["a", "b"].flatMap((target) =>
      [0, 1_000, 3_000].flatMap((at) => [due(target, at), finished(target, at, false)]),
    );
    const oneBack = [...failing, due("a", 50_000), finished("a", 50_001)];
    expect(play(oneBack).snapshot.value).toBe("struggling");
    expect(play([...oneBack, due("b", 50_000), finished("b", 50_001)]).snapshot.value).toBe("steady");
  });

  it("repeats after a restart what was under way, and asks for what nobody was there to see", () => {
    const idle = play([restarted(9_000)], persistedAfter([due("daily", 1_000), finished("daily", 1_500)]));
    expect(idle.effects).toEqual([{ type: "schedule.resume", target: "daily", lastDueAt: 1_000 }]);
    const running = play([restarted(9_000)], persistedAfter([due("daily", 1_000)]));
    expect(running.effects).toEqual([
      { type: "schedule.run", target: "daily", dueAt: 1_000 },
      { type: "schedule.resume", target: "daily", lastDueAt: 1_000 },
    ]);
    const resting = play([restarted(9_000)], persistedAfter([due("daily", 1_000), finished("daily", 1_500, false)]));
    expect(resting.effects[0]).toEqual({ type: "schedule.run", target: "daily", dueAt: 1_000 });
  });

  it("never has a target running twice, and forgets no occurrence, whatever comes in whatever order", () => {
    const targets = ["a", "b"];
    const event = fc.record({
      target: fc.constantFrom(...targets),
      kind: fc.constantFrom("due", "ok", "failed"),
      wait: fc.nat(2_000),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (steps) => {
        const actor = createActor(schedulerMachine, { input });
        const running = new Set<string>();
        actor.on("*", (effect) => {
          if (effect.type !== "schedule.run") return;
          expect(running.has(effect.target)).toBe(false);
          running.add(effect.target);
        });
        actor.start();
        let at = 0;
        const open = new Set<string>();
        for (const { target, kind, wait } of steps) {
          at += wait;
          if (kind === "due") {
            open.add(target);
            actor.send(due(target, at));
          } else if (running.delete(target)) {
            actor.send(finished(target, at, kind === "ok"));
            if (kind === "ok" && !running.has(target)) open.delete(target);
          }
        }
        // Each failing target has its retry, each waiting one its run: an hour later all are done.
        for (let round = 0; round < 3; round += 1) {
          at += 3_600_000;
          for (const target of targets) {
            if (!running.has(target) && open.has(target)) actor.send(due(target, at));
            if (running.delete(target)) actor.send(finished(target, at));
            if (!running.has(target)) open.delete(target);
          }
        }
        expect([...open]).toEqual([]);
      }),
    );
  });
});
