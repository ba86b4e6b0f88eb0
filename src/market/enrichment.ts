/** Adds what can only be known from the rows before: the row's number, running volume, change, and the exchange's phase. */
import type { ResumePoint } from "./ports.ts";
import { createPhaseLookup } from "./sessions.ts";
import type { SnapshotDraft } from "./snapshot.ts";

/** Completes a guarded draft in place. */
export type Enrich = (draft: SnapshotDraft) => void;

export const createEnrichment = (resume: ResumePoint): Enrich => {
  const rows = { ...resume.rows };
  const phaseAt = createPhaseLookup();
  const volumes = new Map<string, number>();
  const prices = { scalp: new Map<string, number>(), swing: new Map<string, number>() };
  for (const [symbol, { cumulativeVolume, priceMinor }] of Object.entries(resume.symbols)) {
    volumes.set(symbol, cumulativeVolume);
    prices.scalp.set(symbol, priceMinor);
  }
  return ({ meta, context: { symbol, market, stage }, observation: { inputs, computed, state } }) => {
    rows[stage] += 1;
    meta.sequence = rows[stage];
    const volume = (volumes.get(symbol) ?? 0) + (stage === "scalp" ? inputs.quantity : 0);
    volumes.set(symbol, volume);
    computed.cumulativeVolume = volume;
    const before = prices[stage].get(symbol);
    computed.changeMinor = before === undefined ? 0 : inputs.priceMinor - before;
    prices[stage].set(symbol, inputs.priceMinor);
    state.phase = phaseAt(market, inputs.exchangeAt);
  };
};
