import { describe, it } from "vitest";
import { operatingMachine } from "#machines/operating-state.machine.ts";
import { personScenarios } from "./operating-state.person.scenarios.ts";
import { ruleScenarios } from "./operating-state.rules.scenarios.ts";

describe("operating machine: rules", () => {
  it.each(ruleScenarios)("$name", ({ run }) => {
    run(operatingMachine);
  });
});

describe("operating machine: overrides, inputs, clocks and restarts", () => {
  it.each(personScenarios)("$name", ({ run }) => {
    run(operatingMachine);
  });
});
