/** `qts import`: your own files ⇒ recorded days that `qts run --day` plays. All of them or none. */

import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { makeFolders, writeAllSync, writeFileDurably } from "#adapters/host/durable-files.ts";
import { openOwn } from "#adapters/host/own-files.ts";
import { createArchiveReader } from "#adapters/import/archive-rows.ts";
import { createCsvReader } from "#adapters/import/csv.ts";
import { createJsonlReader } from "#adapters/import/jsonl.ts";
import { createLeanReader, leanPriceScale } from "#adapters/import/lean.ts";
import { createRowOrder } from "#adapters/import/row-order.ts";
import {
  type BarStamp,
  type Columns,
  type FieldName,
  fieldNames,
  isSymbol,
  type ReadLine,
  shownValue,
} from "#adapters/import/rows.ts";
import { createTimeReader } from "#adapters/import/times.ts";
import { rulesFor } from "#adapters/paper/market-rules.ts";
import { createDaySpool } from "#adapters/replay/day-spool.ts";
import { type ImportFolder, type OwnFiles, openImport } from "#adapters/replay/days-folder.ts";
import { recordedDays, shippedDays } from "#adapters/replay/recorded-days.ts";
import { markets } from "#config/sections/instruments.ts";
import { unitsOf } from "#core/decimal.ts";
import type { Instrument } from "#core/instrument.ts";
import { printable } from "#core/printable.ts";
import { err, ok, type Result } from "#core/result.ts";
import { calendarOf, type MarketCalendar } from "#market/calendar.ts";
import { type Command, type CommandIo, exitCodes, readOptions, stoppedCode, UsageError, wholeNumber } from "./command.ts";
import { ownDaysDirectory, withDaysDirectory } from "./days-directory.ts";
import { durationMs } from "./duration.ts";
import { archiveFiles, type Format, formatOf, formats, type Part, partsOf, readPart } from "./import-files.ts";
import { whyUnreadable } from "./unreadable.ts";

const ownFiles: OwnFiles = {
  makeFolders,
  write: writeFileDurably,
  append: (path, bytes) => {
    const fd = openOwn(path, "append");
    try {
      writeAllSync(fd, bytes);
    } finally {
      closeSync(fd);
    }
  },
};

const help = `qts import FILE…: make recorded days of your own data, one for each trading day of the market.

Usage: qts import FILE… --symbol SYMBOL [options]

Reads CSV (a header, or --columns), JSON lines (.jsonl), either of them gzipped, minute bars as CSV, Lean's zips of trade ticks, and an
archive of QTS (a home or its config/observer). Every number is read from its text; a row that is wrong ends the import with its file, line,
value and remedy, and nothing is imported. docs/operations/own-data.md has an example of each.

What the rows are:
  --symbol SYMBOL      of every row; where a column has the symbol, only rows of this one
  --columns NAME=COL,… which column or field is what: time, date, price, quantity, symbol, side, venue, condition, number (the
                       source's own), or open, high, low, close, volume; COL is a name or, in CSV, a number from 1
  --time-zone ZONE     of times without an offset: Asia/Seoul, America/New_York, UTC
  --bars end|LENGTH    rows are bars whose time is their end, or their beginning and they last so long: 1m
  --format NAME        csv, jsonl, lean or archive, where the file's name does not say so
  --sort               times may go back; the rows of a day are sorted, and the source's numbers are not kept
  --keep-gaps          the source's numbers may skip: the hole is kept, and declared when the day is played
  --session NAME       of an archive with several sessions

What is traded:
  --market NAME        ${markets.join(", ")}: whose days and hours these are
                       (default ALWAYS, which never closes; Lean's zips NYSE, bars in Korean time KRX)
  --currency CUR       (default KRW for Korean markets, else USD)
  --price-scale N      digits after the point that a price may have (default 0 for KRW, else 2; Lean 4)
  --quantity-scale N   digits after the point that a quantity may have (default 0)
  --tick PRICE         smallest price step (default one unit of the scale)

What becomes of it:
  --name NAME          the days are called NAME-YYYYMMDD (default: the symbol in small letters)
  --days-dir DIR       where days lie (default: QTS_DAYS, else ./days)
  --replace            days of these names are there already and may go
  --licence TEXT       kept with the days
  --json               one JSON document
  --help               this page

Exit codes: 0 imported, 1 refused or failed and nothing was imported, 2 usage, 130 or 143 stopped and nothing was imported.

  qts import trades.csv --symbol BTCUSDT --price-scale 2 --quantity-scale 8
  qts import samsung.csv --symbol 005930
  qts run --days 005930-20180118..20180226 --speed max
`;

const options = {
  symbol: { type: "string" },
  columns: { type: "string" },
  "time-zone": { type: "string" },
  bars: { type: "string" },
  format: { type: "string" },
  sort: { type: "boolean" },
  "keep-gaps": { type: "boolean" },
  session: { type: "string" },
  market: { type: "string" },
  currency: { type: "string" },
  "price-scale": { type: "string" },
  "quantity-scale": { type: "string" },
  tick: { type: "string" },
  name: { type: "string" },
  "days-dir": { type: "string" },
  replace: { type: "boolean" },
  licence: { type: "string" },
  json: { type: "boolean" },
} as const;

type Values = ReturnType<typeof readOptions<typeof options>>["values"];

/** More digits than any money has; beyond it an account of a thousand could not be counted. */
const scalesMax = 12;

const readColumns = (text: string | undefined): Columns => {
  const columns: { [F in FieldName]?: string } = {};
  for (const pair of text?.split(",") ?? []) {
    const [, name = "", column] = /^\s*(\w+)=(.+?)\s*$/.exec(pair) ?? [];
    const field = fieldNames.find((known) => known === name);
    if (field === undefined || column === undefined)
      throw new UsageError(
        `--columns has ${shownValue(pair)} and wants NAME=COLUMN with one of ${fieldNames.join(", ")}, like time=1,price=2,quantity=3.`,
      );
    columns[field] = column;
  }
  return columns;
};

const readZone = (zone: string | undefined): string | undefined => {
  if (zone === undefined) return undefined;
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    throw new UsageError(`--time-zone is "${zone}" and is no time zone; write it like Asia/Seoul.`);
  }
};

const readBars = (text: string | undefined): BarStamp | undefined => {
  if (text === undefined) return undefined;
  return text === "end" ? { type: "end" } : { type: "start", lengthMs: durationMs("bars", text) };
};

const scaleOf = (option: string, text: string | undefined, otherwise: number): number => {
  const scale = wholeNumber("import", option, text) ?? otherwise;
  const most = option === "quantity-scale" ? 8 : scalesMax;
  if (scale <= most) return scale;
  throw new UsageError(`--${option} is ${scale} and must be at most ${most}.`);
};

/** A file whose first line is of Creon's minute bars says its zone and that a time is a bar's end. */
const isKoreanBars = (path: string): boolean => {
  if (path.toLowerCase().endsWith(".gz")) return false;
  const fd = openSync(path, "r");
  try {
    const head = Buffer.alloc(64);
    readSync(fd, head);
    return head.toString("latin1").includes("yyyymmddhhmm_kst");
  } finally {
    closeSync(fd);
  }
};

/** How these files are to be read. */
interface Plan {
  readonly format: Format;
  readonly market: string;
  readonly calendar: MarketCalendar;
  readonly timeZone: string | undefined;
  readonly bars: BarStamp | undefined;
  /** @param priceMinorMax the highest price of it: where steps grow with the price, the step at this one */
  readonly instrumentOf: (symbol: string, priceMinorMax: number) => Instrument;
  readonly priceScale: number;
  readonly quantityScale: number;
}

const planOf = (values: Values, format: Format, korean: boolean, foundMarket: string | undefined): Plan => {
  const market = values.market ?? (format === "lean" ? "NYSE" : korean ? "KRX" : (foundMarket ?? "ALWAYS"));
  const calendar = calendarOf(market);
  if (calendar === undefined)
    throw new UsageError(`--market is "${market}", of which no calendar is known; known are ${markets.join(", ")}.`);
  const isKorean = ["KRX", "NXT", "UPBIT", "BITHUMB"].includes(market);
  const currency = values.currency ?? (isKorean ? "KRW" : "USD");
  if (!/^[A-Z]{3}$/.test(currency))
    throw new UsageError(`--currency is "${currency}" and must be three capital letters, like USD.`);
  const given = values["price-scale"];
  if (format === "lean" && given !== undefined && given !== String(leanPriceScale))
    throw new UsageError(`--price-scale is ${given}, and Lean counts prices in 1e-${leanPriceScale}: leave it out.`);
  // An archive without a row that can be read is refused for that.
  if (format === "archive" && (foundMarket ?? values.market) !== undefined) {
    // A wrong guess would make every amount a hundred times too large, and nothing would say so.
    if (given === undefined && currency !== "KRW")
      throw new UsageError(
        "An archive's rows do not say how many digits its prices have: give --price-scale as its session's instruments had it (4 for the day that ships).",
      );
    if (values["quantity-scale"] === undefined && calendar.known === undefined)
      throw new UsageError(
        `An archive's rows do not say what a lot is: give --quantity-scale as its session's instruments had it (8 for --feed upbit, 0 for whole units).`,
      );
  }
  const priceScale = scaleOf("price-scale", given, format === "lean" ? leanPriceScale : currency === "KRW" ? 0 : 2);
  const quantityScale = scaleOf("quantity-scale", values["quantity-scale"], 0);
  if (priceScale + quantityScale > scalesMax)
    throw new UsageError(
      `--price-scale ${priceScale} and --quantity-scale ${quantityScale} are more than ${scalesMax} together: so small a unit of money could not be counted up to a thousand; give fewer digits.`,
    );
  const tick = unitsOf(values.tick ?? String(10 ** -priceScale), priceScale);
  const tickSize = values.tick === undefined ? 1 : tick.ok ? tick.value : 0;
  if (tickSize === 0)
    throw new UsageError(`--tick is "${values.tick}" and must be a price of at most ${priceScale} digits, above 0.`);
  return {
    format,
    market,
    calendar,
    timeZone: readZone(values["time-zone"]) ?? (format === "lean" || korean ? calendar.timeZone : undefined),
    bars: readBars(values.bars) ?? (korean ? { type: "end" } : undefined),
    priceScale,
    quantityScale,
    instrumentOf: (symbol, priceMinorMax) => {
      const instrument = {
        symbol,
        market,
        currency,
        priceScale,
        tickSize,
        lotSize: 1,
        ...(quantityScale === 0 ? {} : { quantityScale }),
      };
      return values.tick === undefined
        ? { ...instrument, tickSize: rulesFor(instrument, "regular").tickAt(priceMinorMax) }
        : instrument;
    },
  };
};

/** Sessions of an archive whose source's numbers are not consecutive: the lines about itself say so. */
const sparseSessions = (system: readonly string[]): ReadonlySet<string> => {
  const sparse = new Set<string>();
  for (const path of system)
    for (const line of readFileSync(path, "utf8").split("\n")) {
      if (!line.includes('"sparse"')) continue;
      try {
        const row = JSON.parse(line) as {
          readonly type?: string;
          readonly numbers?: string;
          readonly meta?: { readonly session?: string };
        };
        if (row.numbers === "sparse" && row.meta?.session !== undefined) sparse.add(row.meta.session);
      } catch {
        // `qts archive check` judges the line; here it only says that rows have no numbers.
      }
    }
  return sparse;
};

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

interface ImportedDay {
  readonly name: string;
  readonly date: string;
  readonly trades: number;
  readonly inSession: number;
}

const nameProblem = (name: string): string | undefined =>
  /^[A-Za-z0-9][\w.-]{0,80}$/.test(name) && !name.includes("..")
    ? undefined
    : "must be letters, digits and . _ - only, and begin with one of the first two";

type Failure = "stopped" | { readonly sentence: string };

const run = async (args: readonly string[], given: CommandIo): Promise<number> => {
  const { values, positionals } = readOptions("import", args, options, ["FILE…"]);
  const io = withDaysDirectory(given, values["days-dir"]);
  const refuse = (sentence: string): number => {
    io.err(`${printable(sentence)}\nNothing was imported.\n`);
    return exitCodes.failed;
  };
  const columns = readColumns(values.columns);
  if (values.symbol !== undefined && !isSymbol(values.symbol))
    throw new UsageError(`--symbol is "${values.symbol}" and must be letters, digits and . _ : / - only, at most 32.`);
  if (values.name !== undefined) {
    const problem = nameProblem(values.name);
    if (problem !== undefined) throw new UsageError(`--name is "${values.name}" and ${problem}.`);
  }
  const asked = values.format === undefined ? undefined : formats.find((format) => format === values.format);
  if (values.format !== undefined && asked === undefined)
    throw new UsageError(`--format is "${values.format}" and must be ${formats.join(", ")}.`);

  // What is there to read, and of which form?
  const parts: Part[] = [];
  let format: Format | undefined;
  let korean = false;
  let sparse: ReadonlySet<string> = new Set();
  try {
    for (const shown of positionals) {
      const path = resolve(io.cwd, shown);
      const of = asked ?? formatOf(path);
      if (format !== undefined && of !== format)
        return refuse(
          `${shown} is read as ${of} and the files before it as ${format}: import one form at a time, or say which with --format.`,
        );
      format = of;
      if (of === "archive") {
        if (!statSync(path).isDirectory()) return refuse(`${shown} is no directory; give a home of QTS, or its config/observer.`);
        const found = archiveFiles(path);
        if (found.scalp.length === 0)
          return refuse(
            `there is no archive at ${shown}: no file below it has a path of the scalp stream (docs/reference/archive.md).`,
          );
        sparse = new Set([...sparse, ...sparseSessions(found.system)]);
        for (const file of found.scalp) {
          const own = partsOf(file, file, of);
          if (own.ok) parts.push(...own.value);
        }
        continue;
      }
      if (!statSync(path).isFile())
        return refuse(`${shown} is no file; give a file${asked === undefined ? "" : ` of the form ${of}`}.`);
      if (of === "csv") korean ||= isKoreanBars(path);
      const own = partsOf(path, shown, of);
      if (!own.ok) return refuse(own.error);
      parts.push(...own.value);
    }
  } catch (error) {
    return refuse(`${(error as NodeJS.ErrnoException).path ?? "A file"} cannot be read: ${whyUnreadable(error)}.`);
  }
  if (format === undefined) throw new UsageError("qts import needs FILE; `qts import --help` shows how it is called.");

  const foundMarket = format === "archive" ? await marketOfArchive(parts, values) : undefined;
  const plan = planOf(values, format, korean, foundMarket);
  const directory = ownDaysDirectory(io);
  let folder: ImportFolder;
  try {
    folder = openImport(directory, ownFiles);
  } catch (error) {
    return refuse(
      `${directory} cannot be written: ${(error as Error).message}; give another --days-dir, or check its owner and mode.`,
    );
  }
  try {
    const imported = await importParts({ parts, plan, values, columns, folder, directory, sparse, io });
    if (imported.ok) {
      tell(imported.value, directory, values, io);
      return exitCodes.ok;
    }
    if (imported.error === "stopped") {
      io.err("Stopped. Nothing was imported.\n");
      return stoppedCode(io);
    }
    return refuse(imported.error.sentence);
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return refuse(
      `${path ?? directory} cannot be written (${(error as Error).message}): free some space, or give another --days-dir.`,
    );
  } finally {
    folder.discard();
  }
};

/** The market that the first row of an archive is of. */
const marketOfArchive = async (parts: readonly Part[], { symbol, session, market }: Values): Promise<string | undefined> => {
  const reader = createArchiveReader({ symbol, session, market, isSparse: () => true });
  for (const part of parts) {
    await readPart(
      part,
      undefined,
      () => {},
      (line) => {
        reader.read(line, 1);
        return reader.market() === undefined ? undefined : "found";
      },
    );
    if (reader.market() !== undefined) break;
  }
  return reader.market();
};

interface Work {
  readonly parts: readonly Part[];
  readonly plan: Plan;
  readonly values: Values;
  readonly columns: Columns;
  readonly folder: ImportFolder;
  readonly directory: string;
  readonly sparse: ReadonlySet<string>;
  readonly io: CommandIo;
}

interface Imported {
  readonly days: readonly ImportedDay[];
  readonly symbols: readonly string[];
  readonly gaps: { readonly gaps: number; readonly missing: number };
  readonly notes: readonly string[];
}

const importParts = async ({
  parts,
  plan,
  values,
  columns,
  folder,
  directory,
  sparse,
  io,
}: Work): Promise<Result<Imported, Failure>> => {
  const { calendar, format } = plan;
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

const tell = ({ days, symbols, gaps, notes }: Imported, directory: string, { json }: Values, io: CommandIo): void => {
  if (json) {
    io.out(`${JSON.stringify({ directory, symbols, days, ...gaps, notes })}\n`);
    return;
  }
  const counted = (value: number): string => value.toLocaleString("en-US");
  const trades = days.reduce((sum, day) => sum + day.trades, 0);
  const [first, last] = [days[0] as ImportedDay, days.at(-1) as ImportedDay];
  const range = days.length === 1 ? first.name : `${first.name} … ${last.name}`;
  const how = days.length === 1 ? `--day ${first.name}` : `--days ${first.name}..${last.name.slice(-8)}`;
  io.out(
    `${counted(trades)} ${trades === 1 ? "trade" : "trades"} of ${symbols.slice(0, 5).join(", ")}${symbols.length > 5 ? ` and ${symbols.length - 5} more` : ""} on ${days.length === 1 ? "one day" : `${days.length} days`}: ${range} in ${directory}\n`,
  );
  if (gaps.gaps > 0)
    io.out(
      `${counted(gaps.missing)} trades are missing in ${counted(gaps.gaps)} holes of the source's numbers; they are declared when the days are played.\n`,
    );
  for (const note of notes.slice(0, 10)) io.err(`${note}\n`);
  if (notes.length > 10) io.err(`… and ${notes.length - 10} more notes.\n`);
  io.out(`Play ${days.length === 1 ? "it" : "them"}: qts run ${how} --speed max\n`);
};

export const command: Command = {
  name: "import",
  summary: "make recorded days of your own data: CSV, JSONL, bars, Lean, an archive",
  help,
  run,
};
