/**
 * Chart mutations: one small damage to a machine at a time. A test-suite that stays green has a hole.
 *
 * What is damaged: a transition (removed, retargeted, made internal), a guard (dropped, inverted; each operand of `and`
 * too), an action's place in a list (removed), and inside an action each field it assigns and each effect it emits. Fields
 * and effects are found by watching the undamaged machine pass its own suite, so a damage that could not be seen by
 * anybody is not counted as one.
 */
import { type AnyStateMachine, createMachine, enqueueActions, not } from "xstate";

export interface Mutant {
  /** Stable text: where and what, for people and for the list of equivalents. */
  readonly id: string;
  readonly machine: AnyStateMachine;
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
const built = (config: Config, implementations: Implementations): AnyStateMachine =>
  createMachine(config as never, implementations as never) as AnyStateMachine;

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

const transitionMutants = function* (machine: AnyStateMachine, place: Place, transition: Config, siblings: readonly string[]) {
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
    for (const other of siblings) {
      if (other === target || other === place.path.at(-1)) continue;
      yield {
        id: `${what}: to ${other} instead of ${target}`,
        machine: changed(machine, place, (next) => {
          next.target = other;
        }),
      };
    }
    yield {
      id: `${what}: stays instead of going to ${target}`,
      machine: changed(machine, place, (next) => {
        next.target = undefined;
      }),
    };
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
  const actions = listed(transition.actions);
  for (const [at, action] of actions.entries()) {
    yield {
      id: `${what}: action ${nameOf(action)} removed`,
      machine: changed(machine, place, (next) => {
        next.actions = actions.toSpliced(at, 1);
      }),
    };
  }
};

const chartMutants = function* (machine: AnyStateMachine): Generator<Mutant> {
  const config = machine.config as unknown as Config;
  for (const path of pathsOf(config)) {
    const node = nodeAt(config, path);
    const parent = path.length === 0 ? undefined : nodeAt(config, path.slice(0, -1));
    const siblings = Object.keys((parent?.states ?? {}) as Config);
    const events: (string | undefined)[] = [
      ...Object.keys((node.on ?? {}) as Config),
      ...(node.always === undefined ? [] : [undefined]),
    ];
    for (const event of events) {
      for (const [index, transition] of transitionsAt(config, { path, event }).entries())
        yield* transitionMutants(machine, { path, event, index }, transition as Config, siblings);
    }
    for (const kind of ["entry", "exit"] as const) {
      const actions = listed(node[kind]);
      for (const [at, action] of actions.entries()) {
        yield {
          id: `${[machine.id, ...path].join(".")} ${kind}: action ${nameOf(action)} removed`,
          machine: withChange(machine, (next) => {
            nodeAt(next, path)[kind] = actions.toSpliced(at, 1);
          }),
        };
      }
    }
  }
};

interface Seen {
  readonly fields: Set<string>;
  readonly effects: Set<string>;
}

interface Enqueue {
  (action: unknown): void;
  assign: (patch: unknown) => void;
  emit: (effect: unknown) => void;
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

/** Which fields each action changes and which effects it emits while the undamaged machine passes its suite. */
const watch = (machine: AnyStateMachine, suite: (machine: AnyStateMachine) => void): ReadonlyMap<string, Seen> => {
  const { actions, ...rest } = implementationsOf(machine);
  const seen = new Map<string, Seen>();
  const watched = Object.fromEntries(
    Object.entries(actions).map(([name, action]) => {
      const noted: Seen = { fields: new Set(), effects: new Set() };
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
      });
      return [name, intercepted(action, around)];
    }),
  );
  suite(built(machine.config as unknown as Config, { ...rest, actions: watched }));
  return seen;
};

const actionMutants = function* (machine: AnyStateMachine, suite: (machine: AnyStateMachine) => void): Generator<Mutant> {
  for (const [name, { fields, effects }] of watch(machine, suite)) {
    const action = implementationsOf(machine).actions[name];
    for (const field of fields) {
      const around = (given: Enqueue, args: { context: Config }): Partial<Enqueue> => ({
        assign: (patch) => {
          const { [field]: _, ...kept } = resolved(patch, args, undefined);
          given.assign(kept);
        },
      });
      yield {
        id: `${machine.id} action ${name}: does not assign ${field}`,
        machine: withAction(machine, name, intercepted(action, around)),
      };
    }
    for (const effect of effects) {
      const around = (given: Enqueue): Partial<Enqueue> => ({
        emit: (emitted) => {
          if ((emitted as { type: string }).type !== effect) given.emit(emitted);
        },
      });
      yield {
        id: `${machine.id} action ${name}: does not emit ${effect}`,
        machine: withAction(machine, name, intercepted(action, around)),
      };
    }
  }
};

/**
 * @param suite throws when a machine does not behave; must pass for `machine` itself
 * @returns every mutant, one at a time
 */
export const mutantsOf = function* (machine: AnyStateMachine, suite: (machine: AnyStateMachine) => void): Generator<Mutant> {
  yield* chartMutants(machine);
  yield* actionMutants(machine, suite);
};

export interface MutationReport {
  readonly total: number;
  readonly killed: number;
  /** Mutants that no test noticed, by id. */
  readonly survivors: readonly string[];
}

/** Runs the suite against every mutant; a mutant is killed when the suite throws. */
export const runMutations = (machine: AnyStateMachine, suite: (machine: AnyStateMachine) => void): MutationReport => {
  suite(machine);
  let total = 0;
  const survivors: string[] = [];
  for (const mutant of mutantsOf(machine, suite)) {
    total += 1;
    try {
      suite(mutant.machine);
      survivors.push(mutant.id);
    } catch {
      // Killed.
    }
  }
  return { total, killed: total - survivors.length, survivors };
};
