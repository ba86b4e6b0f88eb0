/** `qts import`: your own files ⇒ recorded days that `qts run --day` plays. All of them or none. */

import { NotOurs } from "#adapters/host/own-files.ts";
import { createArchiveReader } from "#adapters/import/archive-rows.ts";
import { isSymbol } from "#adapters/import/rows.ts";
import { type ImportFolder, openImport, StillUnnamed } from "#adapters/replay/days-folder.ts";
import { markets } from "#config/sections/instruments.ts";
import { printable } from "#core/printable.ts";
import { type Command, type CommandIo, exitCodes, readOptions, stoppedCode, UsageError } from "./command.ts";
import { ownDaysDirectory, withDaysDirectory } from "./days-directory.ts";
import { type Imported, type ImportedDay, importDays, nameProblem, ownFiles } from "./import-days.ts";
import { filesToImport, formats, type Part, readPart } from "./import-files.ts";
import { importOptions, planOf, readColumns, type Values } from "./import-plan.ts";

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

const run = async (args: readonly string[], given: CommandIo): Promise<number> => {
  const { values, positionals } = readOptions("import", args, importOptions, ["FILE…"]);
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

  const files = filesToImport(positionals, asked, io.cwd);
  if (!files.ok) return refuse(files.error);
  const foundMarket = files.value.format === "archive" ? await marketOfArchive(files.value.parts, values, io.signal) : undefined;
  if (io.signal?.aborted) return stopped(io);
  const plan = planOf(values, files.value, foundMarket);
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
    const imported = await importDays({ files: files.value, plan, values, columns, folder, directory, io });
    if (imported.ok) {
      tell(imported.value, directory, values, io);
      return exitCodes.ok;
    }
    if (imported.error === "stopped") return stopped(io);
    return refuse(imported.error.sentence);
  } catch (error) {
    if (error instanceof StillUnnamed) {
      io.err(`${printable(`${error.message}. Mend that; \`qts days\` gives them their names.`)}\n`);
      return exitCodes.failed;
    }
    const problem = writeProblem(error, directory);
    if (problem === undefined) throw error;
    return refuse(problem);
  } finally {
    folder.discard();
  }
};

const stopped = (io: CommandIo): number => {
  io.err("Stopped. Nothing was imported.\n");
  return stoppedCode(io);
};

/** @returns why days could not be written, with the remedy; undefined for what is no trouble of the disk */
export const writeProblem = (error: unknown, directory: string): string | undefined => {
  const { code, path, message } = error as NodeJS.ErrnoException;
  // Of a file that we have just made: disks of Windows and memory cards keep no owner and no mode.
  if (error instanceof NotOurs)
    return `${message}. Where that does not help, the disk keeps no owner and mode of a file: give a --days-dir on another disk.`;
  return code === undefined
    ? undefined
    : `${path ?? directory} cannot be written (${message}): free some space, or give another --days-dir.`;
};

/** The market that the first row of an archive is of. */
const marketOfArchive = async (
  parts: readonly Part[],
  { symbol, session, market }: Values,
  signal: AbortSignal | undefined,
): Promise<string | undefined> => {
  const reader = createArchiveReader({ symbol, session, market, isSparse: () => true });
  for (const part of parts) {
    await readPart(
      part,
      signal,
      () => {},
      (line) => {
        reader.read(line, 1);
        return reader.market() === undefined ? undefined : "found";
      },
    );
    if (reader.market() !== undefined || signal?.aborted) break;
  }
  return reader.market();
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
