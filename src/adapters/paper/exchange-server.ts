/**
 * The exchange as a process of its own: the same venue and the same wire as in-process, behind a WebSocket on loopback.
 *
 * One member trades here. A newer connection replaces the older one, as the last owner of a lease would; what the older
 * one had sent and had not arrived is lost with it. The exchange has no clock of its own: each request brings the market
 * time. A client may be killed at any moment; the ledger does not notice.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import type { Instrument } from "#core/instrument.ts";
import type { BrokerReport, Clock } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import type { PaperConfig } from "./config.ts";
import { createExchange, type Exchange } from "./exchange.ts";
import { isBearer, publishToken, tokenFileFor } from "./exchange-token.ts";
import { type ClientFrame, clientFrame, parseFrame, protocolVersion, refusedFrameCode, supersededCode } from "./frames.ts";
import { openLedger } from "./ledger.ts";
import type { LedgerError } from "./ledger-record.ts";
import { createWire, type Wire } from "./wire.ts";

/** A clock that the client's requests wind. */
export interface WoundClock extends Clock {
  advanceTo(at: number): Promise<void> | undefined;
  /** Infinity when no timer is set. */
  readonly nextTimerAt: number;
  /** Resolves once no work is held and what waited for it has run. */
  released(): Promise<void>;
}

export interface ExchangeServerOptions {
  readonly config: PaperConfig;
  readonly instruments: readonly Instrument[];
  readonly hours: "regular" | "all";
  readonly seed: number;
  readonly ledgerPath: string;
  readonly clock: WoundClock;
  /** 0 takes a free port. */
  readonly port: number;
}

export interface ExchangeServer {
  readonly url: string;
  /** What its clients must know lies there. */
  readonly tokenFile: string;
  readonly tornBytes: number;
  /** Records in the ledger when it was opened. */
  readonly recovered: number;
  /** Resolves with the reason when the ledger can no longer be written. */
  readonly failed: Promise<string>;
  close(): Promise<void>;
}

export type ServerError = LedgerError | { readonly type: "port.unavailable"; readonly reason: string };

const host = "127.0.0.1";
const payloadBytesMax = 16 * 1024 * 1024;
// A client that does not read would let answers pile up here.
const unreadBytesMax = 16 * 1024 * 1024;
const queuedFramesMax = 1_000;

type Hello = Extract<ClientFrame, { type: "hello" }>;
type Request = Exclude<ClientFrame, Hello>;

/** Real ms for a handshake. One member trades here; whoever only keeps the line busy goes first, the oldest first. */
const handshakeMsMax = 5_000;
const strangersMax = 16;

/** Keeps out who has not shown the token, a browser's page (it names the page it acts for), and who never says anything. */
const createDoor = (token: Buffer): { readonly door: Server; readonly server: WebSocketServer } => {
  const door = createServer({
    headersTimeout: handshakeMsMax,
    requestTimeout: handshakeMsMax,
    connectionsCheckingInterval: handshakeMsMax / 5,
    keepAlive: false,
  });
  const strangers = new Set<Socket>();
  door.on("connection", (socket) => {
    strangers.add(socket);
    socket.on("close", () => strangers.delete(socket));
    const [oldest] = strangers;
    if (strangers.size <= strangersMax || oldest === undefined) return;
    strangers.delete(oldest);
    oldest.destroy();
  });
  door.on("request", (_request, response) => response.writeHead(426, { connection: "close" }).end());
  const server = new WebSocketServer({
    server: door,
    maxPayload: payloadBytesMax,
    perMessageDeflate: false,
    verifyClient: ({ origin, req }: { readonly origin: string | undefined; readonly req: IncomingMessage }) => {
      if (origin !== undefined || !isBearer(req.headers.authorization, token)) return false;
      strangers.delete(req.socket);
      return true;
    },
  });
  return { door, server };
};

const listen = (port: number, token: Buffer): Promise<Result<WebSocketServer, ServerError>> =>
  new Promise((resolve) => {
    const { door, server } = createDoor(token);
    door.listen(port, host);
    server.once("listening", () => resolve(ok(server)));
    server.once("close", () => door.close());
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "is taken by another program" : `cannot be used (${error.code ?? error.message})`;
      resolve(
        err({ type: "port.unavailable", reason: `port ${port} on ${host} ${why}; give another --port, or 0 for any free one` }),
      );
    });
  });

/** Opens the ledger and listens; the address is known when this resolves. */
export const createExchangeServer = async (options: ExchangeServerOptions): Promise<Result<ExchangeServer, ServerError>> => {
  const { config, seed, clock } = options;
  const opened = await openLedger({ path: options.ledgerPath, hold: (work) => clock.hold(work) });
  if (!opened.ok) return opened;
  const { ledger, history, tornBytes } = opened.value;
  let token: Buffer;
  try {
    token = publishToken(options.ledgerPath);
  } catch (error) {
    await ledger.close();
    return err({
      type: "ledger.unavailable",
      reason: `the token of the exchange cannot be written: ${(error as Error).message}`,
    });
  }
  const listening = await listen(options.port, token);
  if (!listening.ok) {
    await ledger.close();
    return listening;
  }
  const server = listening.value;
  const failed = Promise.withResolvers<string>();
  let venue: { readonly exchange: Exchange; readonly wire: Wire } | undefined;
  let member: WebSocket | undefined;
  // Time on the wire never goes back. A member may: another session plays the same day, a killed one repeats its last moments.
  let aheadMs = 0;
  let work = Promise.resolve();

  const send = (frame: object): void => {
    if (member === undefined) return;
    if (member.bufferedAmount > unreadBytesMax) member.terminate();
    else member.send(JSON.stringify(frame));
  };

  const leave = (): void => {
    member = undefined;
    venue?.wire.cut();
  };

  const drop = (): void => {
    const gone = member;
    leave();
    gone?.terminate();
    if (ledger.failure !== undefined) failed.resolve(ledger.failure.reason);
  };

  /** Begun by the first hello: an empty ledger opens at the market time that it brings. */
  const openVenue = (): { readonly exchange: Exchange; readonly wire: Wire } => {
    const report = (told: BrokerReport, n: number): void => wire.report(told, n);
    const exchange = createExchange({ ...options, ledger, history, now: () => clock.now() - aheadMs, report });
    const deliver = (told: BrokerReport): void => send({ type: "report", report: told });
    // A member that does not read is held back by its socket, not here.
    const wire = createWire({ config, seed, clock, ledger, exchange, deliver, hasRoom: () => true, drop });
    return { exchange, wire };
  };

  const settled = async (): Promise<void> => {
    await ledger.flushed();
    await clock.released();
  };

  const advanceTo = (memberAt: number): Promise<void> | undefined => clock.advanceTo(memberAt + aheadMs);

  const wishes = (exchange: Exchange): object => ({
    wakeAt: Number.isFinite(clock.nextTimerAt) ? clock.nextTimerAt - aheadMs : null,
    watch: exchange.watched(),
  });

  const welcome = async (socket: WebSocket, { at, missed }: Hello): Promise<void> => {
    const older = member;
    if (older !== undefined) {
      leave();
      older.close(supersededCode, "a newer connection has taken this place");
    }
    // The market did not wait for the connection; what it fills now is found by asking, not by reports.
    const fromAt = missed[0]?.at ?? at;
    aheadMs = Math.max(0, clock.now() - fromAt);
    await advanceTo(fromAt);
    venue ??= openVenue();
    for (const trade of missed) {
      await advanceTo(trade.at);
      venue.exchange.onTrade(trade);
    }
    await advanceTo(at);
    await settled();
    if (ledger.failure !== undefined) {
      socket.close(refusedFrameCode, "the ledger cannot be written");
      failed.resolve(ledger.failure.reason);
      return;
    }
    member = socket;
    const clientOrderIdLookup = config.clientOrderIds && config.faults.listLagMs === 0;
    send({ type: "welcome", version: protocolVersion, clientOrderIdLookup, ...wishes(venue.exchange) });
  };

  const perform = async (socket: WebSocket, frame: Request, { exchange, wire }: NonNullable<typeof venue>): Promise<void> => {
    const answer = (reply: unknown): void => {
      if (member === socket) send({ type: "answer", to: frame.seq, reply });
    };
    switch (frame.type) {
      case "submit": {
        const { limitPriceMinor, ...order } = frame.order;
        return wire.submit(limitPriceMinor === undefined ? order : { ...order, limitPriceMinor }, answer);
      }
      case "cancel":
        return wire.cancel(frame.order, answer);
      case "replace": {
        const { limitPriceMinor, ...order } = frame.order;
        return wire.replace(limitPriceMinor === undefined ? order : { ...order, limitPriceMinor }, answer);
      }
      case "orders":
        return wire.orders(answer);
      case "executions":
        return wire.executions(answer);
      case "account":
        return wire.account(answer);
      case "trade":
        return exchange.onTrade({ ...frame, at: frame.tradeAt });
      case "time":
        return;
      case "end":
        exchange.endOfSession();
        return await wire.drain();
      default:
        return frame satisfies never;
    }
  };

  const take = async (socket: WebSocket, raw: RawData): Promise<void> => {
    const frame = parseFrame(clientFrame, raw);
    if (frame === undefined) {
      socket.close(refusedFrameCode, `this is not a frame of protocol version ${protocolVersion}`);
      return;
    }
    if (frame.type === "hello") return welcome(socket, frame);
    if (socket !== member || venue === undefined) return;
    await advanceTo(frame.at);
    if (socket !== member) return;
    await perform(socket, frame, venue);
    await settled();
    if (socket === member) send({ type: "done", to: frame.seq, ...wishes(venue.exchange) });
  };

  server.on("connection", (socket) => {
    let queued = 0;
    socket.on("message", (raw) => {
      queued += 1;
      if (queued === queuedFramesMax) socket.pause();
      // One frame at a time, over all connections: market time moves within a frame. A broken assumption ends the process.
      work = work.then(async () => {
        await take(socket, raw);
        queued -= 1;
        if (socket.isPaused && queued < queuedFramesMax / 2) socket.resume();
      });
    });
    socket.on("close", () => {
      if (socket === member) leave();
    });
    // A broken socket closes itself next.
    socket.on("error", () => undefined);
  });

  const close = async (): Promise<void> => {
    for (const socket of server.clients) socket.close(1001, "the exchange is stopping");
    await work;
    leave();
    venue?.wire.close();
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of server.clients) socket.terminate();
    await closed;
    await ledger.close();
  };

  const { port } = server.address() as { readonly port: number };
  return ok({
    url: `ws://${host}:${port}`,
    tokenFile: tokenFileFor(options.ledgerPath),
    tornBytes,
    recovered: history.length,
    failed: failed.promise,
    close,
  });
};
