/** What a venue's adapter knows of its wire: how to ask, and what an answer means. The connection itself is `adapters/wire`. */
import type { RawTick } from "./ports.ts";

/** What one message of a venue says. */
export type WireMessage =
  | {
      readonly type: "tick";
      readonly tick: RawTick;
      /** A field that cannot be kept exactly, as a sentence. */
      readonly problem?: string;
      /** When the venue sent it, by its own clock; absent where it does not say, or says it of an older message. */
      readonly sentAt?: number;
    }
  /** Of no concern to us, for example an answer to a ping. */
  | { readonly type: "nothing" }
  /** The venue says no, for example to a symbol. */
  | { readonly type: "refused"; readonly reason: string }
  /** Nobody can say what was in it: what it said is lost, so the connection is given up and the loss declared. */
  | { readonly type: "garbage"; readonly reason: string };

export interface Wire {
  /** Of the source, for people and rows. */
  readonly name: string;
  readonly symbols: readonly string[];
  /** Its numbers are unique, grow, and are not consecutive. */
  readonly numbers: "sparse";
  /** The path and query that follow the address. */
  readonly path: string;
  /** A cheap request over HTTP, with any answer: it is asked for the venue's time. */
  readonly timePath: string;
  /** Messages to send once connected. */
  readonly requests: (connection: number) => readonly string[];
  /** Reads one message; never throws. */
  readonly read: (text: string) => WireMessage;
  /** The venue tells the last trade of each symbol at once: one without has no such market. */
  readonly answersAtOnce: boolean;
}

/** The part of an instrument that a wire needs: the scales in which its numbers are kept. */
export interface WireScale {
  readonly symbol: string;
  readonly priceScale: number;
  /** Digits after the point of one lot. */
  readonly quantityScale?: number | undefined;
}
