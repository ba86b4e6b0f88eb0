/** Counts what makes a drawing hard to read: arrows over states, words over words or states, crossings. */
import type { Box, LaidArrow, Layout, Point } from "#chart/shapes.ts";

interface Stretch {
  readonly from: Point;
  readonly to: Point;
}

const stretchesOf = ({ points }: LaidArrow): Stretch[] =>
  points.slice(1).map((to, index) => ({ from: points[index] as Point, to }));

const boxOf = ({ from, to }: Stretch): Box => ({
  x: Math.min(from.x, to.x),
  y: Math.min(from.y, to.y),
  width: Math.abs(to.x - from.x),
  height: Math.abs(to.y - from.y),
});

/** Do they share more than a border? A stretch has no width, so the other one shrinks by a pixel all around. */
const meets = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width - 1 && a.x + a.width > b.x + 1 && a.y < b.y + b.height - 1 && a.y + a.height > b.y + 1;

const crosses = (a: Stretch, b: Stretch): boolean => {
  const isUpright = ({ from, to }: Stretch): boolean => from.x === to.x;
  if (isUpright(a) === isUpright(b)) return false;
  const [upright, flat] = isUpright(a) ? [boxOf(a), boxOf(b)] : [boxOf(b), boxOf(a)];
  return upright.x > flat.x && upright.x < flat.x + flat.width && flat.y > upright.y && flat.y < upright.y + upright.height;
};

/** What each count found, as sentences. */
export const troublesOf = (
  layout: Layout,
): { readonly overStates: string[]; readonly overLabels: string[]; readonly crossings: string[] } => {
  const nameOf = ({ from, to }: LaidArrow): string => `${from ?? "·"} → ${to}`;
  const isInside = (state: string | undefined, box: string): boolean => state === box || (state?.startsWith(`${box}.`) ?? false);
  const overStates = layout.arrows.flatMap((arrow) =>
    layout.states
      // An arrow runs through the boxes around its ends.
      .filter(({ id }) => !isInside(arrow.from, id) && !isInside(arrow.to, id))
      .filter((state) => stretchesOf(arrow).some((stretch) => meets(boxOf(stretch), state)))
      .map(({ id }) => `${nameOf(arrow)} over ${id}`),
  );
  const labels = layout.arrows.flatMap((arrow) => (arrow.label === undefined ? [] : [{ name: nameOf(arrow), box: arrow.label }]));
  const plain = layout.states.filter(({ kind }) => kind !== "compound" && kind !== "parallel");
  const overLabels = labels.flatMap(({ name, box }, index) => [
    ...plain.filter((state) => meets(box, state)).map(({ id }) => `words of ${name} over ${id}`),
    ...labels
      .slice(index + 1)
      .filter((other) => meets(box, other.box))
      .map((other) => `words of ${name} over words of ${other.name}`),
  ]);
  const crossings = layout.arrows.flatMap((arrow, index) =>
    layout.arrows.slice(index + 1).flatMap((other) =>
      stretchesOf(arrow).flatMap((a) =>
        stretchesOf(other)
          .filter((b) => crosses(a, b))
          .map(() => `${nameOf(arrow)} crosses ${nameOf(other)}`),
      ),
    ),
  );
  return { overStates, overLabels, crossings };
};
