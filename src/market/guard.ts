/**
 * Does this record fit what came before it? Repetitions are refused, holes are flagged, and a price that jumps must be
 * confirmed by the next trade before it is believed.
 */
import { Numbering, type NumberProblem } from "./numbering.ts";
import type { ResumePoint, SequenceBySymbol } from "./ports.ts";
import type { SnapshotDraft } from "./snapshot.ts";

export type GuardProblem = NumberProblem | "price.jump";

interface SymbolHistory {
  readonly numbering: Numbering;
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
  /** The source skipped numbers: rows `after + 1 … before - 1` of the series never came. */
  readonly onHole: (hole: {
    readonly symbol: string;
    readonly series: number;
    readonly after: number;
    readonly before: number;
    readonly at: number;
  }) => void;
  /** The source's numbers begin again: what follows is the next series. */
  readonly onRenumbered: (change: {
    readonly symbol: string;
    readonly series: number;
    readonly lastSequence: number;
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

/** Where a row that is refused stood among its source's numbers. */
export interface NumberPlace {
  readonly series: number;
  /** The number was not used before: without the row it is missing. */
  readonly isNew: boolean;
}

export interface Guard {
  /** Judges a validated tick, adds its flags and its series; undefined when it may pass. */
  problem(draft: SnapshotDraft): GuardProblem | undefined;
  /** A tick that validation refused has used up its number too. */
  skip(symbol: unknown, sequence: unknown): void;
  /** Asked before a row is refused. */
  placeOf(symbol: string, sequence: number): NumberPlace;
  /** The last number of each symbol that was seen, kept or refused. */
  sequences(): SequenceBySymbol;
}

export const createGuard = ({
  priceJumpShareMax,
  resume,
  isSparse = false,
  onHole,
  onRenumbered,
  onJump,
}: GuardOptions): Guard => {
  const histories = new Map<string, SymbolHistory>(
    Object.entries(resume.symbols).map(([symbol, last]) => [
      symbol,
      {
        numbering: new Numbering(isSparse, { ...last, series: last.series ?? 1 }),
        exchangeAt: last.exchangeAt,
        priceMinor: last.priceMinor,
        doubtfulMinor: undefined,
      },
    ]),
  );
  const isJump = (fromMinor: number, toMinor: number): boolean => Math.abs(toMinor - fromMinor) > fromMinor * priceJumpShareMax;

  /** Follows the source's numbers, or says why the row is not taken. */
  const follow = (draft: SnapshotDraft, numbering: Numbering): NumberProblem | undefined => {
    const { symbol } = draft.context;
    const { inputs } = draft.observation;
    let verdict = numbering.verdict(inputs);
    if (verdict === "anew") {
      const lastSequence = numbering.last;
      numbering.begin();
      onRenumbered({ symbol, series: numbering.series, lastSequence, at: inputs.exchangeAt });
      verdict = numbering.verdict(inputs);
    }
    if (verdict !== "next" && verdict !== "ahead" && verdict !== "between" && verdict !== "anew") return verdict;
    if (verdict === "ahead") {
      draft._quality.push("SEQUENCE_GAP");
      onHole({ symbol, series: numbering.series, after: numbering.last, before: inputs.sequence, at: inputs.exchangeAt });
    }
    numbering.take(inputs);
    if (numbering.series > 1) inputs.series = numbering.series;
    return undefined;
  };

  return {
    problem: (draft) => {
      const { symbol } = draft.context;
      const { inputs } = draft.observation;
      const history = histories.get(symbol);
      if (history === undefined) {
        const { exchangeAt, priceMinor } = inputs;
        const numbering = new Numbering(isSparse);
        histories.set(symbol, { numbering, exchangeAt, priceMinor, doubtfulMinor: undefined });
        return follow(draft, numbering);
      }
      const misnumbered = follow(draft, history.numbering);
      if (misnumbered !== undefined) return misnumbered;
      if (isJump(history.priceMinor, inputs.priceMinor)) {
        const confirmed = history.doubtfulMinor !== undefined && !isJump(history.doubtfulMinor, inputs.priceMinor);
        if (!confirmed) {
          if (history.doubtfulMinor === undefined)
            onJump({ symbol, fromMinor: history.priceMinor, toMinor: inputs.priceMinor, at: inputs.exchangeAt });
          history.doubtfulMinor = inputs.priceMinor;
          return "price.jump";
        }
      }
      if (inputs.exchangeAt < history.exchangeAt) draft._quality.push("OUT_OF_ORDER");
      else history.exchangeAt = inputs.exchangeAt;
      history.priceMinor = inputs.priceMinor;
      history.doubtfulMinor = undefined;
      return undefined;
    },
    skip: (symbol, sequence) => {
      const history = typeof symbol === "string" ? histories.get(symbol) : undefined;
      if (history !== undefined && sequence === history.numbering.last + 1) history.numbering.skip();
    },
    placeOf: (symbol, sequence) => {
      const numbering = histories.get(symbol)?.numbering;
      return { series: numbering?.series ?? 1, isNew: sequence > (numbering?.last ?? -1) };
    },
    sequences: () => Object.fromEntries([...histories].map(([symbol, { numbering }]) => [symbol, numbering.last])),
  };
};
