/** The broker that a session trades with, as `broker.adapter` names it. */
import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createPaperBroker, type PaperBroker } from "#adapters/paper/broker.ts";
import { createExchangeClient } from "#adapters/paper/exchange-client.ts";
import type { Config } from "#config/config.ts";
import { newOrderSeries, seriesDraws } from "#core/orders/intent.ts";
import type { Broker, Clock } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";

/** Which of them place real orders: known before a broker is opened, so that missing keys are told before anything is made. */
export const adapterIsLive: { readonly [A in Config["broker"]["adapter"]]: boolean } = { paper: false, exchange: false };

/** A broker that sees the market which is being played. */
export type SessionBroker = Broker & Pick<PaperBroker, "onTrade" | "endOfSession">;

/**
 * Opens the broker; it is connected by its `connect`.
 *
 * @param ledgerPath the in-process exchange's ledger; the exchange in its own process keeps its own
 * @returns the broker, or the sentence that says why there is none
 */
export const openSessionBroker = async (
  config: Config,
  { clock, ledgerPath, home }: { readonly clock: Clock; readonly ledgerPath: string; readonly home: string },
): Promise<Result<SessionBroker, string>> => {
  const { adapter, paper, exchange } = config.broker;
  switch (adapter) {
    case "paper": {
      const { instruments, session } = config;
      const { hours, seed } = session;
      const opened = await createPaperBroker({ config: paper, instruments, hours, clock, seed, ledgerPath });
      return opened.ok ? opened : err(opened.error.reason);
    }
    case "exchange": {
      const tokenFile = exchange.tokenFile === "" ? join(home, "exchange", "token") : resolve(exchange.tokenFile);
      return ok(createExchangeClient({ ...exchange, tokenFile, clock, config: paper }));
    }
    default:
      return adapter satisfies never;
  }
};

/**
 * The series of this run's order ids. An exchange inside this process that has no ledger yet knows no ids at all: there the
 * series is the epoch, so that the same seed gives the same run. Every other venue may remember what this home has forgotten.
 *
 * @param ledgerPath as for `openSessionBroker`, which creates it: ask before
 * @param startedAt  epoch ms of the wall clock
 */
export const orderSeriesFor = (
  config: Config,
  { ledgerPath, epoch, startedAt }: { readonly ledgerPath: string; readonly epoch: number; readonly startedAt: number },
): string =>
  config.broker.adapter === "paper" && !existsSync(ledgerPath)
    ? String(epoch)
    : newOrderSeries(startedAt, randomInt(seriesDraws));
