/**
 * A layout as SVG: one drawer for the page and for docs/machines/*.svg.
 *
 * It returns marks, plain objects that a page turns into elements and `svgFile` into a file; nobody builds markup from strings.
 * Looks come from chart.css by class; what is lit (active, taken, focused) is said by classes and by shapes, never by colour alone.
 */
import { labelLinePx, labelLines, labelPx, textWidth } from "./labels.ts";
import { type Box, dotPx, type LaidArrow, type LaidState, type Layout, noteLinePx, notesOf, type Point } from "./shapes.ts";

export interface Mark {
  readonly name: string;
  readonly attributes: { readonly [name: string]: string | number };
  readonly children: readonly (Mark | string)[];
}

/** What is shown of a running machine; a drawing in the docs has none of it. */
export interface Lit {
  /** The active states and the states around them. */
  readonly active: ReadonlySet<string>;
  /** The state somebody looks at. */
  readonly focus?: string;
  /** The last moves between two states, the newest first; three are numbered. */
  readonly moves?: readonly { readonly from: string; readonly to: string }[];
}
const unlit: Lit = { active: new Set() };

const movesShown = 3;
const cornerPx = 6;
const headLengthPx = 8;
const headHalfPx = 4;

const mark = (name: string, attributes: Mark["attributes"], ...children: (Mark | string)[]): Mark => ({
  name,
  attributes,
  children,
});

const towards = (from: Point, to: Point, px: number): Point => {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const share = Math.min(1, px / length);
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
};

const number = (value: number): string => String(Math.round(value * 10) / 10);
const at = ({ x, y }: Point): string => `${number(x)} ${number(y)}`;

/** An orthogonal way with round corners; it ends at the foot of its arrowhead. */
const pathOf = (points: readonly Point[]): string => {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  return [
    `M${at(first)}`,
    ...rest.map((point, index) => {
      const before = points[index] as Point;
      const after = points[index + 2];
      if (after === undefined) return `L${at(towards(point, before, headLengthPx - 1))}`;
      const reach = (other: Point): number => Math.min(cornerPx, Math.hypot(other.x - point.x, other.y - point.y) / 2);
      return `L${at(towards(point, before, reach(before)))}Q${at(point)} ${at(towards(point, after, reach(after)))}`;
    }),
  ].join("");
};

const headOf = (points: readonly Point[]): string => {
  const tip = points.at(-1) as Point;
  const before = points.at(-2) ?? tip;
  const foot = towards(tip, before, headLengthPx);
  const across = { x: (tip.y - foot.y) / headLengthPx, y: (foot.x - tip.x) / headLengthPx };
  const corner = (side: number): string =>
    at({ x: foot.x + across.x * headHalfPx * side, y: foot.y + across.y * headHalfPx * side });
  return `${at(tip)} ${corner(1)} ${corner(-1)}`;
};

/** The middle of the longest stretch: there is room for a number. */
const middleOf = (points: readonly Point[]): Point => {
  let longest = { length: -1, middle: points[0] ?? { x: 0, y: 0 } };
  for (const [index, to] of points.entries()) {
    const from = points[index - 1];
    if (from === undefined) continue;
    const length = Math.hypot(to.x - from.x, to.y - from.y);
    if (length > longest.length) longest = { length, middle: { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 } };
  }
  return longest.middle;
};

const linesOf = (lines: readonly string[], { x, y, width }: Box, kind: string): Mark =>
  mark(
    "text",
    { class: kind, "text-anchor": "middle" },
    ...lines.map((line, index) =>
      mark("tspan", { x: number(x + width / 2), y: number(y + labelPx + index * labelLinePx) }, line),
    ),
  );

const classes = (...names: (string | false)[]): string => names.filter((name) => name !== false).join(" ");

const drawArrow = (arrow: LaidArrow, lit: Lit, isMap: boolean): Mark[] => {
  if (arrow.points.length < 2) return [];
  const isTaken = lit.moves?.slice(0, movesShown).some(({ from, to }) => from === arrow.from && to === arrow.to) ?? false;
  const touches = (state: string | undefined): boolean => state !== undefined && (state === arrow.from || state === arrow.to);
  // On a map the ways of the state in question are lit; elsewhere only what somebody points at.
  const asked = lit.focus === undefined ? (isMap ? [...lit.active] : []) : [lit.focus];
  const isLit = asked.some(touches);
  const isFaint = isMap && !isLit && !isTaken && asked.length > 0;
  return [
    mark(
      "g",
      { class: classes("arrow", isLit && "lit", isTaken && "taken", isFaint && "faint", arrow.from === undefined && "initial") },
      ...(arrow.labels.length === 0 ? [] : [mark("title", {}, `${arrow.from} → ${arrow.to}\n${arrow.labels.join("\n")}`)]),
      mark("path", { class: "way", d: pathOf(arrow.points) }),
      mark("polygon", { class: "head", points: headOf(arrow.points) }),
    ),
  ];
};

const overlap = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** Points along a way where a label may sit: the middles of its stretches, the longest first, then their quarters. */
const placesOn = (points: readonly Point[]): Point[] => {
  const stretches = points
    .slice(1)
    .map((to, index) => ({ from: points[index] as Point, to }))
    .sort((a, b) => Math.hypot(b.to.x - b.from.x, b.to.y - b.from.y) - Math.hypot(a.to.x - a.from.x, a.to.y - a.from.y));
  return [0.5, 0.25, 0.75, 0.1, 0.9].flatMap((share) =>
    stretches.map(({ from, to }) => ({ x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share })),
  );
};

/** Ways without their guards: on a map these ask what the arrow's end says already. */
export const factsOf = (labels: readonly string[]): string[] => [
  ...new Set(labels.map((label) => label.replace(/ \[.*\]$/, ""))),
];

/** Which state a map is about: the one that is looked at, else the innermost active one. */
const subjectOf = (layout: Layout, { focus, active }: Lit): string | undefined =>
  focus ?? layout.states.findLast(({ id }) => active.has(id))?.id;

/**
 * Words of the ways of one state on a map, on plates. A plate that finds no free place on its way is left out: the lists
 * beside the chart have every word.
 */
const drawPlates = (layout: Layout, focus: string | undefined): Mark[] => {
  if (focus === undefined) return [];
  const taken: Box[] = layout.states.filter(({ kind }) => kind !== "compound" && kind !== "parallel");
  return layout.arrows.flatMap(({ from, to, labels, points }) => {
    if (from === undefined || (from !== focus && to !== focus)) return [];
    const lines = labelLines(factsOf(labels));
    const size = {
      width: Math.max(...lines.map((line) => textWidth(line, labelPx))) + 8,
      height: lines.length * labelLinePx + 4,
    };
    const box = placesOn(points)
      .map(({ x, y }) => ({ x: Math.round(x - size.width / 2), y: Math.round(y - size.height / 2), ...size }))
      .find(
        (place) =>
          place.x >= 0 && place.y >= 0 && place.x + size.width <= layout.width && !taken.some((other) => overlap(place, other)),
      );
    if (box === undefined) return [];
    taken.push(box);
    return [mark("g", { class: "plate" }, mark("rect", { ...box, rx: 3 }), linesOf(lines, box, "label"))];
  });
};

const drawState = (state: LaidState, lit: Lit): Mark => {
  const { x, y, width, height, kind } = state;
  const isActive = lit.active.has(state.id);
  const hasInside = kind === "compound" || kind === "parallel";
  const notes = notesOf(state);
  const nameY = y + (hasInside ? 20 : 21.5);
  const words = [
    `${state.id}${isActive ? " (active)" : ""}`,
    state.description,
    state.fromAnywhere.length === 0 ? "" : `From every state: ${state.fromAnywhere.join(", ")}.`,
    state.stays.length === 0 ? "" : `Stays on ${state.stays.join(", ")}.`,
  ];
  const radius = hasInside ? 10 : 7;
  // Beside the middle, where arrows enter a box with an inside.
  const place = hasInside ? { x: number(x + 14) } : { x: number(x + width / 2), "text-anchor": "middle" };
  return mark(
    "g",
    {
      class: classes("state", kind, !hasInside && "leaf", isActive && "active", lit.focus === state.id && "focus"),
      "data-state": state.id,
    },
    mark("title", {}, words.filter((word) => word !== "").join("\n")),
    mark("rect", { x, y, width, height, rx: radius }),
    ...(kind === "final"
      ? [mark("rect", { class: "inner", x: x + 3, y: y + 3, width: width - 6, height: height - 6, rx: 5 })]
      : []),
    ...(isActive ? [mark("circle", { class: "mark", cx: x + 10, cy: y + 10, r: 4 })] : []),
    mark("text", { class: "name", ...place, y: number(nameY) }, state.name),
    ...notes.map((note, index) =>
      mark("text", { class: "note", ...place, y: number(nameY + 2 + (index + 1) * noteLinePx) }, note),
    ),
  );
};

const drawNumber = (point: Point, count: number): Mark =>
  mark(
    "g",
    { class: "move" },
    mark("circle", { cx: number(point.x), cy: number(point.y), r: 8 }),
    mark("text", { x: number(point.x), y: number(point.y + 4), "text-anchor": "middle" }, String(count)),
  );

/** A chart in one sentence, for people who do not see it. */
export const sentenceOf = ({ machine, states, arrows }: Layout, lit: Lit = unlit): string => {
  const active = states.filter(({ id }) => lit.active.has(id)).map(({ id }) => id);
  const counted = `${machine}: ${states.length} states, ${arrows.filter(({ from }) => from !== undefined).length} arrows`;
  return active.length === 0 ? `${counted}.` : `${counted}; active is ${active.join(", ")}.`;
};

/**
 * @param layout where everything stands
 * @param lit    what is active, taken and looked at
 * @returns one `svg` element, sized in px by its viewBox
 */
export const draw = (layout: Layout, lit: Lit = unlit): Mark => {
  const moves = (lit.moves ?? []).slice(0, movesShown);
  const inside = layout.states.filter(({ kind }) => kind === "compound" || kind === "parallel");
  const plain = layout.states.filter(({ kind }) => kind !== "compound" && kind !== "parallel");
  return mark(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      class: classes("chart", layout.isMap && "map"),
      viewBox: `0 0 ${layout.width} ${layout.height}`,
      width: layout.width,
      height: layout.height,
      role: "img",
      "aria-label": sentenceOf(layout, lit),
    },
    mark("rect", { class: "paper", width: layout.width, height: layout.height }),
    // Boxes with an inside lie below the arrows that run through them.
    ...inside.map((state) => drawState(state, lit)),
    ...layout.dots.map(({ x, y }) => mark("circle", { class: "dot", cx: x, cy: y, r: dotPx / 2 })),
    ...layout.arrows.flatMap((arrow) => drawArrow(arrow, lit, layout.isMap)),
    ...layout.arrows.flatMap(({ label, from, to }) =>
      label === undefined
        ? []
        : [linesOf(label.lines, label, classes("label", (lit.focus === from || lit.focus === to) && "lit"))],
    ),
    ...plain.map((state) => drawState(state, lit)),
    ...(layout.isMap ? drawPlates(layout, subjectOf(layout, lit)) : []),
    ...moves.flatMap(({ from, to }, index) => {
      // An arrow has the number of its newest move.
      if (moves.findIndex((move) => move.from === from && move.to === to) < index) return [];
      const arrow = layout.arrows.find((laid) => laid.from === from && laid.to === to);
      return arrow === undefined ? [] : [drawNumber(middleOf(arrow.points), index + 1)];
    }),
  );
};

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const written = ({ name, attributes, children }: Mark): string => {
  const given = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`);
  if (children.length === 0) return `<${name}${given.join("")}/>`;
  const inside = children.map((child) => (typeof child === "string" ? escaped(child) : written(child))).join("");
  return `<${name}${given.join("")}>${inside}</${name}>`;
};

/** @returns a file of its own: the drawing with its looks inside, a line for each part so that a change reads as one */
export const svgFile = (drawing: Mark, css: string): string => {
  const { attributes, children } = drawing;
  const given = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`);
  return [
    `<svg${given.join("")}>`,
    `<style>\n${css.trim()}\n</style>`,
    ...children.map((child) => (typeof child === "string" ? escaped(child) : written(child))),
    "</svg>",
    "",
  ].join("\n");
};
