import { describe, it } from "vitest";
import { operatingMachine } from "#machines/operating-state.machine.ts";
import { ruleScenarios } from "./operating-state.rules.scenarios.ts";

describe("operating machine: rules", () => {
  it.each(ruleScenarios)("$name", ({ run }) => {
    run(operatingMachine);
  });
});
