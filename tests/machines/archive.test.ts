import { describe, expect, it, test } from "vitest";
import { archiveMachine } from "#machines/archive.machine.ts";
import { diskLevel } from "#machines/archive.rules.ts";
import { archiveScenarios, input } from "./archive.scenarios.ts";

describe("the archive", () => {
  it.each(archiveScenarios)("$name", ({ run }) => {
    run(archiveMachine);
  });
});

describe("the disk", () => {
  test.each([
    { current: "ok", free: 0.2, level: "ok" },
    { current: "ok", free: 0.19, level: "warning" },
    { current: "warning", free: 0.21, level: "warning" },
    { current: "warning", free: 0.221, level: "ok" },
    { current: "warning", free: 0.1, level: "warning" },
    { current: "warning", free: 0.09, level: "critical" },
    { current: "critical", free: 0.105, level: "critical" },
    { current: "critical", free: 0.111, level: "warning" },
    { current: "critical", free: 0.5, level: "ok" },
  ] as const)("at $free free it is $level after $current: an alert does not flap around its mark", ({ current, free, level }) => {
    expect(diskLevel(current, free, input.disk)).toBe(level);
  });
});
