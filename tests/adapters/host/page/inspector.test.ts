/** The inspector's door over real sockets on loopback. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { createHttpServer } from "#adapters/host/page/http.ts";
import { isToken, pageAddress, pageToken, publishPage, renewPageToken } from "#adapters/host/page/inspector.token.ts";
import { createInspector } from "#adapters/host/page/inspector.ts";
import type { InspectMessage } from "#adapters/host/page/inspector.wire.ts";
import type { Inspection } from "#core/runtime/inspection.ts";
import { createWorld } from "../../../world.ts";

const token = "ab".repeat(32);
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** @returns its port */
const serve = async (inspection: Inspection, secrets: readonly string[] = [], present = () => token): Promise<number> => {
  const server = createHttpServer({
    host: "127.0.0.1",
    port: 0,
    status: inspection.status,
    metrics: async () => "",
    inspector: createInspector({
      inspection,
      token: present,
      secrets,
      onFailure: (error) => {
        throw error;
      },
    }),
  });
  const listening = await server.listen();
  if (!listening.ok) throw new Error(listening.error.sentence);
  closers.push(() => server.close());
  return listening.value.port;
};

const protocols = ["qts.inspect.1", `token.${token}`];

/** A page that is let in; `until` reads on to a message of a type that is as asked. */
const enter = async (port: number) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/inspect`, protocols);
  const texts: string[] = [];
  let arrived = Promise.withResolvers<void>();
  closers.push(() => socket.terminate());
  socket.on("message", (data) => {
    texts.push(String(data));
    arrived.resolve();
    arrived = Promise.withResolvers();
  });
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  let read = 0;
  const until = async <T extends InspectMessage["type"]>(
    type: T,
    isAsked: (message: Extract<InspectMessage, { type: T }>) => boolean = () => true,
  ): Promise<Extract<InspectMessage, { type: T }>> => {
    for (;;) {
      while (read < texts.length) {
        const message = JSON.parse(texts[read] as string) as Extract<InspectMessage, { type: T }>;
        read += 1;
        if (message.type === type && isAsked(message)) return message;
      }
      await arrived.promise;
    }
  };
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  await until("hello");
  return { socket, until, closed, texts };
};

/** The status that an upgrade is answered with; 101 opens. */
const upgradeStatus = (port: number, headers: Record<string, string>, path = "/inspect"): Promise<number> =>
  new Promise((resolve, reject) => {
    request({
      host: "127.0.0.1",
      port,
      path,
      headers: {
        host: `127.0.0.1:${port}`,
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "sec-websocket-protocol": protocols.join(", "),
        ...headers,
      },
    })
      .on("upgrade", ({ statusCode }, socket) => {
        socket.destroy();
        resolve(statusCode as number);
      })
      .on("response", (answer) => {
        answer.resume();
        resolve(answer.statusCode as number);
      })
      .on("error", reject)
      .end();
  });

describe("the inspector's door", () => {
  it("opens to nobody without the token, from another site, or under a borrowed name", async () => {
    const { inspection } = (await createWorld()).root();
    const port = await serve(inspection);
    const wrong = `qts.inspect.1, token.${"cd".repeat(32)}`;
    expect(await upgradeStatus(port, {})).toBe(101);
    expect(await upgradeStatus(port, { origin: `http://localhost:${port}` })).toBe(101);
    expect(await upgradeStatus(port, { "sec-websocket-protocol": wrong })).toBe(401);
    expect(await upgradeStatus(port, { "sec-websocket-protocol": "qts.inspect.1" })).toBe(401);
    expect(await upgradeStatus(port, { "sec-websocket-protocol": `token.${token}` })).toBe(401);
    for (const origin of [
      "http://evil.example",
      "null",
      `http://127.0.0.1.evil.example:${port}`,
      "https://localhost.evil.example",
    ])
      expect(await upgradeStatus(port, { origin }), origin).toBe(403);
    for (const host of ["evil.example", `127.0.0.1.evil.example:${port}`])
      expect(await upgradeStatus(port, { host }), host).toBe(403);
    expect(await upgradeStatus(port, {}, "/other")).toBe(404);
  });

  it("shows the house at once, and a change with the fact that made it", async () => {
    const world = await createWorld();
    const page = await enter(await serve(world.root().inspection));
    const { sight } = await page.until("sight");
    expect(sight.machines.find(({ name }) => name === "safety")?.state).toBe("NORMAL");
    await world.answer({ command: "lockdown", reason: "test" });
    const { changes } = await page.until("changes", (message) => message.changes.some(({ actor }) => actor === "safety"));
    expect(changes).toContainEqual(
      expect.objectContaining({ actor: "safety", fact: "operator.lockdown.requested", from: "NORMAL", to: "LOCKDOWN" }),
    );
    await page.until("sight", (message) => message.sight.status.safety === "LOCKDOWN");
  });

  it("sends the state of the machine and the order that the page looks at, and of no other", async () => {
    const world = await createWorld();
    const page = await enter(await serve(world.root().inspection));
    page.socket.send(JSON.stringify({ type: "look", actor: "safety", orderId: "a-1" }));
    const context = await page.until("context");
    const order = await page.until("order");
    expect(context.context).toHaveProperty("cause");
    expect(order).toEqual({ type: "order", orderId: "a-1" });
    expect(page.texts.some((text) => text.includes('"actor":"feed","context"'))).toBe(false);
  });

  it("answers what the page asks once: plots of an hour and a day, and the work of ops (I5, I9)", async () => {
    const world = await createWorld();
    await world.wait(20_000);
    await world.fact("anomaly.raised", { code: "AN060", reason: "blocked" });
    const page = await enter(await serve(world.root().inspection));
    for (const wish of [{ type: "samples", spanMs: 3_600_000 }, { type: "samples", spanMs: 86_400_000 }, { type: "ops" }])
      page.socket.send(JSON.stringify(wish));
    const { series } = await page.until("samples", ({ spanMs }) => spanMs === 86_400_000);
    expect(series.values.received.at(-1)).toBe(0);
    const { ops } = await page.until("ops");
    expect(ops).toMatchObject({ run: null, lastVerified: null, gaps: { counts: { critical: 0 } } });
    expect(ops?.hours.values.pnlMinor).toHaveLength(24);
    expect(Object.keys(ops?.alerts.channels ?? {})).toContain("log");
  });

  it("shuts out whoever came with a token that was renewed", async () => {
    let present = token;
    const port = await serve((await createWorld()).root().inspection, [], () => present);
    const page = await enter(port);
    present = "cd".repeat(32);
    expect(await page.closed).toBe(1008);
    expect(await upgradeStatus(port, {})).toBe(401);
    expect(await upgradeStatus(port, { "sec-websocket-protocol": `qts.inspect.1, token.${present}` })).toBe(101);
    present = "";
    expect(await upgradeStatus(port, { "sec-websocket-protocol": "qts.inspect.1, token." })).toBe(401);
  });

  it.each([
    ["no JSON", "hello"],
    ["another command", JSON.stringify({ type: "lockdown", reason: "from a page" })],
    ["a field too many", JSON.stringify({ type: "look", actor: null, orderId: null, also: 1 })],
    ["a span that no plot has", JSON.stringify({ type: "samples", spanMs: 1 })],
    ["a long name", JSON.stringify({ type: "look", actor: "x".repeat(201), orderId: null })],
  ])("closes on %s", async (_, text) => {
    const page = await enter(await serve((await createWorld()).root().inspection));
    page.socket.send(text);
    expect(await page.closed).toBe(1008);
  });

  it("closes on a frame of more than 64 kB", async () => {
    const page = await enter(await serve((await createWorld()).root().inspection));
    page.socket.send("x".repeat(65 * 1024));
    expect(await page.closed).toBe(1009);
  });

  it("lets eight in, and a ninth when one has left", async () => {
    const port = await serve((await createWorld()).root().inspection);
    const pages = await Promise.all(Array.from({ length: 8 }, () => enter(port)));
    expect(await upgradeStatus(port, {})).toBe(503);
    pages[0]?.socket.close();
    await pages[0]?.closed;
    expect(await upgradeStatus(port, {})).toBe(101);
  });

  it("tells a page that cannot be told everything how many changes it missed, and sends it the state anew", async () => {
    const world = await createWorld();
    const { inspection } = world.root();
    const big = "x".repeat(3_000_000);
    const heavy: Inspection = {
      ...inspection,
      sight: () => {
        const sight = inspection.sight();
        return sight === undefined ? undefined : { ...sight, status: { ...sight.status, home: big } };
      },
    };
    const page = await enter(await serve(heavy));
    await page.until("changes");
    page.socket.pause();
    const take = (count: number): void => {
      for (let index = 0; index < count; index += 1)
        inspection.observer.take({
          seq: 1,
          event: { type: "feed.ended", at: world.now() } as never,
          lane: "P0",
          waitedMs: 0,
          tookMs: 0,
          actor: "feed",
          orderId: null,
          from: index,
          to: index + 1,
          effects: [],
          refusal: null,
        });
    };
    const before = inspection.observer.newest();
    // More than the house keeps, in one go: the page could not have had them all.
    take(5000);
    page.socket.resume();
    const { changes, lost } = await page.until("changes", (message) => message.lost > 0);
    expect(lost).toBe(5000 - changes.length);
    expect(changes.at(-1)?.number).toBe(before + 5000);
    expect((await page.until("sight")).sight.status.home).toBe(big);
  });

  it("lets no secret out that the environment has, nor a field that is named like one", async () => {
    const canary = 'sk-"canary"-0123456789';
    const world = await createWorld();
    const { inspection } = world.root();
    const talkative: Inspection = {
      ...inspection,
      contextOf: () => ({ appKey: canary, deep: [{ accessToken: canary }], note: `failed with ${canary}`, code: "FS122" }),
      orderOf: () => ({ orderId: "a-1", accountNo: "12345678-01", endReason: canary }) as never,
    };
    const page = await enter(await serve(talkative, [canary]));
    page.socket.send(JSON.stringify({ type: "look", actor: "safety", orderId: "a-1" }));
    const { context } = await page.until("context");
    await page.until("order");
    expect(context).toEqual({
      appKey: "(hidden: text of 22)",
      deep: [{ accessToken: "(hidden: text of 22)" }],
      note: "failed with (hidden)",
      code: "FS122",
    });
    const sent = page.texts.join("\n");
    for (const secret of ["canary", "12345678-01"]) expect(sent).not.toContain(secret);
  });

  it("asks the house nothing while nobody looks", async () => {
    const world = await createWorld();
    const { inspection } = world.root();
    let asked = 0;
    const counted: Inspection = {
      ...inspection,
      sight: () => {
        asked += 1;
        return inspection.sight();
      },
    };
    const port = await serve(counted);
    expect(asked).toBe(0);
    const page = await enter(port);
    await page.until("sight");
    page.socket.close();
    await page.closed;
    const now = asked;
    // Others come and go meanwhile; the door's own clock would have struck.
    for (let count = 0; count < 20; count += 1) await fetch(`http://127.0.0.1:${port}/ready`);
    expect(asked).toBe(now);
  });
});

describe("the page's token", () => {
  const folder = (): string => {
    const made = mkdtempSync(join(tmpdir(), "qts-token-"));
    closers.push(() => rmSync(made, { recursive: true }));
    return join(made, "control");
  };

  const tokenOf = (directory: string): string => {
    const found = pageToken(directory);
    if (!found.ok) throw new Error(found.error);
    return found.value;
  };

  it("is 32 bytes, readable by its owner alone, and the same after a restart", () => {
    const directory = folder();
    const first = tokenOf(directory);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(tokenOf(directory)).toBe(first);
    expect(statSync(join(directory, "page-token")).mode & 0o777).toBe(0o600);
  });

  it("is renewed on request", () => {
    const directory = folder();
    const first = tokenOf(directory);
    const renewed = renewPageToken(directory);
    expect(renewed).toEqual({ ok: true, value: tokenOf(directory) });
    expect(tokenOf(directory)).not.toBe(first);
  });

  it("is made anew where the file holds something else", () => {
    const directory = folder();
    const first = tokenOf(directory);
    writeFileSync(join(directory, "page-token"), "short\n");
    expect(tokenOf(directory)).not.toBe(first);
    expect(statSync(join(directory, "page-token")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(directory, "page-token"), "utf8")).toMatch(/^[0-9a-f]{64}\n$/);
  });

  it("stands behind the page's address for whoever can read the home, until the page is gone", () => {
    const directory = folder();
    const given = tokenOf(directory);
    expect(pageAddress(directory)).toBeUndefined();
    const published = publishPage(directory, "http://127.0.0.1:8420/");
    const withdraw = published.ok ? published.value : () => {};
    expect(pageAddress(directory)).toBe(`http://127.0.0.1:8420/#token=${given}`);
    withdraw();
    withdraw();
    expect(pageAddress(directory)).toBeUndefined();
  });

  it("is made anew where others could have written it", () => {
    const directory = folder();
    const first = tokenOf(directory);
    chmodSync(join(directory, "page-token"), 0o666);
    expect(tokenOf(directory)).not.toBe(first);
    expect(statSync(join(directory, "page-token")).mode & 0o777).toBe(0o600);
  });

  it("is refused with a sentence where its place is taken", () => {
    const directory = folder();
    mkdirSync(join(directory, "page-token"), { recursive: true });
    expect(pageToken(directory)).toEqual({
      ok: false,
      error: expect.stringMatching(/page-token cannot be written or read \(EISDIR\): .*remove/),
    });
    expect(publishPage(join(directory, "nowhere"), "http://127.0.0.1:1/")).toMatchObject({ ok: false });
  });

  it.each([[undefined], [""], ["ab"], [`${token}0`], [token.toUpperCase()]])("is not %s", (given) => {
    expect(isToken(given, token)).toBe(false);
  });
});
