import { describe, it } from "vitest";
import { opsOfQuietParts, opsScenarios, supervisorOfQuietParts, supervisorScenarios } from "./supervision.scenarios.ts";

describe("the supervisor", () => {
  it.each(supervisorScenarios)("$name", ({ run }) => {
    run(supervisorOfQuietParts);
  });
});

describe("the supervisor of ops", () => {
  it.each(opsScenarios)("$name", ({ run }) => {
    run(opsOfQuietParts);
  });
});
