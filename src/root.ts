/**
 * The composition root: (config, ports) ⇒ a session that can be started, asked and stopped. Ports ⇒ view ⇒ list of parts ⇒
 * house; what each part is made of stands in parts/.
 */
import type { AnyStateMachine } from "xstate";
import type { Config } from "#config/config.ts";
import { coreParts, opsParts } from "#core/actors.ts";
import type { NewFact, Offer } from "#core/event/catalog.ts";
import { degradationOf } from "#core/event/degradation.ts";
import { createIntake } from "#core/event/intake.ts";
import type { Reloaded } from "#core/event/reload.ts";
import type { CommandReply, JournalError } from "#core/ports.ts";
import { createRandom } from "#core/random.ts";
import { err, ok, type Result } from "#core/result.ts";
import type { PartLogics } from "#core/runtime/actor-system.ts";
import { catalogueProblems, chartProblems } from "#core/runtime/boot-check.ts";
import type { EffectHandlers } from "#core/runtime/effects.ts";
import { createHouse, type House } from "#core/runtime/house.ts";
import { type ControlRequest, createOperator } from "#core/runtime/operator.ts";
import type { HouseStatus } from "#core/runtime/report.ts";
import { createStatus } from "#core/runtime/status.ts";
import { createView, type HouseView, type Readings } from "#core/view.ts";
import { opsMachine } from "#machines/ops.machine.ts";
import { supervisorMachine } from "#machines/supervisor.machine.ts";
import { createParts } from "./parts/list.ts";
import { type Hosted, type Part, type PartContext, runTextOf, together } from "./parts/part.ts";
import type { SessionPorts } from "./parts/ports.ts";
import { createSessionPart, type Finished } from "./parts/session.ts";
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
  /** The corridor itself, for whoever looks on: tests, the inspector. */
  readonly house: House;
}

/** Why the house does not start on this journal, and how to go on without losing the evidence. */
const journalSentence = (error: JournalError, directory: string): string => {
  switch (error.type) {
    case "journal.stale.owner":
      return `the journal in ${directory} has ${error.actualSeq} records where ${error.expectedSeq} were expected: another process writes to it; stop that one first.`;
    case "journal.unavailable":
      return error.reason;
    case "journal.corrupt":
      return `the journal in ${directory} is damaged${error.seq > 0 ? ` at record ${error.seq}` : ""}: ${error.reason}. Nothing was changed: copy that directory, then see docs/operations/journal.md; \`qts run --new-session\` begins without it.`;
    case "journal.other.version":
      return `the journal in ${directory} was written by another version of QTS, most likely a newer one: ${error.reason}. The journal is whole and no fact was added: start the version that wrote it, see "A new version" in docs/operations/README.md.`;
    default:
      return error satisfies never;
  }
};

const inputsOf = (machines: { readonly [name: string]: Hosted }, names: readonly string[]): { [name: string]: unknown } =>
  Object.fromEntries(names.map((name) => [name, machines[name]?.input]));

const isChart = (logic: object): logic is AnyStateMachine => "root" in logic && "config" in logic;

export const createRoot = (config: Config, ports: SessionPorts): Root => {
  const { clock, log, session, epoch } = ports;
  let recovered = false;
  // One wait for all: waiting lets I/O have turns, every turn settles the house, and that asks again.
  let release: Promise<void> | undefined;

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

  const house = createHouse({
    config: config.events,
    seed: config.session.seed,
    runPrefix: `${session}-${runTextOf(epoch)}-`,
    version: ports.version,
    snapshotEveryFacts: config.journal.snapshotEveryFacts,
    clock,
    journal: ports.journal,
    logics: Object.fromEntries(Object.entries(machines).map(([name, { logic }]) => [name, logic])) as unknown as PartLogics,
    input: {
      restart: config.supervision,
      ops: ports.ops !== undefined,
      parts: {
        ...inputsOf(machines, coreParts),
        ops: { restart: config.supervision, parts: inputsOf(machines, opsParts) },
      },
    },
    handlers: effects,
    ...projectionOf(parts),
    released: () => {
      if ((clock.held ?? 0) > 0) release ??= clock.released?.().finally(() => (release = undefined));
      return release;
    },
    onJournalFailure: (error) => {
      log.error({ error }, "the journal cannot append: trading stops");
      each((part) => part.journalFailed?.());
    },
    onSafetyChange: (to) => {
      house.dispatcher.setDegradation(degradationOf(to));
      each((part) => part.safetyChanged?.(to));
    },
    onLost: (name, event) => log.error({ actor: name, fact: event.type }, "a fact for an actor that is down was lost"),
  });
  each((part) => part.listen?.(house.dispatcher));

  const figures = createStatus({ ...ports, view, house, recovered: () => recovered, parts });

  const start: Root["start"] = async (isStopped) => {
    const charts = [...parts.flatMap(({ hosts = [] }: Part) => hosts), ...Object.values(machines).map(({ logic }) => logic)];
    const problems = [
      ...[supervisorMachine, opsMachine, ...charts.filter(isChart)].flatMap(chartProblems),
      ...catalogueProblems(house.dispatcher.isHandled),
    ];
    if (problems.length > 0)
      return err(`the machines are not whole: ${problems.join("; ")}. This is a bug of QTS; please report it.`);

    const recovery = await house.recover(isStopped);
    if (!recovery.ok) return err(journalSentence(recovery.error, `${ports.home.path}/journal`));
    if (recovery.value.stopped) return ok("stopped");
    const stamped = ports.stampHome?.() ?? ok(undefined);
    if (!stamped.ok) return stamped;
    recovered = recovery.value.recovered;
    // Time goes on where the journal ended; what was due in between fires as soon as deadlines are armed.
    await clock.advanceTo?.(Math.max(ports.startsAt, recovery.value.lastAt ?? 0));
    house.dispatcher.setDegradation(degradationOf(view.safety()));
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
    reload: (changed) => {
      const { applied, needsRestart } = house.dispatcher.reload(changed.events);
      intake.reload(changed.events.intake);
      const { events: _, ...others } = changed;
      const sections = Object.entries(others).filter(
        ([name, section]) => JSON.stringify(section) !== JSON.stringify(config[name as keyof Config]),
      );
      return { applied, needsRestart: [...needsRestart, ...sections.map(([name]) => name)] };
    },
    settle: house.settle,
    answer: createOperator({ house, view, offer, status: figures.status }),
    house,
  };
};

const projectionOf = (parts: readonly Part[]): Pick<Part, never> | { readonly projection: NonNullable<Part["projection"]> } => {
  const [projection, ...others] = parts.flatMap((part) => part.projection ?? []);
  if (others.length > 0) throw new Error("broken assumption: two parts have a projection");
  return projection === undefined ? {} : { projection };
};
