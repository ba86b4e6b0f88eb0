/**
 * The composition root: (config, ports) ⇒ a session that can be started, asked and stopped. Everything meets here and
 * nowhere else; no room knows more than its ports.
 */
import type { ArchiveCounts } from "#archive/watch.ts";
import type { Config } from "#config/config.ts";
import type { Fact, FactType, NewFact, Offer } from "#core/event/catalog.ts";
import { degradationOf } from "#core/event/degradation.ts";
import type { Reloaded } from "#core/event/reload.ts";
import { createReportIntake } from "#core/execution/broker-reports.ts";
import { createExecutionRoute } from "#core/execution/execution-route.ts";
import { createEpochFence, createOrderGate } from "#core/execution/order-gate.ts";
import { createDeskLogic, type DeskSnapshot } from "#core/orders/desk-logic.ts";
import { createOrderIds } from "#core/orders/intent.ts";
import type { DeskView } from "#core/orders/order-desk.ts";
import { createReconciliation } from "#core/orders/reconciliation.ts";
import type { Broker, Cancel, Clock, CommandReply, Journal, JournalError } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import { createComputingGates } from "#core/risk/computing-gates.ts";
import type { RiskView } from "#core/risk/risk-gate.ts";
import { chartProblems } from "#core/runtime/boot-check.ts";
import type { EffectHandlers } from "#core/runtime/effects.ts";
import { createFigures } from "#core/runtime/figures.ts";
import { createHouse, type House } from "#core/runtime/house.ts";
import { type ControlRequest, createOperator } from "#core/runtime/operator.ts";
import type { HouseStatus, SessionReport } from "#core/runtime/report.ts";
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
import { createScheduler } from "#ops/automation/scheduler.ts";
import { createMaintenance } from "#ops/maintenance/coordinator.ts";
import type { BackupWorker, MaintenanceFiles } from "#ops/ports.ts";
import { composeRecording, type RecordingPorts } from "./root.recording.ts";

/** The logger, as much of it as the house uses; pino's fits. */
export type Log = AlertLog;

export interface OpsPorts {
  readonly files: MaintenanceFiles;
  readonly worker: BackupWorker;
}

export interface RootPorts extends Omit<RecordingPorts, "onTick" | "run" | "archive" | "clock"> {
  readonly version: string;
  readonly home: { readonly path: string; readonly archive: string; readonly backup: string; readonly maintenanceLogs: string };
  /** True when the journal already holds facts of this session. */
  readonly continued: boolean;
  /** Of the lease; order ids carry it. */
  readonly epoch: number;
  /** In a replay a simulated clock, which is told how far the journal had got, and says when it may go on. */
  readonly clock: Clock & {
    readonly advanceTo?: (at: number) => Promise<void> | undefined;
    readonly released?: () => Promise<void>;
    readonly held?: number;
  };
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
  /** The volatility index, each value with its own time. */
  readonly vix: readonly { readonly at: number; readonly value: number }[];
  /** How long the event loop is blocked. */
  readonly loopDelayMs?: () => { readonly p99: number; readonly max: number };
  readonly log: Log;
  /** Absent: core runs without ops. */
  readonly ops?: OpsPorts;
}

export interface Finished {
  readonly report: SessionReport;
  /** One sentence when the session did not end well. */
  readonly failure: string | undefined;
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
  /** Handles what waits; called whenever I/O has had its turn. */
  readonly settle: () => void;
  /** Asked by the feed after every tick: a promise holds it. */
  readonly pause: () => Promise<void> | undefined;
  readonly answer: (request: ControlRequest) => Promise<CommandReply>;
  /** Applies what of a changed configuration can be applied live, and names what needs a restart. */
  readonly reload: (config: Config) => Reloaded;
  /** Something odd that only the process can see; reaches safety as an anomaly. */
  readonly noteAnomaly: (code: SafetyCode, reason: string) => void;
  /** The corridor itself, for whoever looks on: tests, the inspector. */
  readonly house: House;
}

/** Real time that the archive may take to seal its last segments. */
const sealMsMax = 60_000;
/** Real time that a maintenance run may take before it is given up: nobody waits for ops for ever (spec M10). */
const maintenanceMsMax = 3_600_000;
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
  let failure: string | undefined;
  let recovered = false;
  let isStopping = false;
  let hasStarted = false;
  // One wait for all: waiting lets I/O have turns, every turn settles the house, and that asks again.
  let release: Promise<void> | undefined;
  let maintenanceFigures = { backedUp: 0, verified: 0, deleted: 0, kept: 0 };
  let finish: (finished: Finished) => void = () => {};
  const finished = new Promise<Finished>((resolve) => {
    finish = resolve;
  });

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

  const recording = composeRecording(
    config,
    { ...ports, run, archive: ports.home.archive, onTick: (tick) => ports.onTrade?.(tick) },
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
  const intake = createReportIntake({
    brokerName: broker.name,
    desk,
    offer,
    onConnected: () => reconciliation.run(hasStarted ? "reconnect" : "start"),
  });
  const reconciliation = createReconciliation({
    broker,
    desk,
    intake,
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
    intake,
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
    nextOrderId: createOrderIds(epoch),
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

  const maintenance =
    ports.ops === undefined
      ? undefined
      : createMaintenance({
          dataRoot: ports.home.archive,
          backupRoot: ports.home.backup,
          policy: { type: "data", decisionSnapshotDays: "never", ...config.maintenance.policy },
          deleteShareMax: config.maintenance.deleteShareMax,
          gzipLevel: config.maintenance.gzipLevel,
          logPath: `${ports.home.maintenanceLogs}/cleanup.log`,
          tool: `qts ${ports.version}`,
          isOpen: (path) => recording.sink.openPaths().includes(path),
          // A hung disk must not hold the market's time for ever.
          clock: {
            ...clock,
            hold: (work) => {
              void clock.hold(within(work, maintenanceMsMax));
              return work;
            },
          },
          offer,
          ...ports.ops,
        });
  const scheduler = createScheduler({ clock, offer });
  const [hour, minute] = config.maintenance.dailyAt.split(":").map(Number);
  const scheduled =
    maintenance === undefined || !config.maintenance.enabled
      ? ok(undefined)
      : scheduler.addTarget(
          "maintenance",
          { type: "cron", pattern: `${minute} ${hour} * * *`, timeZone: config.archive.timeZone },
          (dueAt) => maintain(`${session}-${epoch}-${dueAt}`, "scheduled"),
        );
  const nowhere = (): void => {};

  const handlers: EffectHandlers = {
    ...recording.handlers,
    ...route,
    ...alerts.handlers,
    ...scheduler.handlers,
    ...(maintenance?.handlers ?? {
      "maintenance.plan": nowhere,
      "backup.run": nowhere,
      "backup.verify": nowhere,
      "retention.scan": nowhere,
      "cleanup.run": nowhere,
    }),
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
      if (component === "orders") crash(new Error(`the order desk stopped with an error: ${reason}`));
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
  dispatcher.handle(
    "maintenance.planned",
    () => {
      maintenanceFigures = { backedUp: 0, verified: 0, deleted: 0, kept: 0 };
    },
    { name: "figures" },
  );
  dispatcher.handle(
    "maintenance.backup.completed",
    ({ payload: { files } }) => {
      maintenanceFigures = { ...maintenanceFigures, backedUp: files };
    },
    { name: "figures" },
  );
  dispatcher.handle(
    "maintenance.backup.verified",
    ({ payload: { files } }) => {
      maintenanceFigures = { ...maintenanceFigures, verified: files };
    },
    { name: "figures" },
  );
  dispatcher.handle(
    "maintenance.cleaned",
    ({ payload: { deleted, kept } }) => {
      maintenanceFigures = { ...maintenanceFigures, deleted, kept };
    },
    { name: "figures" },
  );

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

  /** Resolves with the next fact of one of these types. */
  const next = <T extends FactType>(...types: readonly T[]): Promise<Fact<T>> =>
    new Promise((resolve) => {
      const stop = dispatcher.handle(
        types,
        (fact) => {
          stop();
          resolve(fact);
        },
        { name: "root" },
      );
    });

  /** A disk that never answers must not keep the process from ending. @returns false when the time was up first */
  const within = async (work: Promise<unknown>, waitMs: number): Promise<boolean> => {
    let cancel: Cancel = () => {};
    const overdue = new Promise<false>((resolve) => {
      cancel = ports.wallClock.setTimer(ports.wallClock.now() + waitMs, () => resolve(false));
    });
    const isDone = await Promise.race([
      work.then(
        () => true,
        () => true,
      ),
      overdue,
    ]);
    cancel();
    return isDone;
  };

  /** Asks for a maintenance run and waits for its end; one that does not end is given up, which is a WARNING and no more. */
  const maintain = async (runId: string, cause: string): Promise<void> => {
    const ended = new Promise<void>((resolve) => {
      const stop = dispatcher.handle(
        ["maintenance.planned", "maintenance.cleaned", "maintenance.failed"],
        (fact) => {
          // A plan with files goes on; one without any has nothing to do.
          if (fact.type === "maintenance.planned" && fact.payload.files > 0) return;
          stop();
          resolve();
        },
        { name: "root" },
      );
    });
    tell("maintenance.run.requested", { runId, cause });
    if (await within(ended, maintenanceMsMax)) return;
    const { context } = house.actors().snapshotOf("maintenance") as unknown as { context: { runId: string | null } };
    const reason = `no outcome within ${maintenanceMsMax} ms`;
    tell("maintenance.failed", { runId: context.runId ?? runId, step: "run", reason });
  };

  /**
   * Waits for the venue's first answer. In a replay nobody winds the clock before the feed does, so it is wound here when the
   * venue, or a second look at it, needs market time.
   */
  const untilAnswered = async (answer: Promise<unknown>): Promise<void> => {
    if (clock.advanceTo === undefined) return void (await within(answer, venueMsMax));
    let isHere = false;
    void answer.then(() => {
      isHere = true;
    });
    for (const until = clock.now() + venueMsMax; ; await clock.advanceTo(clock.now() + 100)) {
      for (let turn = 0; turn < 20 && !isHere; turn += 1) await (clock.released ?? clock.yieldToIo)();
      if (isHere || clock.now() >= until) return;
    }
  };

  const trading = (): { open: boolean; why: string } => {
    if (isStopping) return { open: false, why: "the session is stopping" };
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
    maintenance: () => maintenanceFigures,
    trading,
    restarts: () => {
      const { context } = house.actors().snapshotOf("supervisor") as unknown as {
        context: { restarts: { [part: string]: readonly number[] } };
      };
      return Object.fromEntries(Object.entries(context.restarts).map(([part, times]) => [part, times.length]));
    },
    loopDelay: ports.loopDelayMs ?? (() => ({ p99: 0, max: 0 })),
  });

  /**
   * The venue has closed and nothing begins any more: it is asked until it has told how every order ended and the positions
   * agree, or until an order without an outcome is a person's. Its last reports may have been lost, or the connection with them.
   */
  const settleOrders = async (): Promise<void> => {
    const until = clock.now() + config.broker.unknownDeadlineMs;
    for (let waitMs = 1_000; ; waitMs = Math.min(2 * waitMs, 30_000)) {
      let isAgreed = false;
      const reconciled = next("reconciliation.completed", "reconciliation.failed").then(({ type }) => {
        isAgreed = type === "reconciliation.completed";
      });
      reconciliation.run("end");
      await untilAnswered(reconciled);
      if ((isAgreed && desk().openCount() === 0) || clock.now() > until) return;
      const at = clock.now() + waitMs;
      // In a replay the feed was the last to wind the clock.
      await (clock.advanceTo?.(at) ?? new Promise<void>((resolve) => void clock.setTimer(at, resolve)));
      await ports.endOfDay?.();
    }
  };

  const seal = async (cause: string): Promise<void> => {
    const sealed = next("archive.closed");
    tell("archive.close.requested", { cause });
    await within(sealed, sealMsMax);
  };

  /** The day's data is over: the venue closes, the archive is sealed, and the day is backed up. */
  const endDay = async (): Promise<void> => {
    tell("execution.stop.requested", { cause: "the day is over" });
    await ports.endOfDay?.();
    await clock.yieldToIo();
    await seal("the day is over");
    await settleOrders();
    // An order that a person owns is known to be open; one that nobody owns must be looked for by the next start.
    const left = [...desk().liveOrders()].filter(({ owner }) => owner === "qts").length;
    if (left > 0)
      failure = `the day is over and the venue has not told how ${left === 1 ? "an order" : `${left} orders`} ended; start again on this home once it answers`;
    if (maintenance !== undefined && config.maintenance.enabled && config.maintenance.atDayEnd) {
      await maintain(`${session}-${epoch}-day-end`, "the day is over");
    }
    await close("the day is over", true);
  };

  const close = async (cause: string, isDayOver: boolean): Promise<void> => {
    isStopping = true;
    tell("execution.stop.requested", { cause });
    tell("feed.stop.requested", { cause });
    if (!isDayOver) await seal(cause);
    tell("session.ended", { session, cause });
    await clock.yieldToIo();
    fence.close("the session has ended");
    scheduler.stop();
    reconciliation.stop();
    const drained = await house.drain(config.events.drainMsMax);
    if (Object.values(drained.left).some((count) => count > 0)) log.warn({ left: drained.left }, "facts were left in the lanes");
    const report = figures.report();
    house.stop();
    if (isDayOver && failure === undefined) await ports.markEnded(cause);
    alerts.close();
    if (maintenance !== undefined) await within(maintenance.close(), sealMsMax);
    finish({ report, failure });
  };

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

    if (!scheduled.ok) return err(`maintenance.dailyAt: ${scheduled.error}`);

    const recovery = await house.recover();
    if (!recovery.ok) return err(journalSentence(recovery.error, `${ports.home.path}/journal`));
    recovered = recovery.value.recovered;
    // Time goes on where the journal ended; what was due in between fires as soon as deadlines are armed.
    await clock.advanceTo?.(Math.max(ports.startsAt, recovery.value.lastAt ?? 0));

    broker.reports.subscribe({
      next: intake.take,
      error: (error: unknown) => tell("broker.disconnected", { broker: broker.name, reason: String(error) }),
    });
    dispatcher.setDegradation(degradationOf(safety()));
    house.open({ session, epoch, recovered });
    scheduler.run();
    await recording.tried;
    const reconciled = next("reconciliation.completed", "reconciliation.failed");
    const connected = await broker.connect();
    if (!connected.ok) tell("broker.disconnected", { broker: broker.name, reason: connected.error.reason });
    else await untilAnswered(reconciled);
    hasStarted = true;
    callForPersons();

    for (const { at, value } of ports.vix) {
      clock.setTimer(at, () => offer({ type: "market.vix.updated", payload: { value }, source: "vix", at }));
    }
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
    dispatcher.handle("feed.ended", () => void endDay().catch(crash), { name: "root" });
    return ok(undefined);
  };

  /** A bug of ours: say so, and end; the next start recovers. */
  const crash = (error: unknown): void => {
    if (failure !== undefined) return;
    isStopping = true;
    failure = `the session failed: ${error instanceof Error ? error.message : String(error)}; start it again to recover`;
    log.error({ error }, failure);
    fence.close("the session has failed");
    reconciliation.stop();
    scheduler.stop();
    finish({ report: figures.report(), failure });
  };

  return {
    start,
    requestStop: (cause) => {
      if (isStopping) return;
      isStopping = true;
      void close(cause, false).catch(crash);
    },
    finished,
    status: figures.status,
    stages: recording.stages,
    archiveCounts: recording.counts,
    reload: (changed) => {
      const { applied, needsRestart } = dispatcher.reload(changed.events);
      const { events: _, ...others } = changed;
      const sections = Object.entries(others).filter(
        ([name, section]) => JSON.stringify(section) !== JSON.stringify(config[name as keyof Config]),
      );
      return { applied, needsRestart: [...needsRestart, ...sections.map(([name]) => name)] };
    },
    noteAnomaly: (code, reason) => tell("anomaly.raised", { code, reason }),
    settle: () => void house.settle(),
    pause: () => house.settle() ?? recording.room(),
    answer: createOperator({ house, clock, status: figures.status, askVenue: () => reconciliation.run("operator") }),
    house,
  };
};
