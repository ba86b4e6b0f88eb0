/**
 * The configuration of a session: the defaults, what the feed brings, the file, and the command line, each laid over the one
 * before. A feed's own money and limits lie under the file, so that the file's win.
 */
import type { Config } from "#config/config.ts";
import { type FeedName, feedNames, feeds } from "#src/sources.ts";
import { type CommandIo, UsageError } from "./command.ts";
import { type ReadConfig, readConfigFile } from "./config-file.ts";
import { ownDaysDirectory } from "./days-directory.ts";

/** @throws {UsageError} for a name that is none */
export const feedOf = (text: string | undefined): FeedName | undefined => {
  const name = feedNames.find((known) => known === text);
  if (text === undefined || name !== undefined) return name;
  throw new UsageError(`--feed is "${text}" and must be ${feedNames.join(" or ")}.`);
};

const under = (feed: FeedName, day: string, io: CommandIo): object => {
  const { clock, market, below } = feeds[feed];
  if (market === undefined) return below?.(day, ownDaysDirectory(io)) ?? {};
  return { ...market.defaults, session: { mode: clock, feed }, instruments: market.symbols.map(market.instrumentOf) };
};

/**
 * @param option the value of --config; undefined: the defaults alone
 * @param asked by name on the command line; what is undefined the file says
 */
export const readSessionConfig = (
  option: string | undefined,
  io: CommandIo,
  asked: { readonly feed?: FeedName | undefined; readonly day?: string | undefined } = {},
): Promise<ReadConfig> =>
  readConfigFile(option, io, ({ session }: Config) => under(asked.feed ?? session.feed, asked.day ?? session.day, io));

/**
 * @param symbols the value of --symbols
 * @returns the instruments that were asked for, to be laid over the file
 * @throws {UsageError} for a symbol that the feed's venue cannot have
 */
export const symbolsOf = (feed: FeedName, symbols: string | undefined): { readonly instruments?: Config["instruments"] } => {
  if (symbols === undefined) return {};
  const { market } = feeds[feed];
  if (market === undefined) throw new UsageError("--symbols is for a live feed; a recorded day has its own.");
  const wanted = new Set(symbols.split(",").map((symbol) => symbol.trim()));
  for (const symbol of wanted) {
    const problem = market.symbolProblem(symbol);
    if (problem !== undefined) throw new UsageError(`--symbols has "${symbol}": ${problem}.`);
  }
  return { instruments: [...wanted].map(market.instrumentOf) };
};
