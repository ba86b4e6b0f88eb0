import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describedCodes, safetyCodes } from "#machines/safety.codes.ts";
import { safetyMachine, safetyStates, tradingAllowed } from "#machines/safety.machine.ts";
import { safetyScenarios } from "./safety.scenarios.ts";

describe("safety machine", () => {
  it.each(safetyScenarios)("$name", ({ run }) => {
    run(safetyMachine);
  });

  it("trades in NORMAL and WARNING and in no other state (S1)", () => {
    expect(safetyStates.filter(tradingAllowed)).toEqual(["NORMAL", "WARNING"]);
  });
});

describe("code registry (S4)", () => {
  const codes = describedCodes();

  it("gives every code a kind by its letters, a severity, a sentence and a runbook section of its own", () => {
    for (const { code, kind, severity, sentence, runbook } of codes) {
      expect(code).toMatch(/^(FS|GR|AN)\d{3}$/);
      expect({ FS: "failsafe", GR: "guardrail", AN: "anomaly" }[code.slice(0, 2)]).toBe(kind);
      expect(severity).toBe(kind === "failsafe" ? "critical" : "warning");
      expect(sentence).toMatch(/^[A-Z].*\.$/);
      expect(runbook).toBe(`docs/operations/runbook.md#${code.toLowerCase()}`);
    }
  });

  it("uses no code twice: the origin's FS080, FS081 and FS095 collided (S4)", () => {
    const source = readFileSync(join(import.meta.dirname, "../../machines/safety.codes.ts"), "utf8");
    const written = [...source.matchAll(/^ {2}([A-Z]{2}\d{3}):/gm)].map(([, code]) => code);
    expect(new Set(written).size).toBe(written.length);
    expect(written).toEqual(Object.keys(safetyCodes));
  });

  it("finds a runbook section for every code, and no section without a code (S4)", () => {
    const runbook = readFileSync(join(import.meta.dirname, "../../docs/operations/runbook.md"), "utf8");
    const sections = [...runbook.matchAll(/^### ([A-Z]{2}\d{3})$/gm)].map(([, code]) => code);
    expect(sections.toSorted()).toEqual(Object.keys(safetyCodes).toSorted());
  });
});
