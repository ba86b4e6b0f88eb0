/**
 * What a chart says, as states and arrows: read from the machine that runs, never drawn by hand (spec I10).
 *
 * xstate's own graph leaves `always` out, and with it every rule of the operating state; so the nodes are walked here.
 */
import type { AnyStateMachine, AnyStateNode } from "xstate";

export type StateKind = "atomic" | "compound" | "parallel" | "final" | "history";

export interface ChartState {
  /** The path, joined by dots: "working.planning". */
  readonly id: string;
  readonly name: string;
  readonly kind: StateKind;
  readonly description: string;
  /** Undefined for a state of the machine itself. */
  readonly parent: string | undefined;
  /** Where one begins in it; undefined where there is no inside. */
  readonly initial: string | undefined;
  /** Facts that are taken here and do not leave it. */
  readonly stays: readonly string[];
  /** Facts of the machine itself that lead here from every state. */
  readonly fromAnywhere: readonly string[];
}

export interface ChartArrow {
  readonly from: string;
  readonly to: string;
  /** One for each way: the fact and its guard, or what the chart says of it. */
  readonly labels: readonly string[];
}

export interface ChartGraph {
  /** The machine's id. */
  readonly machine: string;
  /** Where the machine begins; undefined when its own states are parallel. */
  readonly initial: string | undefined;
  /** Parents before their children, in the chart's order. */
  readonly states: readonly ChartState[];
  /** One for each pair of states. */
  readonly arrows: readonly ChartArrow[];
  /** What leads there from every state. */
  readonly anywhere: readonly { readonly to: string; readonly label: string }[];
  /** Facts that every state takes without leaving. */
  readonly staysAnywhere: readonly string[];
}

/** More arrows than this cannot be read with their labels: the chart becomes a map (spec I12). */
export const labelledArrowsMax = 30;
export const isDense = ({ arrows }: ChartGraph): boolean => arrows.length > labelledArrowsMax;

const idOf = (node: AnyStateNode): string => node.path.join(".");

const namedGuard = (type: string, params: unknown): string => {
  const values = typeof params === "object" && params !== null ? Object.values(params) : [];
  return values.length === 0 ? type : `${type}(${values.join(", ")})`;
};

/** A guard as one reads it: its name with what it is asked for; an unnamed function is "guarded". */
const guardText = (guard: unknown): string => {
  if (guard === undefined) return "";
  if (typeof guard === "string") return guard;
  const { type, params, check, guards } = guard as {
    readonly type?: unknown;
    readonly params?: unknown;
    readonly check?: { readonly name: string };
    readonly guards?: readonly unknown[];
  };
  if (typeof type === "string") return namedGuard(type, params);
  if (guards === undefined || guards.length === 0) return "guarded";
  const inner = guards.map(guardText);
  if (check?.name === "checkNot") return `not ${inner.join(" · ")}`;
  return inner.join(check?.name === "checkOr" ? " or " : " · ");
};

interface Way {
  readonly fact: string;
  readonly description?: string | undefined;
  readonly guard: unknown;
  readonly target?: readonly AnyStateNode[] | undefined;
}

/** The ways out of one node, in the order in which xstate tries them. */
const waysOf = (node: AnyStateNode): Way[] => {
  const ways: Way[] = [];
  for (const [fact, transitions] of node.transitions)
    for (const { target, guard, description } of transitions) ways.push({ fact: String(fact), target, guard, description });
  for (const { target, guard, description } of node.always ?? [])
    ways.push({ fact: "", target: target as readonly AnyStateNode[] | undefined, guard, description });
  return ways;
};

/** The machine's own facts lose its name: everything in the order's chart is about the order. */
const shortFact = (fact: string, machine: string): string => {
  if (fact === "") return "at once";
  const done = /^xstate\.done\.state\.(?:[^.]+\.)?(.*)$/.exec(fact);
  if (done !== null) return `${done[1]} is done`;
  return fact.startsWith(`${machine}.`) ? fact.slice(machine.length + 1) : fact;
};

const labelOf = ({ fact, guard, description }: Way, machine: string): string => {
  if (description !== undefined) return description;
  const condition = guardText(guard);
  return `${shortFact(fact, machine)}${condition === "" ? "" : ` [${condition}]`}`;
};

/** @returns every state and, for each pair of states, one arrow with all its ways; no failure */
export const graphOf = (machine: AnyStateMachine): ChartGraph => {
  const states: ChartState[] = [];
  const arrows = new Map<string, { from: string; to: string; labels: Set<string> }>();
  const anywhere: { to: string; label: string }[] = [];
  const staysAnywhere = new Set<string>();

  const read = (node: AnyStateNode): void => {
    const from = idOf(node);
    const stays = new Set<string>();
    for (const way of waysOf(node)) {
      const targets = (way.target ?? []).map(idOf);
      const isRoot = node.parent === undefined;
      if (targets.length === 0) (isRoot ? staysAnywhere : stays).add(shortFact(way.fact, machine.id));
      for (const to of targets) {
        const label = labelOf(way, machine.id);
        if (isRoot) anywhere.push({ to, label });
        else if (to === from) stays.add(shortFact(way.fact, machine.id));
        else {
          const key = `${from} ${to}`;
          const arrow = arrows.get(key) ?? { from, to, labels: new Set<string>() };
          arrow.labels.add(label);
          arrows.set(key, arrow);
        }
      }
    }
    if (node.parent !== undefined)
      states.push({
        id: from,
        name: node.key,
        kind: node.type,
        description: node.description ?? "",
        parent: node.parent.parent === undefined ? undefined : idOf(node.parent),
        initial: initialOf(node),
        stays: [...stays],
        // The root is read first, so all of its ways are known.
        fromAnywhere: anywhere.filter(({ to }) => to === from).map(({ label }) => label),
      });
    for (const child of Object.values(node.states) as AnyStateNode[]) read(child);
  };
  read(machine.root);

  return {
    machine: machine.id,
    initial: initialOf(machine.root),
    states,
    arrows: [...arrows.values()].map(({ from, to, labels }) => ({ from, to, labels: [...labels] })),
    anywhere,
    staysAnywhere: [...staysAnywhere],
  };
};

const initialOf = (node: AnyStateNode): string | undefined => {
  if (node.type !== "compound") return undefined;
  const [first] = node.initial?.target ?? [];
  return first === undefined ? undefined : idOf(first);
};

export interface Reached {
  /** The other end of the arrow. */
  readonly state: string;
  readonly labels: readonly string[];
}

/** "Came from" and "may go to": what a chart that shows no labels says beside itself. */
export const around = (
  graph: ChartGraph,
  state: string,
): { readonly from: readonly Reached[]; readonly to: readonly Reached[] } => ({
  from: graph.arrows.filter(({ to }) => to === state).map(({ from, labels }) => ({ state: from, labels })),
  to: graph.arrows.filter(({ from }) => from === state).map(({ to, labels }) => ({ state: to, labels })),
});

export interface Move {
  readonly from: string;
  readonly to: string;
}

/** What was really taken, and how often, in the order of the first time. @param moves oldest first */
export const takenOf = (moves: readonly Move[]): readonly (Move & { readonly times: number })[] =>
  [...Map.groupBy(moves, ({ from, to }) => `${from} ${to}`).values()].map((same) => ({
    ...(same[0] as Move),
    times: same.length,
  }));
