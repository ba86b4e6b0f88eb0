/**
 * Is every chart whole, and is every fact read by somebody? Run once at start-up and in tests, because xstate notices a missing
 * guard or an unknown delay only when the transition is taken, perhaps months later, and nobody notices a fact without a reader.
 */
import type { AnyStateMachine, AnyStateNode } from "xstate";
import { catalog, type FactType, isFactType } from "#machines/facts/catalog.ts";
import type { CatalogRow } from "#machines/facts/fact.ts";
import { opsMachine } from "#machines/ops.machine.ts";
import { supervisorMachine } from "#machines/supervisor.machine.ts";
import { actorNames, actors } from "../actors.ts";
import { routeOf } from "../event/routes.ts";

interface Implementations {
  readonly guards: { readonly [name: string]: unknown };
  readonly actions: { readonly [name: string]: unknown };
}

const namesIn = (part: unknown): string[] => {
  if (part === undefined || part === null || typeof part === "function") {
    // and(), or() and not() keep their operands in a property.
    const guards = (part as { readonly guards?: readonly unknown[] } | null | undefined)?.guards;
    return guards === undefined ? [] : guards.flatMap(namesIn);
  }
  if (typeof part === "string") return [part];
  const { type } = part as { type?: unknown };
  return typeof type === "string" ? [type] : [];
};

const textOf = (node: AnyStateNode): string => [node.machine.id, ...node.path].join(".");

const nodesOf = (node: AnyStateNode): AnyStateNode[] => [
  node,
  ...(Object.values(node.states) as AnyStateNode[]).flatMap(nodesOf),
];

const reachedFrom = (node: AnyStateNode, seen: Set<AnyStateNode>): void => {
  if (seen.has(node)) return;
  seen.add(node);
  if (node.parent !== undefined) reachedFrom(node.parent, seen);
  const entered =
    node.type === "parallel"
      ? (Object.values(node.states) as AnyStateNode[])
      : node.type === "compound"
        ? [...(node.initial.target ?? [])]
        : [];
  for (const child of entered) reachedFrom(child, seen);
  for (const transitions of node.transitions.values()) {
    for (const { target } of transitions) for (const next of (target ?? []) as AnyStateNode[]) reachedFrom(next, seen);
  }
  for (const { target } of node.always ?? []) for (const next of (target ?? []) as AnyStateNode[]) reachedFrom(next, seen);
};

/** A machine that is no actor: a desk hosts many of it and sends each what its list says. */
export interface HostedMachine {
  readonly machine: AnyStateMachine;
  readonly takes: readonly FactType[];
}

/** By the id of the machine, which is the name of its actor's row. */
const takesByActor: { readonly [id: string]: readonly FactType[] | undefined } = Object.fromEntries(
  actorNames.map((name) => [name, actors[name].takes]),
);

/** Facts that a machine is sent and no state of it takes, and facts that a state waits for and the machine is not sent. */
const takesProblems = ({ id, events }: AnyStateMachine, listed = takesByActor[id]): string[] => {
  if (listed === undefined)
    return [`${id} is neither an actor nor hosted: give it a row in core/actors.ts, or name it in its part's hosts`];
  const charted = (events as string[]).filter(isFactType);
  return [
    ...listed.filter((type) => !charted.includes(type)).map((type) => `${id} lists ${type}, and no state of it takes that`),
    ...charted
      .filter((type) => !listed.includes(type))
      .map((type) => `${id} takes ${type}, which its list lacks: nobody sends it`),
  ];
};

/**
 * @param isHandled a handler is registered for facts of this type
 * @returns one sentence for each fact that nobody reads, although its row promises a reader or none is named
 */
export const catalogueProblems = (
  isHandled: (type: string) => boolean,
  rows: { readonly [type: string]: CatalogRow } = catalog,
): readonly string[] =>
  Object.entries(rows).flatMap(([type, { readBy }]) => {
    if (isFactType(type) && routeOf(type).length > 0)
      return readBy === undefined ? [] : [`${type} is said to be read by ${readBy}, and a machine takes it`];
    if (readBy === undefined) return [`${type} is taken by no machine, and its row does not say who reads it`];
    return readBy === "handlers" && !isHandled(type) ? [`${type} is to be read by a handler, and none is registered`] : [];
  });

/**
 * What is wrong with a chart, one sentence each; nothing for a whole one.
 *
 * @param takes the facts that it is sent; those of its actor when absent
 */
export const chartProblems = (machine: AnyStateMachine, takes?: readonly FactType[]): readonly string[] => {
  const { guards, actions } = machine.implementations as unknown as Implementations;
  const problems = takesProblems(machine, takes);
  const nodes = nodesOf(machine.root);
  const checkNames = (
    kind: "guard" | "action",
    known: { readonly [name: string]: unknown },
    part: unknown,
    where: string,
  ): void => {
    for (const name of namesIn(part)) {
      if (!name.startsWith("xstate.") && !Object.hasOwn(known, name))
        problems.push(`${where} names the ${kind} "${name}", which does not exist`);
    }
  };
  for (const node of nodes) {
    const where = textOf(node);
    if ((node.invoke ?? []).length > 0) problems.push(`${where} invokes; use an effect`);
    if ((node.after ?? []).length > 0) problems.push(`${where} waits with \`after\`; use a deadline`);
    for (const action of [...node.entry, ...node.exit]) checkNames("action", actions, action, where);
    for (const [event, transitions] of node.transitions) {
      if (event === "*") problems.push(`${where} takes any event; '*' swallows errors`);
      for (const { guard, actions: taken } of transitions) {
        checkNames("guard", guards, guard, `${where} on ${event}`);
        for (const action of taken) checkNames("action", actions, action, `${where} on ${event}`);
      }
    }
  }
  const reached = new Set<AnyStateNode>();
  reachedFrom(machine.root, reached);
  for (const node of nodes) if (!reached.has(node)) problems.push(`${textOf(node)} can never be entered`);
  const leaves = nodes.filter(({ type }) => type === "atomic" || type === "final").length;
  if (leaves > 16) problems.push(`${machine.id} has ${leaves} states; keep a machine at about 15`);
  return problems;
};

/**
 * Looks at the supervisors, at the charts below them, and at every fact of the catalogue.
 *
 * @returns undefined, or the sentence of a start that is refused
 */
export const bootProblem = (
  charts: readonly AnyStateMachine[],
  hosted: readonly HostedMachine[],
  isHandled: (type: string) => boolean,
): string | undefined => {
  const problems = [
    ...[supervisorMachine, opsMachine, ...charts].flatMap((chart) => chartProblems(chart)),
    ...hosted.flatMap(({ machine, takes }) => chartProblems(machine, takes)),
    ...catalogueProblems(isHandled),
  ];
  if (problems.length === 0) return undefined;
  return `the machines are not whole: ${problems.join("; ")}. This is a bug of QTS; please report it.`;
};
