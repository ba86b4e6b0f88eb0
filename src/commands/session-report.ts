/** The session report as a zod schema: the JSON Schema in docs/reference is generated from it, and tests hold reports to it. */
import { z } from "zod";
import type { SessionReport } from "#core/runtime/report.ts";
import { operatingStates, safetyStates } from "#machines/facts/safety.ts";

const count = z.int().min(0);
const lane = z.strictObject({
  accepted: count,
  handled: count,
  dropped: count,
  collapsed: count,
  sampled: count,
  deadLettered: count,
  left: count,
  p50Ms: z.number().min(0),
  p99Ms: z.number().min(0),
  maxMs: z.number().min(0),
});

export const sessionReportSchema = z.strictObject({
  recovered: z.boolean().describe("this run continued a session that an earlier process had begun on the same home"),
  market: z.strictObject({
    from: z.iso.datetime().nullable().describe("market time of the first trade of this run"),
    to: z.iso.datetime().nullable(),
    ticks: count,
  }),
  archive: z
    .strictObject({ received: count, persisted: count, refused: count, errored: count })
    .describe("of this run: received = persisted + refused + errored"),
  lanes: z
    .strictObject({ P0: lane, P1: lane, P2: lane, P3: lane })
    .describe(
      "of this run: accepted = handled + dropped + collapsed + sampled + deadLettered + left; latencies are enqueue to handled",
    ),
  orders: z
    .strictObject({
      total: count,
      filled: count,
      canceled: count,
      rejected: count,
      denied: count,
      expired: count,
      unknown: count,
      open: count,
    })
    .describe("of the whole session, earlier runs on this home included"),
  positions: z.record(z.string(), z.int()).describe("lots by symbol"),
  pnlMinor: z.int().describe("realized and unrealized less fees, in minor units"),
  safety: z.enum(safetyStates),
  operating: z.enum(operatingStates),
  maintenance: z
    .strictObject({ backedUp: count, verified: count, deleted: count, kept: count })
    .describe("files of this run's maintenance"),
  losses: z
    .strictObject({ alerts: count, effectsWithheld: count, signals: count, deadLettersForgotten: count, logLines: count })
    .describe("what this run counted and could not keep"),
  elapsedMs: z.number().min(0).describe("real time from start to report"),
});

/** The schema and the type must not drift apart. */
type Assert<T extends true> = T;
export type SchemaFitsType = Assert<
  z.infer<typeof sessionReportSchema> extends { -readonly [K in keyof SessionReport]: unknown } ? true : false
>;

export const sessionReportJsonSchema = (): object => ({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "QTS session report",
  ...z.toJSONSchema(sessionReportSchema),
});
