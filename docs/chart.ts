/** Draws a machine as a Mermaid state diagram, straight from the chart that runs. */
import type { AnyStateMachine, AnyStateNode } from "xstate";

const nameOf = (node: AnyStateNode): string => (node.path.length === 0 ? node.machine.id : node.path.join("_"));

const guardText = (guard: unknown): string => {
  if (guard === undefined) return "";
  if (typeof guard === "string") return ` [${guard}]`;
  const { type, guards } = guard as { type?: string; guards?: readonly unknown[]; check?: unknown };
  if (typeof type === "string") return ` [${type}]`;
  const inner = (guards ?? []).map((part) => guardText(part).trim().replace(/[[\]]/g, ""));
  return inner.length > 0 ? ` [${inner.join(" · ")}]` : " [guarded]";
};

const drawTransitions = (node: AnyStateNode, lines: string[], indent: string): void => {
  for (const [event, transitions] of node.transitions) {
    for (const transition of transitions) {
      for (const target of transition.target ?? []) {
        lines.push(`${indent}${nameOf(node)} --> ${nameOf(target)}: ${event}${guardText(transition.guard)}`);
      }
    }
  }
};

const drawAlways = (node: AnyStateNode, lines: string[], indent: string): void => {
  for (const { target, guard } of node.always ?? []) {
    for (const next of (target ?? []) as readonly AnyStateNode[])
      lines.push(`${indent}${nameOf(node)} --> ${nameOf(next)}: at once${guardText(guard)}`);
  }
};

const drawInside = (node: AnyStateNode, lines: string[], indent: string): void => {
  const children = Object.values(node.states) as AnyStateNode[];
  for (const initial of node.type === "compound" ? (node.initial.target ?? []) : [])
    lines.push(`${indent}[*] --> ${nameOf(initial)}`);
  for (const child of children) {
    if (child.type === "compound" || child.type === "parallel") {
      lines.push(`${indent}state "${child.key}" as ${nameOf(child)} {`);
      drawInside(child, lines, `${indent}  `);
      lines.push(`${indent}}`);
    } else if (nameOf(child) !== child.key) {
      lines.push(`${indent}state "${child.key}" as ${nameOf(child)}`);
    }
    if (child.type === "final") lines.push(`${indent}${nameOf(child)} --> [*]`);
  }
  for (const child of children) {
    drawTransitions(child, lines, indent);
    drawAlways(child, lines, indent);
  }
};

/** A fenced Mermaid block, then the sentences the chart's states carry. */
export const chartOf = (machine: AnyStateMachine): string => {
  const lines = ["```mermaid", "stateDiagram-v2"];
  drawInside(machine.root, lines, "  ");
  lines.push("```", "");
  const describe = (node: AnyStateNode): void => {
    if (node.description !== undefined) lines.push(`- **${node.path.join(".") || node.key}**: ${node.description}`);
    for (const child of Object.values(node.states) as AnyStateNode[]) describe(child);
  };
  describe(machine.root);
  const fromAnywhere: string[] = [];
  for (const [event, transitions] of machine.root.transitions) {
    for (const { target, guard } of transitions) {
      if (target !== undefined)
        fromAnywhere.push(
          `\`${event}\`${guardText(guard)} → ${target.map((node: AnyStateNode) => node.path.join(".")).join(", ")}`,
        );
    }
  }
  if (fromAnywhere.length > 0) lines.push("", `From every state: ${fromAnywhere.join("; ")}.`);
  return lines.join("\n");
};
