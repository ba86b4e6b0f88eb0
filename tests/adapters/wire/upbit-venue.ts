/**
 * Upbit on loopback: it speaks the wire as the recorded frames do, and misbehaves when told to. Trades are numbered by the venue
 * itself, whether anybody listens or not, so that it knows what a listener may have missed.
 */
import { createServer, type OutgoingHttpHeaders, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";

/** Settings of a feed on which nothing falls due within a test. */
export const longWaits = {
  pingEveryMs: 60_000,
  handshakeMsMax: 30_000,
  answerMsMax: 60_000,
  clockEveryMs: 60_000,
  clockLimits: { offMsWarn: 2000, offMsMax: 60_000 },
} as const;

/** As the venue sent it on 2021-04-17, format SIMPLE. */
export const recordedTrade =
  '{"ty":"trade","cd":"KRW-LAMB","tms":1618678262712,"td":"2021-04-17","ttm":"16:51:02","ttms":1618678262000,"tp":127.0,"tv":46.48838371,"ab":"BID","pcp":123.00000000,"c":"RISE","cp":4.00000000,"sid":1618678262000003,"st":"REALTIME"}';

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
}

export interface Venue {
  readonly url: string;
  /** Texts that listeners sent. */
  readonly requests: string[];
  readonly connections: () => number;
  /** A trade happens; whoever listens is told. */
  readonly trade: (given?: { readonly price?: string; readonly quantity?: string; readonly symbol?: string }) => void;
  /** Ids of every trade so far. */
  readonly ids: () => readonly number[];
  readonly sendRaw: (text: string | Buffer) => void;
  /** Half of a frame, and then the line is cut. */
  readonly sendHalf: () => void;
  readonly close: (code: number, reason?: string) => void;
  readonly pings: () => number;
  readonly pingListeners: () => void;
  readonly pongs: () => number;
  /** How a request for the time is answered; `undefined`: never. */
  readonly answerTime: (answer: HttpAnswer | undefined) => void;
  /** How a handshake is answered; `undefined`: as it should be. */
  readonly answerHandshake: (answer: HttpAnswer | undefined) => void;
  /** Requests for the time, and handshakes, so far. */
  readonly timesAsked: () => number;
  readonly handshakes: () => number;
  /** Resolves when somebody has asked for trades, the so-manieth time. */
  readonly asked: (times: number) => Promise<void>;
}

/** @param answers symbols whose last trade is told at once; a venue ignores the others without a word */
export const openVenue = async ({
  answers = ["KRW-BTC"],
  now = Date.now,
}: {
  readonly answers?: readonly string[];
  readonly now?: () => number;
} = {}): Promise<Venue> => {
  let timeAnswer: HttpAnswer | undefined = { status: 200 };
  let handshakeAnswer: HttpAnswer | undefined;
  let timesAsked = 0;
  let handshakes = 0;
  const dated = (headers: OutgoingHttpHeaders = {}): OutgoingHttpHeaders => ({ date: new Date(now()).toUTCString(), ...headers });
  const http = createServer((_request, response) => {
    timesAsked += 1;
    if (timeAnswer !== undefined) response.writeHead(timeAnswer.status, dated(timeAnswer.headers)).end("[]");
  });
  const server = new WebSocketServer({ noServer: true });
  http.on("upgrade", (request, socket, head) => {
    handshakes += 1;
    if (handshakeAnswer === undefined)
      return server.handleUpgrade(request, socket, head, (made) => server.emit("connection", made));
    const { status, headers = {} } = handshakeAnswer;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}Content-Length: 0\r\nConnection: close\r\n\r\n`);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const requests: string[] = [];
  const ids: number[] = [];
  const last = new Map<string, string>();
  const waiting: { readonly times: number; readonly resolve: () => void }[] = [];
  let pings = 0;
  let pongs = 0;
  let connections = 0;
  const listeners = (): WebSocket[] => [...server.clients].filter(({ readyState }) => readyState === 1);

  const frame = (symbol: string, price: string, quantity: string, at: number, id: number, kind: string): string =>
    `{"ty":"trade","cd":"${symbol}","tms":${at},"ttms":${at},"tp":${price},"tv":${quantity},"ab":"BID","sid":${id},"st":"${kind}"}`;

  server.on("connection", (socket) => {
    connections += 1;
    socket.on("ping", () => {
      pings += 1;
    });
    socket.on("pong", () => {
      pongs += 1;
    });
    socket.on("error", () => undefined);
    socket.on("message", (data) => {
      requests.push(String(data));
      for (const symbol of answers) {
        const told = last.get(symbol);
        if (told !== undefined) socket.send(told);
      }
      for (const { times, resolve } of waiting) if (requests.length >= times) resolve();
    });
  });
  onTestFinished(async () => {
    for (const socket of server.clients) socket.terminate();
    server.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });

  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requests,
    connections: () => connections,
    trade: ({ price = "90000000.0", quantity = "0.00012345", symbol = "KRW-BTC" } = {}) => {
      const at = now();
      const id = Math.max(at * 1000, (ids.at(-1) ?? 0) + 7);
      ids.push(id);
      last.set(symbol, frame(symbol, price, quantity, at, id, "SNAPSHOT"));
      for (const socket of listeners()) socket.send(frame(symbol, price, quantity, at, id, "REALTIME"));
    },
    ids: () => ids,
    sendRaw: (text) => {
      for (const socket of listeners()) socket.send(text);
    },
    sendHalf: () => {
      for (const socket of listeners()) {
        socket.send('{"ty":"trade","cd":"KRW-B', { fin: false });
        socket.terminate();
      }
    },
    close: (code, reason) => {
      for (const socket of listeners()) socket.close(code, reason);
    },
    pings: () => pings,
    pingListeners: () => {
      for (const socket of listeners()) socket.ping();
    },
    pongs: () => pongs,
    answerTime: (answer) => {
      timeAnswer = answer;
    },
    answerHandshake: (answer) => {
      handshakeAnswer = answer;
    },
    timesAsked: () => timesAsked,
    handshakes: () => handshakes,
    asked: (times) =>
      new Promise((resolve) => {
        if (requests.length >= times) resolve();
        else waiting.push({ times, resolve });
      }),
  };
};
