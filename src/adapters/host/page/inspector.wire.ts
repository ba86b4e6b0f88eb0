/** What travels over `/inspect`: one JSON text a frame, either way. */
import { z } from "zod";
import type { ChangeLine, Sight } from "#core/runtime/inspection.ts";
import type { OpsSight } from "#core/runtime/ops-sight.ts";
import type { HouseStatus } from "#core/runtime/report.ts";
import type { SampleSeries } from "#core/runtime/samples.ts";

/** The subprotocol; its number grows when an old page could misread a new house. */
export const inspectProtocol = "qts.inspect.1";
/** Before the token in the other subprotocol: a browser can send no header with a socket. */
export const tokenPrefix = "token.";

export type InspectMessage =
  | { readonly type: "hello"; readonly version: string; readonly session: string; readonly epoch: number }
  /** Everything at once; follows on changes, and once a second. */
  | { readonly type: "sight"; readonly sight: Sight }
  /** The snapshot has not been read yet. */
  | { readonly type: "starting"; readonly status: HouseStatus }
  /** What changed since the last ones, oldest first; `lost` is how many could not be sent. */
  | { readonly type: "changes"; readonly changes: readonly ChangeLine[]; readonly lost: number }
  /** State of what the page looks at; undefined where it is not there any more. */
  | { readonly type: "context"; readonly actor: string; readonly context: unknown }
  | { readonly type: "order"; readonly orderId: string; readonly order: unknown }
  /** Answers of the same type as what was asked for. */
  | { readonly type: "samples"; readonly spanMs: number; readonly series: SampleSeries }
  | { readonly type: "ops"; readonly ops: OpsSight | null };

const name = z.string().max(200).nullable();
const lookSchema = z.strictObject({ type: z.literal("look"), actor: name, orderId: name });
export type Look = z.infer<typeof lookSchema>;
/** Answered once, at the next batch; asked again when the page wants to know again. */
const wishSchemas = [
  z.strictObject({ type: z.literal("samples"), spanMs: z.union([z.literal(3_600_000), z.literal(86_400_000)]) }),
  z.strictObject({ type: z.literal("ops") }),
] as const;
export type Wish = z.infer<(typeof wishSchemas)[number]>;
const askSchema = z.discriminatedUnion("type", [lookSchema, ...wishSchemas]);

/** @returns what the page looks at or wants to know; undefined for anything else that came */
export const parseAsk = (text: string): Look | Wish | undefined => {
  try {
    return askSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
};
