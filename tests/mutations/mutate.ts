/**
 * Chart mutations: one small damage to a machine at a time. A test-suite that stays green has a hole.
 *
 * What is damaged: a transition (removed, retargeted, made internal), a guard (dropped, inverted; each operand of `and`
 * too), an action's place in a list (removed), and inside an action each field it assigns, each effect it emits and each
 * child it spawns or stops. Fields, effects and children are found by watching the undamaged machine pass its own suite, so
 * a damage that could not be seen by anybody is not counted as one.
 */
import { type AnyStateMachine, assign, createMachine, enqueueActions, not } from "xstate";

export interface Mutant {
  /** Stable text: where and what, for people and for the list of equivalents. */
  readonly id: string;
  readonly machine: AnyStateMachine;
}

/** One sentence of a suite: throws when a machine does not behave as it says. */
export interface Sentence {
  readonly name: string;
  readonly run: (machine: AnyStateMachine) => void;
}

type Config = { [key: string]: unknown };
interface Implementations {
  readonly guards: { readonly [name: string]: unknown };
  readonly actions: { readonly [name: string]: unknown };
}

const isPlain = (value: unknown): value is Config =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
const cloned = <T>(value: T): T => {
  if (Array.isArray(value)) return value.map(cloned) as T;
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cloned(inner)])) as T;
};
const listed = (value: unknown): unknown[] => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

const implementationsOf = (machine: AnyStateMachine): Implementations => machine.implementations as unknown as Implementations;
/** A damaged `always` may go round for ever; so many steps without rest are a failure like any other. */
const options = { maxIterations: 1000 };
const built = (config: Config, implementations: Implementations): AnyStateMachine =>
  createMachine({ ...config, options } as never, implementations as never) as AnyStateMachine;

/** The same chart, changed in a copy. */
const withChange = (machine: AnyStateMachine, change: (config: Config) => void): AnyStateMachine => {
  const config = cloned(machine.config as unknown as Config);
  change(config);
  return built(config, implementationsOf(machine));
};
/** The node at a path of state names, in a copied config. */
const nodeAt = (config: Config, path: readonly string[]): Config =>
  path.reduce<Config>((node, name) => (node.states as { [name: string]: Config })[name] as Config, config);

const nameOf = (part: unknown): string => {
  if (typeof part === "string") return part;
  if (isPlain(part) && typeof part.type === "string") {
    const params = isPlain(part.params) ? `(${Object.values(part.params).join(" ")})` : "";
    return `${part.type}${params}`;
  }
  const { guards, type } = part as { guards?: readonly unknown[]; type?: string };
  return guards === undefined ? (type ?? "inline") : guards.map(nameOf).join(" & ");
};

/** `and([...])` and `or([...])` keep their operands in a property; a damaged copy needs the same functions around others. */
const withOperands = (guard: unknown, operands: readonly unknown[]): unknown => {
  const damaged = Object.assign((...args: never[]) => (guard as (...given: never[]) => unknown)(...args), guard, {
    guards: operands,
  });
  return damaged;
};

interface Place {
  readonly path: readonly string[];
  /** `on` with an event, or `always`. */
  readonly event: string | undefined;
  readonly index: number;
}

const transitionsAt = (config: Config, { path, event }: Omit<Place, "index">): unknown[] => {
  const node = nodeAt(config, path);
  return listed(event === undefined ? node.always : (node.on as Config)[event]).map((transition) =>
    typeof transition === "string" ? { target: transition } : transition,
  );
};

const setTransitions = (config: Config, { path, event }: Omit<Place, "index">, transitions: unknown[]): void => {
  const node = nodeAt(config, path);
  if (event === undefined) node.always = transitions;
  else (node.on as Config)[event] = transitions;
};

const pathsOf = (config: Config, path: readonly string[] = []): (readonly string[])[] => [
  path,
  ...Object.entries((config.states ?? {}) as { [name: string]: Config }).flatMap(([name, inner]) =>
    pathsOf(inner, [...path, name]),
  ),
];

const changed = (machine: AnyStateMachine, place: Place, change: (transition: Config) => void): AnyStateMachine =>
  withChange(machine, (config) => {
    const transitions = transitionsAt(config, place) as Config[];
    change(transitions[place.index] as Config);
    setTransitions(config, place, transitions);
  });

/** The same target with another last name: `#door.open` ⇒ `#door.shut`, `.open` ⇒ `.shut`, `open` ⇒ `shut`. */
const othersThan = (target: string, config: Config, path: readonly string[]): readonly string[] => {
  const names = target.split(".");
  const within = target.startsWith("#") ? names.slice(1, -1) : target.startsWith(".") ? path : path.slice(0, -1);
  const siblings = Object.keys((nodeAt(config, within).states ?? {}) as Config);
  const isSelf = (name: string): boolean => !target.startsWith(".") && [...within, name].join(".") === path.join(".");
  return siblings.filter((name) => name !== names.at(-1) && !isSelf(name)).map((name) => [...names.slice(0, -1), name].join("."));
};

const transitionMutants = function* (machine: AnyStateMachine, place: Place, transition: Config) {
  const where = [machine.id, ...place.path].join(".");
  const what = `${where} ${place.event ?? "always"}[${place.index}]`;
  const { target, guard } = transition;
  yield {
    id: `${what}: removed`,
    machine: withChange(machine, (config) => {
      const transitions = transitionsAt(config, place);
      transitions.splice(place.index, 1);
      setTransitions(config, place, transitions);
    }),
  };
  if (typeof target === "string") {
    const config = machine.config as unknown as Config;
    for (const other of othersThan(target, config, place.path)) {
      yield {
        id: `${what}: to ${other} instead of ${target}`,
        machine: changed(machine, place, (next) => {
          next.target = other;
        }),
      };
    }
    // Without children and without `reenter`, a transition to the state itself is the same as one without a target.
    const isAlreadyStaying =
      target === place.path.at(-1) && transition.reenter !== true && nodeAt(config, place.path).states === undefined;
    if (!isAlreadyStaying) {
      yield {
        id: `${what}: stays instead of going to ${target}`,
        machine: changed(machine, place, (next) => {
          next.target = undefined;
        }),
      };
    }
  }
  if (guard !== undefined) {
    yield {
      id: `${what}: without its guard ${nameOf(guard)}`,
      machine: changed(machine, place, (next) => {
        next.guard = undefined;
      }),
    };
    yield {
      id: `${what}: guard ${nameOf(guard)} inverted`,
      machine: changed(machine, place, (next) => {
        next.guard = not(guard as never);
      }),
    };
    const operands = (guard as { guards?: readonly unknown[] }).guards ?? [];
    for (const [at, operand] of operands.length > 1 ? operands.entries() : []) {
      yield {
        id: `${what}: guard without ${nameOf(operand)}`,
        machine: changed(machine, place, (next) => {
          next.guard = withOperands(guard, operands.toSpliced(at, 1));
        }),
      };
      yield {
        id: `${what}: guard with ${nameOf(operand)} inverted`,
        machine: changed(machine, place, (next) => {
          next.guard = withOperands(guard, operands.toSpliced(at, 1, not(operand as never)));
        }),
      };
    }
  }
  yield* listMutants(what, listed(transition.actions), (actions) =>
    changed(machine, place, (next) => {
      next.actions = actions;
    }),
  );
};

/** Each action of a list removed; of an assign that is written in place also each field. */
const listMutants = function* (
  what: string,
  actions: readonly unknown[],
  withActions: (actions: readonly unknown[]) => AnyStateMachine,
): Generator<Mutant> {
  for (const [at, action] of actions.entries()) {
    yield { id: `${what}: action ${nameOf(action)} removed`, machine: withActions(actions.toSpliced(at, 1)) };
    const { assignment } = action as { assignment?: unknown };
    const fields = isPlain(assignment) ? Object.keys(assignment) : [];
    if (!isPlain(assignment) || fields.length < 2) continue;
    for (const field of fields) {
      const { [field]: _, ...kept } = assignment;
      yield {
        id: `${what}: does not assign ${field}`,
        machine: withActions(actions.toSpliced(at, 1, assign(kept as never))),
      };
    }
  }
};

const chartMutants = function* (machine: AnyStateMachine): Generator<Mutant> {
  const config = machine.config as unknown as Config;
  for (const path of pathsOf(config)) {
    const node = nodeAt(config, path);
    const events: (string | undefined)[] = [
      ...Object.keys((node.on ?? {}) as Config),
      ...(node.always === undefined ? [] : [undefined]),
    ];
    for (const event of events) {
      for (const [index, transition] of transitionsAt(config, { path, event }).entries())
        yield* transitionMutants(machine, { path, event, index }, transition as Config);
    }
    for (const kind of ["entry", "exit"] as const) {
      yield* listMutants(`${[machine.id, ...path].join(".")} ${kind}`, listed(node[kind]), (actions) =>
        withChange(machine, (next) => {
          nodeAt(next, path)[kind] = actions;
        }),
      );
    }
  }
};

interface Seen {
  readonly fields: Set<string>;
  readonly effects: Set<string>;
  readonly spawned: Set<string>;
  readonly stopped: Set<string>;
}

interface Enqueue {
  (action: unknown): void;
  assign: (patch: unknown) => void;
  emit: (effect: unknown) => void;
  spawnChild: (logic: unknown, options: { id: string }) => void;
  stopChild: (id: unknown) => void;
}

/** Runs an action's own code with another `enqueue`: the seam at which assigns and emits can be watched and dropped. */
const intercepted = (action: unknown, around: (enqueue: Enqueue, args: { context: Config }) => Partial<Enqueue>): unknown => {
  const { type, collect, assignment } = action as {
    type?: string;
    collect?: (args: unknown, params: unknown) => void;
    assignment?: unknown;
  };
  if (type === "xstate.enqueueActions" && collect !== undefined) {
    return enqueueActions((args, params) => {
      const given = args.enqueue as unknown as Enqueue;
      const enqueue = Object.assign((inner: unknown) => given(inner), given, around(given, args as never));
      collect({ ...args, enqueue }, params);
    });
  }
  if (type === "xstate.assign" && assignment !== undefined) {
    return enqueueActions((args, params) => {
      const given = args.enqueue as unknown as Enqueue;
      const { assign } = { assign: given.assign, ...around(given, args as never) };
      assign(resolved(assignment, args, params));
    });
  }
  const { event } = action as { event?: unknown };
  if (type === "xstate.emit" && event !== undefined) {
    return enqueueActions((args, params) => {
      const given = args.enqueue as unknown as Enqueue;
      const { emit } = { emit: given.emit, ...around(given, args as never) };
      emit(typeof event === "function" ? event(args, params) : event);
    });
  }
  return action;
};

const resolved = (patch: unknown, args: unknown, params: unknown): Config => {
  if (typeof patch === "function") return patch(args, params) as Config;
  return Object.fromEntries(
    Object.entries(patch as Config).map(([key, value]) => [key, typeof value === "function" ? value(args, params) : value]),
  );
};

const withAction = (machine: AnyStateMachine, name: string, action: unknown): AnyStateMachine => {
  const implementations = implementationsOf(machine);
  return built(machine.config as unknown as Config, {
    ...implementations,
    actions: { ...implementations.actions, [name]: action },
  });
};

const sameValue = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/** What each action changes, emits, spawns and stops while the undamaged machine passes its suite. */
const watch = (machine: AnyStateMachine, suite: readonly Sentence[]): ReadonlyMap<string, Seen> => {
  const { actions, ...rest } = implementationsOf(machine);
  const seen = new Map<string, Seen>();
  const watched = Object.fromEntries(
    Object.entries(actions).map(([name, action]) => {
      const noted: Seen = { fields: new Set(), effects: new Set(), spawned: new Set(), stopped: new Set() };
      seen.set(name, noted);
      const around = (given: Enqueue, args: { context: Config }): Partial<Enqueue> => ({
        assign: (patch) => {
          for (const [key, value] of Object.entries(resolved(patch, args, undefined)))
            if (!sameValue(value, args.context[key])) noted.fields.add(key);
          given.assign(patch);
        },
        emit: (effect) => {
          noted.effects.add((effect as { type: string }).type);
          given.emit(effect);
        },
        spawnChild: (logic, options) => {
          noted.spawned.add(options.id);
          given.spawnChild(logic, options);
        },
        stopChild: (id) => {
          noted.stopped.add(String(id));
          given.stopChild(id);
        },
      });
      return [name, intercepted(action, around)];
    }),
  );
  const observed = built(machine.config as unknown as Config, { ...rest, actions: watched });
  for (const { run } of suite) run(observed);
  return seen;
};

const actionMutants = function* (machine: AnyStateMachine, suite: readonly Sentence[]): Generator<Mutant> {
  for (const [name, { fields, effects, spawned, stopped }] of watch(machine, suite)) {
    const damaged = (what: string, around: (given: Enqueue, args: { context: Config }) => Partial<Enqueue>): Mutant => ({
      id: `${machine.id} action ${name}: does not ${what}`,
      machine: withAction(machine, name, intercepted(implementationsOf(machine).actions[name], around)),
    });
    for (const field of fields)
      yield damaged(`assign ${field}`, (given, args) => ({
        assign: (patch) => {
          const { [field]: _, ...kept } = resolved(patch, args, undefined);
          given.assign(kept);
        },
      }));
    for (const effect of effects)
      yield damaged(`emit ${effect}`, (given) => ({
        emit: (emitted) => {
          if ((emitted as { type: string }).type !== effect) given.emit(emitted);
        },
      }));
    for (const child of spawned)
      yield damaged(`spawn ${child}`, (given) => ({
        spawnChild: (logic, options) => {
          if (options.id !== child) given.spawnChild(logic, options);
        },
      }));
    for (const child of stopped)
      yield damaged(`stop ${child}`, (given) => ({
        stopChild: (id) => {
          if (id !== child) given.stopChild(id);
        },
      }));
  }
};

/**
 * @param suite must pass for `machine` itself
 * @returns every mutant, one at a time
 */
export const mutantsOf = function* (machine: AnyStateMachine, suite: readonly Sentence[]): Generator<Mutant> {
  yield* chartMutants(machine);
  yield* actionMutants(machine, suite);
};

export interface MutationReport {
  readonly total: number;
  readonly killed: number;
  /** Mutants that no test noticed, by id. */
  readonly survivors: readonly string[];
}

/** Runs the suite against every mutant; a mutant is killed by the first sentence that throws. */
export const runMutations = (machine: AnyStateMachine, suite: readonly Sentence[]): MutationReport => {
  const timed = suite.map((sentence) => {
    const startedMs = performance.now();
    try {
      sentence.run(machine);
    } catch (cause) {
      throw new Error(`the undamaged ${machine.id} machine fails: ${sentence.name}`, { cause });
    }
    return { sentence, costMs: performance.now() - startedMs };
  });
  // Who is likely to notice is asked first: sentences that name the damaged state and fact, then the one that noticed the
  // last damage, then the quick ones before the slow ones.
  const quickMs = timed.reduce((sum, { costMs }) => sum + costMs, 0) / suite.length;
  const quickFirst = timed.toSorted((a, b) => a.costMs - b.costMs);
  let nearby: (typeof timed)[number] | undefined;
  const notices = ({ run }: Sentence, mutant: AnyStateMachine): boolean => {
    try {
      run(mutant);
      return false;
    } catch {
      return true;
    }
  };
  const isNoticed = ({ id, machine: mutant }: Mutant): boolean => {
    const words = id.slice(machine.id.length + 1).split(/ |\[|:/, 2);
    const naming = quickFirst.filter(({ sentence }) => words.every((word) => sentence.name.includes(word)));
    const asked = new Set([...naming, ...(nearby === undefined ? [] : [nearby]), ...quickFirst]);
    for (const each of asked) {
      if (!notices(each.sentence, mutant)) continue;
      if (each.costMs <= quickMs) nearby = each;
      return true;
    }
    return false;
  };
  let total = 0;
  const survivors: string[] = [];
  for (const mutant of mutantsOf(machine, suite)) {
    total += 1;
    if (!isNoticed(mutant)) survivors.push(mutant.id);
  }
  return { total, killed: total - survivors.length, survivors };
};
