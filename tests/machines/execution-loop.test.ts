import { describe, expect, it } from "vitest";
import { initialTransition, transition } from "xstate";
import { createTestModel } from "xstate/graph";
import {
  type ExecutionLoopEffect,
  type ExecutionLoopEvent,
  type ExecutionLoopInput,
  executionLoopMachine,
} from "#machines/execution-loop.machine.ts";

const policy: ExecutionLoopInput = {
  intervalMs: 1000,
  errorBackoffMs: 5000,
  retriesMax: 3,
  cycleBudgetMs: 3000,
  cyclesMax: 0,
  consecutiveErrorsMax: 10,
};

const start: ExecutionLoopEvent = { type: "execution.start.requested", at: 0, cause: "reconciled" };
const stop: ExecutionLoopEvent = { type: "execution.stop.requested", at: 0, cause: "operator" };
const due = (at: number): ExecutionLoopEvent => ({ type: "timer.due", at, id: "execution.cycle", dueAt: at });
const overBudget = (at: number): ExecutionLoopEvent => ({ type: "timer.due", at, id: "execution.budget", dueAt: at });
const done = (cycle: number, at = 0): ExecutionLoopEvent => ({ type: "cycle.completed", at, cycle, intents: 1, elapsedMs: 1 });
const failed = (cycle: number, at = 0): ExecutionLoopEvent => ({ type: "cycle.failed", at, cycle, reason: "the strategy threw" });
const safety = (from: string, to: string): ExecutionLoopEvent => ({
  type: "safety.changed",
  at: 0,
  from,
  to,
  code: "FS040",
  reason: "test",
});

/** Walks the chart and keeps what it emitted. */
const walk = (events: readonly ExecutionLoopEvent[], input: Partial<ExecutionLoopInput> = {}) => {
  let [snapshot] = initialTransition(executionLoopMachine, { ...policy, ...input });
  const effects: ExecutionLoopEffect[] = [];
  for (const event of events) {
    const [next, actions] = transition(executionLoopMachine, snapshot, event);
    snapshot = next;
    for (const { type, params } of actions as readonly { readonly type: string; readonly params: unknown }[])
      if (type === "xstate.emit") effects.push((params as { readonly event: ExecutionLoopEffect }).event);
  }
  return { snapshot, effects, cycles: effects.filter(({ type }) => type === "cycle.run").length };
};

describe("the execution loop", () => {
  it("runs no cycle before it was asked to start", () => {
    expect(walk([due(1000)]).cycles).toBe(0);
  });

  it("never runs two cycles at once: a second interval waits for the first cycle's answer", () => {
    expect(walk([start, due(1000), due(2000), due(3000)]).cycles).toBe(1);
    expect(walk([start, due(1000), done(1, 1500), due(2500)]).cycles).toBe(2);
  });

  it("ignores the answer of a cycle that is not the present one", () => {
    expect(walk([start, due(1000), done(7, 1500), due(2500)]).cycles).toBe(1);
  });

  it("waits the interval after a cycle, and the back-off after more errors in a row than it retries", () => {
    const waits = (events: readonly ExecutionLoopEvent[]) =>
      walk(events).effects.flatMap((effect) =>
        effect.type === "timer.set" && effect.id === "execution.cycle" ? [effect.at] : [],
      );
    const errors = (count: number) => Array.from({ length: count }, (_, i) => [due(i), failed(i + 1, 10_000)]).flat();
    expect(waits([start, ...errors(3)]).at(-1)).toBe(11_000);
    expect(waits([start, ...errors(4)]).at(-1)).toBe(15_000);
  });

  it("reports a cycle over its budget and goes on waiting for it", () => {
    const { effects, snapshot } = walk([start, due(1000), overBudget(4000)]);
    expect(effects).toContainEqual({
      type: "safety.report",
      kind: "anomaly",
      code: "AN040",
      reason: "cycle 1 is over its budget of 3000 ms",
    });
    expect(snapshot.value).toEqual({ running: "cycling" });
  });

  it("stops by its policies: number of cycles, errors in a row, operator", () => {
    expect(walk([start, due(1), done(1), due(2), done(2)], { cyclesMax: 2 }).snapshot).toMatchObject({
      value: "stopped",
      context: { stopCause: "the configured number of cycles is done" },
    });
    const dying = walk([start, due(1), failed(1), due(2), failed(2)], { consecutiveErrorsMax: 2 });
    expect(dying.snapshot.value).toBe("stopped");
    expect(dying.effects).toContainEqual({
      type: "safety.report",
      kind: "failsafe",
      code: "FS060",
      reason: "2 cycles failed in a row; the last one: the strategy threw",
    });
    expect(walk([start, stop]).snapshot).toMatchObject({ value: "stopped", context: { stopCause: "operator" } });
  });

  it("lets the cycle under way finish before it stops, but waits no longer than its budget", () => {
    expect(walk([start, due(1), stop]).snapshot.value).toBe("stopping");
    expect(walk([start, due(1), stop, done(1)]).snapshot.value).toBe("stopped");
    expect(walk([start, due(1), stop, overBudget(3001)]).snapshot.value).toBe("stopped");
  });

  it("evaluates nothing in LOCKDOWN and goes on after its release", () => {
    expect(walk([start, safety("NORMAL", "LOCKDOWN"), due(1000)]).cycles).toBe(0);
    expect(walk([start, safety("NORMAL", "LOCKDOWN"), safety("LOCKDOWN", "NORMAL"), due(1000)]).cycles).toBe(1);
    expect(walk([start, safety("NORMAL", "FAIL"), due(1000)]).cycles).toBe(1);
  });

  it("evaluates nothing when it is started in LOCKDOWN, and begins with its release", () => {
    const [locked, released] = [safety("NORMAL", "LOCKDOWN"), safety("LOCKDOWN", "NORMAL")];
    expect(walk([locked, start, due(1000)]).snapshot.value).toBe("suspended");
    expect(walk([locked, start, released, due(1000)]).cycles).toBe(1);
    expect(walk([start, locked, stop, start, due(1000)]).snapshot.value).toBe("suspended");
    expect(walk([start, locked, stop, released, start, due(1000)]).cycles).toBe(1);
    expect(walk([start, stop, locked, start, released, due(1000)]).cycles).toBe(1);
  });

  it("does not wait after a restart for the answer of a cycle that died with the process", () => {
    const restarted: ExecutionLoopEvent = { type: "session.started", at: 5000, session: "0001", epoch: 2, recovered: true };
    expect(walk([start, due(1000), restarted, due(6000)]).cycles).toBe(2);
  });

  it("reaches every state of the chart, and on every path a cycle is answered before the next one begins", () => {
    const paths = createTestModel(executionLoopMachine).getShortestPaths({
      input: policy,
      events: [
        start,
        stop,
        due(1),
        overBudget(1),
        done(1),
        done(2),
        failed(1),
        safety("NORMAL", "LOCKDOWN"),
        safety("LOCKDOWN", "NORMAL"),
      ],
      // Counters grow for ever; the walk stops at the second cycle.
      serializeState: ({ value, context }) => JSON.stringify([value, Math.min(context.cycle, 2)]),
    });
    const seen = new Set<string>();
    for (const path of paths) {
      const events = path.steps.map(({ event }) => event as ExecutionLoopEvent).filter(({ type }) => !type.startsWith("xstate."));
      let isCycling = false;
      events.forEach((event, index) => {
        if (
          event.type === "cycle.completed" ||
          event.type === "cycle.failed" ||
          event.type === "safety.changed" ||
          event.type === "execution.stop.requested"
        )
          isCycling = false;
        const started = walk(events.slice(0, index + 1)).cycles - walk(events.slice(0, index)).cycles;
        expect(started > 0 && isCycling).toBe(false);
        isCycling ||= started > 0;
      });
      for (const { state } of [...path.steps, path]) seen.add(JSON.stringify(state.value));
    }
    expect([...seen].sort()).toEqual([
      '"idle"',
      '"stopped"',
      '"stopping"',
      '"suspended"',
      '{"running":"cycling"}',
      '{"running":"waiting"}',
    ]);
  });
});
