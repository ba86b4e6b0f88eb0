/**
 * The paper exchange in another process, behind the Broker port.
 *
 * Market time belongs to this side: the client tells the exchange what time it is, sends it the trades it needs to see,
 * and wakes it when one of its timers is due. Every wait for the socket holds market time, so a replay is the same as
 * with the exchange inside the process. Deadlines of business are in market time; whether the other process lives at all
 * is a question of real time.
 */
import { Observable, type Subscriber } from "rxjs";
import { WebSocket } from "ws";
import type { z } from "zod";
import {
  type Broker,
  type BrokerReport,
  type Cancel,
  type Clock,
  ConnectionEnded,
  type QueryError,
  type SubmitError,
  type Valve,
} from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import { answerOf, notConnected, outcomeOf } from "./broker.ts";
import type { PaperConfig } from "./config.ts";
import { bearerOf, readToken } from "./exchange-token.ts";
import {
  type ClientRequest,
  missedTradesMax,
  parseFrame,
  protocolVersion,
  replies,
  type ServerFrame,
  serverFrame,
  supersededCode,
} from "./frames.ts";
import type { MarketTrade } from "./matching.ts";
import { createRequests } from "./requests.ts";

export interface ExchangeClient extends Broker {
  /** Every trade of the market passes here; only those travel that the exchange needs. */
  onTrade(trade: MarketTrade): void;
  endOfSession(): Promise<void>;
}

export interface ExchangeClientOptions {
  /** As `qts exchange` prints it: ws://127.0.0.1:PORT */
  readonly url: string;
  /** Where the exchange left its token; read at every connection. Absent for a venue that asks for none. */
  readonly tokenFile?: string;
  readonly clock: Clock;
  readonly config: Pick<PaperConfig, "responseTimeoutMs">;
  /** Real ms without any answer after which the exchange's process counts as gone. */
  readonly silenceMsMax?: number;
}

/** The newest trade of a symbol (a copy: the feed may use its object again), and whether the exchange has it. */
interface Quote extends Mutable<MarketTrade> {
  isWatched: boolean;
  isSent: boolean;
  /** The exchange has seen a trade of this symbol since we are connected. */
  isKnown: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Link {
  readonly socket: WebSocket;
  readonly subscriber: Subscriber<BrokerReport>;
  readonly valve: Valve;
  /** By request number: lets market time go on. */
  readonly outstanding: Map<number, () => void>;
  readonly answers: Map<number, (reply: unknown) => void>;
  watchdog: NodeJS.Timeout | undefined;
  stopWake: Cancel;
  seq: number;
}

const replyBytesMax = 64 * 1024 * 1024;
const noTimer: Cancel = () => undefined;

/** Of a frame that cannot be read, for people. */
const frameTextMax = 100;

export const createExchangeClient = (options: ExchangeClientOptions): ExchangeClient => {
  const { url, clock, config } = options;
  const silenceMsMax = options.silenceMsMax ?? 5_000;
  const requests = createRequests({ clock, timeoutMs: config.responseTimeoutMs });
  const quotes = new Map<string, Quote>();
  /** Trades of the market since the connection was lost; undefined while there is one, or none will come. */
  let missed: MarketTrade[] | undefined;
  const unavailable: QueryError = { type: "broker.unavailable", reason: `the paper exchange at ${url} cannot be reached` };
  let link: Link | undefined;
  let clientOrderIdLookup = false;
  let isClosed = false;
  let hungUp: Promise<unknown> = Promise.resolve();

  const watch = (live: Link): void => {
    clearTimeout(live.watchdog);
    // While we do not read, silence says nothing about the exchange.
    live.watchdog =
      live.outstanding.size === 0 || !live.valve.isOpen
        ? undefined
        : setTimeout(() => lose(live, new Error(`the exchange has not answered for ${silenceMsMax} ms`)), silenceMsMax);
  };

  /** @returns resolves when the exchange has done all of it durably, or is lost */
  const send = (live: Link, frame: ClientRequest): { readonly seq: number; readonly done: Promise<void> } => {
    live.seq += 1;
    const { seq } = live;
    const { promise, resolve } = Promise.withResolvers<void>();
    live.outstanding.set(seq, resolve);
    if (live.watchdog === undefined) watch(live);
    live.socket.send(JSON.stringify({ ...frame, seq, at: clock.now() }));
    return { seq, done: clock.hold(promise, undefined, `the paper exchange at ${url}`) };
  };

  const sendTrade = (live: Link, quote: Quote): void => {
    const { symbol, priceMinor, quantity, at, sequence } = quote;
    quote.isSent = true;
    quote.isKnown = true;
    send(live, { type: "trade", symbol, priceMinor, quantity, tradeAt: at, sequence });
  };

  /** The exchange decides by the newest price, also of symbols whose trades fill nothing. */
  const sendQuotes = (live: Link): void => {
    for (const quote of quotes.values()) if (!quote.isSent) sendTrade(live, quote);
  };

  const heed = (live: Link, { wakeAt, watch: symbols }: Extract<ServerFrame, { type: "welcome" | "done" }>): void => {
    for (const [symbol, quote] of quotes) quote.isWatched = symbols.includes(symbol);
    live.stopWake();
    live.stopWake =
      wakeAt === null
        ? noTimer
        : clock.setTimer(wakeAt, () => {
            sendQuotes(live);
            send(live, { type: "time" });
          });
  };

  /** Nothing more will come of this connection. */
  const forget = (live: Link, reason: string): void => {
    clearTimeout(live.watchdog);
    live.watchdog = undefined;
    live.stopWake();
    for (const release of live.outstanding.values()) release();
    live.outstanding.clear();
    live.answers.clear();
    if (live !== link) return;
    link = undefined;
    requests.failAll(reason);
  };

  const lose = (live: Link, why: Error): void => {
    // Somebody newer trades for us: what the market does now is no longer kept for a return.
    if (live === link) missed = why instanceof ConnectionEnded ? undefined : [];
    forget(live, why.message);
    live.socket.terminate();
    live.subscriber.error(why);
  };

  /** What was written still leaves; an exchange that does not take it is not waited for. */
  const hangUp = (live: Link): void => {
    if (live === link) missed = [];
    forget(live, "the connection was closed");
    if (live.socket.readyState === WebSocket.CLOSED) return;
    const overdue = setTimeout(() => live.socket.terminate(), silenceMsMax);
    hungUp = new Promise((resolve) => live.socket.once("close", resolve));
    void hungUp.then(() => clearTimeout(overdue));
    live.socket.resume();
    live.socket.close(1000);
  };

  const hear = (live: Link, raw: unknown): void => {
    const frame = parseFrame(serverFrame, raw);
    switch (frame?.type) {
      case "done":
        live.outstanding.get(frame.to)?.();
        live.outstanding.delete(frame.to);
        watch(live);
        heed(live, frame);
        break;
      case "answer":
        live.answers.get(frame.to)?.(frame.reply);
        break;
      case "report":
        live.subscriber.next(frame.report as BrokerReport);
        break;
      default:
        lose(live, new Error(`the exchange sent what is not a frame: ${String(raw).slice(0, frameTextMax)}`));
    }
  };

  const reports = (valve: Valve): Observable<BrokerReport> =>
    new Observable((subscriber) => {
      if (isClosed) throw new ConnectionEnded("the broker is closed");
      const token = options.tokenFile === undefined ? undefined : readToken(options.tokenFile);
      if (token?.ok === false) throw new Error(token.error);
      const answered = Promise.withResolvers<void>();
      void clock.hold(answered.promise, undefined, `the paper exchange at ${url}`);
      const socket = new WebSocket(url, {
        perMessageDeflate: false,
        handshakeTimeout: silenceMsMax,
        maxPayload: replyBytesMax,
        ...(token === undefined ? {} : { headers: { authorization: bearerOf(token.value) } }),
      });
      let refusal: string | undefined;
      const live: Link = {
        socket,
        subscriber,
        valve,
        outstanding: new Map(),
        answers: new Map(),
        watchdog: setTimeout(() => socket.terminate(), silenceMsMax),
        stopWake: noTimer,
        seq: 0,
      };
      let wasWelcome = false;
      const begin = (welcome: Extract<ServerFrame, { type: "welcome" }>): void => {
        wasWelcome = true;
        clearTimeout(live.watchdog);
        live.watchdog = undefined;
        clientOrderIdLookup = welcome.clientOrderIdLookup;
        link = live;
        missed = undefined;
        for (const quote of quotes.values()) Object.assign(quote, { isSent: false, isKnown: false });
        heed(live, welcome);
        socket.on("message", (more) => hear(live, more));
        // What is not read stays in the socket, and then at the exchange, whose writes meet backpressure.
        subscriber.add(
          valve.changes.subscribe((isOpen) => {
            if (isOpen) socket.resume();
            else socket.pause();
            watch(live);
          }),
        );
        clock.setTimer(clock.now(), () => live === link && subscriber.next({ type: "connected", at: clock.now() }));
      };
      socket.once("open", () =>
        socket.send(JSON.stringify({ type: "hello", version: protocolVersion, at: clock.now(), missed: missed ?? [] })),
      );
      socket.once("message", (raw) => {
        const frame = parseFrame(serverFrame, raw);
        if (frame?.type !== "welcome" || subscriber.closed) return socket.terminate();
        begin(frame);
        answered.resolve();
      });
      socket.on("error", ({ message }) => {
        if (message.endsWith(": 401"))
          refusal = `the paper exchange at ${url} does not know the token in ${options.tokenFile}; name the file beside its ledger with broker.exchange.tokenFile or --broker-token`;
      });
      socket.on("close", (code, text) => {
        const reason = text.toString() || refusal || (wasWelcome ? "the connection was lost" : unavailable.reason);
        lose(live, code === supersededCode ? new ConnectionEnded(reason) : new Error(reason));
        answered.resolve();
      });
      return () => hangUp(live);
    });

  const request = <S extends z.ZodType>(
    live: Link,
    frame: ClientRequest,
    schema: S,
    answer: (reply: z.infer<S>) => void,
  ): number => {
    sendQuotes(live);
    const { seq } = send(live, frame);
    live.answers.set(seq, (raw) => {
      live.answers.delete(seq);
      const reply = schema.safeParse(raw);
      // An answer that cannot be read is no answer: the deadline decides.
      if (reply.success) answer(reply.data);
    });
    return seq;
  };

  const order = async <T>(frame: ClientRequest, schema: z.ZodType): Promise<Result<T, SubmitError>> => {
    const live = link;
    if (live === undefined) return err(notConnected);
    let seq = 0;
    const answered = await requests.ask<Result<T, SubmitError>>((answer) => {
      seq = request(live, frame, schema, (reply) => answer(reply as Result<T, SubmitError>));
    });
    live.answers.delete(seq);
    return outcomeOf(answered);
  };

  const change = async (frame: ClientRequest): Promise<Result<void, SubmitError>> => {
    const changed = await order<void>(frame, replies.change);
    return changed.ok ? ok(undefined) : changed;
  };

  const ask = async <T>(type: "orders" | "executions" | "account"): Promise<Result<T, QueryError>> => {
    const live = link;
    if (live === undefined) return err(unavailable);
    let seq = 0;
    const answered = await requests.ask<T>((answer) => {
      seq = request(live, { type }, replies[type], (reply) => answer(reply as T));
    });
    live.answers.delete(seq);
    return answerOf(answered);
  };

  return {
    name: "exchange",
    get capabilities() {
      return { clientOrderIdLookup, live: false };
    },
    reports,
    submit: ({ orderId, symbol, side, orderType, quantity, limitPriceMinor }) => {
      const terms = { orderId, symbol, side, orderType, quantity };
      return order(
        { type: "submit", order: limitPriceMinor === undefined ? terms : { ...terms, limitPriceMinor } },
        replies.submit,
      );
    },
    cancel: ({ orderId, brokerOrderId, symbol }) => change({ type: "cancel", order: { orderId, brokerOrderId, symbol } }),
    replace: ({ orderId, brokerOrderId, symbol, quantity, limitPriceMinor }) => {
      const terms = { orderId, brokerOrderId, symbol, quantity };
      return change({ type: "replace", order: limitPriceMinor === undefined ? terms : { ...terms, limitPriceMinor } });
    },
    orders: () => ask("orders"),
    executions: () => ask("executions"),
    account: () => ask("account"),
    onTrade: (trade) => {
      let quote = quotes.get(trade.symbol);
      if (quote === undefined) {
        quote = { ...trade, isWatched: false, isSent: false, isKnown: false };
        quotes.set(trade.symbol, quote);
      }
      quote.priceMinor = trade.priceMinor;
      quote.quantity = trade.quantity;
      quote.at = trade.at;
      quote.sequence = trade.sequence;
      quote.isSent = false;
      if (missed !== undefined && missed.length < missedTradesMax) missed.push({ ...trade });
      if (link !== undefined && (quote.isWatched || !quote.isKnown)) sendTrade(link, quote);
    },
    endOfSession: async () => {
      if (link !== undefined) await send(link, { type: "end" }).done;
    },
    close: async () => {
      isClosed = true;
      link?.subscriber.complete();
      await hungUp;
    },
  };
};
