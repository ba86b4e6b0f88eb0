/**
 * The inspector's door: a socket beside the pages that shows the running house to whoever has the token (spec I1–I4, I18).
 *
 * It pulls, ten times a second and only while somebody looks: the house never waits for a page, never keeps anything for it but
 * the last changes, which it keeps anyway, and a page that reads too slowly loses changes, is told how many, and gets the state anew.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { changeLine, type Inspection } from "#core/runtime/inspection.ts";
import type { Step } from "#core/runtime/observer.ts";
import { jsonWithoutSecrets, redacted } from "./inspector.redaction.ts";
import { isToken, looksLikeToken } from "./inspector.token.ts";
import { type InspectMessage, inspectProtocol, type Look, parseAsk, tokenPrefix, type Wish } from "./inspector.wire.ts";
import { isOurName, isOurOrigin } from "./names.ts";

export interface InspectorOptions {
  readonly inspection: Inspection;
  /** The present one; asked at each door knock, and once a second of those who are in. */
  readonly token: () => string;
  /** Texts that are taken out of whatever is sent. */
  readonly secrets: readonly string[];
  /** What went wrong while it was shown. */
  readonly onFailure: (error: unknown) => void;
}

export interface Inspector {
  /** Answers the upgrades of this server. */
  readonly attach: (server: Server) => void;
  readonly close: () => void;
}

const clientsMax = 8;
const batchEveryMs = 100;
/** The whole state, when nothing changes; figures such as lanes and ages move without a fact. */
const sightEveryMs = 1000;
const sightAfterChangeMs = 250;
const changesPerBatch = 500;
const frameBytesMax = 64 * 1024;
const unsentBytesMax = 1024 * 1024;

interface Client {
  readonly socket: WebSocket;
  /** The one it came with. */
  readonly token: string;
  look: Look;
  /** What it wants to know once; the newest of each type. */
  readonly wishes: Map<Wish["type"], Wish>;
  /** Number of the last change that was sent or given up. */
  seen: number;
  lost: number;
  sightAt: number;
  /** What was looked at when its state was last sent. */
  shown: string;
}

/** An upgraded socket has left the server's own limits: a peer that keeps its side open would stay for ever. */
const refuse = (socket: Duplex, code: string): void => {
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${code}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
};

/** Of orders all that is kept, of machines what a page can show. */
const forNewcomer = (kept: readonly Step[]): Step[] => {
  const ofMachines = kept.filter(({ orderId }) => orderId === null).slice(-changesPerBatch);
  const ofOrders = kept.filter(({ orderId }) => orderId !== null);
  return [...ofMachines, ...ofOrders].sort((a, b) => a.number - b.number);
};

const protocolsOf = ({ headers }: IncomingMessage): string[] =>
  (headers["sec-websocket-protocol"] ?? "").split(",").map((protocol) => protocol.trim());

const tokenIn = (request: IncomingMessage): string | undefined =>
  protocolsOf(request)
    .find((protocol) => protocol.startsWith(tokenPrefix))
    ?.slice(tokenPrefix.length);

export const createInspector = ({ inspection, token, secrets, onFailure }: InspectorOptions): Inspector => {
  const { observer } = inspection;
  const clients = new Set<Client>();
  const door = new WebSocketServer({
    noServer: true,
    maxPayload: frameBytesMax,
    perMessageDeflate: false,
    handleProtocols: () => inspectProtocol,
  });
  let timer: NodeJS.Timeout | undefined;
  let tokenLookedAt = 0;

  const send = ({ socket }: Client, message: InspectMessage): void => socket.send(jsonWithoutSecrets(message, secrets));

  const sendChanges = (client: Client): boolean => {
    const newest = observer.newest();
    if (newest === client.seen) return false;
    const kept = observer.changesAfter(client.seen);
    const sent = client.seen === 0 ? forNewcomer(kept) : kept.slice(-changesPerBatch);
    // Of what was before it came, nothing is lost to it.
    if (client.seen > 0) client.lost += newest - client.seen - sent.length;
    client.seen = newest;
    if (sent.length === 0) return false;
    send(client, { type: "changes", changes: sent.map(changeLine), lost: client.lost });
    return true;
  };

  const sendLook = (client: Client): void => {
    const { actor, orderId } = client.look;
    if (actor !== null) send(client, { type: "context", actor, context: redacted(inspection.contextOf(actor), secrets) });
    if (orderId !== null) send(client, { type: "order", orderId, order: redacted(inspection.orderOf(orderId), secrets) });
    client.shown = `${actor} ${orderId}`;
  };

  const grant = (client: Client): void => {
    for (const wish of client.wishes.values())
      if (wish.type === "ops") send(client, { type: "ops", ops: inspection.ops() ?? null });
      else send(client, { type: "samples", spanMs: wish.spanMs, series: inspection.samples(wish.spanMs) });
    client.wishes.clear();
  };

  /** Whoever came with a token that has been renewed is out. */
  const cutRenewed = (now: number): void => {
    if (now - tokenLookedAt < sightEveryMs) return;
    tokenLookedAt = now;
    const present = token();
    for (const { socket, token: given } of clients) if (!isToken(given, present)) socket.close(1008, "the token was renewed");
  };

  /** A bug in showing must not end what is shown: the pages that look are closed, and come back. */
  const guarded = (act: () => void): void => {
    try {
      act();
    } catch (error) {
      onFailure(error);
      for (const { socket } of clients) socket.terminate();
    }
  };

  const batch = (): void => {
    const now = performance.now();
    cutRenewed(now);
    let sight: ReturnType<Inspection["sight"]>;
    let isSightMade = false;
    for (const client of clients) {
      if (client.socket.bufferedAmount > unsentBytesMax) {
        // Whatever changed meanwhile is counted when there is room again; then the state follows anew.
        client.sightAt = 0;
        continue;
      }
      grant(client);
      const hasChanged = sendChanges(client);
      const sinceMs = now - client.sightAt;
      const isDue = sinceMs >= sightEveryMs || (hasChanged && sinceMs >= sightAfterChangeMs);
      if (!isDue && client.shown === `${client.look.actor} ${client.look.orderId}`) continue;
      if (!isSightMade) sight = inspection.sight();
      isSightMade = true;
      client.sightAt = now;
      if (sight === undefined) send(client, { type: "starting", status: inspection.status() });
      else {
        send(client, { type: "sight", sight });
        sendLook(client);
      }
    }
  };

  const leave = (client: Client): void => {
    clients.delete(client);
    if (clients.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  const enter = (socket: WebSocket, request: IncomingMessage): void => {
    const { version, session, epoch } = inspection.status();
    const look: Look = { type: "look", actor: null, orderId: null };
    const client: Client = {
      socket,
      token: tokenIn(request) ?? "",
      look,
      wishes: new Map(),
      seen: 0,
      lost: 0,
      sightAt: Number.NEGATIVE_INFINITY,
      shown: "",
    };
    clients.add(client);
    socket.on("message", (data, isBinary) => {
      const asked = isBinary ? undefined : parseAsk(String(data));
      if (asked === undefined) socket.close(1008, "only looks and questions are taken");
      else if (asked.type === "look") client.look = asked;
      else client.wishes.set(asked.type, asked);
    });
    socket.on("close", () => leave(client));
    // A broken connection closes too.
    socket.on("error", () => {});
    send(client, { type: "hello", version, session, epoch });
    timer ??= setInterval(() => guarded(batch), batchEveryMs);
    timer.unref();
  };

  /** Who may not look, and how HTTP says so. */
  const refusalOf = (request: IncomingMessage): string | undefined => {
    if (!isOurName(request.headers.host) || !isOurOrigin(request.headers.origin)) return "403 Forbidden";
    if (request.url !== "/inspect") return "404 Not Found";
    const given = tokenIn(request);
    // A knock without a token costs no look at the disk.
    if (!protocolsOf(request).includes(inspectProtocol) || !looksLikeToken(given) || !isToken(given, token()))
      return "401 Unauthorized";
    return clients.size >= clientsMax ? "503 Service Unavailable" : undefined;
  };

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on("error", () => socket.destroy());
    const refusal = refusalOf(request);
    if (refusal !== undefined) {
      refuse(socket, refusal);
      return;
    }
    door.handleUpgrade(request, socket, head, (opened, knock) => guarded(() => enter(opened, knock)));
  };

  return {
    attach: (server) => {
      server.on("upgrade", upgrade);
    },
    close: () => {
      clearInterval(timer);
      for (const { socket } of clients) socket.terminate();
      clients.clear();
      door.close();
    },
  };
};
