/** Rows ⇒ recorded days: every row in its place, every day whole, and all of them at once or none. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { appendOwn, makeFolders, writeFileDurably } from "#adapters/host/durable-files.ts";
import { createArchiveReader } from "#adapters/import/archive-rows.ts";
import { createCsvReader } from "#adapters/import/csv.ts";
import { createJsonlReader } from "#adapters/import/jsonl.ts";
import { createLeanReader } from "#adapters/import/lean.ts";
import { createRowOrder } from "#adapters/import/row-order.ts";
import { type Columns, type ReadLine, shownValue } from "#adapters/import/rows.ts";
import { createTimeReader } from "#adapters/import/times.ts";
import { createDaySpool } from "#adapters/replay/day-spool.ts";
import type { ImportFolder, OwnFiles } from "#adapters/replay/days-folder.ts";
import { recordedDays, shippedDays } from "#adapters/replay/recorded-days.ts";
import { err, ok, type Result } from "#core/result.ts";
import type { CommandIo } from "./command.ts";
import { type ImportFiles, type Part, readPart } from "./import-files.ts";
import type { ImportPlan, Values } from "./import-plan.ts";

export const ownFiles: OwnFiles = { makeFolders, write: writeFileDurably, append: appendOwn };

const progressEveryMs = 5000;
const progressTerminalMs = 500;

/** How far a long import is: on one line of a terminal, elsewhere a line now and then. */
const createProgress = (io: CommandIo, bytes: number) => {
  const isTerminal = process.stderr.isTTY === true;
  const everyMs = isTerminal ? progressTerminalMs : progressEveryMs;
  let saidAt = performance.now();
  let isShown = false;
  return {
    tell: (read: number, rows: number): void => {
      const now = performance.now();
      if (now - saidAt < everyMs) return;
      saidAt = now;
      isShown = true;
      const text = `importing: ${Math.min(100, Math.floor((read / Math.max(1, bytes)) * 100))} %, ${rows.toLocaleString("en-US")} trades`;
      io.err(isTerminal ? `\r${text}\u001b[K` : `${text}\n`);
    },
    end: (): void => {
      if (isTerminal && isShown) io.err("\r\u001b[K");
    },
  };
};

export interface ImportedDay {
  readonly name: string;
  readonly date: string;
  readonly trades: number;
  readonly inSession: number;
}

/** @returns the end of a sentence about the name of days */
export const nameProblem = (name: string): string | undefined =>
  /^[A-Za-z0-9][\w.-]{0,80}$/.test(name) && !name.includes("..")
    ? undefined
    : "must be letters, digits and . _ - only, and begin with one of the first two";

export type Failure = "stopped" | { readonly sentence: string };

export interface ImportWork {
  readonly files: ImportFiles;
  readonly plan: ImportPlan;
  readonly values: Values;
  readonly columns: Columns;
  readonly folder: ImportFolder;
  readonly directory: string;
  readonly io: CommandIo;
}

export interface Imported {
  readonly days: readonly ImportedDay[];
  readonly symbols: readonly string[];
  readonly gaps: { readonly gaps: number; readonly missing: number };
  readonly notes: readonly string[];
}

export const importDays = async ({
  files: { format, parts, sparse },
  plan,
  values,
  columns,
  folder,
  directory,
  io,
}: ImportWork): Promise<Result<Imported, Failure>> => {
  const { calendar } = plan;
  const spool = createDaySpool(folder.path, ownFiles);
  const order = createRowOrder({ calendar, isSorting: values.sort === true, keepsGaps: values["keep-gaps"] === true });
  const symbols = new Set<string>();
  const highest = new Map<string, number>();
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const progress = createProgress(io, bytes);
  const readTime = createTimeReader(plan.timeZone);
  const ofRows = {
    readTime,
    columns,
    symbol: values.symbol,
    bars: plan.bars,
    priceScale: plan.priceScale,
    quantityScale: plan.quantityScale,
  };
  const archive = createArchiveReader({
    symbol: values.symbol,
    session: values.session,
    market: values.market,
    isSparse: (session) => sparse.has(session),
  });
  const readerOf = ({ lean }: Part): ReadLine => {
    if (lean !== undefined)
      return createLeanReader({ ...lean, symbol: values.symbol ?? lean.symbol, timeZone: plan.timeZone ?? calendar.timeZone });
    if (format === "archive") return archive.read;
    return format === "jsonl" ? createJsonlReader(ofRows).read : createCsvReader(ofRows).read;
  };
  let rows = 0;
  let readBefore = 0;
  for (const part of parts) {
    const readLine = readerOf(part);
    const problem = await readPart(
      part,
      io.signal,
      (read) => progress.tell(readBefore + read, rows),
      (line, number) => {
        const trades = readLine(line, number);
        if (!trades.ok) return trades.error;
        for (const trade of trades.value) {
          const placed = order.take(trade, `${part.place}:${number}`);
          if (!placed.ok) return placed.error;
          symbols.add(trade.symbol);
          if (trade.priceMinor > (highest.get(trade.symbol) ?? 0)) highest.set(trade.symbol, trade.priceMinor);
          const full = spool.add(placed.value.day, { ...trade, number: placed.value.number });
          if (full !== undefined) return full;
          rows += 1;
        }
        return undefined;
      },
    );
    readBefore += part.bytes;
    if (problem === "stopped") return err("stopped");
    if (problem !== undefined) {
      progress.end();
      return err({ sentence: problem });
    }
  }
  progress.end();
  if (rows === 0)
    return err({
      sentence: `There is no trade in ${parts.length === 1 ? (parts[0] as Part).place : `these ${parts.length} files`}${values.symbol === undefined ? "" : ` of ${values.symbol}`}${values.session === undefined ? "" : ` in the session ${values.session}`}.`,
    });

  const [only] = symbols;
  const prefix =
    values.name ?? (symbols.size === 1 && only !== undefined ? only.toLowerCase().replaceAll(/[:/]/g, "-") : undefined);
  if (prefix === undefined)
    return err({
      sentence: `There are ${symbols.size} symbols in it, and their days need a name: give --name, like --name mine.`,
    });
  const problem = nameProblem(prefix);
  if (problem !== undefined)
    return err({ sentence: `The days would be called ${shownValue(prefix)}, and a name ${problem}; give --name.` });
  const names = new Map(spool.days().map((day) => [day, `${prefix}-${day.replaceAll("-", "")}`]));
  const shipped = recordedDays(shippedDays);
  for (const name of names.values()) {
    if (shipped.includes(name)) return err({ sentence: `A day called ${name} ships with QTS; give another --name.` });
    if (!values.replace && existsSync(join(directory, `${name}.qtsday`)))
      return err({ sentence: `There is a day called ${name} in ${directory} already; give --replace, or another --name.` });
  }
  const source = [...new Set(parts.map(({ place }) => basename(place.split(":")[0] as string)))].slice(0, 3).join(", ");
  const days: ImportedDay[] = [];
  const notes: string[] = [];
  for (const [day, name] of names) {
    await new Promise((turn) => setImmediate(turn));
    if (io.signal?.aborted) return err("stopped");
    progress.tell(bytes, rows);
    const { file, trades, inSession } = spool.take(day, name, {
      source,
      licence: values.licence ?? "your own",
      calendar,
      instrumentOf: (symbol) => plan.instrumentOf(symbol, highest.get(symbol) ?? 0),
    });
    folder.write(name, file);
    days.push({ name, date: day, trades, inSession });
    if (inSession === 0)
      notes.push(
        `No trade of ${day} lies in the regular session of ${plan.market}: are --time-zone and --market right? \`qts run --session all\` plays it all the same.`,
      );
    const unknown = calendar.isKnown(day) ? undefined : calendar.unknownProblem(Date.parse(`${day}T12:00:00Z`));
    if (unknown !== undefined && notes.length < 10) notes.push(`${unknown.charAt(0).toUpperCase()}${unknown.slice(1)}.`);
  }
  progress.end();
  folder.publish();
  return ok({ days, symbols: [...symbols], gaps: order.gaps(), notes });
};
