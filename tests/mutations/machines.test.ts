/** Every damage to a machine's chart is noticed by the sentences that its tests consist of (`node tests/mutations/run.ts`). */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runMutations } from "./mutate.ts";
import { mutationSuites } from "./suites.ts";

describe("no test-suite of a machine has a hole", () => {
  it.each(Object.entries(mutationSuites))(
    "%s: a damage that nobody notices is listed as equivalent",
    (_name, { machine, scenarios, equivalent }) => {
      expect(runMutations(machine, scenarios).survivors.toSorted()).toEqual(Object.keys(equivalent).toSorted());
    },
    // The order's chart has 5700 damages: seconds on a quiet machine, minutes on a busy one.
    900_000,
  );

  it("gives every equivalent mutant its reason", () => {
    for (const { equivalent } of Object.values(mutationSuites))
      for (const reason of Object.values(equivalent)) expect(reason).not.toBe("");
  });

  it("leaves no machine out", () => {
    const files = readdirSync(join(import.meta.dirname, "../../machines")).filter((name) => name.endsWith(".machine.ts"));
    expect(files.map((name) => name.replace(".machine.ts", "")).toSorted()).toEqual(Object.keys(mutationSuites).toSorted());
  });
});
