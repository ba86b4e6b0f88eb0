/**
 * A venue's public WebSocket as a feed.
 *
 * One connection per `open`: when it is tried again is the feed machine's decision, and whether it is alive is judged by data, there
 * too. Here a connection ends with a sentence when the socket ends, when the venue refuses, and when a message cannot be read,
 * because what it said is lost and must be declared. The venue's time is asked first: a clock that is far off stamps nothing. Pings
 * keep the venue from hanging up; its own are answered by the socket.
 */
import { Observable } from "rxjs";
import { WebSocket } from "ws";
import type { Cancel, Clock } from "#core/ports.ts";
import { agreementOf, type ClockAgreement, type ClockLimits, clockSentence } from "#market/clock-offset.ts";
import { ConnectionRefused, type Feed, type FeedConnection, type FeedOpening, type RawTick } from "#market/ports.ts";
import type { Wire } from "#market/wire.ts";
import { refusalOf } from "./refusal.ts";
import { createVenueClock } from "./venue-clock.ts";

export interface WireFeedOptions {
  readonly wire: Wire;
  /** ws: or wss:, host and port; the wire knows the path. */
  readonly address: string;
  readonly pingEveryMs: number;
  readonly handshakeMsMax: number;
  /** After the requests every symbol must have answered within this, where the venue answers at once. */
  readonly answerMsMax: number;
  /** The venue is asked for its time before each connection, and so often while it stands. */
  readonly clockEveryMs: number;
  readonly clockLimits: ClockLimits;
  readonly clock: Pick<Clock, "now" | "monotonicMs" | "setTimer">;
  /** For people; said once for each symbol or kind. */
  readonly say: (sentence: string) => void;
}

/** No message of a public trade is as long. */
const messageBytesMax = 1024 * 1024;
/** A venue that does not tell its time within this is listened to all the same. */
const timeMsMax = 2000;

/** Why there is no connection, and what a person can look at. */
export const whyUnreachable = (address: string, error: Error & { readonly code?: string }, now = 0): string => {
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
    case "CERT_NOT_YET_VALID":
    case "CERT_HAS_EXPIRED":
      return `the certificate of ${hostname} is not valid at this time (${code}): is this machine's clock right? It says ${new Date(now).toISOString()}`;
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

  const venueClock = createVenueClock({
    venue: wire.name,
    url: `${address.replace(/^ws/, "http")}${wire.timePath}`,
    clock,
    answerMsMax: timeMsMax,
  });
  let agreement: ClockAgreement = "agrees";
  /** Says it when the clocks part, and when they agree again. @returns why nothing may be stamped */
  const clockProblem = (): string | undefined => {
    const aheadMs = venueClock.aheadMs();
    if (aheadMs === undefined) return undefined;
    const before = agreement;
    agreement = agreementOf(aheadMs, options.clockLimits);
    const sentence = agreement === before && agreement !== "wrong" ? "" : clockSentence(wire.name, aheadMs, options.clockLimits);
    if (agreement !== before) say(sentence);
    return agreement === "wrong" ? sentence : undefined;
  };

  const open = ({ valve }: FeedOpening): FeedConnection => {
    const opened = Promise.withResolvers<void>();
    let stop = (): void => {};
    const ticks = new Observable<RawTick>((subscriber) => {
      const silent = new Set(wire.answersAtOnce ? wire.symbols : []);
      let stopPings: Cancel = () => {};
      let stopWaiting: Cancel = () => {};
      let stopAsking: Cancel = () => {};
      let socket: WebSocket | undefined;

      const lose = (reason: string | Error): void => {
        if (subscriber.closed) return;
        // An alert that data is missing may be open already, and would not say this.
        if (reason instanceof ConnectionRefused) say(reason.message);
        subscriber.error(typeof reason === "string" ? new Error(reason) : reason);
      };
      /** @returns may it go on? */
      const judgeClock = (): boolean => {
        if (subscriber.closed) return false;
        const problem = clockProblem();
        if (problem !== undefined) lose(problem);
        return problem === undefined;
      };
      const pingLater = (): void => {
        stopPings = clock.setTimer(clock.now() + options.pingEveryMs, () => {
          if (socket?.readyState === WebSocket.OPEN) socket.ping();
          pingLater();
        });
      };
      const askLater = (waitMs: number): void => {
        stopAsking = clock.setTimer(clock.now() + waitMs, async () => {
          // Whoever is listened to may refuse to tell the time: it is left alone, and the trades come in all the same.
          const refused = await venueClock.ask();
          if (refused !== undefined) say(refused.message);
          if (judgeClock()) askLater(Math.max(options.clockEveryMs, refused?.retryAfterMs ?? 0));
        });
      };

      const connect = (): void => {
        connections += 1;
        const number = connections;
        const joined = new WebSocket(`${address}${wire.path}`, {
          handshakeTimeout: options.handshakeMsMax,
          maxPayload: messageBytesMax,
          perMessageDeflate: false,
        });
        socket = joined;
        joined.on("open", () => {
          for (const request of wire.requests(number)) joined.send(request);
          opened.resolve();
          pingLater();
          askLater(options.clockEveryMs);
          // A disk that is behind: what cannot be taken stays in the socket, and then with the venue.
          subscriber.add(
            valve.changes.subscribe((isOpen) => {
              if (isOpen) joined.resume();
              else joined.pause();
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
        joined.on("message", (data, isBinary) => {
          // What was read before the connection was given up belongs to nobody any more.
          if (subscriber.closed) return;
          const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
          const message = wire.read(bytes.toString("utf8"));
          switch (message.type) {
            case "tick":
              silent.delete(message.tick.symbol);
              if (message.sentAt !== undefined) {
                venueClock.heard(message.sentAt);
                if (!judgeClock()) return;
              }
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
        joined.on("unexpected-response", (_request, { statusCode = 0, headers }) =>
          lose(
            refusalOf(wire.name, statusCode, headers["retry-after"], clock.now()) ??
              `${address} answers with HTTP ${statusCode}, not with a WebSocket`,
          ),
        );
        joined.on("error", (error) => lose(whyUnreachable(address, error, clock.now())));
        joined.on("close", (code, reason) =>
          lose(
            `${wire.name} closed the connection (${code}${reason.length === 0 ? "" : `, ${reason.toString("utf8").slice(0, 80)}`})`,
          ),
        );
      };

      void venueClock.ask().then((refused) => {
        if (subscriber.closed) return;
        if (refused !== undefined) lose(refused);
        else if (judgeClock()) connect();
      });
      stop = () => subscriber.complete();
      return () => {
        stopPings();
        stopWaiting();
        stopAsking();
        socket?.terminate();
      };
    });
    return {
      ticks,
      opened: opened.promise,
      progress: () => null,
      stop: async () => stop(),
    };
  };

  return { name: wire.name, numbers: wire.numbers, clockAheadMs: venueClock.aheadMs, open };
};
