/** The maintenance chart alone: what follows what, and the one way to deletion. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createActor } from "xstate";
import { type MaintenanceEvent, maintenanceMachine } from "#machines/maintenance.machine.ts";
import { factsOfRun, maintenanceScenarios } from "./maintenance.scenarios.ts";

describe("the maintenance machine", () => {
  it.each(maintenanceScenarios)("$name", ({ run }) => {
    run(maintenanceMachine);
  });

  it("never asks for a deletion without a verified backup of the same run, whatever facts arrive in whatever order (M1)", () => {
    const everyEvent = ["run-1", "run-2"].flatMap((runId) => Object.values(factsOfRun(runId)));
    fc.assert(
      fc.property(fc.array(fc.constantFrom<MaintenanceEvent>(...everyEvent), { maxLength: 40 }), (events) => {
        const actor = createActor(maintenanceMachine);
        let begun: string | undefined;
        let provenRun: string | undefined;
        actor.on("*", (effect) => {
          if (effect.type === "maintenance.plan") begun = effect.runId;
          if (effect.type === "maintenance.plan") provenRun = undefined;
          if (effect.type === "cleanup.run") expect([effect.runId, begun]).toEqual([provenRun, provenRun]);
        });
        actor.start();
        for (const event of events) {
          const isVerifying = actor.getSnapshot().matches({ working: "verifying" });
          if (isVerifying && event.type === "maintenance.backup.verified" && event.runId === begun) provenRun = event.runId;
          actor.send(event);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
