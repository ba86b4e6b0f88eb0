/**
 * A recorded trading day as one compact file.
 *
 * Layout: a line with the version, one line of JSON (the header), the brotli-compressed columns, and the SHA-256 of
 * everything before it. Columns compress four times better than rows here, and the checksum at the end means that a file
 * which is missing a byte anywhere is refused before a session begins. Reference: docs/reference/data.md.
 *
 * Version 1 is the day that ships with QTS. Version 2 is what `qts import` writes: it knows its instruments, may have more than
 * 256 symbols, venues or conditions, and keeps the source's numbers where they skip. Both hold numbers up to 2^53.
 */
import { createHash } from "node:crypto";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import type { Instrument } from "#core/instrument.ts";
import { err, ok, type Result } from "#core/result.ts";

const magicOf = (version: 1 | 2): string => `QTS recorded day ${version}\n`;
const magicBytes = magicOf(1).length;
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
  /** What is traded, in the order of `symbols`; an imported day brings it along, and has version 2. */
  readonly instruments?: readonly Instrument[];
  /** The longest time without a trade while the market was open, in ms: no silence of a connection. */
  readonly quietMs?: number;
  /** The source's own numbers stand in a column of their own, because they skip some. */
  readonly isNumbered?: boolean;
  readonly symbols: readonly { readonly symbol: string; readonly trades: number }[];
  readonly venues: readonly string[];
  readonly conditions: readonly string[];
  readonly trades: number;
  /** Bytes of the compressed columns, so that a cut file can be told from a garbled one. */
  readonly bodyBytes: number;
}

/** What a day says about itself; the rest of its header follows from its trades. */
export type AboutDay = Omit<DayHeader, "symbols" | "venues" | "conditions" | "trades" | "bodyBytes">;

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

type Indexes = Uint8Array | Uint16Array;

/** Trades in columns, row `i` of each is the same trade: in time order, trades of one symbol in the order of their source. */
export interface DayColumns {
  readonly rows: number;
  /** Since the exchange's midnight. */
  readonly ms: Float64Array;
  readonly symbol: Indexes;
  readonly priceMinor: Float64Array;
  readonly quantity: Float64Array;
  readonly venue: Indexes;
  readonly condition: Indexes;
  readonly suspicious: Uint8Array;
  /** The source's number per symbol, from 1; absent: 1, 2, 3 … without a hole. */
  readonly number?: Float64Array;
}

export interface DayNames {
  readonly symbols: readonly string[];
  readonly venues: readonly string[];
  readonly conditions: readonly string[];
}

/** The day in memory: one array per column, row `i` of each is the same trade. */
export interface RecordedDay {
  readonly header: DayHeader;
  readonly rows: number;
  readonly exchangeAt: Float64Array;
  /** Index into `header.symbols`, `header.venues`, `header.conditions`. */
  readonly symbol: Indexes;
  readonly venue: Indexes;
  readonly condition: Indexes;
  readonly priceMinor: Float64Array;
  readonly quantity: Float64Array;
  readonly suspicious: Uint8Array;
  /** 1, 2, 3 … per symbol; with holes where the source has them. */
  readonly sequence: Float64Array;
}

/** Millions of rows: bytes that double, and no number object for each of them. */
class VarintWriter {
  #bytes = new Uint8Array(4096);
  #length = 0;
  byte(value: number): void {
    if (this.#length === this.#bytes.length) {
      const longer = new Uint8Array(this.#length * 2);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    this.#bytes[this.#length++] = value;
  }
  natural(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }
  /** Zigzag; the sign goes into the first byte, because twice the number may be beyond 2^53. */
  integer(value: number): void {
    const sign = value < 0 ? 1 : 0;
    const size = sign === 0 ? value : -value - 1;
    const low = (size % 0x40) * 2 + sign;
    this.byte(size < 0x40 ? low : low | 0x80);
    if (size >= 0x40) this.natural(Math.floor(size / 0x40));
  }
  indexes(column: Indexes, rows: number, names: number): void {
    for (let row = 0; row < rows; row++) {
      if (names <= bytesMax) this.byte(column[row] as number);
      else this.natural(column[row] as number);
    }
  }
  toBuffer(): Buffer {
    return Buffer.from(this.#bytes.buffer, 0, this.#length);
  }
}

/** So many names fit into an index of one byte. */
const bytesMax = 256;

/** The best quality takes a second per 500 kB; a long day is worth less patience. */
const qualityOf = (version: 1 | 2, bytes: number): number => (version === 1 || bytes <= 65_536 ? 11 : bytes <= 1_048_576 ? 9 : 5);

/**
 * Writes columns as a recorded day: version 2 where it says what its instruments are.
 *
 * @returns the whole file
 */
export const encodeColumns = (about: AboutDay, names: DayNames, columns: DayColumns): Buffer => {
  const { rows, ms, symbol, priceMinor, quantity, venue, condition, suspicious, number } = columns;
  const version = about.instruments === undefined ? 1 : 2;
  const writer = new VarintWriter();
  let lastMs = 0;
  for (let row = 0; row < rows; row++) {
    writer.natural((ms[row] as number) - lastMs);
    lastMs = ms[row] as number;
  }
  writer.indexes(symbol, rows, names.symbols.length);
  const lastPrice = new Float64Array(names.symbols.length);
  const counts = new Float64Array(names.symbols.length);
  for (let row = 0; row < rows; row++) {
    const which = symbol[row] as number;
    writer.integer((priceMinor[row] as number) - (lastPrice[which] as number));
    lastPrice[which] = priceMinor[row] as number;
    counts[which] = (counts[which] as number) + 1;
  }
  for (let row = 0; row < rows; row++) writer.natural(quantity[row] as number);
  writer.indexes(venue, rows, names.venues.length);
  writer.indexes(condition, rows, names.conditions.length);
  for (let row = 0; row < rows; row++) writer.byte(suspicious[row] as number);
  if (number !== undefined) {
    const last = new Float64Array(names.symbols.length);
    for (let row = 0; row < rows; row++) {
      const which = symbol[row] as number;
      writer.natural((number[row] as number) - (last[which] as number) - 1);
      last[which] = number[row] as number;
    }
  }
  const plain = writer.toBuffer();
  const body = brotliCompressSync(plain, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: qualityOf(version, plain.length),
      [constants.BROTLI_PARAM_LGWIN]: 24,
    },
  });
  const header: DayHeader = {
    ...about,
    ...(number === undefined ? {} : { isNumbered: true }),
    symbols: names.symbols.map((name, which) => ({ symbol: name, trades: counts[which] as number })),
    venues: names.venues,
    conditions: names.conditions,
    trades: rows,
    bodyBytes: body.length,
  };
  const content = Buffer.concat([Buffer.from(`${magicOf(version)}${JSON.stringify(header)}\n`), body]);
  return Buffer.concat([content, createHash("sha256").update(content).digest()]);
};

const positions = (values: readonly string[]): Map<string, number> => new Map(values.map((value, index) => [value, index]));

/**
 * Writes trades as a recorded day.
 *
 * @param trades in time order; trades of one symbol in the order of their source
 * @returns the whole file
 */
export const encodeDay = (about: AboutDay, trades: readonly SourceTrade[]): Buffer => {
  const symbols = [...new Set(trades.map((t) => t.symbol))];
  const venues = [...new Set(trades.map((t) => t.venue))].sort();
  const conditions = [...new Set(trades.map((t) => t.condition))].sort();
  const [symbolIndex, venueIndex, conditionIndex] = [positions(symbols), positions(venues), positions(conditions)];
  return encodeColumns(
    about,
    { symbols, venues, conditions },
    {
      rows: trades.length,
      ms: Float64Array.from(trades, ({ ms }) => ms),
      symbol: Uint16Array.from(trades, ({ symbol }) => symbolIndex.get(symbol) as number),
      priceMinor: Float64Array.from(trades, ({ priceMinor }) => priceMinor),
      quantity: Float64Array.from(trades, ({ quantity }) => quantity),
      venue: Uint16Array.from(trades, ({ venue }) => venueIndex.get(venue) as number),
      condition: Uint16Array.from(trades, ({ condition }) => conditionIndex.get(condition) as number),
      suspicious: Uint8Array.from(trades, ({ suspicious }) => (suspicious ? 1 : 0)),
    },
  );
};

/** The header alone, from the first bytes of a file that nobody verified: for lists. @returns the end of a sentence about the file */
export const headerOfDay = (beginning: Uint8Array): Result<DayHeader, string> => {
  const bytes = Buffer.from(beginning.buffer, beginning.byteOffset, beginning.byteLength);
  const magic = bytes.toString("latin1", 0, magicBytes);
  if (magic !== magicOf(1) && magic !== magicOf(2)) return err("is not a recorded day of QTS (version 1 or 2)");
  const end = bytes.indexOf(0x0a, magicBytes);
  if (end < 0) return err("is cut short: its header has no end");
  try {
    return ok(JSON.parse(bytes.toString("utf8", magicBytes, end)) as DayHeader);
  } catch {
    return err("is damaged: its header cannot be read");
  }
};

/** A file whose bytes were compared with its checksum: its header, and its columns still compressed. */
export interface CheckedDay {
  readonly header: DayHeader;
  readonly body: Buffer;
  /** SHA-256 of all that stands before it, in hex. */
  readonly checksum: string;
}

/**
 * Reads the header of a recorded day and verifies the checksum of all of it.
 *
 * @returns the day, or what is wrong with the file as the end of a sentence that begins with its path
 */
export const checkDay = (file: Uint8Array): Result<CheckedDay, string> => {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < magicBytes) return err(`is cut short: only ${bytes.length} bytes are left`);
  const magic = bytes.toString("latin1", 0, magicBytes);
  if (magic !== magicOf(1) && magic !== magicOf(2)) return err("is not a recorded day of QTS (version 1 or 2)");
  const headerEnd = bytes.indexOf(0x0a, magicBytes);
  if (headerEnd < 0) return err("is cut short: its header has no end");
  const checked = bytes.length - checksumBytes;
  const intact =
    checked > headerEnd && createHash("sha256").update(bytes.subarray(0, checked)).digest().equals(bytes.subarray(checked));
  let header: DayHeader;
  try {
    header = JSON.parse(bytes.toString("utf8", magicBytes, headerEnd)) as DayHeader;
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
  return ok({ header, body: bytes.subarray(headerEnd + 1, checked), checksum: bytes.toString("hex", checked) });
};

/** The columns of a day whose checksum was verified. */
export const unfoldDay = ({ header, body }: CheckedDay): RecordedDay => readColumns(header, brotliDecompressSync(body));

/**
 * Reads a recorded day, all of it, after its checksum was verified.
 *
 * @returns the day, or what is wrong with the file as the end of a sentence that begins with its path
 */
export const decodeDay = (file: Uint8Array): Result<RecordedDay, string> => {
  const checked = checkDay(file);
  return checked.ok ? ok(unfoldDay(checked.value)) : checked;
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
  const integer = (): number => {
    const first = columns[offset++] as number;
    const size = ((first & 0x7f) >> 1) + (first >= 0x80 ? natural() * 0x40 : 0);
    return first % 2 === 0 ? size : -size - 1;
  };
  const indexes = (names: number): Indexes => {
    if (names > bytesMax) {
      const column = new Uint16Array(rows);
      for (let row = 0; row < rows; row++) column[row] = natural();
      return column;
    }
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
  const symbol = indexes(header.symbols.length);
  const priceMinor = new Float64Array(rows);
  const sequence = new Float64Array(rows);
  const lastPrice = new Float64Array(header.symbols.length);
  const lastSequence = new Float64Array(header.symbols.length);
  for (let row = 0; row < rows; row++) {
    const which = symbol[row] as number;
    const price = (lastPrice[which] as number) + integer();
    lastPrice[which] = price;
    priceMinor[row] = price;
    const next = (lastSequence[which] as number) + 1;
    lastSequence[which] = next;
    sequence[row] = next;
  }
  const quantity = new Float64Array(rows);
  for (let row = 0; row < rows; row++) quantity[row] = natural();
  const venue = indexes(header.venues.length);
  const condition = indexes(header.conditions.length);
  const suspicious = indexes(0) as Uint8Array;
  if (header.isNumbered) {
    lastSequence.fill(0);
    for (let row = 0; row < rows; row++) {
      const which = symbol[row] as number;
      const next = (lastSequence[which] as number) + natural() + 1;
      lastSequence[which] = next;
      sequence[row] = next;
    }
  }
  return { header, rows, exchangeAt, symbol, venue, condition, priceMinor, quantity, suspicious, sequence };
};
