import { describe, it } from "vitest";
import { sessionMachine } from "#machines/session.machine.ts";
import { sessionScenarios } from "./session.scenarios.ts";

describe("a session", () => {
  it.each(sessionScenarios)("$name", ({ run }) => {
    run(sessionMachine);
  });
});
