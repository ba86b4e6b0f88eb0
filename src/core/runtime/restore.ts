/**
 * From the text of a state snapshot to the state that a house starts with. Pure: no clock, no actor is started here.
 *
 * A snapshot lists its parts with the version of each. A part that it does not list is younger than the snapshot and starts
 * fresh; one that it lists and does not hold is damage, because fresh would mean NORMAL and BALANCED (spec S16). Older state
 * is migrated. What a newer version wrote is neither: it is refused by its own name, and nothing is wrong with the file.
 */
import { coreParts, opsParts } from "../actors.ts";
import { err, ok, type Result } from "../result.ts";
import { type PartForms, type PartState, partForms, type StatePart } from "./state-forms.ts";

export interface StateBody {
  readonly version: number;
  /** The version of QTS that wrote it; 0.1.0 did not say. */
  readonly writtenBy?: string;
  /** Every part that is in it, with the version of its form; 0.1.0 had no list. */
  readonly parts?: { readonly [part: string]: number };
  /** The supervisor's state, with that of all others below it. */
  readonly actors: PartState;
  readonly deadlines: { readonly [id: string]: number };
  /** The projection's state, by the name that 0.1.0 gave it. */
  readonly ledger?: unknown;
}

export type RestoreProblem = { readonly type: "damaged" | "other.version"; readonly reason: string };

/** The state of a house that begins. */
export interface FreshState {
  readonly actors: PartState;
  readonly projection: unknown;
}

export interface RestoredState {
  readonly actors: PartState;
  readonly deadlines: { readonly [id: string]: number };
  /** Undefined: it starts fresh. */
  readonly projection: unknown;
  /** Actors that are younger than the snapshot: what they emit while starting has not been done yet. */
  readonly fresh: readonly StatePart[];
  /** Parts whose state was of an older version. */
  readonly migrated: readonly StatePart[];
  /** For sentences: who wrote the snapshot. */
  readonly writer: string;
}

export interface RestoreOptions {
  /** The version of QTS that reads. */
  readonly version: string;
  /** The input of the supervisor: the present configuration of every part, and whether there is ops. */
  readonly input: { readonly ops: boolean; readonly parts: object };
  /** Asked only when a part is younger or its state is older. */
  readonly fresh: () => FreshState;
  readonly forms?: PartForms;
}

const snapshotVersion = 1;

/** The text of a snapshot. */
export const writeState = (
  { actors, projection, deadlines }: Pick<RestoredState, "actors" | "projection" | "deadlines">,
  version: string,
  forms: PartForms = partForms,
): string => {
  const names = [
    "supervisor",
    ...namesBelow(actors),
    ...(projection === undefined ? [] : ["projection"]),
  ] as readonly StatePart[];
  const parts = Object.fromEntries(names.map((name) => [name, forms[name].version]));
  return JSON.stringify({
    version: snapshotVersion,
    writtenBy: version,
    parts,
    actors,
    deadlines,
    ledger: projection,
  } satisfies StateBody);
};

/** @returns the state to start with; why there is none. Never throws. */
export const readState = (text: string, options: RestoreOptions): Result<RestoredState, RestoreProblem> => {
  const { forms = partForms } = options;
  try {
    const body = JSON.parse(text) as StateBody;
    const listed = body.parts ?? partsOfFirstRelease(body);
    return problemOf(body, listed, options.version, forms) ?? ok(restore(body, listed, options, forms));
  } catch (error) {
    return error instanceof Unmigrated
      ? otherVersion(error.message)
      : damaged(error instanceof Error ? error.message : String(error));
  }
};

/** The file is whole; what is at fault is a migration. */
class Unmigrated extends Error {}

const damaged = (reason: string): Result<never, RestoreProblem> => err({ type: "damaged", reason });
const otherVersion = (reason: string): Result<never, RestoreProblem> => err({ type: "other.version", reason });

const writerOf = ({ writtenBy }: StateBody): string => `QTS ${writtenBy ?? "0.1.0"}`;

/** 0.1.0 wrote no list: its parts are those of that time, and ops with its own where ops ran. */
const partsOfFirstRelease = ({ actors, ledger }: StateBody): { readonly [part: string]: number } => {
  const core = ["supervisor", "safety", "operating", "orders", "execution", "feed", "archive"];
  const ops = actors.children?.ops === undefined ? [] : ["ops", "maintenance", "scheduler"];
  const projection = ledger === undefined ? [] : ["projection"];
  return Object.fromEntries([...core, ...ops, ...projection].map((name) => [name, 1]));
};

const namesBelow = ({ children = {} }: PartState): readonly string[] =>
  Object.entries(children).flatMap(([name, { snapshot }]) => [name, ...namesBelow(snapshot)]);

const problemOf = (
  body: StateBody,
  listed: { readonly [part: string]: number },
  version: string,
  forms: PartForms,
): Result<never, RestoreProblem> | undefined => {
  if (!Number.isInteger(body.version) || body.version < 1) return damaged(`its version is ${JSON.stringify(body.version)}`);
  if (body.version > snapshotVersion)
    return otherVersion(
      `the state snapshot by ${writerOf(body)} has format ${body.version}, and QTS ${version} reads ${snapshotVersion}`,
    );
  for (const [name, written] of Object.entries(listed)) {
    if (!Object.hasOwn(forms, name))
      return otherVersion(`the state snapshot by ${writerOf(body)} has the part ${name}, which QTS ${version} does not know`);
    const known = forms[name as StatePart].version;
    if (written > known)
      return otherVersion(
        `the state snapshot by ${writerOf(body)} has ${name} in version ${written}, and QTS ${version} knows it up to ${known}`,
      );
  }
  const held = new Set(["supervisor", ...namesBelow(body.actors), ...(body.ledger === undefined ? [] : ["projection"])]);
  const missing = Object.keys(listed).find((name) => !held.has(name));
  if (missing !== undefined) return damaged(`${missing} is missing`);
  const extra = [...held].find((name) => !Object.hasOwn(listed, name));
  return extra === undefined ? undefined : damaged(`${extra} is not in its list of parts`);
};

const restore = (
  body: StateBody,
  listed: { readonly [part: string]: number },
  { input, fresh: freshState }: RestoreOptions,
  forms: PartForms,
): RestoredState => {
  const fresh: StatePart[] = [];
  const migrated: StatePart[] = [];
  let begun: FreshState | undefined;
  const beginning = (): FreshState => (begun ??= freshState());

  const present = (name: StatePart, state: PartState, freshOne: () => PartState): PartState => {
    const from = listed[name] as number;
    const { version, migrate } = forms[name];
    if (from === version) return state;
    migrated.push(name);
    if (migrate === undefined) return withFreshFields(state, freshOne());
    const begun = freshOne();
    try {
      return migrate(state, from, begun);
    } catch (error) {
      throw new Unmigrated(`${name} of ${writerOf(body)}, in version ${from}, cannot be migrated: ${String(error)}`);
    }
  };

  /** One supervisor with its parts: theirs as they were, migrated, or fresh. */
  const family = (name: StatePart, state: PartState, parts: readonly StatePart[], freshOne: () => PartState): PartState => {
    const { children = {}, ...own } = present(name, state, freshOne);
    return {
      ...own,
      children: Object.fromEntries(
        parts.map((part) => {
          const freshChild = (): { readonly snapshot: PartState } =>
            freshOne().children?.[part] as { readonly snapshot: PartState };
          const child = children[part];
          if (child === undefined) {
            fresh.push(part, ...(namesBelow(freshChild().snapshot) as readonly StatePart[]));
            return [part, freshChild()];
          }
          const freshPart = (): PartState => freshChild().snapshot;
          const snapshot =
            part === "ops" ? family(part, child.snapshot, opsParts, freshPart) : present(part, child.snapshot, freshPart);
          return [part, { ...child, snapshot }];
        }),
      ),
    };
  };

  // Ops may come and go between two starts (`--without-ops`): a snapshot from before says nothing about today.
  const parts: readonly StatePart[] = input.ops ? [...coreParts, "ops"] : coreParts;
  const actors = family("supervisor", body.actors, parts, () => beginning().actors);
  const projection =
    body.ledger === undefined
      ? undefined
      : present("projection", { context: body.ledger as object } as PartState, () => ({
          context: beginning().projection as PartState["context"] & object,
        })).context;
  return {
    actors: withCurrentConfig(actors, input),
    deadlines: body.deadlines,
    projection,
    fresh,
    migrated,
    writer: writerOf(body),
  };
};

/** Where a chart stands is never guessed: a state value that changed needs a migration of its own. */
const keptAsTheyAre: ReadonlySet<string> = new Set(["value", "historyValue", "children"]);

const isFields = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** State of an older version, with the fields that it lacks from a fresh part: in its context, or whatever its actor keeps instead. */
const withFreshFields = (state: PartState, fresh: PartState): PartState =>
  Object.fromEntries(
    Object.entries(state).map(([key, value]) => {
      const begun = fresh[key];
      return [key, !keptAsTheyAre.has(key) && isFields(value) && isFields(begun) ? { ...begun, ...value } : value];
    }),
  );

/**
 * A snapshot carries the configuration its machines were started with; the present one takes its place, so that a changed
 * threshold is in force after a restart. By convention a machine keeps its configuration in context under `policy` or `input`.
 * What a machine derived from its configuration (the operating state's reading details) stays as the machine made it.
 */
const withCurrentConfig = (state: PartState, input: unknown): PartState => {
  const { context, children } = state;
  const key = context === undefined ? undefined : ["policy", "input"].find((name) => Object.hasOwn(context, name));
  const parts = (input as { readonly parts?: { readonly [name: string]: unknown } } | undefined)?.parts ?? {};
  return {
    ...state,
    ...(key === undefined || input === undefined
      ? {}
      : { context: { ...context, [key]: { ...(context?.[key] as object), ...(input as object) } } }),
    ...(children === undefined
      ? {}
      : {
          children: Object.fromEntries(
            Object.entries(children).map(([name, child]) => [
              name,
              { ...child, snapshot: withCurrentConfig(child.snapshot, parts[name]) },
            ]),
          ),
        }),
  };
};
