/**
 * A venue's public WebSocket as a feed.
 *
 * One connection per `open`: when it is tried again is the feed machine's decision, and whether it is alive is judged by data, there
 * too. Here a connection ends with a sentence when the socket ends, when the venue refuses, and when a message cannot be read,
 * because what it said is lost and must be declared. Pings keep the venue from hanging up; its own are answered by the socket.
 */
import { Observable } from "rxjs";
import { WebSocket } from "ws";
import type { Cancel, Clock } from "#core/ports.ts";
import type { Feed, FeedConnection, FeedOpening, RawTick } from "#market/ports.ts";
import type { Wire } from "#market/wire.ts";

export interface WireFeedOptions {
  readonly wire: Wire;
  /** ws: or wss:, host and port; the wire knows the path. */
  readonly address: string;
  readonly pingEveryMs: number;
  readonly handshakeMsMax: number;
  /** After the requests every symbol must have answered within this, where the venue answers at once. */
  readonly answerMsMax: number;
  readonly clock: Pick<Clock, "now" | "setTimer">;
  /** For people; said once for each symbol or kind. */
  readonly say: (sentence: string) => void;
}

/** No message of a public trade is as long. */
const messageBytesMax = 1024 * 1024;

/** Why there is no connection, and what a person can look at. */
export const whyUnreachable = (address: string, error: Error & { readonly code?: string }): string => {
  const { code } = error;
  const { hostname } = new URL(address);
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name ${hostname} cannot be resolved (${code}): is there a network? It is tried again and again`;
    case "ECONNREFUSED":
      return `nobody answers at ${address} (${code}); it is tried again and again`;
    case "ENETUNREACH":
    case "EHOSTUNREACH":
    case "ETIMEDOUT":
      return `there is no way to ${hostname} (${code}): is there a network? It is tried again and again`;
    default:
      return `${hostname}: ${error.message}${code === undefined || error.message.includes(code) ? "" : ` (${code})`}`;
  }
};

export const createWireFeed = (options: WireFeedOptions): Feed => {
  const { wire, address, clock, say } = options;
  const said = new Set<string>();
  let connections = 0;
  const sayOnce = (key: string, sentence: string): void => {
    if (said.has(key)) return;
    said.add(key);
    say(sentence);
  };

  const open = ({ valve }: FeedOpening): FeedConnection => {
    const opened = Promise.withResolvers<void>();
    let stop = (): void => {};
    const ticks = new Observable<RawTick>((subscriber) => {
      connections += 1;
      const number = connections;
      const socket = new WebSocket(`${address}${wire.path}`, {
        handshakeTimeout: options.handshakeMsMax,
        maxPayload: messageBytesMax,
        perMessageDeflate: false,
      });
      const silent = new Set(wire.answersAtOnce ? wire.symbols : []);
      let stopPings: Cancel = () => {};
      let stopWaiting: Cancel = () => {};

      const lose = (reason: string): void => {
        if (subscriber.closed) return;
        subscriber.error(new Error(reason));
      };
      const pingLater = (): void => {
        stopPings = clock.setTimer(clock.now() + options.pingEveryMs, () => {
          if (socket.readyState === WebSocket.OPEN) socket.ping();
          pingLater();
        });
      };

      socket.on("open", () => {
        for (const request of wire.requests(number)) socket.send(request);
        opened.resolve();
        pingLater();
        // A disk that is behind: what cannot be taken stays in the socket, and then with the venue.
        subscriber.add(
          valve.changes.subscribe((isOpen) => {
            if (isOpen) socket.resume();
            else socket.pause();
          }),
        );
        stopWaiting = clock.setTimer(clock.now() + options.answerMsMax, () => {
          for (const symbol of silent)
            sayOnce(
              `silent ${symbol}`,
              `${wire.name} tells nothing of ${symbol}: it has no such market, or has closed it; see --symbols or instruments`,
            );
        });
      });
      socket.on("message", (data, isBinary) => {
        // What was read before the connection was given up belongs to nobody any more.
        if (subscriber.closed) return;
        const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
        const message = wire.read(bytes.toString("utf8"));
        switch (message.type) {
          case "tick":
            silent.delete(message.tick.symbol);
            if (message.problem !== undefined)
              sayOnce(
                `problem ${message.tick.symbol}`,
                `${wire.name}: ${message.problem}; such trades are refused and declared in the archive`,
              );
            subscriber.next(message.tick);
            return;
          case "nothing":
            return;
          case "refused":
          case "garbage":
            return lose(isBinary && bytes.length === 0 ? `${wire.name} sent an empty message` : message.reason);
          default:
            return message satisfies never;
        }
      });
      socket.on("unexpected-response", (_request, { statusCode }) =>
        lose(`${address} answers with HTTP ${statusCode}, not with a WebSocket`),
      );
      socket.on("error", (error) => lose(whyUnreachable(address, error)));
      socket.on("close", (code, reason) =>
        lose(
          `${wire.name} closed the connection (${code}${reason.length === 0 ? "" : `, ${reason.toString("utf8").slice(0, 80)}`})`,
        ),
      );
      stop = () => subscriber.complete();
      return () => {
        stopPings();
        stopWaiting();
        socket.terminate();
      };
    });
    return {
      ticks,
      opened: opened.promise,
      progress: () => null,
      stop: async () => stop(),
    };
  };

  return { name: wire.name, numbers: wire.numbers, open };
};
