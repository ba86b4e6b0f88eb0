import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type AnyStateMachine, assign, setup } from "xstate";
import { routeOf } from "#core/event/routes.ts";
import { catalogueProblems, chartProblems } from "#core/runtime/boot-check.ts";
import { orderTakes } from "#machines/order.rules.ts";

const folder = join(import.meta.dirname, "../../machines");
const files = readdirSync(folder).filter((name) => name.endsWith(".machine.ts"));

const machinesIn = async (file: string): Promise<AnyStateMachine[]> =>
  Object.values((await import(join(folder, file))) as Record<string, unknown>).filter(
    (value): value is AnyStateMachine =>
      typeof value === "object" && value !== null && "root" in value && "implementations" in value,
  );

/** A machine under the name of a real one. */
const planted = (id: string, takes: readonly string[]): AnyStateMachine =>
  setup({}).createMachine({ id, on: Object.fromEntries(takes.map((type) => [type, { actions: () => {} }])) });

/** The desk's machine; what it is sent is said where it is hosted (parts/orders.ts). */
const hosted: { readonly [id: string]: typeof orderTakes | undefined } = { order: orderTakes };

describe("every chart is whole", () => {
  it.each(files)("%s: targets, guards and actions exist, every state can be entered", async (file) => {
    const machines = await machinesIn(file);
    expect(machines.length).toBeGreaterThan(0);
    for (const machine of machines) expect(chartProblems(machine, hosted[machine.id])).toEqual([]);
  });

  it("takes the list of a hosted machine from the part that hosts it, as boot does", () => {
    expect(chartProblems(planted("guard", ["timer.due"]), ["timer.due"])).toEqual([]);
    expect(chartProblems(planted("guard", ["timer.due"]), ["timer.due", "order.filled"])).toEqual([
      "guard lists order.filled, and no state of it takes that",
    ]);
  });

  it("names a guard that does not exist, a state that cannot be entered, and an action that is missing", () => {
    const broken = setup({ actions: { known: assign({}) } }).createMachine({
      id: "broken",
      initial: "a",
      states: { a: { on: { go: { target: "b", guard: "missing" as never, actions: "gone" as never } } }, b: {}, island: {} },
    });
    expect(chartProblems(broken)).toEqual([
      "broken is neither an actor nor hosted: give it a row in core/actors.ts, or name it in its part's hosts",
      'broken.a on go names the guard "missing", which does not exist',
      'broken.a on go names the action "gone", which does not exist',
      "broken.island can never be entered",
    ]);
  });
});

describe("what a machine lists and what its chart takes are the same", () => {
  it("finds a machine that lists a fact and has no state that takes it (E1)", () => {
    expect(chartProblems(planted("scheduler", ["session.started", "schedule.due"]))).toEqual([
      "scheduler lists schedule.finished, and no state of it takes that",
    ]);
  });

  it("finds a machine that waits for a deadline nobody sends it", () => {
    const all = ["session.started", "schedule.due", "schedule.finished", "timer.due"];
    expect(chartProblems(planted("scheduler", all))).toEqual([
      "scheduler takes timer.due, which its list lacks: nobody sends it",
    ]);
  });
});

describe("every fact is read by somebody", () => {
  const row = { priority: "P0", journaled: true, payload: {}, says: "The moon rose." } as const;
  const nobody = () => false;

  it("accepts the catalogue of a house whose handlers are registered, and names each one that is missing (E1)", () => {
    expect(catalogueProblems(() => true)).toEqual([]);
    expect(catalogueProblems((type) => type !== "signal.generated")).toEqual([
      "signal.generated is to be read by a handler, and none is registered",
    ]);
  });

  it("finds a fact that no machine takes and no row gives to anybody", () => {
    expect(catalogueProblems(nobody, { "moon.rose": row })).toEqual([
      "moon.rose is taken by no machine, and its row does not say who reads it",
    ]);
    for (const readBy of ["people", "later"] as const)
      expect(catalogueProblems(nobody, { "moon.rose": { ...row, readBy } })).toEqual([]);
  });

  it("finds a row that gives a fact to people although a machine takes it", () => {
    expect(routeOf("order.filled")).toEqual(["orders"]);
    expect(catalogueProblems(nobody, { "order.filled": { ...row, readBy: "people" } })).toEqual([
      "order.filled is said to be read by people, and a machine takes it",
    ]);
  });
});
