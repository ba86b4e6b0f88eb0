import { describe, expect, it } from "vitest";
import { createTestModel } from "xstate/graph";
import { type ExecutionLoopEvent, executionLoopMachine } from "#machines/execution-loop.machine.ts";
import {
  done,
  due,
  executionLoopScenarios,
  failed,
  overBudget,
  policy,
  safety,
  start,
  stop,
  walk,
} from "./execution-loop.scenarios.ts";

describe("the execution loop", () => {
  it.each(executionLoopScenarios)("$name", ({ run }) => {
    run(executionLoopMachine);
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
        const started =
          walk(executionLoopMachine, events.slice(0, index + 1)).cycles -
          walk(executionLoopMachine, events.slice(0, index)).cycles;
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
