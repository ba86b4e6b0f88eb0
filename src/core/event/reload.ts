/** What a changed `events:` section can change while the house runs, and what has to wait for a restart (spec E11). */
import type { Config } from "#config/schema.ts";

type EventsConfig = Config["events"];

export interface Reloaded {
  /** Dotted keys that took effect. */
  readonly applied: readonly string[];
  /** Dotted keys that keep their old value until the next start. */
  readonly needsRestart: readonly string[];
}

/** Sizes of structures that hold facts: to change them live would mean to move, and perhaps to lose, what waits. */
const fixedKeys: readonly string[] = [
  "events.lanes.P0.capacity",
  "events.lanes.P0.waitingOutsideMax",
  "events.lanes.P0.internalReserve",
  "events.lanes.P1.capacity",
  "events.lanes.P2.capacity",
  "events.lanes.P3.capacity",
  "events.handlers.deadLettersMax",
];

const isBranch = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const changedKeys = (before: unknown, after: unknown, path: string): string[] => {
  if (isBranch(before) && isBranch(after))
    return Object.keys(after).flatMap((key) => changedKeys(before[key], after[key], `${path}.${key}`));
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [path];
};

/**
 * Splits the changes between two `events:` sections.
 *
 * @returns the section to run with from now on (new values, old sizes) and the names of both kinds of change
 */
export const reloadPlan = (
  current: EventsConfig,
  next: EventsConfig,
): { readonly config: EventsConfig; readonly reloaded: Reloaded } => {
  const changed = changedKeys(current, next, "events");
  const { P0, P1, P2, P3 } = current.lanes;
  const config: EventsConfig = {
    ...next,
    lanes: {
      P0: {
        ...next.lanes.P0,
        capacity: P0.capacity,
        waitingOutsideMax: P0.waitingOutsideMax,
        internalReserve: P0.internalReserve,
      },
      P1: { ...next.lanes.P1, capacity: P1.capacity },
      P2: { ...next.lanes.P2, capacity: P2.capacity },
      P3: { ...next.lanes.P3, capacity: P3.capacity },
    },
    handlers: { ...next.handlers, deadLettersMax: current.handlers.deadLettersMax },
  };
  return {
    config,
    reloaded: {
      applied: changed.filter((key) => !fixedKeys.includes(key)),
      needsRestart: changed.filter((key) => fixedKeys.includes(key)),
    },
  };
};

/** @returns the names of the other sections that changed; they are read at a start alone */
const changedSections = ({ events: _, ...current }: Config, { events: __, ...next }: Config): string[] =>
  Object.entries(next)
    .filter(([name, section]) => JSON.stringify(section) !== JSON.stringify(current[name as keyof typeof current]))
    .map(([name]) => name);

/** @returns applies what of a changed configuration can be applied live, and names the rest */
export const createReload =
  (
    config: Config,
    dispatcher: { reload(events: EventsConfig): Reloaded },
    intake: { reload(intake: EventsConfig["intake"]): void },
  ) =>
  (changed: Config): Reloaded => {
    const { applied, needsRestart } = dispatcher.reload(changed.events);
    intake.reload(changed.events.intake);
    return { applied, needsRestart: [...needsRestart, ...changedSections(config, changed)] };
  };
