/** Adds what can only be known from the rows before: the row's number, running volume, change, and the exchange's phase. */
import { createPhaseLookup, type Phase } from "./calendar.ts";
import type { ResumePoint } from "./ports.ts";
import type { MarketPhase, SnapshotDraft } from "./snapshot.ts";

/** Completes a guarded draft in place. */
export type Enrich = (draft: SnapshotDraft) => void;

// A row names the exchange's day more coarsely than the calendar: within a version of its schema no word is added.
const phaseOfRow: { readonly [P in Phase]: MarketPhase } = {
  closed: "closed",
  pre: "before",
  openingAuction: "before",
  regular: "regular",
  closingAuction: "regular",
  closePrice: "after",
  after: "after",
};

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
    state.phase = phaseOfRow[phaseAt(market, inputs.exchangeAt)];
  };
};
