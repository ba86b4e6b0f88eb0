/** The files of a zip, as streams: what is needed to read Lean's (whose sizes are zip64's), and no more: no encryption, no parts. */
import { createReadStream, type ReadStream, readSync } from "node:fs";
import { Readable } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { err, ok, type Result } from "#core/result.ts";

export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly crc: number;
  readonly at: number;
}

const endBytes = 22;
const commentBytesMax = 65_535;
/** A directory of more is no zip of trades. */
const directoryBytesMax = 16_777_216;

const readAt = (fd: number, at: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, at));
};

/** A field of 32 bits that is full has its value in the entry's zip64 extra field. */
const full = 0xffff_ffff;
const zip64 = 1;

const longValues = (extra: Buffer): number[] => {
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === zip64 && at + 4 + length <= extra.length)
      return Array.from({ length: Math.floor(length / 8) }, (_, index) => Number(extra.readBigUInt64LE(at + 4 + index * 8)));
    at += 4 + length;
  }
  return [];
};

/** @param size of the file; @returns its entries in their order, or what is wrong with it as the end of a sentence */
export const zipEntries = (fd: number, size: number): Result<readonly ZipEntry[], string> => {
  const tailAt = Math.max(0, size - endBytes - commentBytesMax);
  const tail = readAt(fd, tailAt, size - tailAt);
  const end = tail.lastIndexOf(Buffer.from("PK\u0005\u0006", "latin1"));
  if (end < 0 || tail.length - end < endBytes) return err("is no zip, or is cut short");
  const count = tail.readUInt16LE(end + 10);
  const length = tail.readUInt32LE(end + 12);
  const at = tail.readUInt32LE(end + 16);
  if (length > directoryBytesMax || at + length > size) return err("is a zip whose directory is damaged");
  const directory = readAt(fd, at, length);
  const entries: ZipEntry[] = [];
  for (let from = 0; entries.length < count; ) {
    if (from + 46 > directory.length || directory.readUInt32LE(from) !== 0x02014b50)
      return err("is a zip whose directory is damaged");
    const [nameBytes, extraBytes, remarkBytes] = [28, 30, 32].map((offset) => directory.readUInt16LE(from + offset)) as [
      number,
      number,
      number,
    ];
    const name = directory.toString("utf8", from + 46, from + 46 + nameBytes);
    if ((directory.readUInt16LE(from + 8) & 1) === 1) return err(`is encrypted; unpack ${JSON.stringify(name)} first`);
    const long = longValues(directory.subarray(from + 46 + nameBytes, from + 46 + nameBytes + extraBytes));
    // In this order, and each only where the short field is full.
    const [bytes, packedBytes, at] = [24, 20, 42].map((offset) => {
      const short = directory.readUInt32LE(from + offset);
      return short === full ? long.shift() : short;
    });
    if (bytes === undefined || packedBytes === undefined || at === undefined || at + packedBytes > size)
      return err("is a zip whose directory is damaged");
    const [method, crc] = [directory.readUInt16LE(from + 10), directory.readUInt32LE(from + 16)];
    entries.push({ name, method, crc, packedBytes, bytes, at });
    from += 46 + nameBytes + extraBytes + remarkBytes;
  }
  return ok(entries.filter(({ name }) => !name.endsWith("/")));
};

/** The bytes of an entry; throws at damage, also at a wrong checksum after the last byte. */
export async function* zipContent(
  path: string,
  fd: number,
  { at, method, packedBytes, crc, bytes }: ZipEntry,
): AsyncGenerator<Buffer> {
  const head = readAt(fd, at, 30);
  if (head.length < 30 || head.readUInt32LE(0) !== 0x04034b50) throw new Error("it is a damaged zip");
  if (method !== 0 && method !== 8) throw new Error("it is packed in a way that is not known here; unpack it first");
  const from = at + 30 + head.readUInt16LE(26) + head.readUInt16LE(28);
  const packed: ReadStream | Readable =
    packedBytes === 0 ? Readable.from([]) : createReadStream(path, { start: from, end: from + packedBytes - 1 });
  const content: Readable = method === 8 ? packed.pipe(createInflateRaw()) : packed;
  packed.on("error", (error) => content.destroy(error));
  let sum = 0;
  let length = 0;
  for await (const piece of content as AsyncIterable<Buffer>) {
    sum = crc32(piece, sum);
    length += piece.length;
    if (length > bytes) throw new Error("it is a damaged zip: an entry is longer than it says");
    yield piece;
  }
  if (sum !== crc || length !== bytes) throw new Error("it is a damaged zip: an entry does not match its checksum");
}
