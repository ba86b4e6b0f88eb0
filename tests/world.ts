/**
 * The whole QTS in a test's hand: the real composition root on adapters of memory, and a clock to wind.
 *
 * Everything between the ports is real: machines, lanes, dispatcher, journal-first recording, desk, gates, pipeline, archive
 * sink, operator commands. What lies beyond them outlives the process, as it does in the world: the journal's storage, the
 * archive's disk, the venue. `restart` is a kill: nothing says goodbye, and the next life finds only what was durable.
 */
import { EMPTY, filter, Subject } from "rxjs";
import { homePaths } from "#adapters/host/home.ts";
import { createMemoryBroker } from "#adapters/memory/broker.ts";
import { createSimulatedClock, type SimulatedClock } from "#adapters/memory/clock.ts";
import { createMemoryFeed, type MemoryFeed } from "#adapters/memory/feed.ts";
import { createMemoryFiles } from "#adapters/memory/files.ts";
import { createJournalStorage, createMemoryJournal, type JournalStorage, type MemoryJournal } from "#adapters/memory/journal.ts";
import { parseConfig } from "#config/config.ts";
import type { Fact, FactType, NewFact } from "#core/event/catalog.ts";
import type { Broker, KillSwitch, StateSnapshot } from "#core/ports.ts";
import { err, ok } from "#core/result.ts";
import type { SessionReport } from "#core/runtime/report.ts";
import type { Strategy } from "#core/strategy/strategy.ts";
import type { RawTick } from "#market/ports.ts";
import type { AlertChannel } from "#ops/automation/alerts.ts";
import type { Post } from "#ops/ports.ts";
import type { Oddity, OpsPorts, SessionPorts } from "#parts/ports.ts";
import { createRoot, type Root } from "#src/root.ts";

/** Monday 2013-10-07 10:00 in New York: the market is open. */
export const morning = Date.UTC(2013, 9, 7, 14);

/** Proposes nothing. */
export const idle: Strategy = { name: "idle", evaluate: () => [] };

/** Ops whose hands never come to anything. */
const idleHands = new Proxy({}, { get: () => () => new Promise(() => {}) });
export const idleOps = { files: idleHands, worker: idleHands } as OpsPorts;

export interface WorldOptions {
  /** Laid over the defaults. */
  readonly config?: object;
  /** Delivered when their time has come. */
  readonly ticks?: readonly RawTick[];
  readonly strategy?: Strategy;
  readonly seed?: number;
  readonly startsAt?: number;
  readonly ops?: OpsPorts;
  /** The way to services outside. */
  readonly post?: Post;
  /** The ways to people beside the log. */
  readonly alertChannels?: readonly AlertChannel[];
  /** Lots on the venue's account from before. */
  readonly positions?: Readonly<Record<string, number>>;
  /** The journal of an earlier world. */
  readonly storage?: JournalStorage;
  /** Another venue than the scripted one; asked for in every life, with its clock. */
  readonly venue?: (clock: SimulatedClock) => Promise<Pick<SessionPorts, "broker" | "onTrade" | "endOfDay">>;
}

type PayloadOf<T extends FactType> = Extract<NewFact, { readonly type: T }>["payload"];

/** One step of a model's path, as xstate/graph gives it. */
export interface Step<State, Event> {
  readonly event: Event;
  readonly state: State;
}

/** The body of a state snapshot. */
export interface State {
  readonly actors: { readonly children: { readonly [name: string]: { readonly snapshot: { readonly context?: object } } } };
  readonly deadlines: { readonly [id: string]: number };
  readonly ledger: object;
}

interface Process {
  readonly root: Root;
  readonly clock: SimulatedClock;
  readonly journal: MemoryJournal;
  readonly feed: MemoryFeed;
  readonly beat: () => void;
  readonly kill: () => void;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** So many turns of the event loop without work, and everything that answers a turn later has answered. */
const calmTurns = 4;

export const createWorld = async (options: WorldOptions = {}) => {
  const { strategy = idle, startsAt = morning, seed = 1, storage = createJournalStorage() } = options;
  const parsed = parseConfig({ session: { seed } }, options.config ?? {});
  if (!parsed.ok) throw new Error(parsed.problems.map(({ key, problem }) => `${key} ${problem}`).join("; "));
  const { config } = parsed;
  const venue = createMemoryBroker({ now: () => life.clock.now(), positions: options.positions ?? {} });
  const wall = createSimulatedClock({ startAt: startsAt });
  const disk = createMemoryFiles();
  const oddities = new Subject<Oddity>();
  const log: { readonly level: string; readonly text: string; readonly fields: object }[] = [];
  /** The kill switch: why it is on, null while it is off, or why nobody can tell; it outlives processes. */
  let killSwitch: ReturnType<KillSwitch["now"]> = ok(null);
  const recorded: RawTick[] = [];
  const coming = [...(options.ticks ?? [])];
  let lives = 0;
  let ops = options.ops;
  let life: Process;

  /** The venue's line to one life: cut when that life ends, so that the dead can neither speak nor hear. */
  const lineTo = (broker: Broker, isAlive: () => boolean): Broker => {
    const whileAlive =
      <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
      (...args: A): Promise<R> =>
        isAlive() ? call(...args) : new Promise(() => {});
    return {
      ...broker,
      reports: (valve) => broker.reports(valve).pipe(filter(isAlive)),
      submit: whileAlive(broker.submit),
      cancel: whileAlive(broker.cancel),
      replace: whileAlive(broker.replace),
      orders: whileAlive(broker.orders),
      executions: whileAlive(broker.executions),
      account: whileAlive(broker.account),
      close: async () => undefined,
    };
  };

  /** A process with everything in its place, not started. */
  const createProcess = async (at: number, storage: JournalStorage): Promise<Process> => {
    let isAlive = true;
    const beats = new Set<() => void>();
    const clock = createSimulatedClock({
      startAt: at,
      monotonicMs: () => clock.now() - startsAt,
      // A process that was killed never gets another turn.
      yieldToIo: async () => {
        void root.settle();
        await (isAlive ? turn() : new Promise(() => {}));
        void root.settle();
      },
    });
    const journal = createMemoryJournal({ storage });
    const feed = createMemoryFeed("memory", recorded);
    const ports = {
      ...((await options.venue?.(clock)) ?? { broker: lineTo(venue, () => isAlive) }),
      ...(ops === undefined ? {} : { ops }),
      ...(options.post === undefined ? {} : { post: options.post }),
      ...(options.alertChannels === undefined ? {} : { alertChannels: options.alertChannels }),
    };
    const root = createRoot(config, {
      version: "test",
      home: homePaths("/qts"),
      session: "0001",
      epoch: lives,
      orderSeries: String(lives),
      clock,
      wallClock: wall,
      journal,
      markEnded: async () => ({ ok: true, value: undefined }),
      feed,
      startsAt,
      strategy,
      archiveFiles: disk,
      pulse: (_everyMs, beat) => {
        beats.add(beat);
        return () => beats.delete(beat);
      },
      vix: EMPTY,
      oddities,
      killSwitch: { path: "/qts/KILL", now: () => killSwitch, look: async () => killSwitch },
      log: {
        error: (fields, text) => log.push({ level: "error", text, fields }),
        warn: (fields, text) => log.push({ level: "warn", text, fields }),
        info: (fields, text) => log.push({ level: "info", text, fields }),
      },
      ...ports,
    });
    return {
      root,
      clock,
      journal,
      feed,
      beat: () => {
        for (const beat of beats) beat();
      },
      kill: () => {
        isAlive = false;
        journal.fail({ type: "journal.unavailable", reason: "the process was killed" });
        void ports.broker.close();
      },
    };
  };

  const begin = async (at: number): Promise<void> => {
    lives += 1;
    life = await createProcess(at, storage);
    const started = await life.root.start();
    if (!started.ok) throw new Error(started.error);
    await settle();
  };

  /** Everything that is under way happens, and what was recorded is on disk; time stands still. */
  const settle = async (): Promise<void> => {
    const { root, clock, beat } = life;
    for (let calm = 0; calm < calmTurns; ) {
      beat();
      root.house.recorder.flush();
      await clock.released();
      const isBusy = root.house.effectsPending() > 0 || (root.house.recorder.pending() > 0 && !root.house.recorder.failure());
      calm = isBusy ? 0 : calm + 1;
    }
  };

  /** Turns of the event loop, for worlds in which something hangs and nothing settles. */
  const turns = async (): Promise<void> => {
    for (let count = 0; count < 20; count += 1) await life.clock.yieldToIo();
  };

  const wind = async (at: number): Promise<void> => {
    await life.clock.advanceTo(at);
    await settle();
  };

  const deliver = async (tick: RawTick): Promise<void> => {
    recorded.push(tick);
    life.feed.deliver(tick);
    await settle();
  };

  const advanceTo = async (at: number): Promise<void> => {
    for (let next = coming[0]; next !== undefined && next.exchangeAt <= at; next = coming[0]) {
      coming.shift();
      await wind(next.exchangeAt);
      await deliver(next);
    }
    await wind(at);
  };

  /** All state that a snapshot of this life would hold, without keeping one. */
  const stateOf = async ({ root, journal }: Process): Promise<State> => {
    const { saveSnapshot } = journal;
    let body = "";
    Object.assign(journal, {
      saveSnapshot: async (snapshot: StateSnapshot) => {
        ({ body } = snapshot);
        return { ok: true, value: undefined };
      },
    });
    await root.house.saveSnapshot();
    Object.assign(journal, { saveSnapshot });
    return JSON.parse(body) as State;
  };

  const snapshotOf = (name: Parameters<ReturnType<Root["house"]["actors"]>["snapshotOf"]>[0]) =>
    life.root.house.actors().snapshotOf(name) as unknown as { readonly value: string; readonly context: never };

  await begin(startsAt);

  return {
    config,
    venue,
    disk,
    storage,
    log,
    settle,
    turns,
    clock: () => life.clock,
    root: () => life.root,
    journal: () => life.journal,
    now: () => life.clock.now(),
    status: () => life.root.status(),
    /** A machine's state and context. */
    actor: snapshotOf,
    /** Every journaled fact so far, of all lives. */
    facts: (): readonly Fact[] => storage.records.map(({ body }) => JSON.parse(body) as Fact),
    /** Real time passes while the market's stands still: people wait, or a disk hangs. */
    wait: async (ms: number): Promise<void> => {
      await wall.advanceTo(wall.now() + ms);
      await turns();
    },
    /** Time passes, and what becomes due on the way happens. */
    advance: (ms: number) => advanceTo(life.clock.now() + ms),
    advanceTo,
    /** A trade of the market, now. */
    tick: (priceMinor: number, symbol = "SPY", quantity = 100) =>
      deliver({
        symbol,
        exchangeAt: life.clock.now(),
        sequence: recorded.filter((tick) => tick.symbol === symbol).length + 1,
        priceMinor,
        quantity,
      }),
    /** Makes the file KILL with this line in it, or with null removes it; nobody has looked at it yet. */
    setKillSwitch: (found: string | null) => {
      killSwitch = ok(found);
    },
    /** Nobody can tell whether the file KILL is there. */
    breakKillSwitch: (reason: string) => {
      killSwitch = err(reason);
    },
    /** The process shows something odd. */
    oddity: (oddity: Oddity) => oddities.next(oddity),
    /** The market data ends, as a recorded day does. */
    endFeed: async () => {
      life.feed.end();
      await turns();
    },
    /** Offers a fact from inside the house and lets everything happen that follows from it at once. */
    fact: async <T extends FactType>(type: T, payload: PayloadOf<T>): Promise<void> => {
      life.root.house.offer({ type, payload, source: "test" } as NewFact);
      await settle();
    },
    /** Asks as the control socket does. */
    answer: async (request: Parameters<Root["answer"]>[0]) => {
      const reply = await life.root.answer(request);
      await settle();
      return reply as { readonly exitCode: number; readonly body: { readonly sentence?: string } };
    },
    /**
     * Kills the process and starts the next one on what was durable, later, and with or without ops as asked.
     * Throws the sentence of a start that is refused.
     */
    restart: async ({
      afterMs = 0,
      ...changed
    }: {
      readonly afterMs?: number;
      readonly ops?: OpsPorts | undefined;
    } = {}): Promise<void> => {
      life.kill();
      if ("ops" in changed) ops = changed.ops;
      await begin(life.clock.now() + afterMs);
    },
    state: () => stateOf(life),
    /** What a process that starts now would come to before it does anything: from the newest snapshot or the journal alone. */
    rebuilt: async (from: "snapshot" | "journal"): Promise<State> => {
      const copy = { records: [...storage.records], snapshots: from === "journal" ? [] : [...storage.snapshots] };
      const other = await createProcess(life.clock.now(), copy);
      const recovered = await other.root.house.recover();
      if (!recovered.ok) throw new Error(JSON.stringify(recovered.error));
      const state = await stateOf(other);
      other.kill();
      return state;
    },
    /** Stops cleanly. */
    stop: async (
      cause = "asked by the test",
    ): Promise<{ readonly report: SessionReport; readonly failure: string | undefined }> => {
      life.root.requestStop(cause);
      return life.root.finished;
    },
    /** Lives a model's path: `act` makes each event happen, `agree` compares the house with the model's state. */
    walk: async <State, Event>(
      steps: readonly Step<State, Event>[],
      act: (event: Event, state: State) => Promise<void>,
      agree: (state: State, walked: string) => void | Promise<void>,
    ): Promise<void> => {
      const walked: string[] = [];
      for (const { event, state } of steps) {
        walked.push((event as { readonly type: string }).type);
        await act(event, state);
        await agree(state, walked.join(" › "));
      }
    },
  };
};

export type World = Awaited<ReturnType<typeof createWorld>>;
