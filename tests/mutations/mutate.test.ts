import assert from "node:assert/strict";
import { describe, expect, it } from "vitest";
import { type AnyStateMachine, and, assign, createActor, emit, enqueueActions, setup } from "xstate";
import { mutantsOf, runMutations } from "./mutate.ts";

type Event = { type: "push"; weight: number } | { type: "reset" };
/** A door that opens to a firm push and counts its pushes. */
const door = setup({
  types: {
    context: {} as { pushes: number; opened: number },
    events: {} as Event,
    emitted: {} as { type: "bell" } | { type: "log" },
  },
  guards: {
    isFirm: ({ event }) => event.type === "push" && event.weight > 5,
    isHuman: ({ event }) => event.type === "push" && event.weight < 200,
  },
  actions: {
    count: assign({ pushes: ({ context }) => context.pushes + 1 }),
    ring: emit({ type: "bell" }),
    open: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ opened: context.opened + 1 });
      enqueue.emit({ type: "log" });
    }),
  },
}).createMachine({
  id: "door",
  context: { pushes: 0, opened: 0 },
  initial: "shut",
  states: {
    shut: {
      on: {
        push: [{ guard: and(["isFirm", "isHuman"]), target: "open", actions: ["count", "open", "ring"] }, { actions: "count" }],
      },
    },
    open: { on: { reset: "shut" } },
  },
});

const driven = (machine: AnyStateMachine, ...events: readonly Event[]) => {
  const actor = createActor(machine);
  const heard: string[] = [];
  actor.on("*", ({ type }) => {
    heard.push(type);
  });
  actor.start();
  for (const event of events) actor.send(event);
  const { value, context } = actor.getSnapshot();
  return { value, context, heard };
};
const firm: Event = { type: "push", weight: 9 };
const weak: Event = { type: "push", weight: 2 };
const truck: Event = { type: "push", weight: 900 };

const careful = (machine: AnyStateMachine): void => {
  assert.deepEqual(driven(machine, firm), { value: "open", context: { pushes: 1, opened: 1 }, heard: ["log", "bell"] });
  for (const push of [weak, truck])
    assert.deepEqual(driven(machine, push), { value: "shut", context: { pushes: 1, opened: 0 }, heard: [] });
  assert.equal(driven(machine, firm, { type: "reset" }).value, "shut");
};

describe("chart mutations", () => {
  it("damages every transition, target, guard, operand, action, assign and effect, one at a time", () => {
    expect([...mutantsOf(door, [{ name: "careful", run: careful }])].map(({ id }) => id)).toEqual([
      "door.shut push[0]: removed",
      "door.shut push[0]: stays instead of going to open",
      "door.shut push[0]: without its guard isFirm & isHuman",
      "door.shut push[0]: guard isFirm & isHuman inverted",
      "door.shut push[0]: guard without isFirm",
      "door.shut push[0]: guard with isFirm inverted",
      "door.shut push[0]: guard without isHuman",
      "door.shut push[0]: guard with isHuman inverted",
      "door.shut push[0]: action count removed",
      "door.shut push[0]: action open removed",
      "door.shut push[0]: action ring removed",
      "door.shut push[1]: removed",
      "door.shut push[1]: action count removed",
      "door.open reset[0]: removed",
      "door.open reset[0]: stays instead of going to shut",
      "door action count: does not assign pushes",
      "door action ring: does not emit bell",
      "door action open: does not assign opened",
      "door action open: does not emit log",
    ]);
  });

  it("kills them all with a careful suite", () => {
    expect(runMutations(door, [{ name: "careful", run: careful }])).toEqual({ total: 19, killed: 19, survivors: [] });
  });

  it("names what a careless suite does not notice", () => {
    const careless = (machine: AnyStateMachine): void => assert.equal(driven(machine, firm).value, "open");
    const { survivors } = runMutations(door, [{ name: "careless", run: careless }]);
    expect(survivors).toContain("door.shut push[0]: guard without isHuman");
    expect(survivors).toContain("door action ring: does not emit bell");
    expect(survivors).not.toContain("door.shut push[0]: removed");
  });

  it("leaves the machine itself as it was", () => {
    runMutations(door, [{ name: "careful", run: careful }]);
    careful(door);
  });

  it("refuses a suite that the undamaged machine does not pass", () => {
    expect(() => runMutations(door, [{ name: "fails", run: () => assert.fail("always") }])).toThrow(
      "the undamaged door machine fails: fails",
    );
  });
});
