import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { draw, type Lit, type Mark, sentenceOf, svgFile } from "#chart/draw.ts";
import { graphOf } from "#chart/graph.ts";
import { layoutOf } from "#chart/layout.ts";
import { drawnMachines } from "#chart/machines.ts";
import type { Layout } from "#chart/shapes.ts";

const layouts = new Map<string, Layout>();
beforeAll(async () => {
  for (const [page, direction] of [
    ["feed", "DOWN"],
    ["execution-loop", "DOWN"],
    ["order", "RIGHT"],
  ] as const) {
    const machine = drawnMachines[page];
    if (machine === undefined) throw new Error(`no machine ${page}`);
    layouts.set(page, await layoutOf(graphOf(machine), direction));
  }
});
const drawn = (page: string, lit?: Partial<Lit>): Mark =>
  draw(layouts.get(page) as Layout, { active: new Set<string>(), ...lit });

const all = (mark: Mark): Mark[] => [mark, ...mark.children.flatMap((child) => (typeof child === "string" ? [] : all(child)))];
const withClass = (mark: Mark, name: string): Mark[] =>
  all(mark).filter(({ attributes }) =>
    String(attributes.class ?? "")
      .split(" ")
      .includes(name),
  );
const textOf = (mark: Mark): string =>
  mark.children.map((child) => (typeof child === "string" ? child : textOf(child))).join(" ");

describe("the drawing of a chart", () => {
  it("is the picture that the docs show (I11)", () => {
    const css = readFileSync("inspector/chart/chart.css", "utf8");
    expect(svgFile(drawn("feed"), css)).toBe(readFileSync("docs/machines/feed.svg", "utf8"));
    expect(svgFile(drawn("order"), css)).toBe(readFileSync("docs/machines/order.svg", "utf8"));
  });

  it("says what is active by a mark and a word, also of the states around it (I12)", () => {
    const svg = drawn("execution-loop", { active: new Set(["running", "running.waiting"]) });
    const active = withClass(svg, "active");
    expect(active.map(({ attributes }) => attributes["data-state"])).toEqual(["running", "running.waiting"]);
    for (const state of active) {
      expect(withClass(state, "mark")).toHaveLength(1);
      expect(textOf(state)).toContain("(active)");
    }
    expect(svg.attributes["aria-label"]).toBe("execution: 7 states, 14 arrows; active is running, running.waiting.");
  });

  it("numbers the last three moves, the newest first (I12)", () => {
    const moves = [
      { from: "lost", to: "reconnecting" },
      { from: "live", to: "lost" },
      { from: "connecting", to: "live" },
      { from: "stale", to: "live" },
    ];
    const svg = drawn("feed", { moves });
    expect(withClass(svg, "move").map((mark) => textOf(mark).trim())).toEqual(["1", "2", "3"]);
    expect(withClass(svg, "taken")).toHaveLength(3);
  });

  it("numbers no move that has no arrow", () => {
    const svg = drawn("feed", { moves: [{ from: "live", to: "stopped" }] });
    expect(withClass(svg, "move")).toEqual([]);
  });

  it("lights on a map the ways of the state that is looked at, and makes the others faint (I12)", () => {
    const svg = drawn("order", { active: new Set(["accepted"]), focus: "partiallyFilled" });
    const { arrows } = layouts.get("order") as Layout;
    const touching = arrows.filter(({ from, to }) => from === "partiallyFilled" || to === "partiallyFilled").length;
    expect(withClass(svg, "lit")).toHaveLength(touching);
    expect(withClass(svg, "faint")).toHaveLength(arrows.length - touching);
    expect(withClass(svg, "plate").length).toBeGreaterThan(touching / 2);
  });

  it("puts no plate of words over a state or over another plate (I12)", () => {
    const layout = layouts.get("order") as Layout;
    const boxOf = ({ attributes: { x, y, width, height } }: Mark) =>
      ({ x, y, width, height }) as Record<"x" | "y" | "width" | "height", number>;
    for (const { id } of layout.states) {
      const plates = withClass(drawn("order", { focus: id }), "plate").map((plate) => boxOf(plate.children[0] as Mark));
      const boxes = [...layout.states, ...plates];
      const over = plates.filter((plate) =>
        boxes.some(
          (box) =>
            box !== plate &&
            plate.x < box.x + box.width &&
            box.x < plate.x + plate.width &&
            plate.y < box.y + box.height &&
            box.y < plate.y + plate.height,
        ),
      );
      expect(over, id).toEqual([]);
    }
  });

  it("labels on a map the ways of the active state while no other is looked at (I12)", () => {
    const active = withClass(drawn("order", { active: new Set(["accepted"]) }), "plate").map(textOf);
    const looked = withClass(drawn("order", { active: new Set(["accepted"]), focus: "filled" }), "plate").map(textOf);
    expect(active.length).toBeGreaterThan(5);
    expect(active).toEqual(withClass(drawn("order", { focus: "accepted" }), "plate").map(textOf));
    expect(looked).not.toEqual(active);
    expect(active.join(" ")).not.toContain("leadsTo");
  });

  it("gives an arrow the number of its newest move only", () => {
    const there = { from: "live", to: "stale" };
    const back = { from: "stale", to: "live" };
    expect(withClass(drawn("feed", { moves: [there, back, there] }), "move").map((mark) => textOf(mark).trim())).toEqual([
      "1",
      "2",
    ]);
  });

  it("shows no way faint while nothing is looked at", () => {
    expect(withClass(drawn("order"), "faint")).toEqual([]);
  });

  it("has a sentence in place of the picture", () => {
    expect(sentenceOf(layouts.get("feed") as Layout)).toBe("feed: 9 states, 12 arrows.");
  });

  it("writes every text so that no name of a state can become markup", () => {
    const layout: Layout = { ...(layouts.get("feed") as Layout), machine: `<script>"&'` };
    const [first] = svgFile(draw(layout), "").split("\n");
    expect(first).toContain("aria-label=\"&lt;script&gt;&quot;&amp;'");
    expect(first).not.toContain("<script>");
  });
});
