/** What comes in from outside, by source. */
import type { Subject } from "./subject.ts";

const sourceCounters = {
  received: "Items a source delivered.",
  refused: "Facts of a source that there was no room for even at the door; it is cut off then.",
  conflated: "Items that gave way to a newer one of their key while the source should have waited.",
  reconnects: "Connections that were lost and opened again.",
} as const;

export const registerSources: Subject = ({ counter, gauge }) => {
  const sources = Object.entries(sourceCounters).map(([key, help]) => ({
    key: key as keyof typeof sourceCounters,
    metric: counter(`source_${key}`, help, ["source"]),
  }));
  const paused = gauge("source_paused", "1 while the source is asked to wait.", ["source"]);

  return (status) => {
    for (const [source, figures] of Object.entries(status.sources)) {
      for (const { key, metric } of sources) metric.inc({ source }, figures[key]);
      paused.set({ source }, figures.paused ? 1 : 0);
    }
  };
};
