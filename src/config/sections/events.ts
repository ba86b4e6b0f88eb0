/** Lanes, handlers and sources: how facts wait and what happens when they wait too long. */
import { z } from "zod";
import { count, durationMs, inOrder, periodMs, places, positive, reserved, share, sliceMs } from "../values.ts";

const sla = z
  .strictObject({
    p50: z.number().positive(),
    p95: z.number().positive(),
    p99: z.number().positive(),
    max: z.number().positive(),
  })
  .refine(...inOrder("≤", "p50", "p95", "p99", "max"));
const lane = { capacity: places, batchSize: reserved("data", positive), batchWaitMs: reserved("data", durationMs) };
const marks = { warningShare: share, criticalShare: share };
const marksInOrder = inOrder("≤", "warningShare", "criticalShare");

export const events = z.strictObject({
  lanes: z.strictObject({
    P0: z
      .strictObject({
        ...lane,
        waitingOutsideMax: places,
        internalReserve: places,
        processingMsMax: periodMs,
        warningDepth: positive,
        criticalDepth: positive,
        slaMs: sla,
      })
      .refine(...inOrder("≤", "warningDepth", "criticalDepth", "capacity")),
    P1: z.strictObject({ ...lane, ...marks, slaMs: sla }).refine(...marksInOrder),
    P2: z.strictObject({ ...lane, ...marks, slaMs: sla }).refine(...marksInOrder),
    P3: z.strictObject({ ...lane, ...marks, samplingMarkShare: share, samplingRate: share }).refine(...marksInOrder),
  }),
  timeSliceMs: sliceMs,
  lowLanesShareMin: share,
  hysteresisShare: z.number().min(0).lt(1, "must be below 1: a lane that is calm again at its warning mark has no hysteresis"),
  warningBatchFactor: reserved("data", positive),
  handlers: z.strictObject({
    retries: count,
    retryDelaysMs: z.array(durationMs).min(1),
    timeoutMs: periodMs,
    inProgressMax: places,
    deadLettersMax: places,
  }),
  intake: z.strictObject({
    timeSliceMs: sliceMs,
    reconnectMs: z.tuple([periodMs, periodMs]).refine(([low, high]) => low <= high, "the range must be [first, longest]"),
    heldMax: places,
  }),
  drainMsMax: durationMs,
});
