import { statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { firstValueFrom } from "rxjs";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import { createExchangeClient } from "#adapters/paper/exchange-client.ts";
import { createExchangeServer } from "#adapters/paper/exchange-server.ts";
import { bearerOf, readToken, tokenFileFor } from "#adapters/paper/exchange-token.ts";
import { noFaults } from "#adapters/paper/faults.ts";
import { readLedger } from "#adapters/paper/oracle.ts";
import { openValve } from "../../valve.ts";
import {
  createExchangeWorld,
  newYorkMorning,
  order,
  paperConfig,
  patiently,
  scratch,
  startExchange,
  venueOptions,
  type World,
  worldAround,
} from "./world.ts";

const price = 1_680_000;
const clientAt = async (url: string, ledgerPath: string): Promise<World> => {
  const clock = createSimulatedClock({ startAt: newYorkMorning });
  return worldAround(
    createExchangeClient({ url, tokenFile: tokenFileFor(ledgerPath), clock, config: paperConfig() }),
    clock,
    ledgerPath,
    {},
  );
};
/** A socket of somebody who can read the token. */
const socketAt = (url: string, ledgerPath: string, options: object = {}): WebSocket => {
  const token = readToken(tokenFileFor(ledgerPath));
  return new WebSocket(url, { headers: { authorization: bearerOf(token.ok ? token.value : "") }, ...options });
};
const closing = (socket: WebSocket): Promise<number> => new Promise((resolve) => socket.once("close", resolve));
const path = (): string => join(scratch(), "exchange", "session-0001.jsonl");

describe("the exchange behind its socket", () => {
  it("lets the newest connection trade: the older one is told, and does not come back by itself", async () => {
    const ledgerPath = path();
    const { url } = await startExchange({ ledgerPath });
    const older = await clientAt(url, ledgerPath);
    await older.buy("o-1", price, 10);
    const newer = await clientAt(url, ledgerPath);
    await expect
      .poll(() => older.reports.at(-1), patiently)
      .toMatchObject({
        type: "lost",
        reason: "a newer connection has taken this place",
        comesBack: false,
      });
    await older.pass(60_000);
    expect(await older.broker.submit(order({ orderId: "o-2" }))).toMatchObject({ error: { type: "not.sent" } });
    expect(await newer.broker.orders()).toMatchObject({ value: [{ clientOrderId: "o-1" }] });
    expect(newer.reports.map(({ type }) => type)).toEqual(["connected"]);
  });

  it("loses what a client that vanished had sent and had not arrived, and keeps what had (O14)", async () => {
    const ledgerPath = path();
    const { url } = await startExchange({ ledgerPath, config: paperConfig({ latencyMs: [50, 50] }) });
    const socket = socketAt(url, ledgerPath);
    const frames: { type: string }[] = [];
    socket.on("message", (raw) => frames.push(JSON.parse(String(raw))));
    await new Promise((resolve) => socket.once("open", resolve));
    const send = (frame: object): void => socket.send(JSON.stringify(frame));
    const submit = (seq: number, at: number): void => {
      const { orderId, symbol, side, orderType, quantity, limitPriceMinor } = order({ orderId: `o-${seq}` });
      send({
        type: "submit",
        seq,
        at: newYorkMorning + at,
        order: { orderId, symbol, side, orderType, quantity, limitPriceMinor },
      });
    };
    send({ type: "hello", version: 1, at: newYorkMorning, missed: [] });
    submit(1, 0);
    send({ type: "time", seq: 2, at: newYorkMorning + 50 });
    submit(3, 50);
    await expect.poll(() => frames.filter(({ type }) => type === "done").length, patiently).toBe(3);
    socket.terminate();
    await closing(socket);
    const next = await clientAt(url, ledgerPath);
    await next.pass(5_000);
    expect(await next.broker.orders()).toMatchObject({ value: [{ clientOrderId: "o-1" }] });
    expect(readLedger(ledgerPath).orders.map(({ orderId }) => orderId)).toEqual(["o-1"]);
  });

  it("answers with done only after the record is on the disk", async () => {
    const world = await createExchangeWorld();
    for (let index = 0; index < 50; index += 1) {
      const answer = await world.buy(`o-${index}`, price, 1);
      expect(answer).toMatchObject({ ok: true });
      expect(readLedger(world.ledgerPath).orders).toHaveLength(index + 1);
    }
  });

  it.each([
    "nonsense",
    "{}",
    '{"type":"submit"}',
    '{"type":"hello","version":2,"at":1,"missed":[]}',
    '{"type":"hello","version":1,"at":9007199254740991,"missed":[]}',
    '{"type":"hello","version":1,"at":1,"missed":[{"symbol":"SPY","priceMinor":1,"quantity":1,"at":9007199254740991,"sequence":1}]}',
    '{"type":"hello","version":1,"at":1,"missed":[{"symbol":"SPY","priceMinor":9007199254740991,"quantity":1,"at":1,"sequence":1}]}',
  ])("closes a connection that says %s, and goes on", async (text) => {
    const ledgerPath = path();
    const { url } = await startExchange({ ledgerPath });
    const socket = socketAt(url, ledgerPath);
    socket.once("open", () => socket.send(text));
    expect(await closing(socket)).toBe(4002);
    expect(await (await clientAt(url, ledgerPath)).buy("o-1", price, 1)).toMatchObject({ ok: true });
  });

  it("talks to no browser page", async () => {
    const ledgerPath = path();
    const { url } = await startExchange({ ledgerPath });
    const socket = socketAt(url, ledgerPath, { origin: "http://evil.example" });
    const refused = await new Promise((resolve) => socket.once("error", resolve));
    expect(String(refused)).toContain("401");
  });

  it("talks to nobody who cannot read the token beside its ledger: the trader keeps the seat, and the clock its time", async () => {
    const ledgerPath = path();
    const { url, tokenFile } = await startExchange({ ledgerPath });
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
    const trader = await clientAt(url, ledgerPath);
    for (const headers of [{}, { authorization: "Bearer 00" }, { authorization: bearerOf("0".repeat(64)) }]) {
      const socket = new WebSocket(url, { headers });
      expect(String(await new Promise((resolve) => socket.once("error", resolve)))).toContain("401");
    }
    expect(await trader.buy("o-1", price, 10)).toMatchObject({ ok: true });
    expect(trader.reports.map(({ type }) => type)).not.toContain("lost");

    const clock = createSimulatedClock({ startAt: newYorkMorning });
    const stranger = (file: string) => createExchangeClient({ url, tokenFile: file, clock, config: paperConfig() });
    const wrong = join(scratch(), "token");
    writeFileSync(wrong, "0".repeat(64));
    await expect(firstValueFrom(stranger(wrong).reports(openValve(clock)))).rejects.toThrow(
      `does not know the token in ${wrong}`,
    );
    const none = join(scratch(), "nothing");
    await expect(firstValueFrom(stranger(none).reports(openValve(clock)))).rejects.toThrow(`cannot be read (ENOENT: ${none})`);
  });

  it("is shut to nobody who has the token by those who only keep the line busy: they go first", async () => {
    const ledgerPath = path();
    const { url } = await startExchange({ ledgerPath });
    const { port, hostname } = new URL(url);
    const gone = Promise.withResolvers<number>();
    const silent: Socket[] = [];
    for (let n = 0; n < 16; n += 1) {
      const socket = connect(Number(port), hostname);
      socket.on("error", () => undefined);
      socket.on("close", () => gone.resolve(n));
      silent.push(socket);
      await new Promise((resolve) => socket.once("connect", resolve));
    }
    expect(await (await clientAt(url, ledgerPath)).buy("o-1", price, 1)).toMatchObject({ ok: true });
    expect(await gone.promise).toBe(0);
    for (const socket of silent) socket.destroy();
  });

  it("answers a member that comes with an earlier market time as soon as any other: a day may be played twice on one account (O14)", async () => {
    const ledgerPath = path();
    const { url } = await startExchange({ ledgerPath, config: paperConfig({ latencyMs: [50, 50] }) });
    const first = await clientAt(url, ledgerPath);
    await first.pass(3_600_000);
    expect(await first.buy("o-1", price, 10)).toMatchObject({ ok: true });
    await first.broker.close();
    const second = await clientAt(url, ledgerPath);
    const answer = second.broker.submit(order({ orderId: "o-2" }));
    await second.pass(200);
    expect(await answer).toMatchObject({ ok: true });
    expect(second.reports.map(({ type }) => type)).toEqual(["connected", "accepted"]);
  });

  it("matches after a lost connection what the market traded meanwhile", async () => {
    const faults = { ...noFaults, disconnectShare: 1 };
    const world = await createExchangeWorld({ config: paperConfig({ latencyMs: [10, 10], participationShare: 1, faults }) });
    const answer = world.broker.submit(order());
    await world.pass(10);
    expect(await answer).toMatchObject({ error: { type: "outcome.unknown" } });
    await world.trade(price, 4);
    await world.trade(price, 3);
    await world.pass(1_000);
    expect(world.reports.map(({ type }) => type)).toEqual(["connected", "lost", "connected"]);
    expect(await world.broker.executions()).toMatchObject({ value: [{ quantity: 4 }, { quantity: 3 }] });
  });

  it("is unavailable, and never a reason to wait for ever, when nobody is there", async () => {
    const clock = createSimulatedClock({ startAt: newYorkMorning });
    const client = createExchangeClient({ url: "ws://127.0.0.1:1", clock, config: paperConfig(), silenceMsMax: 200 });
    const lost = firstValueFrom(client.reports(openValve(clock)));
    await expect(lost).rejects.toThrow("ws://127.0.0.1:1 cannot be reached");
    expect(await client.submit(order())).toMatchObject({ error: { type: "not.sent" } });
    await client.close();
  });

  it("comes back to an exchange that was started again on the same ledger", async () => {
    const ledgerPath = path();
    const first = await startExchange({ ledgerPath });
    const world = await clientAt(first.url, ledgerPath);
    await world.buy("o-1", price, 10);
    await first.close();
    await expect.poll(() => world.reports.at(-1), patiently).toMatchObject({ type: "lost", comesBack: true });
    const clock = createSimulatedClock({ startAt: 0 });
    const port = Number(new URL(first.url).port);
    const again = await createExchangeServer({ ...venueOptions({}), ledgerPath, clock, port });
    if (!again.ok) throw new Error(again.error.reason);
    await world.pass(20_000);
    expect(world.reports.at(-1)).toMatchObject({ type: "connected" });
    expect(await world.broker.orders()).toMatchObject({ value: [{ clientOrderId: "o-1", status: "accepted" }] });
    await again.value.close();
  });

  it("does not open over a damaged ledger or on a port that is taken", async () => {
    const ledgerPath = path();
    const { url } = await startExchange({ ledgerPath });
    const taken = await createExchangeServer({
      ...venueOptions({}),
      ledgerPath: path(),
      clock: createSimulatedClock({ startAt: 0 }),
      port: Number(new URL(url).port),
    });
    expect(taken).toMatchObject({ ok: false, error: { type: "port.unavailable" } });
    const damaged = join(scratch(), "damaged.jsonl");
    writeFileSync(damaged, "{}\n{}\n");
    const clock = createSimulatedClock({ startAt: 0 });
    const refused = await createExchangeServer({ ...venueOptions({}), ledgerPath: damaged, clock, port: 0 });
    expect(refused).toMatchObject({ ok: false, error: { type: "ledger.corrupt", line: 1 } });
  });
});
