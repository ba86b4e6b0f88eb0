/** The scheduler chart alone: who runs, who waits, who rests. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createActor } from "xstate";
import { schedulerMachine } from "#machines/scheduler.machine.ts";
import { due, finished, input, schedulerScenarios } from "./scheduler.scenarios.ts";

describe("the scheduler machine", () => {
  it.each(schedulerScenarios)("$name", ({ run }) => {
    run(schedulerMachine);
  });

  it("never has a target running twice, and forgets no occurrence, whatever comes in whatever order (M11)", () => {
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
