/**
 * Where everything of a chart stands, laid out in Node when the project is built, never in the browser (spec I11).
 *
 * The engine is elkjs; its options come from a trial on all machines. Same chart, same coordinates: the seed is fixed, numbers are
 * whole, and nothing depends on fonts or time.
 */

import ElkApi from "elkjs/lib/elk.bundled.js";
import type { ElkExtendedEdge, ElkNode } from "elkjs/lib/elk-api.js";
import { type ChartGraph, type ChartState, isDense } from "./graph.ts";
import { labelLinePx, labelLines, labelPx, namePx, notePx, textWidth } from "./labels.ts";
import {
  type Box,
  type Direction,
  dotPx,
  type LaidArrow,
  type Layout,
  type Noted,
  noteLinePx,
  notesOf,
  type Point,
} from "./shapes.ts";

const headPx = 30;
const boxOf = (state: Noted): { readonly width: number; readonly height: number } => {
  const notes = notesOf(state);
  const width = Math.max(textWidth(state.name, namePx), ...notes.map((note) => textWidth(note, notePx))) + 26;
  return { width: Math.max(72, Math.ceil(width)), height: 34 + notes.length * noteLinePx };
};

// Children inherit no option from their parent: all go in as options of the whole layout.
const options: Readonly<Record<string, string>> = {
  "elk.algorithm": "layered",
  "elk.randomSeed": "1",
  "elk.hierarchyHandling": "INCLUDE_CHILDREN",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.json.shapeCoords": "ROOT",
  "elk.json.edgeCoords": "ROOT",
  "elk.layered.cycleBreaking.strategy": "DFS_NODE_ORDER",
  "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
  "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
  "elk.layered.thoroughness": "30",
  "elk.edgeLabels.placement": "CENTER",
  "elk.edgeLabels.inline": "false",
  "elk.layered.edgeLabels.sideSelection": "SMART_DOWN",
  "elk.spacing.nodeNode": "28",
  "elk.layered.spacing.nodeNodeBetweenLayers": "34",
  "elk.spacing.edgeNode": "14",
  "elk.spacing.edgeEdge": "10",
  "elk.spacing.edgeLabel": "4",
  "elk.padding": "[top=12,left=12,bottom=12,right=12]",
};

// The engine fails on some nested charts with an order of its own (elk #1182): this pair has not failed yet.
const cautious = {
  "elk.layered.cycleBreaking.strategy": "DEPTH_FIRST",
  "elk.layered.considerModelOrder.strategy": "NONE",
};

const dotId = (state: string): string => `dot:${state}`;

const elkGraph = (graph: ChartGraph, isMap: boolean): ElkNode => {
  const dot = (state: string): ElkNode => ({
    id: dotId(state),
    width: dotPx,
    height: dotPx,
    layoutOptions: { "elk.layered.layering.layerConstraint": "FIRST" },
  });
  const inside = (parent: string | undefined, initial: string | undefined): ElkNode[] => [
    ...(initial === undefined ? [] : [dot(initial)]),
    ...graph.states.filter((state) => state.parent === parent).map(node),
  ];
  const node = (state: ChartState): ElkNode => {
    const size = boxOf(state);
    const children = inside(state.id, state.initial);
    if (children.length === 0) return { id: state.id, ...size };
    return {
      id: state.id,
      children,
      layoutOptions: {
        "elk.padding": `[top=${headPx + notesOf(state).length * noteLinePx + 4},left=14,bottom=14,right=14]`,
        "elk.nodeSize.constraints": "MINIMUM_SIZE",
        "elk.nodeSize.minimum": `(${size.width}, ${size.height})`,
      },
    };
  };
  const initials = [graph.initial, ...graph.states.map(({ initial }) => initial)].filter((id) => id !== undefined);
  const edges: ElkExtendedEdge[] = [
    ...initials.map((to) => ({ id: `initial:${to}`, sources: [dotId(to)], targets: [to] })),
    ...graph.arrows.map(({ from, to, labels }, index) => {
      const lines = isMap ? [] : labelLines(labels);
      return {
        id: `arrow:${index}`,
        sources: [from],
        targets: [to],
        labels: lines.length === 0 ? [] : [{ id: `label:${index}`, text: lines.join("\n"), ...labelSize(lines) }],
      };
    }),
  ];
  return { id: "machine", children: inside(undefined, graph.initial), edges };
};

const labelSize = (lines: readonly string[]): { readonly width: number; readonly height: number } => ({
  width: Math.ceil(Math.max(...lines.map((line) => textWidth(line, labelPx)))) + 4,
  height: lines.length * labelLinePx,
});

const whole = (box: ElkNode | Box): Box => ({
  x: Math.round(box.x ?? 0),
  y: Math.round(box.y ?? 0),
  width: Math.round(box.width ?? 0),
  height: Math.round(box.height ?? 0),
});

/** Way points in whole numbers, without those that lie on the way between their neighbours. */
const wayOf = (edge: ElkExtendedEdge): Point[] => {
  const points = (edge.sections ?? [])
    .flatMap(({ startPoint, bendPoints = [], endPoint }) => [startPoint, ...bendPoints, endPoint])
    .map(({ x, y }) => ({ x: Math.round(x), y: Math.round(y) }));
  return points.filter((point, index) => {
    const before = points[index - 1];
    const after = points[index + 1];
    if (before === undefined || after === undefined) return true;
    const isStraight = (before.x === point.x && point.x === after.x) || (before.y === point.y && point.y === after.y);
    return !isStraight;
  });
};

const allNodes = (node: ElkNode): ElkNode[] => [node, ...(node.children ?? []).flatMap(allNodes)];

/**
 * @param graph     what is drawn; above 30 arrows it becomes a map without labels
 * @param direction the way in which arrows mostly point
 * @returns coordinates in px from the upper left corner; the same for the same graph. Rejects when the engine fails twice.
 */
export const layoutOf = async (graph: ChartGraph, direction: Direction): Promise<Layout> => {
  const isMap = isDense(graph);
  const elk = new ElkApi.default();
  const given = { ...options, "elk.direction": direction };
  const laid = await elk
    .layout(elkGraph(graph, isMap), { layoutOptions: given })
    .catch(() => elk.layout(elkGraph(graph, isMap), { layoutOptions: { ...given, ...cautious } }));

  const nodes = new Map(allNodes(laid).map((node) => [node.id, node]));
  const edges = new Map((laid.edges ?? []).map((edge) => [edge.id, edge]));
  const states = graph.states.map(({ id, name, kind, description, parent, stays, fromAnywhere }) => ({
    id,
    name,
    kind,
    description,
    parent,
    stays,
    fromAnywhere,
    ...whole(nodes.get(id) ?? { id }),
  }));
  const initials = [graph.initial, ...graph.states.map(({ initial }) => initial)].filter((id) => id !== undefined);
  const arrowTo = (id: string, from: string | undefined, to: string, labels: readonly string[]): LaidArrow => {
    const edge = edges.get(id) ?? { id, sources: [], targets: [] };
    const [label] = edge.labels ?? [];
    return {
      from,
      to,
      points: wayOf(edge),
      labels,
      label: label === undefined ? undefined : { ...whole(label as Box), lines: (label.text ?? "").split("\n") },
    };
  };
  return {
    machine: graph.machine,
    direction,
    isMap,
    width: Math.ceil(laid.width ?? 0),
    height: Math.ceil(laid.height ?? 0),
    states,
    dots: initials.map((id) => {
      const { x, y } = whole(nodes.get(dotId(id)) ?? { id });
      return { x: x + dotPx / 2, y: y + dotPx / 2 };
    }),
    arrows: [
      ...initials.map((to) => arrowTo(`initial:${to}`, undefined, to, [])),
      ...graph.arrows.map(({ from, to, labels }, index) => arrowTo(`arrow:${index}`, from, to, labels)),
    ],
  };
};
