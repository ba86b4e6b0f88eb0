import { beforeAll, describe, expect, it, test } from "vitest";
import { graphOf, isDense } from "#chart/graph.ts";
import { layoutOf } from "#chart/layout.ts";
import { drawnMachines } from "#chart/machines.ts";
import type { Direction, Layout } from "#chart/shapes.ts";
import { fixtureMachine } from "./fixture.ts";
import { troublesOf } from "./geometry.ts";

const charts = { ...drawnMachines, lamp: fixtureMachine };
const directions: readonly Direction[] = ["DOWN", "RIGHT"];
const cases = Object.entries(charts).flatMap(([page, machine]) => directions.map((direction) => ({ page, machine, direction })));
const laid = new Map<string, Layout>();
const layoutFor = (page: string, direction: Direction): Layout => laid.get(`${page} ${direction}`) as Layout;

beforeAll(async () => {
  for (const { page, machine, direction } of cases) laid.set(`${page} ${direction}`, await layoutOf(graphOf(machine), direction));
});

describe("the layout of a chart", () => {
  test.each(cases)("$page $direction: no arrow over a state, no words over words or states (I11)", ({ page, direction }) => {
    const { overStates, overLabels } = troublesOf(layoutFor(page, direction));
    expect({ overStates, overLabels }).toEqual({ overStates: [], overLabels: [] });
  });

  test.each(cases.filter(({ machine }) => !isDense(graphOf(machine))))(
    "$page $direction: at most one crossing (I11)",
    ({ page, direction }) => {
      expect(troublesOf(layoutFor(page, direction)).crossings.length).toBeLessThanOrEqual(1);
    },
  );

  test.each(cases)(
    "$page $direction: everything stands on the paper, arrows run upright or flat",
    ({ page, machine, direction }) => {
      const layout = layoutFor(page, direction);
      const { states, arrows } = graphOf(machine);
      expect(layout.states.map(({ id }) => id)).toEqual(states.map(({ id }) => id));
      const boxes = [...layout.states, ...layout.arrows.flatMap(({ label }) => label ?? [])];
      const points = layout.arrows.flatMap((arrow) => arrow.points);
      expect(
        boxes.filter(({ x, y, width, height }) => x < 0 || y < 0 || x + width > layout.width || y + height > layout.height),
      ).toEqual([]);
      expect(points.filter(({ x, y }) => x < 0 || y < 0 || x > layout.width || y > layout.height)).toEqual([]);
      const slanted = layout.arrows.filter(({ points: way }) =>
        way.some((point, index) => index > 0 && point.x !== way[index - 1]?.x && point.y !== way[index - 1]?.y),
      );
      expect(slanted).toEqual([]);
      expect(layout.arrows.filter(({ from }) => from !== undefined).length).toBe(arrows.length);
      expect(layout.arrows.filter((arrow) => arrow.points.length < 2)).toEqual([]);
    },
  );

  it("is the same, byte for byte, every time (I11)", async () => {
    for (const { page, machine } of cases.filter((one) => one.direction === "DOWN" && one.page !== "order")) {
      expect(JSON.stringify(await layoutOf(graphOf(machine), "DOWN"))).toBe(JSON.stringify(layoutFor(page, "DOWN")));
    }
  });

  it("leaves the labels of a dense chart out and makes it a map (I12)", () => {
    expect(layoutFor("order", "RIGHT").isMap).toBe(true);
    expect(layoutFor("order", "RIGHT").arrows.filter(({ label }) => label !== undefined)).toEqual([]);
    expect(layoutFor("feed", "DOWN").isMap).toBe(false);
  });

  it("fits a page when it runs downwards with its labels (I11)", () => {
    for (const page of Object.keys(drawnMachines)) expect(layoutFor(page, "DOWN").width, page).toBeLessThanOrEqual(961);
  });

  it("draws nothing of an empty chart", async () => {
    const nothing = { machine: "none", initial: undefined, states: [], arrows: [], anywhere: [], staysAnywhere: [] };
    expect(await layoutOf(nothing, "DOWN")).toMatchObject({ states: [], arrows: [], dots: [] });
  });
});

describe("counting what makes a drawing hard to read", () => {
  const state = (id: string, x: number, y: number) =>
    ({
      id,
      name: id,
      kind: "atomic",
      description: "",
      parent: undefined,
      stays: [],
      fromAnywhere: [],
      x,
      y,
      width: 40,
      height: 20,
    }) as const;
  const sheet = { machine: "m", direction: "DOWN", isMap: false, width: 200, height: 200, dots: [] } as const;
  const arrow = (from: string, to: string, ...points: [number, number][]) => ({
    from,
    to,
    points: points.map(([x, y]) => ({ x, y })),
    labels: [],
    label: undefined,
  });

  it("finds an arrow over a state, a crossing, and words over words", () => {
    const label = { x: 100, y: 100, width: 30, height: 14, lines: ["x"] };
    const found = troublesOf({
      ...sheet,
      states: [state("a", 0, 0), state("b", 0, 100), state("c", 0, 50)],
      arrows: [
        { ...arrow("a", "b", [20, 20], [20, 100]), label },
        { ...arrow("b", "a", [30, 30], [10, 30]), label },
      ],
    });
    expect(found.overStates).toEqual(["a → b over c"]);
    expect(found.crossings).toEqual(["a → b crosses b → a"]);
    expect(found.overLabels).toEqual(["words of a → b over words of b → a"]);
  });
});
