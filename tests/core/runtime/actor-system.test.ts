import { describe, expect, it } from "vitest";
import { assign, emit, setup } from "xstate";
import { actorNames, coreParts, opsParts } from "#core/actors.ts";
import type { ActorEvent } from "#core/event/catalog.ts";
import { createActorSystem, type PartLogics, withEveryPart } from "#core/runtime/actor-system.ts";
import type { Effect } from "#core/runtime/effects.ts";

const restart = { restartsMax: 5, windowMs: 30_000, delayMs: 100, delayMsMax: 5000 };

/** A part that counts what it is told and throws when the reason is "poison". */
const countingPart = setup({
  types: {
    context: {} as { count: number },
    emitted: {} as { type: "alert.warning"; code: string; text: string },
    events: {} as { type: "anomaly.raised" | "failsafe.tripped"; reason: string },
  },
}).createMachine({
  id: "counting",
  context: { count: 0 },
  on: {
    "anomaly.raised": {
      actions: [
        assign({
          count: ({ context, event }) => {
            if (event.reason === "poison") throw new Error("cannot digest");
            return context.count + 1;
          },
        }),
        emit({ type: "alert.warning", code: "AN001", text: "counted" }),
      ],
    },
  },
});

const createSystem = (options: { readonly persisted?: unknown } = {}) => {
  const lost: string[] = [];
  const logics = Object.fromEntries([...coreParts, ...opsParts].map((name) => [name, countingPart])) as unknown as PartLogics;
  const system = createActorSystem({
    logics,
    input: withEveryPart({ restart, ops: true, parts: {} }),
    onLost: (name) => lost.push(name),
    ...options,
  });
  system.start();
  system.takeEffects();
  return { system, lost };
};

const anomaly = (reason: string): ActorEvent => ({ type: "anomaly.raised", at: 0, code: "AN001", reason });
const failed = (component: string, at: number): ActorEvent => ({
  type: "component.failed",
  at,
  component,
  reason: "cannot digest",
});
const due = (id: string, at: number): ActorEvent => ({ type: "timer.due", at, id, dueAt: at });
const started: ActorEvent = { type: "session.started", at: 0, session: "0001", epoch: 1, recovered: false };
const countOf = (system: ReturnType<typeof createSystem>["system"], name: "safety" | "feed") =>
  (system.snapshotOf(name) as unknown as { context: { count: number } }).context.count;
const types = (effects: readonly Effect[]) => effects.map(({ type }) => type);

describe("the actor system", () => {
  it("starts every core part and the ops subtree under one supervisor", () => {
    const { system } = createSystem();
    expect(Object.keys(system.states())).toEqual(actorNames);
  });

  it("returns what a part emitted because of a fact", () => {
    const { system } = createSystem();
    expect(system.send("safety", anomaly("odd"))).toEqual([{ type: "alert.warning", code: "AN001", text: "counted" }]);
  });

  it("brings a part that threw back with the state it had before, and gives it the facts it missed", () => {
    const { system } = createSystem();
    system.send("supervisor", started);
    system.send("safety", anomaly("one"));
    system.send("safety", anomaly("two"));
    const effects = system.send("safety", anomaly("poison"));
    expect(effects).toContainEqual({ type: "component.report.failed", component: "safety", reason: "Error: cannot digest" });
    expect(system.isDown("safety")).toBe(true);
    expect(system.send("safety", anomaly("while down"))).toEqual([]);

    expect(system.send("supervisor", failed("safety", 0))).toContainEqual({ type: "timer.set", id: "restart.safety", at: 100 });
    const back = system.send("supervisor", due("restart.safety", 100));
    expect(types(back)).toContain("component.restart");
    expect(system.isDown("safety")).toBe(false);
    expect(countOf(system, "safety")).toBe(3);
  });

  it("leaves the other parts alone when one throws", () => {
    const { system } = createSystem();
    system.send("feed", anomaly("one"));
    system.send("safety", anomaly("poison"));
    expect(system.isDown("feed")).toBe(false);
    expect(countOf(system, "feed")).toBe(1);
  });

  it("waits longer before each restart within the window, and escalates a core part after five (S7)", () => {
    const { system } = createSystem();
    system.send("supervisor", started);
    const delays = [0, 1, 2, 3, 4].map(
      (at) => (system.send("supervisor", failed("feed", at)).find(({ type }) => type === "timer.set") as { at: number }).at - at,
    );
    expect(delays).toEqual([100, 200, 400, 800, 1600]);
    expect(system.send("supervisor", failed("feed", 5))).toContainEqual(
      expect.objectContaining({ type: "safety.report", kind: "failsafe", code: "FS110" }),
    );
    expect(system.states().supervisor).toBe("escalated");
  });

  it("forgets restarts that are older than the window", () => {
    const { system } = createSystem();
    system.send("supervisor", started);
    for (const at of [0, 1, 2, 3, 4]) system.send("supervisor", failed("feed", at));
    expect(types(system.send("supervisor", failed("feed", 30_004)))).toContain("timer.set");
  });

  it("lets ops fail for good without more than an anomaly (M10)", () => {
    const { system } = createSystem();
    system.send("supervisor", started);
    for (const at of [0, 1, 2, 3, 4]) system.send("ops", failed("maintenance", at));
    const effects = system.send("ops", failed("maintenance", 5));
    expect(effects).toContainEqual(expect.objectContaining({ type: "safety.report", kind: "anomaly", code: "AN090" }));
    expect(system.states()).toMatchObject({ ops: "impaired", supervisor: "running" });
  });

  it("comes back from its persisted state with every part as it was", () => {
    const { system } = createSystem();
    system.send("safety", anomaly("one"));
    system.send("safety", anomaly("two"));
    const persisted = JSON.parse(JSON.stringify(system.persist()));
    system.stop();
    const { system: again } = createSystem({ persisted });
    expect(countOf(again, "safety")).toBe(2);
    again.send("safety", anomaly("three"));
    expect(countOf(again, "safety")).toBe(3);
  });
});
