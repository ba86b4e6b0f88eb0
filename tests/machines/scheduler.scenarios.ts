/** What the scheduler chart promises, sentence by sentence: who runs, who waits, who rests (spec M11). */
import assert from "node:assert/strict";
import type { SchedulerContext, SchedulerEffect, SchedulerEvent, schedulerMachine } from "#machines/scheduler.machine.ts";
import { drive, type Scenario } from "./drive.ts";

type Machine = typeof schedulerMachine;

export const input = { failuresMax: 3, backoffMsMin: 500, backoffMsMax: 60_000 };
export const due = (target: string, at: number): SchedulerEvent => ({ type: "schedule.due", at, target, dueAt: at });
export const finished = (target: string, at: number, ok = true): SchedulerEvent =>
  ok ? { type: "schedule.finished", at, target, ok } : { type: "schedule.finished", at, target, ok, reason: "no route" };
const restarted = (at: number): SchedulerEvent => ({ type: "session.started", at, session: "s", epoch: 2, recovered: true });

/** "restart" is a kill: the state goes through JSON into a new actor. */
const play = (machine: Machine, events: readonly (SchedulerEvent | "restart")[]) => {
  const scheduler = drive<SchedulerEvent, SchedulerEffect>(machine, input);
  const effects: SchedulerEffect[] = [];
  let last: readonly SchedulerEffect[] = [];
  for (const event of events) {
    if (event === "restart") scheduler.restart();
    else last = scheduler.send(event);
    effects.push(...last);
  }
  const context: SchedulerContext = scheduler.context();
  return { effects, last, value: scheduler.value(), targets: context.targets };
};
const runs = (target: string, dueAt: number): SchedulerEffect => ({ type: "schedule.run", target, dueAt });
const resumes = (target: string, lastDueAt: number): SchedulerEffect => ({ type: "schedule.resume", target, lastDueAt });
const retries = (target: string, at: number): SchedulerEffect => ({ type: "schedule.retry", target, at });
const failing = (target: string, times: number): readonly SchedulerEvent[] =>
  [0, 1_000, 3_000, 10_000].slice(0, times).flatMap((at) => [due(target, at), finished(target, at, false)]);
const afterKill = (machine: Machine, events: readonly SchedulerEvent[]): readonly SchedulerEffect[] =>
  play(machine, [...events, "restart", restarted(9_000)]).last;

export const schedulerScenarios: readonly Scenario<Machine>[] = [
  {
    name: "runs a target when it is due, and remembers what it handed out",
    run: (machine) => {
      const { effects, targets, value } = play(machine, [due("backup", 1_000)]);
      assert.deepEqual(effects, [runs("backup", 1_000)]);
      assert.deepEqual(targets, {
        backup: { lastDueAt: 1_000, isRunning: true, missedDueAt: null, failures: 0, retryAt: null },
      });
      assert.equal(value, "steady");
    },
  },
  {
    name: "a run that worked leaves the target ready for its next occurrence",
    run: (machine) => {
      const { effects, targets, value } = play(machine, [due("backup", 1_000), finished("backup", 1_500)]);
      assert.deepEqual([effects, value], [[runs("backup", 1_000)], "steady"]);
      assert.deepEqual(targets, {
        backup: { lastDueAt: 1_000, isRunning: false, missedDueAt: null, failures: 0, retryAt: null },
      });
    },
  },
  {
    name: "lets a slow target delay nobody but itself",
    run: (machine) => {
      const { effects } = play(machine, [due("slow", 1_000), due("other", 1_100), finished("other", 1_200), due("other", 1_300)]);
      assert.deepEqual(effects, [runs("slow", 1_000), runs("other", 1_100), runs("other", 1_300)]);
    },
  },
  {
    name: "makes one run of all that was missed while a target was running, and does it right after",
    run: (machine) => {
      const { effects } = play(machine, [
        due("slow", 1_000),
        due("slow", 2_000),
        due("slow", 3_000),
        finished("slow", 3_500),
        finished("slow", 3_600),
      ]);
      assert.deepEqual(effects, [runs("slow", 1_000), runs("slow", 3_000)]);
    },
  },
  {
    name: "backs off twice as long after each failure, at most the maximum, and goes on trying for ever",
    run: (machine) => {
      let at = 0;
      const events: SchedulerEvent[] = [];
      const waits: number[] = [];
      for (let failure = 0; failure < 12; failure += 1) {
        events.push(due("flaky", at), finished("flaky", at, false));
        const retry = play(machine, events).effects.findLast((effect) => effect.type === "schedule.retry");
        waits.push((retry?.at ?? 0) - at);
        at = retry?.at ?? 0;
      }
      assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000, 60_000]);
    },
  },
  {
    name: "remembers what was due during the rest, and runs when the rest is over, to the millisecond",
    run: (machine) => {
      const resting = [due("flaky", 0), finished("flaky", 0, false), due("flaky", 499)];
      assert.deepEqual(play(machine, resting).effects, [runs("flaky", 0), retries("flaky", 500)]);
      assert.equal(play(machine, resting).targets.flaky?.missedDueAt, 499);
      assert.deepEqual(play(machine, [...resting, due("flaky", 500)]).last, [runs("flaky", 500)]);
    },
  },
  {
    name: "raises one alert at the limit of failures, not one before, and takes it back at the first success",
    run: (machine) => {
      const text = "flaky failed 3 times in a row: no route";
      assert.deepEqual([play(machine, failing("flaky", 2)).value, play(machine, failing("flaky", 2)).last.length], ["steady", 1]);
      const third = play(machine, failing("flaky", 3));
      assert.deepEqual(
        [third.value, third.last],
        [
          "struggling",
          [
            retries("flaky", 5_000),
            { type: "alert.warning", code: "AN091", text },
            { type: "safety.report", kind: "anomaly", code: "AN091", reason: text },
          ],
        ],
      );
      const fourth = play(machine, failing("flaky", 4));
      assert.deepEqual([fourth.value, fourth.last], ["struggling", [retries("flaky", 14_000)]]);
      const well = play(machine, [...failing("flaky", 4), due("flaky", 100_000), finished("flaky", 100_001)]);
      assert.deepEqual(
        [well.value, well.last],
        ["steady", [{ type: "alert.resolved", code: "AN091", text: "flaky works again" }]],
      );
      assert.equal(well.targets.flaky?.failures, 0);
    },
  },
  {
    name: "a success after few failures resolves nothing, because nothing was raised",
    run: (machine) => {
      assert.deepEqual(play(machine, [...failing("flaky", 2), due("flaky", 50_000), finished("flaky", 50_001)]).last, []);
    },
  },
  {
    name: "stays struggling until the last of several struggling targets works again",
    run: (machine) => {
      const both = [...failing("a", 3), ...failing("b", 3)];
      const oneBack = [...both, due("a", 50_000), finished("a", 50_001)];
      assert.equal(play(machine, oneBack).value, "struggling");
      assert.equal(play(machine, oneBack).last.length, 1);
      const otherBack = play(machine, [...oneBack, due("b", 50_000), finished("b", 50_001)]);
      assert.deepEqual([otherBack.value, otherBack.last.length], ["steady", 1]);
    },
  },
  {
    name: "the success of a target that never struggled does not end the struggle of another",
    run: (machine) => {
      assert.equal(play(machine, [...failing("a", 3), due("b", 50_000), finished("b", 50_001)]).value, "struggling");
    },
  },
  {
    name: "a struggling house runs and remembers like a steady one",
    run: (machine) => {
      const struggling = failing("a", 3);
      assert.deepEqual(play(machine, [...struggling, due("b", 20_000)]).last, [runs("b", 20_000)]);
      assert.equal(play(machine, [...struggling, due("b", 20_000), due("b", 20_001)]).targets.b?.missedDueAt, 20_001);
      assert.deepEqual(play(machine, [...struggling, due("b", 20_000), restarted(30_000)]).last.length, 4);
    },
  },
  {
    name: "repeats after a restart what was under way, and asks for what nobody was there to see",
    run: (machine) => {
      const idle = [due("daily", 1_000), finished("daily", 1_500)];
      assert.deepEqual(afterKill(machine, idle), [resumes("daily", 1_000)]);
      assert.deepEqual(afterKill(machine, [due("daily", 1_000)]), [runs("daily", 1_000), resumes("daily", 1_000)]);
      const resting = [due("daily", 1_000), finished("daily", 1_500, false)];
      assert.deepEqual(afterKill(machine, resting), [runs("daily", 1_000), resumes("daily", 1_000)]);
      const waiting = [due("daily", 1_000), due("daily", 2_000)];
      assert.deepEqual(afterKill(machine, waiting), [runs("daily", 2_000), resumes("daily", 2_000)]);
    },
  },
  {
    name: "what a restart repeats counts as running: it is not run a second time, and its failures go on counting",
    run: (machine) => {
      const again = play(machine, [...failing("daily", 2), "restart", restarted(9_000)]);
      assert.deepEqual(again.targets, {
        daily: { lastDueAt: 1_000, isRunning: true, missedDueAt: null, failures: 2, retryAt: null },
      });
      assert.deepEqual(play(machine, [...failing("daily", 2), restarted(9_000), due("daily", 9_001)]).last, []);
    },
  },
];
