/** The venue: how long its answers may take, and what the paper exchange is like. */
import { z } from "zod";
import { durationMs, periodMs, positive, share, timerMs } from "../values.ts";

export const broker = z.strictObject({
  adapter: z.enum(["paper", "exchange"]),
  submitTimeoutMs: periodMs,
  unknownDeadlineMs: periodMs,
  pendingDeadlineMs: periodMs,
  absentAfterMs: durationMs,
  matchSkewMs: durationMs,
  finishedOrdersKept: positive,
  reconcileEveryMs: periodMs,
  exchange: z.strictObject({
    url: z
      .string()
      .regex(/^ws:\/\/(127\.0\.0\.1|localhost|\[::1\]):\d{1,5}$/, "must be a loopback address, ws://127.0.0.1:PORT")
      .refine((url) => Number(url.slice(url.lastIndexOf(":") + 1)) <= 65_535, "has a port above 65535"),
    tokenFile: z.string(),
    silenceMsMax: timerMs,
  }),
  paper: z.strictObject({
    cashMinor: positive,
    latencyMs: z.tuple([durationMs, durationMs]).refine(([low, high]) => low <= high, "the range must be [low, high]"),
    participationShare: share,
    feeRate: share,
    sellTaxRate: share,
    responseTimeoutMs: periodMs,
    clientOrderIds: z.boolean(),
    basePriceMinor: z.record(z.string().min(1), positive),
    faults: z.strictObject({
      rejectShare: share,
      rejectAfterAcceptShare: share,
      lostResponseShare: share,
      lateResponseShare: share,
      lateResponseMs: durationMs,
      slowOrderShare: share,
      slowOrderMs: durationMs,
      duplicateReportShare: share,
      missingReportShare: share,
      reorderReportShare: share,
      listLagMs: durationMs,
      disconnectShare: share,
      stallShare: share,
      stallMs: durationMs,
    }),
  }),
});
