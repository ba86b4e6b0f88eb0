/**
 * Who reads each key of the configuration, and how one sees it. A new key needs a row here, or a reservation in the schema.
 *
 * `sees` runs the part with two configurations that differ in nothing but the key: what it gives must differ too. Where that
 * would need a disk, a socket or a day of market, `written` says where the part takes the key, word for word: the words are
 * gone when the reader is.
 */
import fc from "fast-check";
import { reportFate, requestFate } from "#adapters/paper/faults.ts";
import { openAlertChannels } from "#commands/alert-channels.ts";
import type { Config } from "#config/config.ts";
import { OrderDesk } from "#core/orders/order-desk.ts";
import { createRandom } from "#core/random.ts";
import { createComputingGates } from "#core/risk/computing-gates.ts";
import { judgeWish, type RiskView, type Wish } from "#core/risk/risk-gate.ts";
import { createDispatcher } from "#core/runtime/dispatcher.ts";
import { replayPosture } from "#core/state/posture-replay.ts";
import { diskLevel } from "#machines/archive.rules.ts";
import { executionLoopMachine } from "#machines/execution-loop.machine.ts";
import { feedMachine } from "#machines/feed.machine.ts";
import { reconnectDelayMs } from "#machines/feed.rules.ts";
import { heartbeatMachine } from "#machines/heartbeat.machine.ts";
import { operatingMachine } from "#machines/operating-state.machine.ts";
import { metricNames, noMetrics, noReadings, readMetrics } from "#machines/operating-state.metrics.ts";
import { type OperatingState, operatingStates, policyOf } from "#machines/operating-state.policy.ts";
import { promotionBlock, ruleNames } from "#machines/operating-state.rules.ts";
import { restartDelayMs, restartsLeft } from "#machines/restarts.rules.ts";
import { safetyMachine } from "#machines/safety.machine.ts";
import { quietHoursOf } from "#ops/automation/quiet-hours.ts";
import { heldFor } from "#ops/maintenance/retention/policy.ts";
import { createHandClock, drainAll, fill, metric, signal, tick } from "../core/event/setup.ts";
import { deskInput } from "../core/orders/rig.ts";
import { dayMs, hourMs, postureSeries } from "../core/state/posture-series.ts";
import { drive } from "../machines/drive.ts";

export type Reader =
  | {
      readonly sees: (config: Config) => unknown;
      /** Laid under the change, where the defaults would take too long to be felt. */
      readonly base?: object;
      /** The other value, where twice or half the default will not do. */
      readonly other?: unknown;
    }
  | {
      /** Absent: anywhere in the composition, src/*.ts, src/parts and src/commands. */
      readonly file?: string;
      readonly written: string;
    };

const written = (file: string, text: string): Reader => ({ file, written: text });
const composed = (text: string): Reader => ({ written: text });
const eachSees = <const P extends string>(sees: (config: Config) => unknown, ...paths: readonly P[]) =>
  Object.fromEntries(paths.map((path) => [path, { sees }])) as { readonly [path in P]: Reader };

// Lanes that fill with a handful of facts.
const small = {
  events: {
    lanes: {
      P0: { capacity: 16, waitingOutsideMax: 8, internalReserve: 8, warningDepth: 4, criticalDepth: 12 },
      P1: { capacity: 16, warningShare: 0.25, criticalShare: 0.75 },
      P2: { capacity: 16, warningShare: 0.25, criticalShare: 0.75 },
      P3: { capacity: 16, warningShare: 0.25, criticalShare: 0.75, samplingMarkShare: 0.5, samplingRate: 0.5 },
    },
  },
};
/** Fills every lane from outside and from inside, drains it, and writes down what the lanes say after each fact. */
const lanes = ({ events }: Config): unknown => {
  const dispatcher = createDispatcher({
    config: events,
    clock: createHandClock(),
    seed: 7,
    record: () => undefined,
    deliver: () => undefined,
  });
  const seen: unknown[] = [];
  let [left, taken] = [0, 0];
  dispatcher.handle(
    () => true,
    () => {
      taken += 1;
      if (taken >= left) seen.push(dispatcher.lanes());
    },
    { name: "witness" },
  );
  for (let n = 0; n < 40; n += 1) {
    for (const fact of [fill(n), tick(`S${n}`, n), signal(`S${n}`, "s", n), metric(n)]) {
      dispatcher.offerExternal(fact);
      if (n < 24) continue;
      dispatcher.offer(fact);
    }
    seen.push(dispatcher.lanes());
  }
  for (left = 1; left < 40; left += 1) {
    drainAll(dispatcher);
    seen.push(dispatcher.lanes());
  }
  return [seen, taken];
};
const laneKeys = [
  ...["capacity", "waitingOutsideMax", "internalReserve", "warningDepth", "criticalDepth"].map((key) => `P0.${key}`),
  ...["P1", "P2", "P3"].flatMap((lane) => ["capacity", "warningShare", "criticalShare"].map((key) => `${lane}.${key}`)),
  ...["P3.samplingMarkShare", "P3.samplingRate"],
].map((key) => `events.lanes.${key}`);

const caused = (at: number) => ({ at, code: "AN060", reason: "test" });
const safety = (config: Config): unknown => {
  const driven = drive(safetyMachine, config.safety);
  return [
    driven.send({ type: "anomaly.raised", ...caused(1000) } as never),
    driven.send({ type: "broker.disconnected", at: 2000, broker: "paper", reason: "test" } as never),
  ];
};

const heartbeat = ({ heartbeat: { everyMs, timeoutMs } }: Config): unknown => {
  const driven = drive(heartbeatMachine, { isOn: true, everyMs, timeoutMs });
  return [
    driven.send({ type: "session.started", at: 0, session: "s", epoch: 1, recovered: false } as never),
    driven.send({ type: "heartbeat.sent", at: 0, beat: 1 } as never),
  ];
};

const night = { alerts: { quiet: { from: "22:00", to: "07:00" } } };
const quietHours = ({ alerts }: Config): unknown =>
  Array.from({ length: 24 }, (_, hour) => quietHoursOf(alerts.quiet).endsAt(wednesday + hour * hourMs) ?? null);
/** Which variables are missed: the names come from the configuration, the secrets from nowhere. */
const variables = (config: Config): unknown => openAlertChannels(config, {});
const mailBase = {
  alerts: {
    mail: { host: "mail.example.org", from: "a@example.org", to: ["b@example.org"], userEnv: "QTS_A", passwordEnv: "QTS_B" },
  },
};

const restarts = ({ supervision }: Config): unknown => {
  const times = { part: [1000, 20_000, 40_000, 60_000] };
  return [20_000, 45_000, 70_000, 100_000].map((at) => [
    restartsLeft(times, "part", at, supervision),
    restartDelayMs(times, "part", at, supervision),
    restartDelayMs({ part: Array(9).fill(at) }, "part", at, supervision),
  ]);
};

/** Cycles that fail until the loop gives up, after some that do not. */
const execution = ({ execution: policy }: Config): unknown => {
  const driven = drive(executionLoopMachine, policy);
  const seen: unknown[] = [driven.send({ type: "execution.start.requested", at: 0, cause: "test" } as never)];
  for (let cycle = 1; cycle <= 30; cycle += 1) {
    const at = cycle * 100_000;
    seen.push(driven.send({ type: "timer.due", at, id: "execution.cycle", dueAt: at } as never));
    const answer =
      cycle < 4
        ? { type: "cycle.completed", at, cycle, intents: 0, elapsedMs: 1 }
        : { type: "cycle.failed", at, cycle, reason: "test" };
    seen.push(driven.send(answer as never), driven.value());
  }
  return seen;
};

const feed = ({ archive, market }: Config): unknown => {
  const driven = drive(feedMachine, { feed: "test", silenceMsMax: archive.silenceMsMax, reconnect: market.reconnect });
  const seen: unknown[] = [driven.send({ type: "feed.connect.requested", at: 0, cause: "test" } as never)];
  for (let at = 1; at < 8; at += 1) {
    seen.push(driven.send({ type: "feed.disconnected", at, feed: "test", reason: "test" } as never));
    seen.push(driven.send({ type: "timer.due", at, id: "feed.retry", dueAt: at } as never), driven.value());
  }
  seen.push(driven.send({ type: "feed.connected", at: 9, feed: "test" } as never));
  return [seen, [0, 3, 9].map((attempt) => reconnectDelayMs(market.reconnect, attempt, 0.9))];
};

// The same series for every key: random ones that come near every threshold from both sides.
const series = fc.sample(postureSeries, { numRuns: 120, seed: 42 });
const posture = ({ operating }: Config): unknown =>
  operatingStates.flatMap((initial) =>
    series.map((rows) =>
      replayPosture(rows, { ...operating, initial }).transitions.map(({ at, from, to, rule }) => [at, from, to, rule].join()),
    ),
  );
const wednesday = Date.UTC(2024, 0, 3);
/** What metrics of different ages are taken for. */
const ages = ({ operating }: Config): unknown =>
  [0.75, 2, 30].map((hours) => {
    const measured = Object.fromEntries(
      metricNames.map((name) => [name, { value: name === "circuitBreaker" ? false : 1, at: wednesday }]),
    );
    return readMetrics(measured, wednesday + hours * hourMs, policyOf(operating), noMetrics);
  });
/** Why a promotion is held back while nothing is known. */
const blocks = ({ operating }: Config): unknown =>
  ruleNames.map((rule) => promotionBlock(rule, policyOf(operating), noReadings, "NORMAL"));
const postureKeys = [
  ...["holdDelaysDerisking", "cooldownDelaysDerisking", "circuitBreakerNeedsConfirmation", "aggressiveHeedsDefensiveRule"],
  ...["confirmsOneStateAhead", "promotionsAreGuarded", "releaseAlwaysToBalanced", "lockdownCountsAsHeld"],
].map((key) => `operating.readingDetails.${key}`);
/** True in the safety-first reading, the default. */
const isSafetyFirst = /aggressiveHeedsDefensiveRule|confirmsOneStateAhead|promotionsAreGuarded/;
const ruleKeys = [
  ...["drawdownAbove", "vixAbove", "consecutiveScalpLossesAbove", "dailyLossAbove"].map((key) => `aggressiveToBalanced.${key}`),
  ...["drawdownAbove", "vixAbove"].map((key) => `balancedToDefensive.${key}`),
  ...["drawdownBelow", "vixBelow", "profitableDaysMin", "heldDaysMin"].map((key) => `defensiveToBalanced.${key}`),
  ...["vixBelow", "growthAbove", "winRateAbove", "heldDaysMin"].map((key) => `balancedToAggressive.${key}`),
].map((key) => `operating.rules.${key}`);

const pinned = ({ operating }: Config): unknown =>
  drive(operatingMachine, operating).send({
    ...{ type: "operating.override.requested", at: dayMs, state: "DEFENSIVE", expiresAt: 9 * dayMs },
    ...{ operator: "kim", reason: "test" },
  } as never);

const wish: Wish = {
  ...{ orderId: "w", symbol: "SPY", side: "buy", orderType: "limit", quantity: 10, limitPriceMinor: 1000 },
  ...{ strategy: "s", signal: 0.95, isChange: false },
};
const unlimited = { riskMultiplier: 1, entrySignalMin: 0, positionsMax: 1000, dailyTradesMax: 10_000, newEntry: true };
/** What the gates answer to wishes that touch one limit after the other, with so many orders before them. */
const gates =
  (state?: OperatingState) =>
  ({ risk, trading, killSwitch, operating, instruments }: Config): unknown => {
    const desk = new OrderDesk(deskInput);
    let at = Date.UTC(2013, 9, 7, 14);
    const tell = (type: string, payload: object): void => void desk.handle({ type, at, ...payload } as never, () => {});
    tell("reconciliation.completed", { cause: "start", orders: 0, fills: 0, mismatches: 0 });
    const view: RiskView = {
      safety: () => "NORMAL",
      operating: () => (state === undefined ? unlimited : operating.states[state]),
      mark: () => ({ priceMinor: 1000, at }),
      instrument: (symbol) => instruments.find((known) => known.symbol === symbol) ?? instruments[0],
      now: () => at,
    };
    const approvals: { orderId: string; at: number }[] = [];
    const ask = (over: Partial<Wish>): string => {
      const context = { view, desk, broker: { name: "venue", live: false }, pendingApprovals: () => approvals as never };
      const verdict = judgeWish(createComputingGates({ risk, trading, killSwitch }), { ...wish, ...over }, context);
      return verdict.allowed ? "allowed" : verdict.code;
    };
    const filled = (orderId: string, symbol: string, quantity: number, priceMinor: number, side = "buy"): void => {
      tell("order.intended", { ...wish, orderId, symbol, side, quantity, limitPriceMinor: priceMinor });
      tell("order.approved", { orderId, epoch: 1 });
      tell("order.submitted", { orderId, brokerOrderId: `B${orderId}` });
      tell("order.filled", { orderId, fillId: `F${orderId}`, quantity, priceMinor });
      at += 3000;
    };
    const answers = [ask({}), ask({ quantity: 300 }), ask({ limitPriceMinor: 1400 })];
    for (let signal = 0.05; signal < 1; signal += 0.05) answers.push(ask({ signal }));
    for (let n = 0; n < 60; n += 1) {
      filled(`o${n}`, `S${n % 24}`, 10, 1000);
      answers.push(ask({ orderId: `w${n}` }), ask({ orderId: `x${n}`, symbol: `S${n % 24}`, quantity: 30 }));
    }
    filled("sold", "S0", 10, 100, "sell");
    answers.push(ask({ orderId: "after" }));
    tell("order.intended", { ...wish, orderId: "twin" });
    tell("order.approved", { orderId: "twin", epoch: 1 });
    for (const ms of [500, 1000, 1000]) {
      at += ms;
      answers.push(ask({ orderId: `twin${ms}` }));
    }
    return answers;
  };
const limits = {
  risk: { orderValueMinorMax: 200_000, positionValueMinorMax: 45_000, exposureMinorMax: 400_000, dailyLossMinorMax: 8000 },
};

const fates = ({ broker }: Config): unknown => {
  const { latencyMs, faults } = broker.paper;
  const half = Object.fromEntries(
    Object.entries(faults).map(([name, value]) => [name, name.endsWith("Share") && value === 0 ? 0 : value]),
  ) as typeof faults;
  return Array.from({ length: 60 }, (_, n) => [requestFate(1, `o${n}`, latencyMs, half), reportFate(1, n, latencyMs, half)]);
};
const faultShares = [
  ...["rejectShare", "rejectAfterAcceptShare", "lostResponseShare", "lateResponseShare", "slowOrderShare"],
  ...["duplicateReportShare", "missingReportShare", "reorderReportShare", "disconnectShare", "stallShare"],
].map((key) => `broker.paper.faults.${key}`);

const held = ({ maintenance }: Config): unknown =>
  ["scalp/20131007/a.jsonl", "patterns/20131007/a.jsonl"].map((path) =>
    heldFor(path, { type: "data", decisionSnapshotDays: "never", ...maintenance.policy }, () => true),
  );

const disk = (config: Config): unknown =>
  [0.02, 0.05, 0.08, 0.12, 0.15, 0.25, 0.35].map((free) => diskLevel("ok", free, config.disk));

const states = operatingStates.flatMap((state) =>
  ["riskMultiplier", "entrySignalMin", "positionsMax", "dailyTradesMax", "newEntry"].map((key): [string, Reader] => [
    `operating.states.${state}.${key}`,
    { sees: gates(state), base: { ...limits, operating: open(state) } },
  ]),
);
/** Entries allowed, so that the limits behind that switch are felt. */
function open(state: OperatingState): object {
  return { states: { [state]: { newEntry: true } } };
}

/** Latencies of which each breaks one promise of the defaults by a quarter, and no other. */
const promises = (config: Config): unknown => {
  const defaults = { P0: [2, 5, 10, 20], P1: [10, 30, 50, 100], P2: [100, 300, 500, 1000] } as const;
  const counts = [
    [0, 100],
    [90, 10],
    [98, 2],
    [999, 1],
  ] as const;
  return Object.entries(defaults).flatMap(([priority, limits]) =>
    counts.map(([calm, late], index) => {
      const { events } = config;
      const options = { clock: createHandClock(), seed: 7, record: () => undefined, deliver: () => undefined };
      const dispatcher = createDispatcher({ config: events, ...options });
      const latency = dispatcher.latency(priority as keyof typeof defaults);
      for (let n = 0; n < calm; n += 1) latency.record(limits[0] / 2);
      for (let n = 0; n < late; n += 1) latency.record((limits[index] as number) * 1.25);
      return dispatcher.lanes()[priority as keyof typeof defaults].withinSla;
    }),
  );
};
const slaKeys = ["P0", "P1", "P2"].flatMap((lane) =>
  ["p50", "p95", "p99", "max"].map((key) => `events.lanes.${lane}.slaMs.${key}` as const),
);

const dispatcherFile = "src/core/runtime/dispatcher.ts";
const handlersFile = "src/core/event/handlers.ts";

export const readers: { readonly [path: string]: Reader } = {
  "session.mode": composed("clocks[config.session.mode]"),
  "session.feed": composed("feeds[config.session.feed]"),
  "session.day": composed("chooseDays(session.day, [shippedDays, ownDays])"),
  "session.hours": composed("const { hours, speed } = session"),
  "session.speed": composed("const { hours, speed } = session"),
  "session.seed": { sees: ({ session }) => createRandom(session.seed)() },
  "http.host": composed("host: config.http.host"),
  "http.port": composed("port: config.http.port"),
  "log.level": composed("level: config.log.level"),
  "instruments.symbol": composed("instruments.map(({ symbol }) => symbol)"),
  "instruments.market": written("src/adapters/paper/market-rules.ts", "market"),
  "instruments.currency": composed("currency = "),
  "instruments.priceScale": written("src/core/instrument.ts", "priceScale"),
  "instruments.quantityScale": written("src/core/instrument.ts", "quantityScale"),
  "feeds.upbit.url": composed("const { url: address, ...limits } = settings(config)"),
  "feeds.upbit.pingEveryMs": written("src/adapters/wire/feed.ts", "pingEveryMs"),
  "feeds.upbit.handshakeMsMax": written("src/adapters/wire/feed.ts", "handshakeMsMax"),
  "feeds.upbit.clockEveryMs": written("src/adapters/wire/feed.ts", "clockEveryMs"),
  "feeds.upbit.answerMsMax": written("src/adapters/wire/feed.ts", "answerMsMax"),
  "instruments.tickSize": written("src/core/risk/order-gates.ts", "view.instrument(symbol)?.tickSize"),
  "instruments.lotSize": written("src/core/orders/positions.ts", "lotSize"),
  ...Object.fromEntries(laneKeys.map((path) => [path, { sees: lanes, base: small }])),
  ...eachSees(promises, ...slaKeys),
  "events.lanes.P0.processingMsMax": written(dispatcherFile, "nowMs - startedMs > config.lanes.P0.processingMsMax"),
  "events.hysteresisShare": { sees: lanes, base: small, other: 0.1 },
  "events.timeSliceMs": written(dispatcherFile, "config.timeSliceMs"),
  "events.lowLanesShareMin": written(dispatcherFile, "new TurnBudget(config.lowLanesShareMin)"),
  "events.handlers.retries": written(handlersFile, "retries: retriesMax, retryDelaysMs } = policy()"),
  "events.handlers.retryDelaysMs": written(handlersFile, "retryDelaysMs[Math.min(attempts, retryDelaysMs.length) - 1]"),
  "events.handlers.timeoutMs": written(handlersFile, "const { timeoutMs }"),
  "events.handlers.inProgressMax": written(handlersFile, "const { inProgressMax }"),
  "events.handlers.deadLettersMax": written(dispatcherFile, "new DeadLetters(config.handlers.deadLettersMax)"),
  "events.intake.timeSliceMs": written("src/core/event/intake.ts", "config.timeSliceMs"),
  "events.intake.reconnectMs": written("src/core/event/intake.ts", "config.reconnectMs"),
  "events.intake.heldMax": written("src/core/event/intake.ts", "config.heldMax"),
  "events.drainMsMax": written(dispatcherFile, "config.drainMsMax"),
  "journal.snapshotEveryFacts": written("src/core/runtime/house.ts", "options.snapshotEveryFacts"),
  "journal.snapshotsKept": composed("snapshotsKept: config.journal.snapshotsKept"),
  "journal.recordsKept": composed("recordsKept: config.journal.recordsKept"),
  ...eachSees(restarts, "supervision.restartsMax", "supervision.windowMs", "supervision.delayMs", "supervision.delayMsMax"),
  ...eachSees(safety, "safety.quietPeriodMs", "safety.brokerGraceMs"),
  "safety.clockJumpMsMax": written("src/adapters/host/vitals.ts", "Math.abs(stepMs) > clockJumpMsMax"),
  "safety.loopDelayMsMax": written("src/adapters/host/vitals.ts", "recentMs > loopDelayMsMax"),
  ...eachSees(posture, "operating.reading", ...ruleKeys),
  ...Object.fromEntries(postureKeys.map((path) => [path, { sees: posture, other: !isSafetyFirst.test(path) }])),
  "operating.initial": { sees: ({ operating }) => drive(operatingMachine, operating).value() },
  ...eachSees(posture, "operating.confirmation.cycles", "operating.confirmation.hours"),
  ...eachSees(posture, "operating.minimumStayDays.BALANCED"),
  ...eachSees(posture, "operating.minimumStayDays.DEFENSIVE"),
  // In the literal reading they delay every move.
  "operating.cooldownHours": { sees: posture, base: { operating: { reading: "literal" } }, other: 2400 },
  "operating.minimumStayDays.AGGRESSIVE": { sees: posture, base: { operating: { reading: "literal" } } },
  "operating.promotionNeedsEveryInput": { sees: blocks },
  ...eachSees(ages, "operating.staleAfterMs.vix", "operating.staleAfterMs.drawdown", "operating.staleAfterMs.account"),
  "operating.targetCagr": composed("const { evaluationEveryMs: everyMs, highWaterDays, targetCagr } = config.operating"),
  "operating.highWaterDays": composed("const { evaluationEveryMs: everyMs, highWaterDays, targetCagr } = config.operating"),
  "operating.evaluationEveryMs": composed("const { evaluationEveryMs: everyMs, highWaterDays, targetCagr } = config.operating"),
  "operating.overrideDaysMax": { sees: pinned },
  ...Object.fromEntries(states),
  ...eachSees(execution, "execution.intervalMs", "execution.errorBackoffMs", "execution.cycleBudgetMs", "execution.cyclesMax"),
  ...eachSees(execution, "execution.retriesMax", "execution.consecutiveErrorsMax"),
  "execution.strategy": written("src/commands/session-inputs.ts", "const { strategy: name } = config.execution"),
  ...Object.fromEntries(
    [
      ...["orderValueMinorMax", "positionValueMinorMax", "exposureMinorMax", "dailyLossMinorMax"],
      ...["priceCollarShare", "duplicateWindowMs"],
    ].map((key) => [`risk.${key}`, { sees: gates(), base: limits }]),
  ),
  "risk.ordersPerMinuteMax": { sees: gates(), base: { risk: { ordersPerMinuteMax: 10 } } },
  "risk.consecutiveFailuresMax": written("src/core/risk/limit-gates.ts", "consecutiveFailuresMax"),
  "risk.failurePauseMs": written("src/core/risk/limit-gates.ts", "failurePauseMs"),
  "live.enabled": composed("liveEnabled: config.live.enabled"),
  ...eachSees(gates(), "trading.enabled", "killSwitch.tripped"),
  "killSwitch.available": written("src/parts/kill-switch.ts", "available ? ports.killSwitch : undefined"),
  "broker.adapter": written("src/commands/session-broker.ts", "switch (adapter)"),
  "broker.submitTimeoutMs": composed("submitTimeoutMs: config.broker.submitTimeoutMs"),
  "broker.unknownDeadlineMs": composed("unknownDeadlineMs: config.broker.unknownDeadlineMs"),
  "broker.pendingDeadlineMs": composed("pendingDeadlineMs: config.broker.pendingDeadlineMs"),
  "broker.absentAfterMs": composed("absentAfterMs: config.broker.absentAfterMs"),
  "broker.matchSkewMs": composed("matchSkewMs: config.broker.matchSkewMs"),
  "broker.finishedOrdersKept": composed("finishedKept: config.broker.finishedOrdersKept"),
  "broker.reconcileEveryMs": composed("everyMs: config.broker.reconcileEveryMs"),
  "broker.exchange.url": written("src/commands/session-broker.ts", "createExchangeClient({ ...exchange"),
  "broker.exchange.tokenFile": written("src/commands/session-broker.ts", "exchange.tokenFile"),
  "broker.exchange.silenceMsMax": written("src/adapters/paper/exchange-client.ts", "options.silenceMsMax"),
  "broker.paper.cashMinor": composed("startingCashMinor: config.broker.paper.cashMinor"),
  ...eachSees(fates, "broker.paper.latencyMs", ...faultShares),
  "broker.paper.participationShare": written("src/adapters/paper/venue-book.ts", "config.participationShare"),
  "broker.paper.feeRate": written("src/adapters/paper/account.ts", "options.feeRate"),
  "broker.paper.sellTaxRate": written("src/adapters/paper/account.ts", "options.sellTaxRate"),
  "broker.paper.responseTimeoutMs": written("src/adapters/paper/broker.ts", "config.responseTimeoutMs"),
  "broker.paper.clientOrderIds": written("src/adapters/paper/wire.ts", "config.clientOrderIds"),
  "broker.paper.basePriceMinor": written("src/adapters/paper/venue-book.ts", "config.basePriceMinor"),
  "broker.paper.faults.lateResponseMs": written("src/adapters/paper/wire.ts", "faults.lateResponseMs"),
  "broker.paper.faults.slowOrderMs": { sees: fates, base: { broker: { paper: { faults: { slowOrderShare: 1 } } } } },
  "broker.paper.faults.listLagMs": written("src/adapters/paper/wire.ts", "faults.listLagMs"),
  "broker.paper.faults.stallMs": written("src/adapters/paper/wire.ts", "faults.stallMs"),
  "market.swingEveryMs": composed("swingEveryMs: config.market.swingEveryMs"),
  "market.futureMsMax": written("src/market/validation.ts", "futureMsMax"),
  "market.clock.offMsWarn": written("src/market/clock-offset.ts", "offMsWarn"),
  "market.clock.offMsMax": written("src/market/clock-offset.ts", "offMsMax"),
  "market.pastMsMax": written("src/market/validation.ts", "pastMsMax"),
  "market.spreadShareMax": written("src/market/validation.ts", "spreadShareMax"),
  "market.priceJumpShareMax": written("src/market/pipeline.ts", "limits.priceJumpShareMax"),
  ...eachSees(
    feed,
    "market.reconnect.firstMs",
    "market.reconnect.capMs",
    "market.reconnect.connectMsMax",
    "archive.silenceMsMax",
  ),
  "market.reconnect.attemptsMax": { sees: feed, other: 3 },
  "archive.writeEveryMs": written("src/archive/jsonl-sink.ts", "writeEveryMs, bufferRowsMax } = options"),
  "archive.fsyncEveryMs": written("src/archive/stream-writer.ts", "options.fsyncEveryMs"),
  "archive.bufferRowsMax": written("src/archive/jsonl-sink.ts", "writeEveryMs, bufferRowsMax } = options"),
  "archive.scalpWindowMs": written("src/archive/paths.ts", "scalpWindowMs"),
  "archive.timeZone": composed("timeZone: config.archive.timeZone"),
  ...Object.fromEntries(
    ["scalp", "swing"].flatMap((stream) => [
      [`archive.gaps.${stream}.minorMs`, written("src/archive/gaps.ts", "limits[stream].minorMs")],
      [`archive.gaps.${stream}.majorMs`, written("src/archive/gaps.ts", "{ majorMs, criticalMs } = limits[stream]")],
      [`archive.gaps.${stream}.criticalMs`, written("src/archive/gaps.ts", "{ majorMs, criticalMs } = limits[stream]")],
    ]),
  ),
  "archive.persistedShareMin": composed("persistedShareMin: config.archive.persistedShareMin"),
  "archive.measureEveryMs": composed("countsEveryMs: config.archive.measureEveryMs"),
  "maintenance.enabled": composed("maintenance !== undefined && enabled && atDayEnd"),
  "maintenance.atDayEnd": composed("maintenance !== undefined && enabled && atDayEnd"),
  "maintenance.dailyAt": composed("dailyAt.split"),
  ...eachSees(held, "maintenance.policy.rawSnapshotDays", "maintenance.policy.patternRecordDays"),
  "maintenance.policy.filesKeptMin": written("src/ops/maintenance/retention/scanner.ts", "policy.filesKeptMin"),
  "maintenance.deleteShareMax": written("src/ops/maintenance/coordinator.ts", "options.deleteShareMax"),
  "maintenance.gzipLevel": written("src/ops/maintenance/coordinator.ts", "options.gzipLevel"),
  ...eachSees(disk, "disk.warningFreeShare", "disk.criticalFreeShare"),
  "disk.measureEveryMs": composed("diskEveryMs: config.disk.measureEveryMs"),
  "heartbeat.url": composed("const { url, everyMs, timeoutMs } = config.heartbeat"),
  ...eachSees(heartbeat, "heartbeat.everyMs", "heartbeat.timeoutMs"),
  "alerts.name": composed('session.mode === "live" ? alerts.name'),
  "alerts.language": composed("const { language, timeoutMs, webhook, telegram, mail } = alerts"),
  "alerts.timeoutMs": composed("const { language, timeoutMs, webhook, telegram, mail } = alerts"),
  "alerts.quiet.from": { sees: quietHours, base: night, other: "23:00" },
  "alerts.quiet.to": { sees: quietHours, base: night, other: "06:00" },
  "alerts.quiet.timeZone": { sees: quietHours, base: night, other: "UTC" },
  "alerts.webhook.urlEnv": { sees: variables, other: "QTS_NONE" },
  "alerts.telegram.tokenEnv": {
    sees: variables,
    base: { alerts: { telegram: { tokenEnv: "QTS_A", chatId: 1 } } },
    other: "QTS_B",
  },
  "alerts.telegram.chatId": composed("chatId: telegram.chatId"),
  "alerts.telegram.apiUrl": composed("apiUrl: telegram.apiUrl"),
  "alerts.mail.host": composed("createSmtp({ host, port, tls, timeoutMs"),
  "alerts.mail.port": composed("createSmtp({ host, port, tls, timeoutMs"),
  "alerts.mail.tls": composed("createSmtp({ host, port, tls, timeoutMs"),
  "alerts.mail.userEnv": { sees: variables, base: mailBase, other: "QTS_OTHER" },
  "alerts.mail.passwordEnv": { sees: variables, base: mailBase, other: "QTS_OTHER" },
  "alerts.mail.from": composed("createMailChannel({ from, to }"),
  "alerts.mail.to": composed("createMailChannel({ from, to }"),
};
