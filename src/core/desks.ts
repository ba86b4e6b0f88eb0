/**
 * A desk: hosts many snapshots of one machine, each under a key of its own. Orders live on one; scalp executions, position guards
 * and pools are as many and as short-lived.
 *
 * They are not xstate actors: 10,000 children cost seconds to spawn and leak ids. A desk keeps one snapshot per key, steps it with
 * `machine.transition`, and hands out what the machine emitted. What has ended stays for late facts as long as there is room, the
 * oldest leaves first, and the desk's owner is told what has left, for the books beside it. The owner decides which fact concerns
 * which key, and what a fact for nobody means.
 */
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type ContextFrom,
  createActor,
  type EmittedFrom,
  type EventFromLogic,
  type InputFrom,
  type StateValue,
} from "xstate";

/** How one snapshot is kept as JSON, and how what was kept, also by an older version, becomes a snapshot again. */
export interface DeskForm<M extends AnyStateMachine, Saved> {
  readonly save: (key: string, snapshot: Stand<M>) => Saved;
  readonly restore: (saved: Saved) => Stand<M> & { readonly key: string };
}

/** Where one machine of a desk stands. */
export interface Stand<M extends AnyStateMachine> {
  readonly value: StateValue;
  readonly context: ContextFrom<M>;
}

export interface PersistedSnapshots<Saved> {
  readonly live: readonly Saved[];
  /** In the order of their end. */
  readonly finished: readonly Saved[];
}

export interface MachineDeskOptions<M extends AnyStateMachine, Saved> {
  readonly machine: M;
  /** Any input that the machine begins with: of the one actor that lends its system to all. */
  readonly template: InputFrom<M>;
  readonly form: DeskForm<M, Saved>;
  /** Nothing more is expected; a late fact may still come, and may make it unfinished again. */
  readonly isFinished: (context: ContextFrom<M>) => boolean;
  /** Finished ones kept for late facts. */
  readonly finishedKept: number;
  /** Told of each that has left memory, so that no book outlives it. */
  readonly forget?: (key: string, context: ContextFrom<M>) => void;
}

/** What one fact did to one machine. */
export interface DeskStep<M extends AnyStateMachine> {
  readonly before: ContextFrom<M>;
  readonly after: ContextFrom<M>;
  /** In the order of their emission. */
  readonly effects: readonly EmittedFrom<M>[];
}

export class MachineDesk<M extends AnyStateMachine, Saved> {
  readonly #options: MachineDeskOptions<M, Saved>;
  readonly #machine: M;
  readonly #scope: never;
  /** Where the machines' effects go during the present step. */
  #effects: EmittedFrom<M>[] = [];
  readonly #live = new Map<string, AnyMachineSnapshot>();
  /** In the order of their end; the oldest leaves first. */
  readonly #finished = new Map<string, AnyMachineSnapshot>();

  constructor(options: MachineDeskOptions<M, Saved>, persisted?: PersistedSnapshots<Saved>) {
    this.#options = options;
    this.#machine = options.machine;
    // One actor that is never started lends its system to every step; the desk collects what machines emit.
    const template = createActor(options.machine as AnyStateMachine, { input: options.template });
    this.#scope = {
      self: template,
      id: options.machine.id,
      sessionId: options.machine.id,
      system: template.system,
      logger: () => {},
      defer: (act: () => void) => act(),
      emit: (effect: EmittedFrom<M>) => this.#effects.push(effect),
      stopChild: () => {},
      actionExecutor: (action: { exec?: (info: unknown, params: unknown) => void; info: unknown; params: unknown }) =>
        action.exec?.(action.info, action.params),
    } as never;
    if (persisted === undefined) return;
    for (const saved of persisted.live) this.#restore(saved, this.#live);
    for (const saved of persisted.finished) this.#restore(saved, this.#finished);
  }

  #restore(saved: Saved, into: Map<string, AnyMachineSnapshot>): void {
    const { key, value, context } = this.#options.form.restore(saved);
    into.set(key, this.#machine.resolveState({ value, context }));
  }

  persist(): PersistedSnapshots<Saved> {
    const { save } = this.#options.form;
    const saved = (snapshots: ReadonlyMap<string, AnyMachineSnapshot>): Saved[] =>
      Array.from(snapshots, ([key, { value, context }]) => save(key, { value, context }));
    return { live: saved(this.#live), finished: saved(this.#finished) };
  }

  #snapshot(key: string): AnyMachineSnapshot | undefined {
    return this.#live.get(key) ?? this.#finished.get(key);
  }

  /** Of a live or a recently finished one; undefined for a key that is not in memory. */
  context(key: string): ContextFrom<M> | undefined {
    return this.#snapshot(key)?.context;
  }
  value(key: string): StateValue | undefined {
    return this.#snapshot(key)?.value;
  }
  has(key: string): boolean {
    return this.#live.has(key) || this.#finished.has(key);
  }
  *live(): Iterable<ContextFrom<M>> {
    for (const { context } of this.#live.values()) yield context;
  }
  *finished(): Iterable<ContextFrom<M>> {
    for (const { context } of this.#finished.values()) yield context;
  }

  /** Begins a machine under a key that is not in memory: the owner has looked. */
  begin(key: string, input: InputFrom<M>): Pick<DeskStep<M>, "after" | "effects"> {
    if (this.has(key)) throw new Error(`broken assumption: ${this.#machine.id} ${key} is begun twice`);
    this.#effects = [];
    const snapshot = this.#machine.getInitialSnapshot(this.#scope, input);
    const effects = this.#effects;
    this.#keep(key, snapshot);
    return { after: snapshot.context, effects };
  }

  /** @returns undefined for a key that is not in memory: it never was, or it finished long ago */
  step(key: string, event: EventFromLogic<M>): DeskStep<M> | undefined {
    const snapshot = this.#snapshot(key);
    if (snapshot === undefined) return undefined;
    this.#effects = [];
    const next = this.#machine.transition(snapshot, event, this.#scope);
    const effects = this.#effects;
    this.#keep(key, next);
    return { before: snapshot.context, after: next.context, effects };
  }

  /** Live until finished, then among the finished, whose oldest leaves memory. */
  #keep(key: string, snapshot: AnyMachineSnapshot): void {
    if (!this.#options.isFinished(snapshot.context)) {
      this.#finished.delete(key);
      this.#live.set(key, snapshot);
      return;
    }
    this.#live.delete(key);
    this.#finished.set(key, snapshot);
    if (this.#finished.size <= this.#options.finishedKept) return;
    const [oldest] = this.#finished.keys();
    if (oldest === undefined) return;
    const context = this.#finished.get(oldest)?.context;
    this.#finished.delete(oldest);
    this.#options.forget?.(oldest, context);
  }
}

/** A snapshot as it is, with the version of its form. */
export interface SavedStand<M extends AnyStateMachine> extends Stand<M> {
  readonly key: string;
  readonly version: number;
}

/**
 * The form of a machine whose context alone does not say where it stands.
 *
 * @param version counts up when the context or a state's name changes its form
 * @param migrate makes a stand of an older version one of this; it is never asked about a newer one, which does not restore
 */
export const standForm = <M extends AnyStateMachine>(
  version: number,
  migrate: (saved: SavedStand<M>) => Stand<M> = (saved) => saved,
): DeskForm<M, SavedStand<M>> => ({
  save: (key, { value, context }) => ({ key, version, value, context }),
  restore: (saved) => {
    if (saved.version > version) throw new Error(`${saved.key} is of version ${saved.version}, and this is version ${version}`);
    const { value, context } = saved.version === version ? saved : migrate(saved);
    return { key: saved.key, value, context };
  },
});
