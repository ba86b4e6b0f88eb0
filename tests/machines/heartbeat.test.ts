import { describe, it } from "vitest";
import { heartbeatMachine } from "#machines/heartbeat.machine.ts";
import { heartbeatScenarios } from "./heartbeat.scenarios.ts";

describe("the heartbeat machine", () => {
  it.each(heartbeatScenarios)("$name", ({ run }) => {
    run(heartbeatMachine);
  });
});
