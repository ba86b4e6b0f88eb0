/** Edit distance (Levenshtein): insertions, deletions and replacements that turn `a` into `b`. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
};

/**
 * What a person probably meant.
 *
 * @returns the name closest to `given`, or undefined when none is close: more than a third of it is different
 */
export const nearest = (given: string, names: readonly string[]): string | undefined => {
  const ranked = names
    .map((name) => ({
      name,
      far: name.startsWith(given) && given.length > 1 ? 1 : distance(given.toLowerCase(), name.toLowerCase()),
    }))
    .sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best !== undefined && best.far <= Math.max(1, Math.floor(Math.max(given.length, best.name.length) / 3))
    ? best.name
    : undefined;
};
