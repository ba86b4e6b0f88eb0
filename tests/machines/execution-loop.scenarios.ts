/** What the execution loop promises, sentence by sentence (seed 001 §2.1, spec O9). */
import assert from "node:assert/strict";
import type {
  ExecutionLoopEffect,
  ExecutionLoopEvent,
  ExecutionLoopInput,
  executionLoopMachine,
} from "#machines/execution-loop.machine.ts";
import type { SafetyState } from "#machines/facts/safety.ts";
import { drive, type Scenario } from "./drive.ts";

type Machine = typeof executionLoopMachine;

export const policy: ExecutionLoopInput = {
  intervalMs: 1000,
  errorBackoffMs: 5000,
  retriesMax: 3,
  cycleBudgetMs: 3000,
  cyclesMax: 0,
  consecutiveErrorsMax: 10,
};

export const start: ExecutionLoopEvent = { type: "execution.start.requested", at: 0, cause: "reconciled" };
export const stop: ExecutionLoopEvent = { type: "execution.stop.requested", at: 0, cause: "operator" };
export const due = (at: number): ExecutionLoopEvent => ({ type: "timer.due", at, id: "execution.cycle", dueAt: at });
export const overBudget = (at: number): ExecutionLoopEvent => ({ type: "timer.due", at, id: "execution.budget", dueAt: at });
export const done = (cycle: number, at = 0): ExecutionLoopEvent => ({
  type: "cycle.completed",
  at,
  cycle,
  intents: 1,
  elapsedMs: 1,
});
export const failed = (cycle: number, at = 0): ExecutionLoopEvent => ({
  type: "cycle.failed",
  at,
  cycle,
  reason: "the strategy threw",
});
export const safety = (from: SafetyState, to: SafetyState): ExecutionLoopEvent => ({
  type: "safety.changed",
  at: 0,
  from,
  to,
  code: "FS040",
  reason: "test",
});
const restarted: ExecutionLoopEvent = { type: "session.started", at: 5000, session: "0001", epoch: 2, recovered: true };
const [locked, released] = [safety("NORMAL", "LOCKDOWN"), safety("LOCKDOWN", "NORMAL")];

/** Walks the chart and keeps what it emitted, all of it and because of the last fact. */
export const walk = (machine: Machine, events: readonly ExecutionLoopEvent[], input: Partial<ExecutionLoopInput> = {}) => {
  const loop = drive<ExecutionLoopEvent, ExecutionLoopEffect>(machine, { ...policy, ...input });
  const perFact = events.map((event) => loop.send(event));
  const effects = perFact.flat();
  const { value, context } = loop.snapshot() as { value: unknown; context: { readonly [field: string]: unknown } };
  return {
    value,
    context,
    effects,
    last: perFact.at(-1) ?? [],
    cycles: effects.filter(({ type }) => type === "cycle.run").length,
  };
};

const clearCycle: ExecutionLoopEffect = { type: "timer.clear", id: "execution.cycle" };
const clearBudget: ExecutionLoopEffect = { type: "timer.clear", id: "execution.budget" };
const nextCycle = (at: number): ExecutionLoopEffect => ({ type: "timer.set", id: "execution.cycle", at });
const budgetUntil = (at: number): ExecutionLoopEffect => ({ type: "timer.set", id: "execution.budget", at });

export const executionLoopScenarios: readonly Scenario<Machine>[] = [
  {
    name: "runs no cycle before it was asked to start",
    run: (machine) => {
      assert.deepEqual(walk(machine, [due(1000), done(0), failed(0), overBudget(1)]).effects, []);
      assert.equal(walk(machine, [due(1000)]).value, "idle");
    },
  },
  {
    name: "waits an interval after the start, then runs one cycle with a budget",
    run: (machine) => {
      const waiting = walk(machine, [start]);
      assert.deepEqual([waiting.value, waiting.effects], [{ running: "waiting" }, [nextCycle(1000)]]);
      const cycling = walk(machine, [start, due(1000)]);
      assert.deepEqual([cycling.value, cycling.context.cycle], [{ running: "cycling" }, 1]);
      assert.deepEqual(cycling.last, [budgetUntil(4000), { type: "cycle.run", cycle: 1 }]);
    },
  },
  {
    name: "gives the budget back with the answer, counts intents, and waits for the next interval",
    run: (machine) => {
      const answered = walk(machine, [start, due(1000), done(1, 1500)]);
      assert.deepEqual([answered.value, answered.last], [{ running: "waiting" }, [clearBudget, nextCycle(2500)]]);
      assert.equal(answered.context.intents, 1);
      assert.equal(walk(machine, [start, due(1), done(1), due(2), done(2)]).context.intents, 2);
      const unanswered = walk(machine, [start, due(1000), failed(1, 1500)]);
      assert.deepEqual([unanswered.value, unanswered.last], [{ running: "waiting" }, [clearBudget, nextCycle(2500)]]);
      assert.deepEqual([unanswered.context.intents, unanswered.context.consecutiveErrors], [0, 1]);
    },
  },
  {
    name: "never runs two cycles at once: a second interval waits for the first cycle's answer (O9)",
    run: (machine) => {
      assert.equal(walk(machine, [start, due(1000), due(2000), due(3000)]).cycles, 1);
      assert.equal(walk(machine, [start, due(1000), done(1, 1500), due(2500)]).cycles, 2);
    },
  },
  {
    name: "a timer of somebody else begins no cycle",
    run: (machine) => {
      assert.deepEqual(walk(machine, [start, { type: "timer.due", at: 9, id: "execution.other", dueAt: 9 }]).last, []);
      assert.deepEqual(walk(machine, [start, overBudget(1000)]).last, []);
    },
  },
  {
    name: "ignores the answer of a cycle that is not the present one, also when it would be the last",
    run: (machine) => {
      for (const answer of [done(7, 1500), failed(7, 1500)]) {
        for (const input of [{}, { cyclesMax: 1, consecutiveErrorsMax: 1 }]) {
          const { value, context, last } = walk(machine, [start, due(1000), answer], input);
          assert.deepEqual([value, context.intents, context.consecutiveErrors, last], [{ running: "cycling" }, 0, 0, []]);
        }
        assert.equal(walk(machine, [start, due(1000), stop, answer]).value, "stopping");
      }
    },
  },
  {
    name: "waits the interval after a cycle, and the back-off after more errors in a row than it retries",
    run: (machine) => {
      const waits = (events: readonly ExecutionLoopEvent[]) =>
        walk(machine, events).effects.flatMap((effect) =>
          effect.type === "timer.set" && effect.id === "execution.cycle" ? [effect.at] : [],
        );
      const errors = (count: number) => Array.from({ length: count }, (_, i) => [due(i), failed(i + 1, 10_000)]).flat();
      assert.equal(waits([start, ...errors(3)]).at(-1), 11_000);
      assert.equal(waits([start, ...errors(4)]).at(-1), 15_000);
      assert.equal(waits([start, ...errors(4), due(16_000), done(5, 16_000)]).at(-1), 17_000);
    },
  },
  {
    name: "reports a cycle over its budget and goes on waiting for it (O9)",
    run: (machine) => {
      const { last, value, context } = walk(machine, [start, due(1000), overBudget(4000)]);
      const reason = "cycle 1 is over its budget of 3000 ms";
      assert.deepEqual(last, [{ type: "safety.report", kind: "anomaly", code: "AN040", reason }]);
      assert.deepEqual([value, context.overruns], [{ running: "cycling" }, 1]);
      assert.deepEqual(walk(machine, [start, due(1000), due(2000)]).last, []);
    },
  },
  {
    name: "stops after the configured number of cycles, not one before (O9)",
    run: (machine) => {
      const { value, context, last } = walk(machine, [start, due(1), done(1), due(2), done(2)], { cyclesMax: 2 });
      assert.equal(value, "stopped");
      assert.equal(context.stopCause, "the configured number of cycles is done");
      assert.equal(context.intents, 2);
      assert.deepEqual(last, [clearBudget, clearCycle, clearBudget]);
      assert.deepEqual(walk(machine, [start, due(1), done(1)], { cyclesMax: 2 }).value, { running: "waiting" });
    },
  },
  {
    name: "stops after so many errors in a row and reports a fail-safe; a success in between begins anew (O9)",
    run: (machine) => {
      const dying = walk(machine, [start, due(1), failed(1), due(2), failed(2)], { consecutiveErrorsMax: 2 });
      assert.equal(dying.value, "stopped");
      assert.deepEqual([dying.context.stopCause, dying.context.consecutiveErrors], ["too many cycles failed in a row", 2]);
      assert.deepEqual(
        dying.effects.filter(({ type }) => type === "safety.report"),
        [
          {
            type: "safety.report",
            kind: "failsafe",
            code: "FS060",
            reason: "2 cycles failed in a row; the last one: the strategy threw",
          },
        ],
      );
      const alive = walk(machine, [start, due(1), failed(1), due(2), done(2), due(3), failed(3)], { consecutiveErrorsMax: 2 });
      assert.deepEqual(alive.value, { running: "waiting" });
      assert.deepEqual(
        alive.effects.filter(({ type }) => type === "safety.report"),
        [],
      );
    },
  },
  {
    name: "stops when the operator says so, with the timers of cycle and budget cleared and the cause kept (O9)",
    run: (machine) => {
      const { value, context, last } = walk(machine, [start, stop]);
      assert.deepEqual([value, context.stopCause, last], ["stopped", "operator", [clearCycle, clearBudget]]);
      assert.equal(walk(machine, [start, stop, due(1000)]).cycles, 0);
    },
  },
  {
    name: "lets the cycle under way finish before it stops, and counts it, but waits no longer than its budget",
    run: (machine) => {
      const stopping = walk(machine, [start, due(1), { ...stop, at: 500 }]);
      assert.deepEqual(
        [stopping.value, stopping.context.stopCause, stopping.last],
        ["stopping", "operator", [clearBudget, clearCycle, budgetUntil(3500)]],
      );
      const finished = walk(machine, [start, due(1), stop, done(1)]);
      assert.deepEqual([finished.value, finished.context.intents], ["stopped", 1]);
      const broken = walk(machine, [start, due(1), stop, failed(1)]);
      assert.deepEqual([broken.value, broken.context.consecutiveErrors], ["stopped", 1]);
      assert.equal(walk(machine, [start, due(1), stop, overBudget(3001)]).value, "stopped");
      assert.equal(walk(machine, [start, due(1), stop, due(3001)]).value, "stopping");
    },
  },
  {
    name: "can be started again after a stop, with the errors and the cause of the stop forgotten",
    run: (machine) => {
      const policies = { consecutiveErrorsMax: 2 };
      const again = walk(machine, [start, due(1), failed(1), due(2), failed(2), { ...start, at: 10 }], policies);
      assert.deepEqual([again.value, again.last], [{ running: "waiting" }, [nextCycle(1010)]]);
      assert.deepEqual([again.context.stopCause, again.context.consecutiveErrors], [null, 0]);
      const inLockdown = walk(machine, [start, due(1), failed(1), due(2), failed(2), locked, { ...start, at: 10 }], policies);
      assert.deepEqual([inLockdown.value, inLockdown.last], ["suspended", [clearCycle]]);
      assert.deepEqual([inLockdown.context.stopCause, inLockdown.context.consecutiveErrors], [null, 0]);
    },
  },
  {
    name: "evaluates nothing in LOCKDOWN and goes on after its release",
    run: (machine) => {
      const suspended = walk(machine, [start, locked]);
      assert.deepEqual([suspended.value, suspended.last], ["suspended", [clearCycle]]);
      assert.equal(walk(machine, [start, locked, due(1000)]).cycles, 0);
      assert.equal(walk(machine, [start, locked, released, due(1000)]).cycles, 1);
      assert.equal(walk(machine, [start, safety("NORMAL", "FAIL"), due(1000)]).cycles, 1);
      assert.equal(walk(machine, [start, locked, safety("NORMAL", "FAIL")]).value, "suspended");
    },
  },
  {
    name: "the answer of a cycle that LOCKDOWN interrupted comes too late to count",
    run: (machine) => {
      const { value, context, effects } = walk(machine, [start, due(1), locked, done(1), overBudget(3000)]);
      assert.deepEqual([value, context.intents, context.overruns], ["suspended", 0, 0]);
      assert.deepEqual(effects.slice(-2), [clearBudget, clearCycle]);
    },
  },
  {
    name: "stops from LOCKDOWN too, with the operator's cause",
    run: (machine) => {
      const { value, context } = walk(machine, [start, locked, stop]);
      assert.deepEqual([value, context.stopCause], ["stopped", "operator"]);
    },
  },
  {
    name: "evaluates nothing when it is started in LOCKDOWN, and begins with its release",
    run: (machine) => {
      assert.equal(walk(machine, [locked, start, due(1000)]).value, "suspended");
      assert.equal(walk(machine, [locked, start, released, due(1000)]).cycles, 1);
      assert.equal(walk(machine, [start, locked, stop, start, due(1000)]).value, "suspended");
      assert.equal(walk(machine, [start, locked, stop, released, start, due(1000)]).cycles, 1);
      assert.equal(walk(machine, [start, stop, locked, start, released, due(1000)]).cycles, 1);
    },
  },
  {
    name: "a stop right after a suspension that is over starts as usual: LOCKDOWN is not remembered beyond its release",
    run: (machine) => {
      assert.deepEqual(walk(machine, [start, locked, released, stop, start]).value, { running: "waiting" });
    },
  },
  {
    name: "a loop that LOCKDOWN interrupted knows it in every state: a stop and a start do not end it",
    run: (machine) => {
      assert.equal(walk(machine, [start, due(1), stop, locked, done(1), start]).value, "suspended");
    },
  },
  {
    name: "does not wait after a restart for the answer of a cycle that died with the process",
    run: (machine) => {
      assert.equal(walk(machine, [start, due(1000), restarted, due(6000)]).cycles, 2);
      const waiting = walk(machine, [start, restarted]);
      assert.deepEqual([waiting.value, waiting.last], [{ running: "waiting" }, [nextCycle(6000)]]);
      const stopping = walk(machine, [start, due(1000), stop, restarted]);
      assert.deepEqual([stopping.value, stopping.last], ["stopped", [clearCycle, clearBudget]]);
      assert.equal(walk(machine, [restarted]).value, "idle");
    },
  },
];
