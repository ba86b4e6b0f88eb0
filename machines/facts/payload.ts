/**
 * The fields of a fact, written once: from one small table come the TypeScript type, the check at the door and the JSON
 * Schema in the docs. Core has no schema library (house.md), and a table of nine kinds needs none.
 *
 * A field is a kind, with "?" when it may be absent: `{ orderId: "text", limitPriceMinor: "integer?" }`.
 */
export type FieldKind =
  /** A string with at least one character. */
  | "text"
  /** A safe integer: prices and money in minor units. */
  | "integer"
  /** A safe integer ≥ 0: quantities in lots, counts, durations in ms. */
  | "natural"
  /** Epoch ms, UTC, a safe integer ≥ 0. */
  | "at"
  /** Any finite number: ratios and indicators, never money. */
  | "number"
  | "flag"
  /** Any JSON value; for bodies whose own door checks them. */
  | "json";

export type Field = FieldKind | `${FieldKind}?` | { readonly oneOf: readonly string[] };
export type Fields = { readonly [name: string]: Field };

type KindValue<K> = K extends "text"
  ? string
  : K extends "integer" | "natural" | "at" | "number"
    ? number
    : K extends "flag"
      ? boolean
      : K extends "json"
        ? unknown
        : K extends { readonly oneOf: readonly (infer V)[] }
          ? V
          : never;

type OptionalNames<F> = { [N in keyof F]: F[N] extends `${string}?` ? N : never }[keyof F];

/** The TypeScript type of a payload described by `F`. */
export type PayloadOf<F> = {
  readonly [N in Exclude<keyof F, OptionalNames<F>>]: KindValue<F[N]>;
} & {
  readonly [N in OptionalNames<F>]?: F[N] extends `${infer K}?` ? KindValue<K> : never;
};
