/** Edit distance: insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
const distance = (a: string, b: string): number => {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] as number;
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(Math.min(replaced, at(i - 1, j) + 1, at(i, j - 1) + 1, isSwap ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY));
    }
  }
  return at(a.length, b.length);
};

/**
 * What a person probably meant.
 *
 * @returns the name closest to `given`, or undefined when none is close: more than a third of it is different
 */
export const nearest = (given: string, names: readonly string[]): string | undefined => {
  const farOf = (name: string): number =>
    given.length > 1 && name.startsWith(given) ? 1 : distance(given.toLowerCase(), name.toLowerCase());
  const [best] = names.map((name) => ({ name, far: farOf(name) })).sort((a, b) => a.far - b.far);
  if (best === undefined) return undefined;
  return best.far <= Math.max(1, Math.floor(Math.max(given.length, best.name.length) / 3)) ? best.name : undefined;
};
