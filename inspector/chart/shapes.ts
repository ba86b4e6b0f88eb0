/** What a layout is made of: coordinates of boxes, ways and words. The page knows these shapes and never the engine that placed them. */
import type { ChartState, StateKind } from "./graph.ts";

export type Direction = "DOWN" | "RIGHT";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

export interface LaidState extends Box {
  readonly id: string;
  readonly name: string;
  readonly kind: StateKind;
  readonly description: string;
  readonly parent: string | undefined;
  readonly stays: readonly string[];
  readonly fromAnywhere: readonly string[];
}

export interface LaidLabel extends Box {
  readonly lines: readonly string[];
}

export interface LaidArrow {
  /** Undefined for the arrow from an initial dot. */
  readonly from: string | undefined;
  readonly to: string;
  readonly points: readonly Point[];
  /** Every way in words; `label` has what fits. */
  readonly labels: readonly string[];
  readonly label: LaidLabel | undefined;
}

export interface Layout {
  readonly machine: string;
  readonly direction: Direction;
  /** Too dense for labels: arrows are lit around a state, and the words stand beside the chart (spec I12). */
  readonly isMap: boolean;
  readonly width: number;
  readonly height: number;
  /** Parents before their children. */
  readonly states: readonly LaidState[];
  /** Middles of the initial dots. */
  readonly dots: readonly Point[];
  readonly arrows: readonly LaidArrow[];
}

/** Across, in px. */
export const dotPx = 10;
export type Noted = Pick<ChartState, "name" | "stays" | "fromAnywhere">;

/** What a state's box says below its name. */
export const notesOf = ({ stays, fromAnywhere }: Omit<Noted, "name">): string[] => [
  ...(fromAnywhere.length === 0 ? [] : ["from every state"]),
  ...(stays.length === 0 ? [] : [`${stays.length} fact${stays.length === 1 ? "" : "s"} stay${stays.length === 1 ? "s" : ""}`]),
];

export const noteLinePx = 12;
