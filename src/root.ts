/**
 * The composition root: (config, ports) ⇒ a session that can be started, asked and stopped. Everything meets here and
 * nowhere else; no room knows more than its ports.
 */

import type { Observable } from "rxjs";
import type { ArchiveCounts } from "#archive/watch.ts";
import type { Config } from "#config/config.ts";
import type { FactType, NewFact, Offer } from "#core/event/catalog.ts";
import { degradationOf } from "#core/event/degradation.ts";
import { createIntake } from "#core/event/intake.ts";
import type { Reloaded } from "#core/event/reload.ts";
import { createReportIntake } from "#core/execution/broker-reports.ts";
import { createExecutionRoute } from "#core/execution/execution-route.ts";
import { createEpochFence, createOrderGate } from "#core/execution/order-gate.ts";
import { createDeskLogic, type DeskSnapshot } from "#core/orders/desk-logic.ts";
import { createOrderIds } from "#core/orders/intent.ts";
import type { DeskView } from "#core/orders/order-desk.ts";
import { createReconciliation } from "#core/orders/reconciliation.ts";
import type { Broker, Clock, CommandReply, Journal, JournalError } from "#core/ports.ts";
import { createRandom } from "#core/random.ts";
import { err, ok, type Result } from "#core/result.ts";
import { createComputingGates } from "#core/risk/computing-gates.ts";
import type { RiskView } from "#core/risk/risk-gate.ts";
import { chartProblems } from "#core/runtime/boot-check.ts";
import type { EffectHandlers } from "#core/runtime/effects.ts";
import { createFigures } from "#core/runtime/figures.ts";
import { createHouse, type House } from "#core/runtime/house.ts";
import { type ControlRequest, createOperator } from "#core/runtime/operator.ts";
import type { HouseStatus } from "#core/runtime/report.ts";
import { createAccountMetrics, type Marks } from "#core/state/account-metrics.ts";
import { createCycle } from "#core/strategy/cycle.ts";
import type { Strategy } from "#core/strategy/strategy.ts";
import { archiveMachine } from "#machines/archive.machine.ts";
import { executionLoopMachine } from "#machines/execution-loop.machine.ts";
import { feedMachine } from "#machines/feed.machine.ts";
import { maintenanceMachine } from "#machines/maintenance.machine.ts";
import { type OperatingContext, operatingMachine, operatingView } from "#machines/operating-state.machine.ts";
import { policyOf } from "#machines/operating-state.policy.ts";
import { opsMachine } from "#machines/ops.machine.ts";
import { orderMachine } from "#machines/order.machine.ts";
import type { SafetyCode } from "#machines/safety.codes.ts";
import { type SafetyContext, type SafetyState, safetyMachine, tradingAllowed } from "#machines/safety.machine.ts";
import { schedulerMachine } from "#machines/scheduler.machine.ts";
import { supervisorMachine } from "#machines/supervisor.machine.ts";
import type { RawTick } from "#market/ports.ts";
import { type AlertLog, createAlerts, createLogAlertChannel } from "#ops/automation/alerts.ts";
import type { StagesByName } from "#ops/automation/metrics.ts";
import { createEnding, type Finished } from "./root.ending.ts";
import { composeOps, type OpsPorts } from "./root.ops.ts";
import { composeRecording, type RecordingPorts } from "./root.recording.ts";
import { createWaits, type SessionClock } from "./root.waits.ts";

/** The logger, as much of it as the house uses; pino's fits. */
export type Log = AlertLog;

/** A value that the market had at a time of its own. */
export interface TimedValue {
  readonly at: number;
  readonly value: number;
}

/** Something odd about the process that no room can see from inside. */
export interface Oddity {
  readonly code: SafetyCode;
  readonly reason: string;
}

export interface RootPorts extends Omit<RecordingPorts, "onTick" | "run" | "archive" | "clock" | "inlet"> {
  readonly version: string;
  readonly home: { readonly path: string; readonly archive: string; readonly backup: string; readonly maintenanceLogs: string };
  /** True when the journal already holds facts of this session. */
  readonly continued: boolean;
  /** Of the lease. */
  readonly epoch: number;
  /** What the order ids of this run begin with: no other run at the same venue has it, whatever became of the home. */
  readonly orderSeries: string;
  readonly clock: SessionClock;
  /** People live in real time, also in a replay. */
  readonly wallClock: Pick<Clock, "now" | "setTimer">;
  readonly journal: Journal;
  readonly markEnded: (cause: string) => Promise<Result<void, JournalError>>;
  readonly broker: Broker;
  /** The venue watches the market through us; absent for one that sees it itself. */
  readonly onTrade?: (tick: RawTick) => void;
  /** The venue closes for the day. */
  readonly endOfDay?: () => Promise<void>;
  /** The price step of a symbol at a price, for markets with a tick table. */
  readonly tickAt?: (symbol: string, priceMinor: number) => number;
  readonly strategy: Strategy;
  /** The volatility index, each value when its time has come. */
  readonly vix: Observable<TimedValue>;
  /** The process's own signs of life; they do not wait, so only the newest of each code is worth telling. */
  readonly oddities: Observable<Oddity>;
  /** How long the event loop is blocked. */
  readonly loopDelayMs?: () => { readonly p99: number; readonly max: number };
  readonly log: Log;
  /** Absent: core runs without ops. */
  readonly ops?: OpsPorts;
}

export interface Root {
  /** Recovers, reconciles, opens trading and begins the market. The sentence of a failure names the remedy. */
  readonly start: () => Promise<Result<void, string>>;
  /** Ends the session cleanly; twice is fine. */
  readonly requestStop: (cause: string) => void;
  readonly finished: Promise<Finished>;
  readonly status: () => HouseStatus;
  readonly stages: () => StagesByName;
  readonly archiveCounts: () => ArchiveCounts;
  /** Handles what waits; called whenever I/O has had its turn, and by a replay after every trade. A promise holds the replay. */
  readonly settle: () => Promise<void> | undefined;
  readonly answer: (request: ControlRequest) => Promise<CommandReply>;
  /** Applies what of a changed configuration can be applied live, and names what needs a restart. */
  readonly reload: (config: Config) => Reloaded;
  /** The corridor itself, for whoever looks on: tests, the inspector. */
  readonly house: House;
}

/** The market begins without a venue that does not answer for this long; trading stays closed until it does. */
const venueMsMax = 10_000;
/** Market time for the first data of a start, before anything is evaluated with it. */
const firstDataMs = 60_000;
const evaluationTimer = "operating.evaluation";

/** Why the house does not start on this journal, and how to go on without losing the evidence. */
const journalSentence = (error: JournalError, directory: string): string => {
  switch (error.type) {
    case "journal.stale.owner":
      return `the journal in ${directory} has ${error.actualSeq} records where ${error.expectedSeq} were expected: another process writes to it; stop that one first.`;
    case "journal.unavailable":
      return error.reason;
    case "journal.corrupt":
      return `the journal in ${directory} is damaged${error.seq > 0 ? ` at record ${error.seq}` : ""}: ${error.reason}. Nothing was changed: copy that directory, then see docs/operations/journal.md; \`qts run --new-session\` begins without it.`;
    default:
      return error satisfies never;
  }
};

export const createRoot = (config: Config, ports: RootPorts): Root => {
  const { clock, broker, log, session, epoch } = ports;
  const run = String(epoch).padStart(6, "0");
  let recovered = false;
  let hasStarted = false;
  // One wait for all: waiting lets I/O have turns, every turn settles the house, and that asks again.
  let release: Promise<void> | undefined;

  const offer: Offer = (fact) => house.offer(fact);
  const tell = (type: FactType, payload: object): void => offer({ type, payload, source: "root" } as NewFact);

  // What the parts may know of each other: read from the actors' snapshots, fail-closed when an actor is down.
  const desk = (): DeskView => (house.actors().snapshotOf("orders") as unknown as DeskSnapshot).desk;
  const safety = (): SafetyState =>
    house.actors().isDown("safety")
      ? "LOCKDOWN"
      : (house.actors().snapshotOf("safety") as unknown as { value: SafetyState }).value;
  const safetyCause = (): string | undefined =>
    (house.actors().snapshotOf("safety") as unknown as { context: SafetyContext }).context.cause?.code;
  /** A house that is restarted often is evaluated all the same. */
  const lastEvaluation = (): number | null =>
    (house.actors().snapshotOf("operating") as unknown as { context: OperatingContext }).context.evaluatedAt;
  const operating = () => operatingView(house.actors().snapshotOf("operating") as never);

  const waits = createWaits(clock, ports.wallClock, () => house.dispatcher);
  const intake = createIntake({
    config: config.events.intake,
    clock,
    random: createRandom(config.session.seed),
    offer: (fact) => house.dispatcher.offerExternal(fact),
    whenCalm: () => house.dispatcher.whenCalm(),
  });
  const volatility = intake.inlet("volatility");
  const vitals = intake.inlet("process");

  const recording = composeRecording(
    config,
    { ...ports, run, inlet: intake.inlet("feed"), archive: ports.home.archive, onTick: (tick) => ports.onTrade?.(tick) },
    offer,
  );
  const riskView: RiskView = {
    safety,
    operating: () => operating().properties,
    mark: recording.mark,
    instrument: (symbol) => config.instruments.find((instrument) => instrument.symbol === symbol),
    now: () => clock.now(),
    ...(ports.tickAt === undefined ? {} : { tickAt: ports.tickAt }),
  };
  const fence = createEpochFence(epoch);
  const gate = createOrderGate({ broker, fence });
  const reports = createReportIntake({
    broker,
    inlet: intake.inlet("broker"),
    offer,
    desk,
    onConnected: () => reconciliation.run(hasStarted ? "reconnect" : "start"),
  });
  const reconciliation = createReconciliation({
    broker,
    desk,
    intake: reports,
    offer,
    clock,
    isAwaited: gate.isAwaited,
    isTripped: () => safetyCause() === "FS070",
    policy: {
      everyMs: config.broker.reconcileEveryMs,
      absentAfterMs: config.broker.absentAfterMs,
      matchSkewMs: config.broker.matchSkewMs,
    },
  });
  const route = createExecutionRoute({
    gate,
    fence,
    riskGates: createComputingGates(config),
    view: riskView,
    broker: { name: broker.name, live: broker.capabilities.live },
    desk,
    intake: reports,
    query: (orderId) => reconciliation.query(orderId),
    offer,
    clock,
    submitTimeoutMs: config.broker.submitTimeoutMs,
  });
  const cycle = createCycle({
    strategy: ports.strategy,
    clock,
    offer,
    signalMsMax: 2 * config.execution.intervalMs,
    nextOrderId: createOrderIds(ports.orderSeries),
    view: () => ({
      now: clock.now(),
      instruments: config.instruments,
      position: (symbol) => desk().position(symbol).quantity,
      mark: recording.mark,
      openOrders: [...desk().liveOrders()].map((order) => ({
        orderId: order.orderId,
        symbol: order.symbol,
        side: order.side,
        leavesQuantity: order.ordered - order.cumulative,
        createdAt: order.intendedAt,
        isCancelPending: order.isCancelPending,
      })),
      entrySignalMin: operating().properties.entrySignalMin,
      newEntry: operating().properties.newEntry,
    }),
  });
  const account = createAccountMetrics(
    {
      startingCashMinor: config.broker.paper.cashMinor,
      highWaterDays: config.operating.highWaterDays,
      targetCagr: config.operating.targetCagr,
      dayOf: (at) => new Date(at).toISOString().slice(0, 10),
    },
    desk,
  );
  const alerts = createAlerts({ channels: [createLogAlertChannel(log)], clock: ports.wallClock });

  const ops = composeOps({
    config,
    ports: ports.ops,
    version: ports.version,
    home: ports.home,
    runPrefix: `${session}-${epoch}`,
    clock,
    waits,
    house: () => house,
    offer,
    isOpen: (path) => recording.sink.openPaths().includes(path),
  });

  const handlers: EffectHandlers = {
    ...recording.handlers,
    ...route,
    ...alerts.handlers,
    ...ops.handlers,
    "cycle.run": ({ cycle: number }) => cycle.run(number),
    "safety.report": ({ kind, code, reason }) => {
      const type = (
        {
          anomaly: "anomaly.raised",
          guardrail: "guardrail.tripped",
          failsafe: "failsafe.tripped",
          cleared: "failsafe.cleared",
        } as const
      )[kind];
      tell(type, { code, reason });
    },
    "operating.announce": ({ from, to, rule, reason }) => {
      log.info({ from, to, rule }, `operating state ${from} → ${to}: ${reason}`);
      tell("operating.changed", { from, to, rule, reason });
    },
    "operating.history.append": ({ entry }) => tell("operating.moved", { entry }),
    "component.restart": ({ component }) => {
      log.warn({ component }, `${component} is restarted`);
      tell("component.started", { component });
    },
    "component.report.failed": ({ component, reason }) => {
      log.error({ component, reason }, `${component} stopped with an error`);
      // The desk is changed in place: only the journal knows what it was before the fact that broke it.
      if (component === "orders") ending.crash(new Error(`the order desk stopped with an error: ${reason}`));
      else tell("component.failed", { component, reason });
    },
  };

  const house = createHouse({
    config: config.events,
    seed: config.session.seed,
    runPrefix: `${session}-${run}-`,
    snapshotEveryFacts: config.journal.snapshotEveryFacts,
    clock,
    journal: ports.journal,
    logics: {
      safety: safetyMachine,
      operating: operatingMachine,
      orders: createDeskLogic({
        instruments: config.instruments,
        limits: { unknownDeadlineMs: config.broker.unknownDeadlineMs, pendingDeadlineMs: config.broker.pendingDeadlineMs },
        finishedKept: config.broker.finishedOrdersKept,
        approvalsKept: 10_000,
      }),
      execution: executionLoopMachine,
      feed: feedMachine,
      archive: archiveMachine,
      maintenance: maintenanceMachine,
      scheduler: schedulerMachine,
    },
    input: {
      restart: config.supervision,
      ops: ports.ops !== undefined,
      parts: {
        safety: config.safety,
        operating: { ...config.operating, ...policyOf(config.operating) },
        execution: config.execution,
        feed: { feed: ports.feed.name, silenceMsMax: config.archive.silenceMsMax, reconnect: config.market.reconnect },
        archive: { reopenMs: 5000, persistedShareMin: config.archive.persistedShareMin, disk: config.disk },
        ops: { restart: config.supervision, parts: { scheduler: { failuresMax: 3, backoffMsMin: 1000, backoffMsMax: 60_000 } } },
      },
    },
    handlers,
    ledger: account,
    released: () => {
      if ((clock.held ?? 0) > 0) release ??= clock.released?.().finally(() => (release = undefined));
      return release;
    },
    onJournalFailure: (error) => {
      log.error({ error }, "the journal cannot append: trading stops");
      fence.close("the journal cannot append");
    },
    onSafetyChange: (to) => {
      house.dispatcher.setDegradation(degradationOf(to));
      // What was approved before the halt must not leave after it (spec O7).
      if (!tradingAllowed(to as SafetyState)) fence.raise(`safety is ${to}`);
    },
    onLost: (name, event) => log.error({ actor: name, fact: event.type }, "a fact for an actor that is down was lost"),
  });

  // Handlers of facts that no machine is told: the strategy's eyes, its signals, and what people read.
  const { dispatcher } = house;
  dispatcher.handle(
    "market.trade.ticked",
    ({ payload: { symbol, priceMinor, quantity, exchangeAt } }) =>
      ports.strategy.onTrade?.({ symbol, priceMinor, quantity, at: exchangeAt }),
    { name: "strategy" },
  );
  dispatcher.handle("market.vix.updated", ({ at, payload }) => account.metrics().vix(payload.value, at), { name: "account" });
  dispatcher.handle("signal.generated", cycle.actOnSignal, { name: "signals" });

  // What became of an order is worth a line, but no line is worth a late fill: lines wait in P3.
  dispatcher.handle(
    ["order.filled", "order.canceled", "order.rejected", "order.denied", "order.expired", "order.submit.unknown"],
    ({ type, payload: { orderId } }) => {
      const order = desk().order(orderId);
      if (order === undefined) return;
      const { side, symbol, ordered, cumulative, endReason } = order;
      const text = `${orderId} ${side} ${ordered} ${symbol}: ${type}, ${cumulative} filled${endReason === null ? "" : ` (${endReason})`}`;
      tell("log.written", { level: "info", text, fields: { orderId, fact: type } });
    },
    { name: "log" },
  );
  dispatcher.handle("log.written", ({ payload: { text, fields } }) => log.info((fields ?? {}) as object, text), { name: "log" });

  const trading = (): { open: boolean; why: string } => {
    if (ending.isStopping()) return { open: false, why: "the session is stopping" };
    const state = safety();
    if (!tradingAllowed(state)) return { open: false, why: `safety is ${state}` };
    return desk().trading();
  };

  const figures = createFigures({
    version: ports.version,
    session,
    home: ports.home.path,
    epoch,
    instruments: config.instruments,
    clock,
    house,
    recovered: () => recovered,
    desk,
    safety,
    operating: () => operating().state,
    mark: recording.mark,
    market: () => {
      const link = recording.link();
      return {
        firstAt: link?.firstTickAt(),
        lastAt: link?.lastTickAt(),
        ticks: link?.ticks() ?? 0,
        progress: link?.progress() ?? null,
      };
    },
    archive: recording.counts,
    maintenance: ops.figures,
    sources: intake.figures,
    trading,
    restarts: () => {
      const { context } = house.actors().snapshotOf("supervisor") as unknown as {
        context: { restarts: { [part: string]: readonly number[] } };
      };
      return Object.fromEntries(Object.entries(context.restarts).map(([part, times]) => [part, times.length]));
    },
    loopDelay: ports.loopDelayMs ?? (() => ({ p99: 0, max: 0 })),
  });

  const ending = createEnding({
    session,
    clock,
    waits,
    house: () => house,
    offer,
    desk,
    reconciliation,
    fence,
    intake,
    endOfDay: ports.endOfDay,
    maintain: ops.endOfDay,
    unknownDeadlineMs: config.broker.unknownDeadlineMs,
    markEnded: ports.markEnded,
    report: figures.report,
    quieten: () => {
      ops.scheduler.stop();
      reconciliation.stop();
    },
    release: async () => {
      reports.close();
      alerts.close();
      await ops.close();
    },
    log,
  });

  /** Values the account first, as a fact, and measures once that is handled. */
  const evaluatePosture = (): void => {
    const marks: { [symbol: string]: Marks[string] } = {};
    for (const { symbol } of config.instruments) {
      const last = recording.mark(symbol);
      if (last !== undefined) marks[symbol] = { priceMinor: last.priceMinor, at: last.at };
    }
    tell("account.marked", { marks });
    house.deadlines.set(evaluationTimer, clock.now() + config.operating.evaluationEveryMs);
  };
  dispatcher.handle("account.marked", () => tell("operating.metrics.measured", { metrics: account.metrics().measure() }), {
    name: "posture",
  });

  /** An alarm is an effect, and a crash may have cut it off: every process says again which orders wait for a person. */
  const callForPersons = (): void => {
    const waiting = [...desk().liveOrders()].filter(({ isOverdue, isUndetermined }) => isOverdue && isUndetermined);
    if (waiting.length === 0) return;
    const named = waiting.map(({ orderId }) => orderId).join(", ");
    if (tradingAllowed(safety())) tell("failsafe.tripped", { code: "FS042", reason: `no outcome beyond the deadline: ${named}` });
    for (const { orderId } of waiting) {
      const text = `${orderId}: the submit's outcome is still unknown; an operator must look at the venue and resolve it`;
      alerts.handlers["alert.critical"]({ type: "alert.critical", code: "FS042", text });
    }
  };

  const start = async (): Promise<Result<void, string>> => {
    const problems = [
      supervisorMachine,
      opsMachine,
      safetyMachine,
      operatingMachine,
      executionLoopMachine,
      feedMachine,
      archiveMachine,
      maintenanceMachine,
      schedulerMachine,
      orderMachine,
    ].flatMap(chartProblems);
    if (problems.length > 0)
      return err(`the machines are not whole: ${problems.join("; ")}. This is a bug of QTS; please report it.`);

    if (!ops.scheduled.ok) return err(`maintenance.dailyAt: ${ops.scheduled.error}`);

    const recovery = await house.recover();
    if (!recovery.ok) return err(journalSentence(recovery.error, `${ports.home.path}/journal`));
    recovered = recovery.value.recovered;
    // Time goes on where the journal ended; what was due in between fires as soon as deadlines are armed.
    await clock.advanceTo?.(Math.max(ports.startsAt, recovery.value.lastAt ?? 0));

    dispatcher.setDegradation(degradationOf(safety()));
    house.open({ session, epoch, recovered });
    ops.scheduler.run();
    await recording.tried;
    const answered = waits.next("reconciliation.completed", "reconciliation.failed", "broker.disconnected");
    reports.open();
    await waits.untilAnswered(answered, venueMsMax);
    hasStarted = true;
    callForPersons();

    volatility.attach({
      open: () => ports.vix,
      take: ({ at, value }) => volatility.offer({ type: "market.vix.updated", payload: { value }, source: "vix", at }),
    });
    vitals.attach({
      open: () => ports.oddities,
      conflateBy: ({ code }) => code,
      take: ({ code, reason }) => vitals.offer({ type: "anomaly.raised", payload: { code, reason }, source: "process" }),
    });
    if (house.deadlines.table()[evaluationTimer] === undefined)
      house.deadlines.set(
        evaluationTimer,
        Math.max((lastEvaluation() ?? clock.now()) + config.operating.evaluationEveryMs, clock.now() + firstDataMs),
      );
    if (config.trading.enabled) tell("execution.start.requested", { cause: recovered ? "recovered" : "started" });
    tell("feed.connect.requested", { cause: recovered ? "recovered" : "started" });
    dispatcher.handle("timer.due", ({ payload }) => (payload.id === evaluationTimer ? evaluatePosture() : undefined), {
      name: "posture",
    });
    dispatcher.handle("feed.ended", ending.endDay, { name: "root" });
    return ok(undefined);
  };

  return {
    start,
    requestStop: ending.stop,
    finished: ending.finished,
    status: figures.status,
    stages: recording.stages,
    archiveCounts: recording.counts,
    reload: (changed) => {
      const { applied, needsRestart } = dispatcher.reload(changed.events);
      intake.reload(changed.events.intake);
      const { events: _, ...others } = changed;
      const sections = Object.entries(others).filter(
        ([name, section]) => JSON.stringify(section) !== JSON.stringify(config[name as keyof Config]),
      );
      return { applied, needsRestart: [...needsRestart, ...sections.map(([name]) => name)] };
    },
    settle: house.settle,
    answer: createOperator({ house, clock, status: figures.status, askVenue: () => reconciliation.run("operator") }),
    house,
  };
};
