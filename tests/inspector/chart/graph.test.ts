import { describe, expect, it, test } from "vitest";
import { assign, setup } from "xstate";
import { type DirectedGraphNode, toDirectedGraph } from "xstate/graph";
import { around, graphOf, isDense, takenOf } from "#chart/graph.ts";
import { drawnMachines } from "#chart/machines.ts";
import { operatingMachine } from "#machines/operating-state.machine.ts";
import { orderMachine } from "#machines/order.machine.ts";
import { fixtureMachine } from "./fixture.ts";

const everyNode = (node: DirectedGraphNode): DirectedGraphNode[] => [node, ...node.children.flatMap(everyNode)];
const idOf = ({ path }: { readonly path: readonly string[] }): string => path.join(".");

describe("the graph of a chart", () => {
  const lamp = graphOf(fixtureMachine);
  const arrow = (from: string, to: string) => lamp.arrows.find((found) => found.from === from && found.to === to);

  test.each(Object.entries({ ...drawnMachines, lamp: fixtureMachine }))(
    "%s: has every state and arrow of xstate's own graph (I10)",
    (_, machine) => {
      const graph = graphOf(machine);
      const nodes = everyNode(toDirectedGraph(machine)).filter(({ stateNode }) => stateNode.parent !== undefined);
      expect(graph.states.map(({ id }) => id).sort()).toEqual(nodes.map(({ stateNode }) => idOf(stateNode)).sort());
      const missing = nodes
        .flatMap(({ edges }) => edges)
        // An edge without a target leads back to its own state there; here it is a fact that stays.
        .filter(({ source, target }) => source !== target)
        .filter(({ source, target }) => !graph.arrows.some(({ from, to }) => from === idOf(source) && to === idOf(target)));
      expect(missing.map(({ source, target }) => `${idOf(source)} → ${idOf(target)}`)).toEqual([]);
    },
  );

  it("has the transitions that are taken at once, which xstate's graph leaves out (I10)", () => {
    const { arrows } = graphOf(operatingMachine);
    expect(arrows.find(({ from, to }) => from === "BALANCED" && to === "AGGRESSIVE")?.labels).toEqual(["by B_TO_A"]);
    expect(arrow("on.heat.cold", "on.heat.warm")?.labels).toEqual(["when it is dark"]);
  });

  it("lists what leads somewhere from every state, and draws no arrow for it (I10)", () => {
    expect(lamp.anywhere).toEqual([{ to: "broken", label: "broke" }]);
    expect(lamp.staysAnywhere).toEqual(["looked"]);
    expect(lamp.states.find(({ id }) => id === "broken")?.fromAnywhere).toEqual(["broke"]);
    expect(lamp.arrows.some(({ to }) => to === "broken")).toBe(false);
  });

  it("counts the facts that stay in a state, also those that lead to itself (I10)", () => {
    expect(lamp.states.find(({ id }) => id === "off")?.stays).toEqual(["looked"]);
    expect(lamp.states.find(({ id }) => id === "resting")?.stays).toEqual(["stopped"]);
  });

  it("says a guard's name and what it is asked for, and cuts the machine's own name from its facts (I10)", () => {
    expect(arrow("off", "on")?.labels).toEqual(["started [isWatt(60)]", "door.opened [isDark · not isDark · isDark or guarded]"]);
    expect(arrow("on.light.bright", "on.light.dim")?.labels).toEqual(["on.light.bright is done"]);
  });

  it("merges the arrows of one pair of states, and says each way once (I10)", () => {
    const { arrows } = graphOf(orderMachine);
    const pairs = arrows.map(({ from, to }) => `${from} ${to}`);
    expect(new Set(pairs).size).toBe(pairs.length);
    expect(arrows.every(({ labels }) => labels.length > 0 && new Set(labels).size === labels.length)).toBe(true);
  });

  it("knows kinds, parents and where one begins", () => {
    const seen = lamp.states.map(({ id, kind, parent, initial }) => `${id} ${kind} ${parent} ${initial}`);
    expect(seen).toContain("on parallel undefined undefined");
    expect(seen).toContain("on.light compound on on.light.dim");
    expect(seen).toContain("on.light.bright.red final on.light.bright undefined");
    expect(seen).toContain("resting.back history resting undefined");
    expect(lamp.initial).toBe("off");
  });

  it("says of a state where one comes from and where one may go (I12)", () => {
    expect(around(lamp, "off")).toEqual({ from: [], to: [{ state: "on", labels: arrow("off", "on")?.labels }] });
    expect(around(lamp, "resting").from.map(({ state }) => state)).toEqual(["on"]);
  });

  it("says which ways were really taken, and how often (I12)", () => {
    const [there, back] = [
      { from: "live", to: "stale" },
      { from: "stale", to: "live" },
    ] as const;
    expect(takenOf([there, back, there])).toEqual([
      { ...there, times: 2 },
      { ...back, times: 1 },
    ]);
    expect(takenOf([])).toEqual([]);
  });

  it("calls a chart of thirty arrows readable and one of thirty-one dense", () => {
    const chain = (arrows: number) => {
      const steps = Array.from({ length: arrows + 1 }, (_, index) => [
        `s${index}`,
        index === arrows ? {} : { on: { go: `s${index + 1}` } },
      ]);
      return graphOf(
        setup({ actions: { note: assign({}) } }).createMachine({ id: "chain", initial: "s0", states: Object.fromEntries(steps) }),
      );
    };
    expect(isDense(chain(30))).toBe(false);
    expect(isDense(chain(31))).toBe(true);
    expect(isDense(graphOf(orderMachine))).toBe(true);
  });
});
