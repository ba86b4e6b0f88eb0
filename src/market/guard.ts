/**
 * Does this record fit what came before it? Repetitions are refused, holes are flagged, and a price that jumps must be
 * confirmed by the next trade before it is believed.
 */
import type { ResumePoint, SequenceBySymbol } from "./ports.ts";
import type { SnapshotDraft } from "./snapshot.ts";

export type GuardProblem = "sequence.repeated" | "price.jump";

interface SymbolHistory {
  sequence: number;
  exchangeAt: number;
  priceMinor: number;
  /** A price that jumped and waits to be confirmed. */
  doubtfulMinor: number | undefined;
}

export interface GuardOptions {
  /** A change beyond this share of the last price is refused once; a market that really moved repeats itself. */
  readonly priceJumpShareMax: number;
  readonly resume: ResumePoint;
  /** The source's numbers are not consecutive: none of them is a hole. */
  readonly isSparse?: boolean;
  /** The source skipped numbers: rows `after + 1 … before - 1` never came. */
  readonly onHole: (hole: {
    readonly symbol: string;
    readonly after: number;
    readonly before: number;
    readonly at: number;
  }) => void;
  /** A price was refused; told once until the next one is believed. */
  readonly onJump: (jump: {
    readonly symbol: string;
    readonly fromMinor: number;
    readonly toMinor: number;
    readonly at: number;
  }) => void;
}

export interface Guard {
  /** Judges a validated tick, adds its flags; undefined when it may pass. */
  problem(draft: SnapshotDraft): GuardProblem | undefined;
  /** A tick that validation refused has used up its number too. */
  skip(symbol: unknown, sequence: unknown): void;
  /** The last number of each symbol that was seen, kept or refused. */
  sequences(): SequenceBySymbol;
}

export const createGuard = ({ priceJumpShareMax, resume, isSparse = false, onHole, onJump }: GuardOptions): Guard => {
  const histories = new Map<string, SymbolHistory>(
    Object.entries(resume.symbols).map(([symbol, { sequence, exchangeAt, priceMinor }]) => [
      symbol,
      { sequence, exchangeAt, priceMinor, doubtfulMinor: undefined },
    ]),
  );
  const isJump = (fromMinor: number, toMinor: number): boolean => Math.abs(toMinor - fromMinor) > fromMinor * priceJumpShareMax;

  return {
    problem: ({ context: { symbol }, observation: { inputs }, _quality }) => {
      const history = histories.get(symbol);
      if (history === undefined) {
        const { sequence, exchangeAt, priceMinor } = inputs;
        histories.set(symbol, { sequence, exchangeAt, priceMinor, doubtfulMinor: undefined });
        if (sequence > 1 && !isSparse) {
          _quality.push("SEQUENCE_GAP");
          onHole({ symbol, after: 0, before: sequence, at: exchangeAt });
        }
        return undefined;
      }
      if (inputs.sequence <= history.sequence) return "sequence.repeated";
      if (inputs.sequence > history.sequence + 1 && !isSparse) {
        _quality.push("SEQUENCE_GAP");
        onHole({ symbol, after: history.sequence, before: inputs.sequence, at: inputs.exchangeAt });
      }
      history.sequence = inputs.sequence;
      if (isJump(history.priceMinor, inputs.priceMinor)) {
        const confirmed = history.doubtfulMinor !== undefined && !isJump(history.doubtfulMinor, inputs.priceMinor);
        if (!confirmed) {
          if (history.doubtfulMinor === undefined)
            onJump({ symbol, fromMinor: history.priceMinor, toMinor: inputs.priceMinor, at: inputs.exchangeAt });
          history.doubtfulMinor = inputs.priceMinor;
          return "price.jump";
        }
      }
      if (inputs.exchangeAt < history.exchangeAt) _quality.push("OUT_OF_ORDER");
      else history.exchangeAt = inputs.exchangeAt;
      history.priceMinor = inputs.priceMinor;
      history.doubtfulMinor = undefined;
      return undefined;
    },
    sequences: () => Object.fromEntries([...histories].map(([symbol, { sequence }]) => [symbol, sequence])),
    skip: (symbol, sequence) => {
      const history = typeof symbol === "string" ? histories.get(symbol) : undefined;
      if (history !== undefined && sequence === history.sequence + 1) history.sequence += 1;
    },
  };
};
