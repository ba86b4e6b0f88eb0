import { describe, expect, it } from "vitest";
import { coreParts, opsParts } from "#core/actors.ts";
import { type FreshState, readState, type StateBody, writeState } from "#core/runtime/restore.ts";
import { type PartForms, type PartState, partForms, type StatePart } from "#core/runtime/state-forms.ts";
import { createWorld, idleOps, type World } from "../../world.ts";

const newest = (world: World): StateBody => JSON.parse(world.storage.snapshots.at(-1)?.body ?? "") as StateBody;
/** Changes the newest snapshot, as another version of QTS would have written it, or a bad disk. */
const rewrite = (world: World, change: (body: StateBody) => StateBody): void => {
  const snapshot = world.storage.snapshots.pop();
  if (snapshot === undefined) throw new Error("there is no snapshot to change");
  world.storage.snapshots.push({ ...snapshot, body: JSON.stringify(change(JSON.parse(snapshot.body) as StateBody)) });
};
const without = <T extends object>(fields: T, name: string): T =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name)) as T;
/** The state without one actor, wherever it stands. */
const withoutActor = (state: PartState, name: string): PartState => ({
  ...state,
  ...(state.children === undefined
    ? {}
    : {
        children: Object.fromEntries(
          Object.entries(without(state.children, name)).map(([child, held]) => [
            child,
            { ...held, snapshot: withoutActor(held.snapshot, name) },
          ]),
        ),
      }),
});
const unlisted = (body: StateBody, ...names: readonly string[]): StateBody => ({
  ...body,
  parts: names.reduce(without, body.parts ?? {}),
});
const save = async (world: World): Promise<void> => {
  expect(await world.root().house.saveSnapshot()).toMatchObject({ ok: true });
};

/** A house in LOCKDOWN and DEFENSIVE, all of it in a snapshot. */
const savedWorld = async (ops?: boolean): Promise<World> => {
  const world = await createWorld(ops ? { ops: idleOps } : {});
  const who = { operator: "kim", reason: "the test" };
  await world.answer({ command: "override.set", state: "DEFENSIVE", forMs: 3_600_000, ...who });
  await world.answer({ command: "lockdown", ...who });
  await save(world);
  return world;
};

const partsThen: readonly string[] = ["safety", "operating", "orders", "execution", "feed", "archive"];

describe("a snapshot", () => {
  it("lists its parts, each with the version of its form, and says which QTS wrote it", async () => {
    const { parts, writtenBy } = newest(await savedWorld());
    const names = ["supervisor", ...coreParts, "projection"] as const;
    expect(parts).toEqual(Object.fromEntries(names.map((name) => [name, partForms[name].version])));
    expect(writtenBy).toBe("test");
  });

  it.each(coreParts)(
    "from before there was %s starts, with that part as a new house has it and all others as they were",
    async (part) => {
      const world = await savedWorld();
      rewrite(world, (body) => ({ ...unlisted(body, part), actors: withoutActor(body.actors, part) }));
      await world.restart();
      const { safety, operating, machines } = world.status();
      expect(Object.keys(machines)).toContain(part);
      expect(safety).toBe(part === "safety" ? "NORMAL" : "LOCKDOWN");
      expect(operating).toBe(part === "operating" ? "BALANCED" : "DEFENSIVE");
    },
  );

  it.each(coreParts)("that lists %s and does not hold it is damaged, and the start is refused", async (part) => {
    const world = await savedWorld();
    rewrite(world, (body) => ({ ...body, actors: withoutActor(body.actors, part) }));
    await expect(world.restart()).rejects.toThrow(new RegExp(`is damaged .*${part} is missing`));
  });

  it.each(["ops", ...opsParts])("from before there was %s starts it fresh", async (part) => {
    const world = await savedWorld(true);
    const begun = world.status().machines;
    const gone = part === "ops" ? ["ops", ...opsParts] : [part];
    rewrite(world, (body) => ({ ...unlisted(body, ...gone), actors: withoutActor(body.actors, part) }));
    await world.restart();
    expect(world.status().machines).toMatchObject({ ...begun, safety: "LOCKDOWN", ops: "running" });
  });

  it.each(["ops", ...opsParts])("that lists %s and does not hold it is damaged", async (part) => {
    const world = await savedWorld(true);
    rewrite(world, (body) => ({ ...body, actors: withoutActor(body.actors, part) }));
    await expect(world.restart()).rejects.toThrow(/is damaged .*is missing/);
  });

  it("from before there was the projection starts with an empty one; that lists it and does not hold it is damaged", async () => {
    const world = await savedWorld();
    rewrite(world, (body) => without(unlisted(body, "projection"), "ledger"));
    await world.restart();
    expect(world.status().safety).toBe("LOCKDOWN");
    await save(world);
    rewrite(world, (body) => without(body, "ledger"));
    await expect(world.restart()).rejects.toThrow(/is damaged .*projection is missing/);
  });

  it("of 0.1.0, which had no list, has the parts of that time: all of them or damage", async () => {
    const world = await savedWorld();
    const asOld = ({ actors, ...body }: StateBody): StateBody => ({
      ...without(without(body, "parts"), "writtenBy"),
      actors: coreParts.filter((part) => !partsThen.includes(part)).reduce(withoutActor, actors),
    });
    rewrite(world, asOld);
    await world.restart();
    expect(world.status()).toMatchObject({ safety: "LOCKDOWN", operating: "DEFENSIVE" });
    await save(world);
    rewrite(world, (body) => asOld({ ...body, actors: withoutActor(body.actors, "feed") }));
    await expect(world.restart()).rejects.toThrow(/is damaged .*feed is missing/);
  });

  it("of an older form gets the fields that its part has gained since", async () => {
    const world = await savedWorld();
    rewrite(world, (body) => {
      const { safety } = body.actors.children ?? {};
      if (safety === undefined) throw new Error("safety is missing");
      const older = { ...safety, snapshot: { ...safety.snapshot, context: without(safety.snapshot.context ?? {}, "alerted") } };
      return {
        ...body,
        parts: { ...body.parts, safety: 0 },
        actors: { ...body.actors, children: { ...body.actors.children, safety: older } },
      };
    });
    await world.restart();
    expect(world.status()).toMatchObject({ safety: "LOCKDOWN", operating: "DEFENSIVE" });
  });

  it.each<[string, (body: StateBody) => StateBody, RegExp]>([
    ["has a part that nobody knows", (body) => ({ ...body, parts: { ...body.parts, capital: 1 } }), /has the part capital/],
    ["has a part in a later form", (body) => ({ ...body, parts: { ...body.parts, orders: 99 } }), /has orders in version 99/],
    ["is of a later format itself", (body) => ({ ...body, version: 99 }), /has format 99/],
  ])("that %s is a newer version's, and nobody calls it damaged", async (_name, change, sentence) => {
    const world = await savedWorld();
    rewrite(world, (body) => change({ ...body, writtenBy: "9.9.9" }));
    const refused = await world.restart().catch((error: Error) => error.message);
    expect(refused).toMatch(sentence);
    expect(refused).toMatch(/by QTS 9\.9\.9/);
    expect(refused).toMatch(/written by another version/);
    expect(refused).not.toMatch(/is damaged|--new-session/);
  });

  it("that is no snapshot at all is damaged", async () => {
    const world = await savedWorld();
    const snapshot = world.storage.snapshots.at(-1);
    for (const body of [
      "",
      "{",
      "null",
      "{}",
      '{"version":0}',
      '{"version":1,"actors":{},"deadlines":{},"parts":{"safety":1}}',
    ]) {
      world.storage.snapshots.splice(0, 2, { seq: snapshot?.seq ?? 0, at: 0, body });
      await expect(world.restart()).rejects.toThrow(/is damaged/);
    }
  });
});

describe("a journal", () => {
  it("with a fact that this version does not know is another version's, named with its record", async () => {
    const world = await savedWorld();
    const seq = world.storage.records.length + 1;
    world.storage.records.push({ seq, at: world.now(), type: "capital.moved", body: "{}" });
    const refused = await world.restart().catch((error: Error) => error.message);
    expect(refused).toContain(`record ${seq} holds capital.moved, a fact that QTS test does not know`);
    expect(refused).not.toMatch(/is damaged|--new-session/);
  });
});

describe("the state of an older version", () => {
  const child = (context: object, value = "resting"): { readonly snapshot: PartState } => ({
    snapshot: { status: "active", value, context: context as never, children: {} },
  });
  const actors = (feed: object): PartState => ({
    status: "active",
    context: { input: {} },
    children: { ...Object.fromEntries(coreParts.map((part) => [part, child({ count: 1 })])), feed: child(feed) },
  });
  const written = (forms: PartForms): string =>
    writeState({ actors: actors({ old: 7 }), deadlines: {}, projection: { total: 3 } }, "0.2.0", forms);
  const fresh = (): FreshState => ({ actors: actors({ old: 0, added: "none yet" }), projection: { total: 0, added: 0 } });
  const read = (text: string, forms: PartForms) => {
    const state = readState(text, { version: "0.3.0", input: { ops: false, parts: {} }, fresh, forms });
    if (!state.ok) throw new Error(state.error.reason);
    return state.value;
  };
  const later = (name: StatePart, more: object = {}): PartForms => ({
    ...partForms,
    [name]: { version: partForms[name].version + 1, ...more },
  });

  it("keeps what it had and takes what it lacks from a fresh part", () => {
    const { actors: state, migrated } = read(written(partForms), later("feed"));
    expect(state.children?.feed?.snapshot.context).toEqual({ old: 7, added: "none yet" });
    expect(migrated).toEqual(["feed"]);
  });

  it("is migrated by the part's own function, which is told the version that wrote it", () => {
    const seen: unknown[] = [];
    const migrate = (state: PartState, from: number, begun: PartState): PartState => {
      seen.push(from, begun.context);
      return { ...state, value: "asleep", context: { renamed: state.context?.old } };
    };
    const { feed } = read(written(partForms), later("feed", { migrate })).actors.children ?? {};
    expect(feed?.snapshot).toMatchObject({ value: "asleep", context: { renamed: 7 } });
    expect(seen).toEqual([partForms.feed.version, { old: 0, added: "none yet" }]);
  });

  it("counts for the projection as well", () => {
    expect(read(written(partForms), later("projection")).projection).toEqual({ total: 3, added: 0 });
  });

  it("is left as it is where the version is the same, and nobody makes a fresh part for it", () => {
    const text = written(partForms);
    const state = readState(text, {
      version: "0.3.0",
      input: { ops: false, parts: {} },
      fresh: () => {
        throw new Error("not needed");
      },
    });
    expect(state).toMatchObject({ ok: true, value: { migrated: [], fresh: [], projection: { total: 3 } } });
  });

  it("that its migration cannot read never crashes the start", () => {
    const migrate = (): PartState => {
      throw new Error("no such field");
    };
    const state = readState(written(partForms), {
      version: "0.3.0",
      input: { ops: false, parts: {} },
      fresh,
      forms: later("feed", { migrate }),
    });
    expect(state).toMatchObject({ ok: false, error: { type: "other.version", reason: expect.stringContaining("feed") } });
  });
});
