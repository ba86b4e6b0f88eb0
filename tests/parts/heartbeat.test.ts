/** The heartbeat in the whole house: a real switch on loopback, the market's time wound by hand. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { post } from "#adapters/host/outgoing.ts";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import { parseConfig } from "#config/config.ts";
import { ok, type Result } from "#core/result.ts";
import { createHouseMetrics } from "#ops/automation/metrics.ts";
import type { Outgoing, SendFailure } from "#ops/ports.ts";
import { createHeartbeatPart } from "#parts/heartbeat.ts";
import type { PartContext } from "#parts/part.ts";
import { createWorld, idleOps, type World, type WorldOptions } from "../world.ts";

const secret = "5f1c-canary";
const minute = 60_000;
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Answer = (response: ServerResponse, request: IncomingMessage) => void;
const answers = {
  takes: (response) => response.writeHead(200).end("OK"),
  fails: (response) => response.writeHead(500).end("much to read"),
  closes: (_response, request) => request.socket.destroy(),
  stalls: () => undefined,
} satisfies { readonly [name: string]: Answer };

/** Real time that a test gives a switch that never answers; one that does has all the time it needs. */
const patienceMs = 40;

/** A dead-man's switch that answers as it is told and keeps what it hears. */
const openSwitch = async () => {
  const heard: string[] = [];
  let answer: Answer = answers.takes;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      heard.push(body);
      answer(response, request);
    });
  });
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/ping/${secret}`,
    heard,
    will: (next: Answer) => {
      answer = next;
    },
    post: (request: Outgoing) => post({ ...request, timeoutMs: answer === answers.stalls ? patienceMs : 60_000 }),
  };
};

const live = (url: string | null, more: object = {}): WorldOptions => ({
  ops: idleOps,
  // Nobody trades here, and that is no trouble.
  config: { session: { mode: "live" }, archive: { silenceMsMax: 100_000_000 }, heartbeat: { url, ...more } },
});
const shown = (world: World) => world.status().parts.heartbeat as { readonly [figure: string]: number | string | null };
const types = (world: World) => world.facts().map(({ type }) => type);
const isAlert = ({ fields }: World["log"][number]) => "code" in fields && fields.code === "AN092";

/** A switch of the test's own, for what no server has to be there for. */
const scripted = (outcome: () => Promise<Result<void, SendFailure>> = async () => ok(undefined)) => {
  const posts: Outgoing[] = [];
  return {
    posts,
    post: (request: Outgoing) => {
      posts.push(request);
      return outcome();
    },
  };
};

describe("the heartbeat of a live session", () => {
  it("is heard at the start and once a minute from then on, with the state of the house and nothing else", async () => {
    const outside = await openSwitch();
    const world = await createWorld({ ...live(outside.url), post: outside.post });
    expect(outside.heard.map((body) => JSON.parse(body))).toEqual([
      {
        at: new Date(world.now()).toISOString(),
        session: "0001",
        state: expect.stringMatching(/^opening/),
        safety: "NORMAL",
        operating: "BALANCED",
        trading: false,
      },
    ]);
    await world.advance(3 * minute);
    expect(outside.heard).toHaveLength(4);
    expect(JSON.parse(outside.heard.at(-1) ?? "")).toMatchObject({ state: "running", trading: true });
    expect(shown(world)).toEqual({
      state: "resting",
      sent: 4,
      failed: 0,
      lastSentAt: new Date(world.now()).toISOString(),
      lastFailure: null,
    });
  });

  it("goes on in LOCKDOWN and says so: the house lives, and whoever reads it can see how", async () => {
    const outside = await openSwitch();
    const world = await createWorld({ ...live(outside.url), post: outside.post });
    await world.answer({ command: "lockdown", operator: "kim", reason: "news" });
    await world.advance(5 * minute);
    expect(outside.heard).toHaveLength(6);
    expect(JSON.parse(outside.heard.at(-1) ?? "")).toMatchObject({ safety: "LOCKDOWN", trading: false });
    expect(outside.heard.join()).not.toContain("news");
  });

  it.each<[string, Answer, string]>([
    ["answers 500", answers.fails, "it answered 500"],
    ["hangs up", answers.closes, "it cannot be reached (UND_ERR_SOCKET)"],
    ["never answers", answers.stalls, "it did not answer within 40 ms"],
  ])(
    "is tried again while the switch %s, tells people after five beats and once more when it is over",
    async (_name, answer, failure) => {
      const outside = await openSwitch();
      outside.will(answer);
      const world = await createWorld({ ...live(outside.url), post: outside.post });
      expect(shown(world)).toMatchObject({ state: "missing", sent: 0, failed: 1, lastSentAt: null, lastFailure: failure });
      await world.advance(4 * minute);
      expect(world.log.filter(isAlert)).toEqual([]);
      await world.advance(3 * minute);
      expect(world.log.filter(isAlert).map(({ level, text }) => [level, text])).toEqual([
        [
          "warn",
          expect.stringMatching(new RegExp(`^no heartbeat has arrived for \\d+ ms: ${failure.replace(/[()]/g, "\\$&")}$`)),
        ],
      ]);
      expect(shown(world)).toMatchObject({ sent: 0, lastFailure: failure });

      outside.will(answers.takes);
      await world.advance(minute);
      expect(world.log.filter(isAlert).at(-1)).toMatchObject({ level: "info", text: "resolved: heartbeats arrive again" });
      expect(shown(world)).toMatchObject({ state: "resting", sent: 1 });
      // Trading does not depend on who listens.
      expect(world.status().safety).toBe("NORMAL");
    },
  );

  it("names its address nowhere: not in the log, the status, the metrics, a fact or a snapshot", async () => {
    const outside = await openSwitch();
    outside.will(answers.fails);
    const world = await createWorld({ ...live(outside.url), post: outside.post });
    await world.advance(7 * minute);
    outside.will(answers.takes);
    await world.advance(2 * minute);
    const metrics = await createHouseMetrics().collect(world.status(), world.root().view.stages());
    expect(metrics).toContain('part="heartbeat",figure="sent"');
    const all = [world.log, world.status(), world.facts(), await world.state(), metrics].map((given) => JSON.stringify(given));
    for (const text of all) expect(text).not.toContain(secret);
  });

  it("leaves one deadline a beat in the journal, and no fact of its own", async () => {
    const { post, posts } = scripted();
    const world = await createWorld({ ...live("https://example.org/ping"), post });
    const beats = () =>
      world.facts().filter((fact) => fact.type === "timer.due" && (fact.payload as { id: string }).id === "heartbeat");
    await world.advance(10 * minute);
    expect([posts.length, beats().length]).toEqual([11, 10]);
    expect(types(world).filter((type) => type.startsWith("heartbeat"))).toEqual([]);
  });

  it("is silent once the journal takes nothing any more, however long it goes on", async () => {
    const { post, posts } = scripted();
    const world = await createWorld({ ...live("https://example.org/ping"), post });
    await world.advance(minute);
    const before = posts.length;
    world.journal().fail({ type: "journal.unavailable", reason: "no space" });
    await world.fact("anomaly.raised", { code: "AN060", reason: "anything to write" });
    await world.advance(10 * minute);
    expect(posts).toHaveLength(before);
    expect(world.log.filter(isAlert).map(({ text }) => text)).toEqual([
      expect.stringMatching(/^no heartbeat has arrived for \d+ ms: no outcome within 20000 ms$/),
    ]);
  });

  it("ends with the session", async () => {
    const { post, posts } = scripted();
    const world = await createWorld({ ...live("https://example.org/ping"), post });
    expect(world.root().house.deadlines.table()).toHaveProperty("heartbeat");
    const stopped = world.stop();
    await world.settle();
    // The hands of ops never come to anything; so long they are waited for.
    await world.wait(minute);
    await stopped;
    expect(world.root().house.deadlines.table()).not.toHaveProperty("heartbeat");
    expect(posts).toHaveLength(1);
  });

  it("beats at once after a kill, whatever was under way, and waits for nothing of the process before", async () => {
    const never = new Promise<never>(() => {});
    let lives = 1;
    const { post, posts } = scripted(() => (lives === 1 ? never : Promise.resolve(ok(undefined))));
    const world = await createWorld({ ...live("https://example.org/ping", { timeoutMs: patienceMs }), post });
    expect([posts.length, shown(world).state]).toEqual([1, "beating"]);
    lives = 2;
    await world.restart({ afterMs: 5_000 });
    expect([posts.length, shown(world).state]).toEqual([2, "resting"]);
  });
});

it("leaves out the beats that a hung disk held back until others took their place", async () => {
  const world = await createWorld(live(null));
  const { post, posts } = scripted();
  const machine = { value: "beating", context: { beat: 3 } };
  const part = createHeartbeatPart({
    config: { ...world.config, heartbeat: { url: "https://example.org/ping", everyMs: minute, timeoutMs: patienceMs } },
    ports: { clock: createSimulatedClock({ startAt: world.now() }), post, session: "0001" },
    view: world.root().view,
    tell: () => undefined,
    house: () => ({ recovering: () => undefined, actors: () => ({ isDown: () => false, snapshotOf: () => machine }) }),
  } as unknown as PartContext);
  for (const beat of [1, 2, 3]) part.effects["heartbeat.send"]({ type: "heartbeat.send", beat });
  expect(posts).toHaveLength(1);
});

describe("no heartbeat", () => {
  it.each<[string, WorldOptions]>([
    ["without an address", live(null)],
    [
      "in a replay, whose time is the market's",
      { ...live("https://example.org/ping"), config: { heartbeat: { url: "https://example.org/ping" } } },
    ],
    ["without ops", { config: { session: { mode: "live" }, heartbeat: { url: "https://example.org/ping" } } }],
  ])("is sent %s", async (_name, options) => {
    const { post, posts } = scripted();
    const world = await createWorld({ ...options, post });
    await world.advance(10 * minute);
    expect(posts).toEqual([]);
    expect(shown(world)).toMatchObject({ state: "silent", sent: 0, failed: 0 });
  });
});

describe("the address of the heartbeat", () => {
  const refusal = (url: unknown): string | undefined => {
    const parsed = parseConfig({ heartbeat: { url } });
    return parsed.ok ? undefined : parsed.problems.map(({ key, problem }) => `${key} ${problem}`).join();
  };

  it.each([
    null,
    "https://hc-ping.com/uuid",
    "https://[2001:db8::1]:8443/ping?key=1",
    "http://127.0.0.1:8000/ping",
    "http://localhost",
    "http://[::1]:80/",
  ])("may be %s", (url) => {
    expect(refusal(url)).toBeUndefined();
  });

  it.each([
    `http://hc-ping.com/${secret}`,
    `ftp://127.0.0.1/${secret}`,
    `https://user:${secret}@example.org/`,
    `https://example.org:70000/${secret}`,
    `https:///${secret}`,
    `http://127.0.0.1.example.org/${secret}`,
    `http://localhost@example.org/${secret}`,
    `https://example.org/a ${secret}`,
    secret,
    "",
    5,
    [`https://example.org/${secret}`],
  ])("may not be %s, and the refusal does not repeat it", (url) => {
    expect(refusal(url)).toMatch(/^heartbeat wants url to be https:\/\/HOST\/… /);
    expect(refusal(url)).not.toContain(secret);
  });

  it("is no use with a pace that is faster than a second or than its own answer", () => {
    const problems = (heartbeat: object): readonly string[] => {
      const parsed = parseConfig({ heartbeat });
      return parsed.ok ? [] : parsed.problems.map(({ key, problem }) => `${key} ${problem}`);
    };
    expect(problems({ everyMs: 999, timeoutMs: 1 })).toEqual(["heartbeat.everyMs is 999: must be at least 1000"]);
    expect(problems({ timeoutMs: 60_001 })).toEqual(["heartbeat wants timeoutMs ≤ everyMs, and they are 60001, 60000"]);
  });
});
