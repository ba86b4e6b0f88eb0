/**
 * Dies once at every wait between an order's intent and its end, and at every wait of a start and an end of a session.
 *
 * The points are not chosen: a run without a death lists what it meets (cut.ts), and each of them becomes a test. The venue
 * is once another process's, which lives on, and once inside the worker, where it dies with it at every wait of its ledger.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import { createExchangeServer } from "#adapters/paper/exchange-server.ts";
import { parseConfig } from "#config/config.ts";
import { judge } from "./judge.ts";
import { type Ended, start } from "./processes.ts";

const path = (name: string): string => join(import.meta.dirname, name);
const configFile = path("nothing-goes-wrong.yaml");
const entry = join(import.meta.dirname, "../../src/qts.js");
const parsed = parseConfig(readFileSync(configFile, "utf8"));
if (!parsed.ok) throw new Error(`${configFile} is not a configuration`);
const { broker, instruments, session } = parsed.config;

/** Hundreds of processes load the same modules. */
const compiled = { NODE_COMPILE_CACHE: mkdtempSync(join(tmpdir(), "qts-cut-compiled-")) };
afterAll(() => rmSync(compiled.NODE_COMPILE_CACHE, { recursive: true, force: true }));

interface Scene {
  readonly home: string;
  readonly ledger: string;
  /** Plays the session until its end or its death. */
  play(env?: NodeJS.ProcessEnv): Promise<Ended>;
}

const run = (home: string, env: NodeJS.ProcessEnv, more: readonly string[]): Promise<Ended> => {
  const strategy = path("scripted-strategy.ts");
  const args = ["--speed", "max", "--port", "0", "--home", home, "--config", configFile, "--strategy", strategy, "--json"];
  return start(entry, ["run", ...args, ...more], { env: { ...compiled, ...env }, nodeArgs: ["--import", path("cut.ts")] }).ended;
};

type Stage = <T>(act: (scene: Scene) => Promise<T>) => Promise<T>;

const inFolder = async <T>(act: (folder: string) => Promise<T>): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), "qts-cut-"));
  try {
    return await act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const venueLivesOn: Stage = (act) =>
  inFolder(async (folder) => {
    const ledger = join(folder, "venue.jsonl");
    const settings = { config: broker.paper, instruments, hours: session.hours, seed: session.seed, port: 0 };
    const server = await createExchangeServer({ ...settings, ledgerPath: ledger, clock: createSimulatedClock({ startAt: 0 }) });
    if (!server.ok) throw new Error(server.error.reason);
    const home = join(folder, "home");
    try {
      return await act({
        home,
        ledger,
        play: (env = {}) => run(home, env, ["--broker", server.value.url, "--broker-token", server.value.tokenFile]),
      });
    } finally {
      await server.value.close();
    }
  });

const venueDiesToo: Stage = (act) =>
  inFolder((folder) => {
    const home = join(folder, "home");
    return act({ home, ledger: join(home, "paper", "session-0001.jsonl"), play: (env = {}) => run(home, env, []) });
  });

/** Every point that a whole session meets, in its order. */
const pointsOf = (stage: Stage): Promise<readonly string[]> =>
  stage(async ({ home, play }) => {
    const list = join(home, "..", "points");
    const { exitCode, stderr } = await play({ QTS_CUTS: list });
    if (exitCode !== 0) throw new Error(`the session without a death ended with ${exitCode}: ${stderr}`);
    return readFileSync(list, "utf8").trim().split("\n");
  });

const dieAt = (stage: Stage, point: string): Promise<void> =>
  stage(async ({ home, ledger, play }) => {
    // Things that wait together die together: the first of them names the moment.
    const [name] = point.split(" + ");
    expect((await play({ QTS_CUT: name })).signal, `the session did not meet "${point}"`).toBe("SIGKILL");
    const { exitCode, stderr } = await play();
    expect(exitCode, stderr).toBe(0);
    const { violations, unknown } = judge({ home, ledger, configFile });
    expect({ violations, unknown }).toEqual({ violations: [], unknown: [] });
  });

const [withVenueAlive, withVenueDead] = await Promise.all([pointsOf(venueLivesOn), pointsOf(venueDiesToo)]);

describe.concurrent("a worker that dies, while the venue lives on, loses no order and sends none twice (O5, O14)", () => {
  it.each(withVenueAlive)("%s", (point) => dieAt(venueLivesOn, point));
});

describe.concurrent("a venue that dies with the worker, at each wait of its ledger, agrees with it afterwards (O11)", () => {
  it.each(withVenueDead.filter((point) => /^\w+ ledger /.test(point)))("%s", (point) => dieAt(venueDiesToo, point));
});

it("the points cover every wait from intent to fill and from request to cancel", () => {
  const met = withVenueAlive.flatMap((point) => point.split(" + "));
  const orderOf = (type: string): string => new RegExp(`journal ${type} (\\S+)`).exec(met.join("\n"))?.[1] ?? "no such order";
  const [filled, canceled] = [orderOf("order.filled"), orderOf("order.canceled")];
  const waits = [
    ...["intended", "approved", "submitted", "accepted", "filled"].map((word) => `journal order.${word} ${filled}`),
    ...[`submit ${filled}`, `cancel ${canceled}`, `journal order.canceled ${canceled}`, "journal snapshot"],
  ];
  for (const wait of waits)
    for (const side of ["before", "after"])
      expect(
        met.some((point) => `${point} `.startsWith(`${side} ${wait} `)),
        `${side} ${wait}`,
      ).toBe(true);
  for (const word of ["accepted", "filled"])
    expect(met.some((point) => point.startsWith(`before report ${word} ${filled}`))).toBe(true);
});
