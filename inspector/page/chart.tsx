/** A machine's chart as elements, from the same drawer as the docs; a state can be looked at by click or key. */
import { createElement, type VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { draw, type Lit, type Mark } from "#chart/draw.ts";
import type { Layout } from "#chart/shapes.ts";

const elementOf = (mark: Mark | string, onState: (state: string) => void): VNode | string => {
  if (typeof mark === "string") return mark;
  const state = mark.attributes["data-state"];
  const acts = typeof state === "string" ? { onClick: () => onState(state) } : {};
  return createElement(mark.name, { ...mark.attributes, ...acts }, ...mark.children.map((child) => elementOf(child, onState)));
};

export interface ChartProps {
  readonly layout: Layout;
  readonly lit: Lit;
  readonly onState: (state: string) => void;
}

/** Wider than a phone: scrolled inside its own box, which a key can reach, and which begins at the active state. */
export const Chart = ({ layout, lit, onState }: ChartProps) => {
  const sheet = useRef<HTMLElement>(null);
  const active = layout.states.findLast(({ id }) => lit.active.has(id));
  const middle = active === undefined ? 0 : active.x + active.width / 2;
  useEffect(() => {
    if (sheet.current !== null) sheet.current.scrollLeft = middle - sheet.current.clientWidth / 2;
  }, [middle]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard.
    <section class="sheet" ref={sheet} tabIndex={0} aria-label={`Chart of ${layout.machine}`}>
      {elementOf(draw(layout, lit), onState)}
    </section>
  );
};
