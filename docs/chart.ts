/** A machine's page: its drawing, and everything that the drawing says in words. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AnyStateMachine } from "xstate";
import { draw, sentenceOf, svgFile } from "#chart/draw.ts";
import { graphOf, isDense } from "#chart/graph.ts";
import { layoutOf } from "#chart/layout.ts";
import { drawnMachines } from "#chart/machines.ts";
import type { Layout } from "#chart/shapes.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|");

/** The sentences that the chart's states carry, where every state may go, and each arrow in words. */
const wordsOf = (machine: AnyStateMachine): string[] => {
  const { states, arrows, anywhere } = graphOf(machine);
  const described = states.filter(({ description }) => description !== "");
  const lines = described.map(({ id, description }) => `- **${id}**: ${description}`);
  if (anywhere.length > 0) {
    const byState = Map.groupBy(anywhere, ({ to }) => to);
    const ways = [...byState].map(([to, found]) => `${found.map(({ label }) => `\`${label}\``).join(", ")} → ${to}`);
    lines.push("", `From every state: ${ways.join("; ")}.`);
  }
  const rows = arrows.map(
    ({ from, to, labels }) => `| ${from} | ${labels.map((label) => `\`${cell(label)}\``).join(", ")} | ${to} |`,
  );
  return [
    ...lines,
    "",
    "<details><summary>Every arrow in words</summary>",
    "",
    "| from | on | to |",
    "|---|---|---|",
    ...rows,
    "",
    "</details>",
  ];
};

/** The layouts are made once: drawings and pages are asked for apart. */
let laid: Promise<ReadonlyMap<string, Layout>> | undefined;
const layouts = (): Promise<ReadonlyMap<string, Layout>> => {
  const lay = async (): Promise<ReadonlyMap<string, Layout>> => {
    const found = new Map<string, Layout>();
    for (const [page, machine] of Object.entries(drawnMachines)) {
      const graph = graphOf(machine);
      found.set(page, await layoutOf(graph, isDense(graph) ? "RIGHT" : "DOWN"));
    }
    return found;
  };
  laid ??= lay();
  return laid;
};

/** docs/machines/*.svg, by path. */
export const chartFiles = async (): Promise<{ readonly [path: string]: string }> => {
  const css = readFileSync(join(import.meta.dirname, "../inspector/chart/chart.css"), "utf8");
  return Object.fromEntries(
    [...(await layouts())].map(([page, layout]) => [`docs/machines/${page}.svg`, svgFile(draw(layout), css)]),
  );
};

/** Markdown by section name. The order's page has a table of its own in place of the words. */
export const chartSections = async (): Promise<{ readonly [section: string]: string }> =>
  Object.fromEntries(
    [...(await layouts())].map(([page, layout]) => {
      const image = `![${sentenceOf(layout)}](../machines/${page}.svg)`;
      const machine = drawnMachines[page] as AnyStateMachine;
      return [`chart:${page}`, [image, ...(layout.isMap ? [] : ["", ...wordsOf(machine)])].join("\n")];
    }),
  );
