/**
 * A recorded trading day as one compact file.
 *
 * Layout: the line `QTS recorded day 1`, one line of JSON (the header), the brotli-compressed columns, and the SHA-256 of
 * everything before it. Columns compress four times better than rows here, and the checksum at the end means that a file
 * which is missing a byte anywhere is refused before a session begins. Reference: docs/reference/data.md.
 */
import { createHash } from "node:crypto";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { err, ok, type Result } from "#core/result.ts";

const magic = "QTS recorded day 1\n";
const checksumBytes = 32;

export interface DayHeader {
  /** Name of the day, which is also the file's name: `us-equity-20131007`. */
  readonly name: string;
  readonly source: string;
  readonly licence: string;
  readonly timeZone: string;
  /** Epoch ms of the day's midnight at the exchange; times in the columns count from there. */
  readonly midnightAt: number;
  /** The regular session in ms since midnight, from inclusive, to exclusive. */
  readonly regularMs: readonly [number, number];
  /** Prices are integers of 10 ** -priceScale. */
  readonly priceScale: number;
  readonly symbols: readonly { readonly symbol: string; readonly trades: number }[];
  readonly venues: readonly string[];
  readonly conditions: readonly string[];
  readonly trades: number;
  /** Bytes of the compressed columns, so that a cut file can be told from a garbled one. */
  readonly bodyBytes: number;
}

/** One trade of the source, in the order of the source; times in ms since the exchange's midnight. */
export interface SourceTrade {
  readonly ms: number;
  readonly symbol: string;
  readonly priceMinor: number;
  readonly quantity: number;
  readonly venue: string;
  readonly condition: string;
  readonly suspicious: boolean;
}

/** The day in memory: one array per column, row `i` of each is the same trade. */
export interface RecordedDay {
  readonly header: DayHeader;
  readonly rows: number;
  readonly exchangeAt: Float64Array;
  /** Index into `header.symbols`, `header.venues`, `header.conditions`. */
  readonly symbol: Uint8Array;
  readonly venue: Uint8Array;
  readonly condition: Uint8Array;
  readonly priceMinor: Int32Array;
  readonly quantity: Int32Array;
  readonly suspicious: Uint8Array;
  /** 1, 2, 3 … per symbol. */
  readonly sequence: Uint32Array;
}

class VarintWriter {
  readonly #bytes: number[] = [];
  natural(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes.push(rest);
  }
  integer(value: number): void {
    this.natural(value < 0 ? -value * 2 - 1 : value * 2);
  }
  byte(value: number): void {
    this.#bytes.push(value);
  }
  toBuffer(): Buffer {
    return Buffer.from(this.#bytes);
  }
}

const positions = (values: readonly string[]): Map<string, number> => new Map(values.map((value, index) => [value, index]));

/**
 * Writes trades as a recorded day.
 *
 * @param trades in time order; trades of one symbol in the order of their source
 * @returns the whole file
 */
export const encodeDay = (
  about: Omit<DayHeader, "symbols" | "venues" | "conditions" | "trades" | "bodyBytes">,
  trades: readonly SourceTrade[],
): Buffer => {
  const symbols = [...new Set(trades.map((t) => t.symbol))];
  const venues = [...new Set(trades.map((t) => t.venue))].sort();
  const conditions = [...new Set(trades.map((t) => t.condition))].sort();
  const [symbolIndex, venueIndex, conditionIndex] = [positions(symbols), positions(venues), positions(conditions)];
  const column = new VarintWriter();
  let lastMs = 0;
  for (const { ms } of trades) {
    column.natural(ms - lastMs);
    lastMs = ms;
  }
  for (const { symbol } of trades) column.byte(symbolIndex.get(symbol) as number);
  const lastPrice = new Map<string, number>();
  for (const { symbol, priceMinor } of trades) {
    column.integer(priceMinor - (lastPrice.get(symbol) ?? 0));
    lastPrice.set(symbol, priceMinor);
  }
  for (const { quantity } of trades) column.natural(quantity);
  for (const { venue } of trades) column.byte(venueIndex.get(venue) as number);
  for (const { condition } of trades) column.byte(conditionIndex.get(condition) as number);
  for (const { suspicious } of trades) column.byte(suspicious ? 1 : 0);

  const body = brotliCompressSync(column.toBuffer(), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
  });
  const header: DayHeader = {
    ...about,
    symbols: symbols.map((symbol) => ({ symbol, trades: trades.filter((t) => t.symbol === symbol).length })),
    venues,
    conditions,
    trades: trades.length,
    bodyBytes: body.length,
  };
  const content = Buffer.concat([Buffer.from(`${magic}${JSON.stringify(header)}\n`), body]);
  return Buffer.concat([content, createHash("sha256").update(content).digest()]);
};

/**
 * Reads a recorded day, all of it, after its checksum was verified.
 *
 * @returns the day, or what is wrong with the file as the end of a sentence that begins with its path
 */
export const decodeDay = (file: Uint8Array): Result<RecordedDay, string> => {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < magic.length || bytes.toString("latin1", 0, magic.length) !== magic)
    return err(
      bytes.length < magic.length
        ? `is cut short: only ${bytes.length} bytes are left`
        : "is not a recorded day of QTS (version 1)",
    );
  const headerEnd = bytes.indexOf(0x0a, magic.length);
  if (headerEnd < 0) return err("is cut short: its header has no end");
  const checked = bytes.length - checksumBytes;
  const intact =
    checked > headerEnd && createHash("sha256").update(bytes.subarray(0, checked)).digest().equals(bytes.subarray(checked));
  let header: DayHeader;
  try {
    header = JSON.parse(bytes.toString("utf8", magic.length, headerEnd)) as DayHeader;
  } catch {
    return err("is damaged: its header cannot be read");
  }
  if (!intact) {
    const expected = headerEnd + 1 + header.bodyBytes + checksumBytes;
    return err(
      bytes.length < expected
        ? `is cut short: ${bytes.length} of ${expected} bytes are there`
        : "is damaged: its content does not match its checksum",
    );
  }
  return ok(readColumns(header, brotliDecompressSync(bytes.subarray(headerEnd + 1, checked))));
};

const readColumns = (header: DayHeader, columns: Buffer): RecordedDay => {
  const rows = header.trades;
  let offset = 0;
  const natural = (): number => {
    let byte = columns[offset++] as number;
    let value = byte & 0x7f;
    for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
      byte = columns[offset++] as number;
      value += (byte & 0x7f) * scale;
    }
    return value;
  };
  const bytesColumn = (): Uint8Array => {
    const column = new Uint8Array(columns.subarray(offset, offset + rows));
    offset += rows;
    return column;
  };

  const exchangeAt = new Float64Array(rows);
  let at = header.midnightAt;
  for (let row = 0; row < rows; row++) {
    at += natural();
    exchangeAt[row] = at;
  }
  const symbol = bytesColumn();
  const priceMinor = new Int32Array(rows);
  const sequence = new Uint32Array(rows);
  const lastPrice = new Int32Array(header.symbols.length);
  const lastSequence = new Uint32Array(header.symbols.length);
  for (let row = 0; row < rows; row++) {
    const which = symbol[row] as number;
    const zigzag = natural();
    const price = (lastPrice[which] as number) + (zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2);
    lastPrice[which] = price;
    priceMinor[row] = price;
    const next = (lastSequence[which] as number) + 1;
    lastSequence[which] = next;
    sequence[row] = next;
  }
  const quantity = new Int32Array(rows);
  for (let row = 0; row < rows; row++) quantity[row] = natural();
  const venue = bytesColumn();
  const condition = bytesColumn();
  const suspicious = bytesColumn();
  return { header, rows, exchangeAt, symbol, venue, condition, priceMinor, quantity, suspicious, sequence };
};
