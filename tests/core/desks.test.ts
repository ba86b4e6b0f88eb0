/** A host of many snapshots of one machine, tried with a machine that knows nothing of orders. */

import { describe, expect, it } from "vitest";
import { assign, emit, setup } from "xstate";
import { MachineDesk, type SavedStand, type Stand, standForm } from "#core/desks.ts";

interface Parcel {
  readonly to: string;
  readonly stops: readonly string[];
}
type ParcelEvent =
  | { readonly type: "moved"; readonly by: string }
  | { readonly type: "delivered" }
  | { readonly type: "returned" };
type ParcelEffect =
  | { readonly type: "label.print"; readonly to: string }
  | { readonly type: "map.show"; readonly by: string }
  | { readonly type: "bell.ring" };

/** Its context does not say where it stands. */
const parcelMachine = setup({
  types: { context: {} as Parcel, input: {} as { readonly to: string }, events: {} as ParcelEvent, emitted: {} as ParcelEffect },
}).createMachine({
  id: "parcel",
  context: ({ input }) => ({ to: input.to, stops: [] }),
  entry: emit(({ context }) => ({ type: "label.print" as const, to: context.to })),
  initial: "travels",
  states: {
    travels: {
      on: {
        moved: {
          actions: [
            assign(({ context, event }) => ({ stops: [...context.stops, event.by] })),
            emit(({ event }) => ({ type: "map.show" as const, by: event.by })),
          ],
        },
        delivered: {
          target: "there",
          actions: [assign({ to: "" }), emit({ type: "map.show", by: "door" }), emit({ type: "bell.ring" })],
        },
      },
    },
    there: { on: { returned: { target: "travels", actions: assign({ to: "sender" }) } } },
  },
});
type Machine = typeof parcelMachine;

interface Made {
  readonly desk: MachineDesk<Machine, SavedStand<Machine>>;
  readonly forgotten: [string, readonly string[]][];
}
const createDesk = (persisted?: object, form = standForm<Machine>(1), finishedKept = 2): Made => {
  const forgotten: [string, readonly string[]][] = [];
  const options = {
    machine: parcelMachine,
    template: { to: "-" },
    form,
    isFinished: ({ to }: Parcel) => to === "",
    finishedKept,
    forget: (key: string, { stops }: Parcel) => void forgotten.push([key, stops]),
  };
  const kept = persisted === undefined ? undefined : JSON.parse(JSON.stringify(persisted));
  return { desk: new MachineDesk(options, kept), forgotten };
};
const standing = (desk: Made["desk"], ...keys: string[]) => keys.map((key) => [desk.value(key), desk.context(key)?.stops]);

describe("a desk of machines", () => {
  it("keeps each machine under its key, and hands out its effects in the order of their emission", () => {
    const { desk } = createDesk();
    expect(desk.begin("a", { to: "Seoul" })).toEqual({
      after: { to: "Seoul", stops: [] },
      effects: [{ type: "label.print", to: "Seoul" }],
    });
    expect(desk.begin("b", { to: "Busan" }).effects).toEqual([{ type: "label.print", to: "Busan" }]);
    expect(desk.step("a", { type: "moved", by: "rail" })).toEqual({
      before: { to: "Seoul", stops: [] },
      after: { to: "Seoul", stops: ["rail"] },
      effects: [{ type: "map.show", by: "rail" }],
    });
    expect(desk.step("b", { type: "delivered" })?.effects).toEqual([{ type: "map.show", by: "door" }, { type: "bell.ring" }]);
    expect(standing(desk, "a", "b")).toEqual([
      ["travels", ["rail"]],
      ["there", []],
    ]);
    expect([...desk.live()].map(({ to }) => to)).toEqual(["Seoul"]);
    expect([...desk.finished()]).toHaveLength(1);
  });

  it("changes nothing by a fact that the machine does not take where it stands", () => {
    const { desk } = createDesk();
    desk.begin("a", { to: "Seoul" });
    const step = desk.step("a", { type: "returned" });
    expect(step?.after).toBe(step?.before);
    expect(step?.effects).toEqual([]);
  });

  it("answers nothing for a key that is not there, and begins none twice", () => {
    const { desk } = createDesk();
    expect([desk.step("a", { type: "delivered" }), desk.context("a"), desk.has("a")]).toEqual([undefined, undefined, false]);
    desk.begin("a", { to: "Seoul" });
    expect(() => desk.begin("a", { to: "Jeju" })).toThrow("parcel a is begun twice");
    desk.step("a", { type: "delivered" });
    expect(() => desk.begin("a", { to: "Jeju" })).toThrow("parcel a is begun twice");
  });

  it("takes late facts for what has finished, which may make it live again", () => {
    const { desk } = createDesk();
    desk.begin("a", { to: "Seoul" });
    desk.step("a", { type: "delivered" });
    expect(desk.step("a", { type: "returned" })?.after.to).toBe("sender");
    expect([[...desk.live()].length, [...desk.finished()].length]).toEqual([1, 0]);
    expect(desk.value("a")).toBe("travels");
  });

  it("keeps only so many that have finished: the one that finished first leaves, and its owner is told", () => {
    const { desk, forgotten } = createDesk();
    for (const key of ["a", "b", "c"]) {
      desk.begin(key, { to: key });
      desk.step(key, { type: "moved", by: `rail ${key}` });
    }
    for (const key of ["b", "c"]) desk.step(key, { type: "delivered" });
    expect(forgotten).toEqual([]);
    desk.step("a", { type: "delivered" });
    expect(forgotten).toEqual([["b", ["rail b"]]]);
    expect([desk.has("a"), desk.has("b"), desk.has("c")]).toEqual([true, false, true]);
  });

  it("comes back from JSON as it was, and goes on alike", () => {
    const { desk } = createDesk();
    for (const key of ["a", "b", "c"]) desk.begin(key, { to: key });
    desk.step("a", { type: "moved", by: "rail" });
    desk.step("c", { type: "delivered" });
    desk.step("b", { type: "delivered" });
    const { desk: again, forgotten } = createDesk(desk.persist());
    expect(JSON.stringify(again.persist())).toBe(JSON.stringify(desk.persist()));
    for (const each of [desk, again]) {
      each.step("b", { type: "returned" });
      expect(each.step("a", { type: "delivered" })?.effects).toHaveLength(2);
      expect(each.step("b", { type: "delivered" })?.effects).toHaveLength(2);
    }
    expect(JSON.stringify(again.persist())).toBe(JSON.stringify(desk.persist()));
    expect(forgotten).toEqual([["c", []]]);
  });

  it("restores what an older version kept through its migration, and refuses what a newer one kept", () => {
    const { desk } = createDesk();
    desk.begin("a", { to: "Seoul" });
    const saved = desk.persist();
    const migrate = ({ value, context }: SavedStand<Machine>): Stand<Machine> => ({
      value,
      context: { ...context, stops: ["from before"] },
    });
    const { desk: newer } = createDesk(saved, standForm<Machine>(2, migrate));
    expect(standing(newer, "a")).toEqual([["travels", ["from before"]]]);
    expect(newer.persist().live).toMatchObject([{ key: "a", version: 2 }]);
    expect(() => createDesk(newer.persist())).toThrow("a is of version 2, and this is version 1");
  });

  it("shares nothing with another desk of the same machine", () => {
    const [one, two] = [createDesk().desk, createDesk().desk];
    one.begin("a", { to: "Seoul" });
    expect(two.has("a")).toBe(false);
    expect(two.begin("a", { to: "Jeju" }).effects).toEqual([{ type: "label.print", to: "Jeju" }]);
    expect(one.step("a", { type: "delivered" })?.effects).toHaveLength(2);
  });
});
