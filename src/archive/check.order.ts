/** In which order the files of an archive are to be read: what declares first, then by the time of their rows and by part. */
import { localSpans } from "#core/zoned-time.ts";
import { linesOf, parseLine } from "./check.lines.ts";
import { type Json, numberAt } from "./check.rows.ts";
import { readSegmentPath } from "./paths.ts";

/** The time of a row, from its own words; undefined when it says none that is known. */
const timeOf = (row: Json): number | undefined =>
  numberAt(row, ["observation", "inputs", "exchangeAt"]) ??
  numberAt(row, ["meta", "at"]) ??
  numberAt(row, ["meta", "timestamp_ms"]);

/**
 * @param head the first bytes of a file, asked for only where the clocks were set back: there a name means two times, and only a row
 *   tells which
 * @returns the paths in the order of reading; those that are no segments come first
 */
export const inCheckOrder = (
  paths: readonly string[],
  timeZone: string,
  head: (path: string) => Uint8Array,
): readonly string[] => {
  const beginsAt = (path: string, day: string, fromMs: number): number => {
    const written = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;
    const spans = localSpans(written, fromMs, fromMs + 1000, timeZone).map(({ fromAt }) => fromAt);
    const [first = 0, second] = spans;
    if (second === undefined) return first;
    for (const { bytes, isTorn } of linesOf(head(path))) {
      const row = isTorn ? "torn" : parseLine(bytes);
      const at = typeof row === "string" ? undefined : timeOf(row);
      if (at !== undefined) return at >= second ? second : first;
    }
    return first;
  };
  const streams = ["", "system", "scalp", "swing"];
  const ranked = paths.map((path) => {
    const name = readSegmentPath(path);
    if (name === undefined) return { path, stream: 0, at: 0, part: 0 };
    const { stream, day, fromMs, part } = name;
    return { path, stream: streams.indexOf(stream), at: beginsAt(path, day, fromMs), part };
  });
  return ranked
    .sort((a, b) => a.stream - b.stream || a.at - b.at || a.part - b.part || (a.path < b.path ? -1 : 1))
    .map(({ path }) => path);
};
