/**
 * Is this record possible at all (spec A3)? Asked once, at the door; behind it the types are trusted.
 *
 * The check looks at values, not at their history: what is odd against the row before is the guard's question.
 */
import type { QualityFlag, SnapshotDraft, SnapshotInputs } from "./snapshot.ts";

export interface ValidationLimits {
  /** A row may be this far ahead of the clock: clocks of two machines differ. */
  readonly futureMsMax: number;
  /** A row older than this belongs to another day and to backfill. */
  readonly pastMsMax: number;
  /** A spread beyond this share of the bid is flagged, not refused. */
  readonly spreadShareMax: number;
}

/** Why a record is refused; the reason is a label of the metrics, so there are few of them. */
export type ValidationProblem =
  | "field.missing"
  | "field.type"
  | "number.not.finite"
  | "time.future"
  | "time.past"
  | "price.not.positive"
  | "quantity.negative"
  | "ohlc.impossible"
  | "ask.below.bid";

const optionalNumbers = [
  "bidPriceMinor",
  "askPriceMinor",
  "openPriceMinor",
  "highPriceMinor",
  "lowPriceMinor",
  "closePriceMinor",
] as const satisfies readonly (keyof SnapshotInputs)[];

const numberProblem = (value: unknown): ValidationProblem | undefined => {
  if (Number.isSafeInteger(value)) return undefined;
  if (value === undefined || value === null) return "field.missing";
  if (typeof value !== "number") return "field.type";
  return Number.isFinite(value) ? "field.type" : "number.not.finite";
};

const textProblem = (value: unknown): ValidationProblem | undefined =>
  typeof value === "string" && value !== "" ? undefined : value === undefined || value === "" ? "field.missing" : "field.type";

/**
 * Checks a draft and adds the flags of what is odd but possible.
 *
 * @param now the clock's time; in a replay the replay's
 * @returns undefined when it may pass, else the reason
 */
export const validationProblem = (
  draft: SnapshotDraft,
  now: number,
  { futureMsMax, pastMsMax, spreadShareMax }: ValidationLimits,
): ValidationProblem | undefined => {
  const { meta, context } = draft;
  const inputs: SnapshotInputs = draft.observation.inputs;
  const shape =
    textProblem(meta.session) ??
    textProblem(meta.run) ??
    textProblem(meta.source) ??
    numberProblem(meta.at) ??
    textProblem(context.symbol) ??
    textProblem(context.market) ??
    numberProblem(inputs.exchangeAt) ??
    numberProblem(inputs.sequence) ??
    numberProblem(inputs.priceMinor) ??
    numberProblem(inputs.quantity);
  if (shape !== undefined) return shape;
  if (inputs.venue !== undefined && typeof inputs.venue !== "string") return "field.type";
  if (inputs.condition !== undefined && typeof inputs.condition !== "string") return "field.type";

  if (inputs.exchangeAt > now + futureMsMax) return "time.future";
  if (inputs.exchangeAt < now - pastMsMax) return "time.past";
  if (inputs.priceMinor <= 0) return "price.not.positive";
  if (inputs.quantity < 0 || inputs.sequence < 0) return "quantity.negative";
  if (inputs.bidPriceMinor === undefined && inputs.askPriceMinor === undefined && inputs.openPriceMinor === undefined)
    return undefined;

  for (const name of optionalNumbers) {
    const value = inputs[name];
    if (value === undefined) continue;
    const problem = numberProblem(value);
    if (problem !== undefined) return problem;
    if (value <= 0) return "price.not.positive";
  }
  return barProblem(inputs) ?? quoteProblem(inputs, spreadShareMax, draft._quality);
};

const barProblem = (inputs: SnapshotInputs): ValidationProblem | undefined => {
  const { openPriceMinor: open, highPriceMinor: high, lowPriceMinor: low, closePriceMinor: close, volume } = inputs;
  if (open === undefined && high === undefined && low === undefined && close === undefined) return undefined;
  if (open === undefined || high === undefined || low === undefined || close === undefined) return "field.missing";
  const volumeProblem = numberProblem(volume);
  if (volumeProblem !== undefined) return volumeProblem;
  if ((volume as number) < 0) return "quantity.negative";
  return high >= Math.max(open, close, low) && low <= Math.min(open, close) ? undefined : "ohlc.impossible";
};

const quoteProblem = (
  { bidPriceMinor: bid, askPriceMinor: ask }: SnapshotInputs,
  spreadShareMax: number,
  quality: QualityFlag[],
): ValidationProblem | undefined => {
  if (bid === undefined || ask === undefined) return undefined;
  if (ask < bid) return "ask.below.bid";
  if (ask - bid > bid * spreadShareMax) quality.push("WIDE_SPREAD");
  return undefined;
};
