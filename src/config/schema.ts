/**
 * The one schema of the configuration, and the type that follows from it. Apart from the parse, so that rooms without Node
 * can name the type.
 */
import { z } from "zod";
import { operatingStates } from "#machines/facts/safety.ts";

const count = z.int().min(0);
const positive = z.int().min(1);
const durationMs = z.int().min(0);
const share = z.number().min(0).max(1, "is a share between 0 and 1; write 0.05 for 5 %");
/** What is set aside in memory for so many facts at the start: more than this is a mistake, not a wish. */
const places = z.int().min(1).max(1_000_000);
/** As long as this nothing else of the process has its turn. */
const sliceMs = z.number().positive().max(10_000);
const orders = { "<": (a: number, b: number) => a < b, "≤": (a: number, b: number) => a <= b };
/** The keys of a group stand in this order. */
const inOrder = <const K extends string>(sign: keyof typeof orders, ...keys: readonly K[]) =>
  [
    (group: { readonly [key in K]: number }) =>
      keys.every((key, n) => n === 0 || orders[sign](group[keys[n - 1] as K], group[key])),
    {
      error: ({ input }: { readonly input?: unknown }) =>
        `wants ${keys.join(` ${sign} `)}, and they are ${keys.map((key) => (input as { [key in K]: number })[key]).join(", ")}`,
    },
  ] as const;
const shareRange = z.tuple([share, share]).refine(([low, high]) => low <= high, "the range must be [low, high]");
const sla = z
  .strictObject({
    p50: z.number().positive(),
    p95: z.number().positive(),
    p99: z.number().positive(),
    max: z.number().positive(),
  })
  .refine(...inOrder("≤", "p50", "p95", "p99", "max"));
const lane = { capacity: places, batchSize: positive, batchWaitMs: durationMs };
const marks = { warningShare: share, criticalShare: share };
const marksInOrder = inOrder("≤", "warningShare", "criticalShare");

const operatingState = z.enum(operatingStates);
const stateProperties = z
  .strictObject({
    scalpShare: shareRange,
    swingShare: shareRange,
    portfolioShare: shareRange,
    riskMultiplier: z.number().positive(),
    entrySignalMin: share,
    positionsMax: count,
    dailyTradesMax: count,
    rebalancing: z.boolean(),
    newEntry: z.boolean(),
    scalp: z.boolean(),
    swing: z.boolean(),
  })
  .refine(({ scalpShare, swingShare, portfolioShare }) => {
    const low = scalpShare[0] + swingShare[0] + portfolioShare[0];
    const high = scalpShare[1] + swingShare[1] + portfolioShare[1];
    return low <= 1 + 1e-9 && high >= 1 - 1e-9;
  }, "the three shares must be able to sum to 1");

const gapLimits = z
  .strictObject({ minorMs: positive, majorMs: positive, criticalMs: positive })
  .refine(...inOrder("<", "minorMs", "majorMs", "criticalMs"));

/** Markets with a calendar (src/market/calendar.ts): hours, holidays and days are theirs. */
export const markets = ["KRX", "NXT", "NYSE", "NASDAQ", "UPBIT", "BITHUMB", "BINANCE"] as const;
export type Market = (typeof markets)[number];

export const configSchema = z.strictObject({
  session: z.strictObject({
    mode: z.enum(["replay"]),
    day: z.string().min(1),
    hours: z.enum(["regular", "all"]),
    speed: z.number().min(0),
    seed: z.int().min(0),
  }),
  http: z.strictObject({
    host: z.enum(["127.0.0.1", "::1", "localhost"], "must be a loopback address"),
    port: z.int().min(0).max(65535),
  }),
  log: z.strictObject({ level: z.enum(["trace", "debug", "info", "warn", "error", "fatal"]) }),
  instruments: z
    .array(
      z.strictObject({
        symbol: z.string().min(1),
        market: z.enum(
          markets,
          `no market of this name has a calendar, without which nobody knows when it is open; known are ${markets.join(", ")}`,
        ),
        currency: z.string().length(3),
        priceScale: count,
        tickSize: positive,
        lotSize: positive,
      }),
    )
    .min(1),
  events: z.strictObject({
    lanes: z.strictObject({
      P0: z
        .strictObject({
          ...lane,
          waitingOutsideMax: places,
          internalReserve: places,
          processingMsMax: positive,
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
    warningBatchFactor: positive,
    handlers: z.strictObject({
      retries: count,
      retryDelaysMs: z.array(durationMs).min(1),
      timeoutMs: positive,
      inProgressMax: places,
      deadLettersMax: places,
    }),
    intake: z.strictObject({
      timeSliceMs: sliceMs,
      reconnectMs: z.tuple([positive, positive]).refine(([low, high]) => low <= high, "the range must be [first, longest]"),
      heldMax: places,
    }),
    drainMsMax: durationMs,
  }),
  journal: z.strictObject({ snapshotEveryFacts: positive, snapshotsKept: positive, recordsKept: positive }),
  supervision: z.strictObject({ restartsMax: positive, windowMs: positive, delayMs: positive, delayMsMax: positive }),
  safety: z.strictObject({
    quietPeriodMs: positive,
    brokerGraceMs: positive,
    clockJumpMsMax: positive,
    loopDelayMsMax: positive,
  }),
  operating: z.strictObject({
    reading: z.enum(["safety-first", "literal"]),
    readingDetails: z.strictObject({
      holdDelaysDerisking: z.boolean().optional(),
      cooldownDelaysDerisking: z.boolean().optional(),
      circuitBreakerNeedsConfirmation: z.boolean().optional(),
      aggressiveHeedsDefensiveRule: z.boolean().optional(),
      confirmsOneStateAhead: z.boolean().optional(),
      promotionsAreGuarded: z.boolean().optional(),
      releaseAlwaysToBalanced: z.boolean().optional(),
      lockdownCountsAsHeld: z.boolean().optional(),
    }),
    initial: operatingState,
    evaluationEveryMs: positive,
    states: z.strictObject({ AGGRESSIVE: stateProperties, BALANCED: stateProperties, DEFENSIVE: stateProperties }),
    rules: z.strictObject({
      aggressiveToBalanced: z.strictObject({
        drawdownAbove: share,
        vixAbove: z.number().positive(),
        consecutiveScalpLossesAbove: count,
        dailyLossAbove: share,
      }),
      balancedToDefensive: z.strictObject({ drawdownAbove: share, vixAbove: z.number().positive() }),
      defensiveToBalanced: z.strictObject({
        drawdownBelow: share,
        vixBelow: z.number().positive(),
        profitableDaysMin: count,
        heldDaysMin: count,
      }),
      balancedToAggressive: z.strictObject({
        vixBelow: z.number().positive(),
        growthAbove: z.number(),
        winRateAbove: share,
        heldDaysMin: count,
      }),
    }),
    minimumStayDays: z.strictObject({ AGGRESSIVE: count, BALANCED: count, DEFENSIVE: count }),
    cooldownHours: z.number().min(0),
    confirmation: z.strictObject({ cycles: positive, hours: z.number().min(0) }),
    overrideDaysMax: positive,
    staleAfterMs: z.strictObject({ vix: positive, drawdown: positive, account: positive }),
    promotionNeedsEveryInput: z.boolean(),
    highWaterDays: positive,
    targetCagr: z.number(),
  }),
  execution: z.strictObject({
    intervalMs: z.int().min(100).max(60_000),
    errorBackoffMs: z.int().min(500).max(60_000),
    retriesMax: z.int().min(0).max(20),
    cycleBudgetMs: positive,
    cyclesMax: count,
    consecutiveErrorsMax: positive,
    strategy: z.string().min(1),
  }),
  risk: z.strictObject({
    orderValueMinorMax: positive,
    positionValueMinorMax: positive,
    exposureMinorMax: positive,
    dailyLossMinorMax: positive,
    ordersPerMinuteMax: positive,
    priceCollarShare: share,
    duplicateWindowMs: durationMs,
    consecutiveFailuresMax: positive,
    failurePauseMs: durationMs,
  }),
  live: z.strictObject({ enabled: z.boolean() }),
  trading: z.strictObject({ enabled: z.boolean() }),
  killSwitch: z.strictObject({ available: z.boolean(), tripped: z.boolean() }),
  broker: z.strictObject({
    adapter: z.enum(["paper", "exchange"]),
    submitTimeoutMs: positive,
    unknownDeadlineMs: positive,
    pendingDeadlineMs: positive,
    absentAfterMs: durationMs,
    matchSkewMs: durationMs,
    finishedOrdersKept: positive,
    reconcileEveryMs: positive,
    exchange: z.strictObject({
      url: z
        .string()
        .regex(/^ws:\/\/(127\.0\.0\.1|localhost|\[::1\]):\d{1,5}$/, "must be a loopback address, ws://127.0.0.1:PORT"),
      silenceMsMax: positive,
    }),
    paper: z.strictObject({
      cashMinor: positive,
      latencyMs: z.tuple([count, count]).refine(([low, high]) => low <= high, "the range must be [low, high]"),
      participationShare: share,
      feeRate: share,
      sellTaxRate: share,
      responseTimeoutMs: positive,
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
  }),
  market: z.strictObject({
    swingEveryMs: z.int().min(1000),
    futureMsMax: durationMs,
    pastMsMax: positive,
    spreadShareMax: share,
    priceJumpShareMax: share,
    reconnect: z
      .strictObject({ firstMs: positive, capMs: positive, attemptsMax: count, connectMsMax: positive })
      .refine(({ firstMs, capMs }) => firstMs <= capMs, "wants firstMs ≤ capMs"),
  }),
  archive: z.strictObject({
    writeEveryMs: positive,
    fsyncEveryMs: positive,
    bufferRowsMax: positive,
    scalpWindowMs: z.int().min(1000).multipleOf(1000, "must be whole seconds, because segments are named by second"),
    timeZone: z.string().refine((zone) => {
      try {
        return new Intl.DateTimeFormat("en-US", { timeZone: zone }) !== undefined;
      } catch {
        return false;
      }
    }, "is not a time zone, like Asia/Seoul"),
    silenceMsMax: positive,
    gaps: z.strictObject({ scalp: gapLimits, swing: gapLimits }),
    persistedShareMin: share,
    measureEveryMs: positive,
  }),
  maintenance: z.strictObject({
    enabled: z.boolean(),
    atDayEnd: z.boolean(),
    dailyAt: z.string().regex(/^\d\d:\d\d$/, "is a time of day, HH:MM"),
    policy: z.strictObject({ rawSnapshotDays: positive, patternRecordDays: positive, filesKeptMin: count }),
    deleteShareMax: share,
    gzipLevel: z.int().min(1).max(9),
  }),
  disk: z
    .strictObject({ warningFreeShare: share, criticalFreeShare: share, measureEveryMs: positive })
    .refine(
      ({ warningFreeShare, criticalFreeShare }) => criticalFreeShare <= warningFreeShare,
      "wants criticalFreeShare ≤ warningFreeShare",
    ),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
export type Config = DeepReadonly<z.infer<typeof configSchema>>;
