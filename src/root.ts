/**
 * The composition root: (config, ports) ⇒ a session that can be started, asked and stopped. Ports ⇒ view ⇒ list of parts ⇒
 * house; what each part is made of stands in parts/.
 */
import type { Config } from "#config/config.ts";
import type { NewFact, Offer } from "#core/event/catalog.ts";
import { createIntake } from "#core/event/intake.ts";
import { createReload, type Reloaded } from "#core/event/reload.ts";
import { journalRefusal } from "#core/journal-sentence.ts";
import { createOrderIds } from "#core/orders/intent.ts";
import type { CommandReply } from "#core/ports.ts";
import { createRandom } from "#core/random.ts";
import { err, ok, type Result } from "#core/result.ts";
import { bootProblem } from "#core/runtime/boot-check.ts";
import type { EffectHandlers } from "#core/runtime/effects.ts";
import { createHouse, type House } from "#core/runtime/house.ts";
import { createInspection, type Inspection } from "#core/runtime/inspection.ts";
import { createObserver } from "#core/runtime/observer.ts";
import { type ControlRequest, createOperator } from "#core/runtime/operator.ts";
import type { HouseStatus } from "#core/runtime/report.ts";
import { createStatus } from "#core/runtime/status.ts";
import { createView, type HouseView, type Readings } from "#core/view.ts";
import { createParts } from "./parts/list.ts";
import { type Part, type PartContext, runTextOf } from "./parts/part.ts";
import type { SessionPorts } from "./parts/ports.ts";
import { createSessionPart, type Finished } from "./parts/session.ts";
import { chartsOf, hostedOf, logicsOf, projectionOf, supervisionOf, together } from "./parts/together.ts";
import { createWaits } from "./parts/waits.ts";

export interface Root {
  /**
   * Recovers, reconciles, opens trading and begins the market. The sentence of a failure names the remedy.
   *
   * @param isStopped asked while the journal is recovered; true ends the start there, with nothing begun: "stopped"
   */
  readonly start: (isStopped?: () => boolean) => Promise<Result<"started" | "stopped", string>>;
  /** Ends the session cleanly; twice is fine. */
  readonly requestStop: (cause: string) => void;
  readonly finished: Promise<Finished>;
  readonly status: () => HouseStatus;
  readonly view: HouseView;
  /** Handles what waits; called whenever I/O has had its turn, and by a replay after every trade. A promise holds the replay. */
  readonly settle: () => Promise<void> | undefined;
  readonly answer: (request: ControlRequest) => Promise<CommandReply>;
  /** Applies what of a changed configuration can be applied live, and names what needs a restart. */
  readonly reload: (config: Config) => Reloaded;
  /** What a page is shown. */
  readonly inspection: Inspection;
  /** The corridor itself, for tests. */
  readonly house: House;
}

export const createRoot = (config: Config, ports: SessionPorts): Root => {
  const { clock, log, session, epoch } = ports;
  let recovered = false;
  const offer: Offer = (fact) => house.offer(fact);
  const intake = createIntake({
    config: config.events.intake,
    clock,
    random: createRandom(config.session.seed),
    offer: (fact) => house.dispatcher.offerExternal(fact),
    whenCalm: () => house.dispatcher.whenCalm(),
  });
  const view = createView({
    clock,
    instruments: config.instruments,
    house: () => house,
    readings: () => readings,
    sources: intake.figures,
  });
  const context: PartContext = {
    config,
    ports,
    view,
    offer,
    tell: (type, payload) => offer({ type, payload, source: "root" } as NewFact),
    intake,
    nextOrderId: createOrderIds(ports.orderSeries),
    waits: createWaits(clock, ports.wallClock, () => house.dispatcher),
    deadlines: () => house.deadlines,
    house: () => house,
    parts: () => parts,
    report: () => figures.report(),
    status: () => figures.status(),
  };
  const { part: sessionPart, begun, finished, requestStop } = createSessionPart(context);
  const parts = [...createParts(context), sessionPart] as const;
  const each = (step: (part: Part) => void): void => parts.forEach(step);
  const effects = together(parts, "effects") satisfies EffectHandlers;
  const readings = together(parts, "readings") satisfies Readings;
  const machines = together(parts, "machines");

  const observer = createObserver((error) => log.error({ error }, "whoever looked on failed three times and is let go"));
  const house = createHouse({
    config: config.events,
    seed: config.session.seed,
    runPrefix: `${session}-${runTextOf(epoch)}-`,
    version: ports.version,
    snapshotEveryFacts: config.journal.snapshotEveryFacts,
    clock,
    journal: ports.journal,
    logics: logicsOf(machines),
    input: supervisionOf(machines, config.supervision, ports.ops !== undefined),
    handlers: effects,
    ...projectionOf(parts),
    released: context.waits.released,
    onJournalFailure: (error) => {
      log.error({ error }, "the journal cannot append: trading stops");
      each((part) => part.journalFailed?.());
    },
    onSafetyChange: (to) => each((part) => part.safetyChanged?.(to)),
    observer,
    onLost: (name, event) => log.error({ actor: name, fact: event.type }, "a fact for an actor that is down was lost"),
  });
  each((part) => part.listen?.(house.dispatcher));

  const figures = createStatus({ ...ports, view, house, recovered: () => recovered, parts });

  const start: Root["start"] = async (isStopped) => {
    const problem = bootProblem(chartsOf(parts), hostedOf(parts), house.dispatcher.isHandled);
    if (problem !== undefined) return err(problem);
    const recovery = await house.recover(isStopped);
    if (!recovery.ok) return err(journalRefusal(recovery.error, `${ports.home.path}/journal`));
    if (recovery.value.stopped) return ok("stopped");
    const stamped = ports.stampHome?.() ?? ok(undefined);
    if (!stamped.ok) return stamped;
    recovered = recovery.value.recovered;
    // Time goes on where the journal ended; what was due in between fires as soon as deadlines are armed.
    await clock.advanceTo?.(Math.max(ports.startsAt, recovery.value.lastAt ?? 0));
    house.open({ session, epoch, recovered });
    each((part) => part.opened?.());
    await begun;
    return ok("started");
  };

  return {
    start,
    requestStop,
    finished,
    status: figures.status,
    view,
    reload: createReload(config, house.dispatcher, intake),
    settle: house.settle,
    answer: createOperator({ house, view, offer, status: figures.status }),
    inspection: createInspection({ house, view, status: figures.status, observer }),
    house,
  };
};
