/**
 * The whole house on a real socket whose peer keeps sending (E3, E6): the venue's writes meet backpressure while P0 is busy, and
 * every fill is journaled, counted and handled once, in its order.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { createExchangeClient } from "#adapters/paper/exchange-client.ts";
import { createWorld, morning, type World } from "../world.ts";

const price = 1_680_000;
const enough = Number.MAX_SAFE_INTEGER;
const config = {
  // Below what one read of the socket brings, sixteen fills of four kilobytes: how fast the machine is decides nothing.
  events: { lanes: { P0: { warningDepth: 8 } } },
  risk: { orderValueMinorMax: enough, positionValueMinorMax: enough, exposureMinorMax: enough },
  archive: { silenceMsMax: 1e12 },
  operating: { evaluationEveryMs: 1e12 },
};

const servers: WebSocketServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    for (const socket of server.clients) socket.terminate();
    server.close();
  }
});

/** A venue that accepts every order and otherwise says what it is told to say. */
const startVenue = async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  servers.push(server);
  await once(server, "listening");
  const orders: object[] = [];
  const executions: object[] = [];
  const positions: object[] = [];
  const line: { member?: WebSocket; connections: number } = { connections: 0 };
  const tell = (frame: object): void => line.member?.send(JSON.stringify(frame));
  const wishes = { wakeAt: null, watch: [] };
  server.on("connection", (socket) => {
    line.member = socket;
    line.connections += 1;
    socket.on("message", (raw) => {
      const frame = JSON.parse(String(raw)) as { type: string; seq: number; at: number; order: { orderId: string } };
      if (frame.type === "hello") return tell({ type: "welcome", version: 1, clientOrderIdLookup: true, ...wishes });
      const reply = (value: unknown): void => tell({ type: "answer", to: frame.seq, reply: value });
      if (frame.type === "orders") reply(orders);
      if (frame.type === "executions") reply(executions);
      if (frame.type === "account") reply({ positions, cashMinor: 0 });
      if (frame.type === "submit") {
        reply({ ok: true, value: { brokerOrderId: "B1" } });
        tell({
          type: "report",
          report: { type: "accepted", brokerOrderId: "B1", clientOrderId: frame.order.orderId, at: frame.at },
        });
      }
      return tell({ type: "done", to: frame.seq, ...wishes });
    });
  });
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, line, tell, orders, executions, positions };
};

const about = { brokerOrderId: "B1", clientOrderId: "1-1", symbol: "SPY", side: "buy" };
const executionOf = (n: number, padding = "") => ({
  ...about,
  fillId: `F${n}${padding}`,
  quantity: 1,
  priceMinor: price,
  feeMinor: 0,
  at: morning,
});

/** A house that works an order for so many lots there. */
const trading = async (venue: Awaited<ReturnType<typeof startVenue>>, quantity: number): Promise<World> => {
  const world = await createWorld({
    config,
    venue: async (clock) => ({
      broker: createExchangeClient({ url: venue.url, clock, config: { responseTimeoutMs: 3000 }, silenceMsMax: 60_000 }),
    }),
  });
  await world.tick(price);
  await world.fact("order.intended", {
    orderId: "1-1",
    symbol: "SPY",
    side: "buy",
    orderType: "limit",
    quantity,
    limitPriceMinor: price,
    // An operator asks for no strength of a signal.
    strategy: "operator",
  });
  await expect.poll(() => world.status().orders.open, { timeout: 300_000 }).toBe(1);
  return world;
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const fillsOf = (world: World): string[] =>
  world.facts().flatMap(({ type, payload }) => (/filled$/.test(type) ? [(payload as { fillId: string }).fillId] : []));

it("holds a venue back that floods it with fills, loses none, raises no alarm and goes on trading (E3)", async () => {
  const venue = await startVenue();
  // Four kilobytes each: the kernel's buffers hold a thousand of them, not a hundred thousand.
  const padding = "x".repeat(4096);
  const fills = 4000;
  const world = await trading(venue, fills);
  const { dispatcher } = world.root().house;
  const seen = { handled: 0, deepest: 0, heldAtPeer: 0, paused: 0 };
  dispatcher.handle(
    ["order.partially.filled", "order.filled"],
    () => {
      seen.handled += 1;
    },
    { name: "counter" },
  );
  for (let n = 1; n <= fills; n += 1)
    venue.tell({ type: "report", report: { type: "filled", ...executionOf(n, padding), leavesQuantity: fills - n } });
  while (seen.handled < fills && venue.line.connections === 1) {
    await turn();
    const { lanes, sources } = world.status();
    seen.deepest = Math.max(seen.deepest, lanes.P0.depth);
    if (!sources.broker?.paused) continue;
    seen.paused += 1;
    seen.heldAtPeer = Math.max(seen.heldAtPeer, venue.line.member?.bufferedAmount ?? 0);
  }
  await world.settle();

  // The peer could not get rid of what it had to say while we did not read.
  expect(seen.heldAtPeer).toBeGreaterThan(1024 * 1024);
  expect(seen.deepest).toBeLessThan(dispatcher.lanes().P0.capacity);
  expect(fillsOf(world)).toEqual(Array.from({ length: fills }, (_, index) => `F${index + 1}${padding}`));
  expect(world.status()).toMatchObject({
    safety: "NORMAL",
    positions: { SPY: fills },
    orders: { filled: 1, open: 0 },
    refusedFacts: {},
    sources: { broker: { refused: 0, reconnects: 0, paused: false } },
  });
  expect(venue.line.connections).toBe(1);
});

it("takes in the thousands of fills that an outage left, in their order, without flooding itself (E3)", async () => {
  const venue = await startVenue();
  const fills = 3000;
  const world = await trading(venue, fills);
  const { dispatcher } = world.root().house;
  let deepest = 0;
  dispatcher.handle(
    ["order.partially.filled", "order.filled"],
    () => {
      deepest = Math.max(deepest, dispatcher.lanes().P0.depth);
    },
    {
      name: "gauge",
    },
  );
  for (let n = 1; n <= fills; n += 1) venue.executions.push(executionOf(n));
  venue.orders.push({
    ...about,
    orderType: "limit",
    quantity: fills,
    limitPriceMinor: price,
    status: "filled",
    cumulativeQuantity: fills,
    leavesQuantity: 0,
    receivedAt: morning,
  });
  venue.positions.push({ symbol: "SPY", quantity: fills });
  venue.line.member?.terminate();
  await expect.poll(() => world.status().safety, { timeout: 300_000 }).toBe("WARNING");
  await world.advance(20_000);

  expect(fillsOf(world)).toEqual(venue.executions.map((execution) => (execution as { fillId: string }).fillId));
  expect(deepest).toBeLessThan(world.config.events.lanes.P0.criticalDepth);
  expect(world.status()).toMatchObject({
    safety: "WARNING",
    trading: { open: true },
    positions: { SPY: fills },
    orders: { filled: 1, open: 0 },
    refusedFacts: {},
  });
});
