import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type AnyStateMachine, assign, setup } from "xstate";
import { chartProblems } from "#core/runtime/boot-check.ts";

const folder = join(import.meta.dirname, "../../machines");
const files = readdirSync(folder).filter((name) => name.endsWith(".machine.ts"));

const machinesIn = async (file: string): Promise<AnyStateMachine[]> =>
  Object.values((await import(join(folder, file))) as Record<string, unknown>).filter(
    (value): value is AnyStateMachine =>
      typeof value === "object" && value !== null && "root" in value && "implementations" in value,
  );

describe("every chart is whole", () => {
  it.each(files)("%s: targets, guards and actions exist, every state can be entered", async (file) => {
    const machines = await machinesIn(file);
    expect(machines.length).toBeGreaterThan(0);
    for (const machine of machines) expect(chartProblems(machine)).toEqual([]);
  });

  it("names a guard that does not exist, a state that cannot be entered, and an action that is missing", () => {
    const broken = setup({ actions: { known: assign({}) } }).createMachine({
      id: "broken",
      initial: "a",
      states: { a: { on: { go: { target: "b", guard: "missing" as never, actions: "gone" as never } } }, b: {}, island: {} },
    });
    expect(chartProblems(broken)).toEqual([
      'broken.a on go names the guard "missing", which does not exist',
      'broken.a on go names the action "gone", which does not exist',
      "broken.island can never be entered",
    ]);
  });
});
