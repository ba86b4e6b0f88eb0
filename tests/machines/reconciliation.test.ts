import { describe, it } from "vitest";
import { reconciliationMachine } from "#machines/reconciliation.machine.ts";
import { reconciliationScenarios } from "./reconciliation.scenarios.ts";

describe("reconciliation", () => {
  it.each(reconciliationScenarios)("$name", ({ run }) => {
    run(reconciliationMachine);
  });
});
