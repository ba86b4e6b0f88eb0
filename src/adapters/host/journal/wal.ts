/**
 * Looks at a write-ahead log that SQLite has not opened yet.
 *
 * SQLite cuts a log at the first frame whose checksum is wrong and says nothing. For a torn tail that is right; for damage in
 * the middle it would drop facts that were acknowledged. The two can be told apart: SQLite writes a transaction only after
 * the one before it was synced, so frames after a later commit prove that the damaged transaction had been on disk.
 *
 * Format: https://sqlite.org/fileformat2.html#walformat
 */
import { readFileSync } from "node:fs";

export type WalCondition =
  | { readonly type: "absent" }
  | { readonly type: "whole"; readonly frames: number }
  /** The last transaction was not finished when the process or the machine died; nobody had been told that it was durable. */
  | { readonly type: "torn"; readonly framesCut: number }
  | { readonly type: "damaged"; readonly reason: string };

const headerBytes = 32;
const frameHeaderBytes = 24;

/** @returns the condition of the log; a file that cannot be read throws Node's error, except when it does not exist */
export const inspectWal = (file: string): WalCondition => {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { type: "absent" };
    throw error;
  }
  if (bytes.length === 0) return { type: "absent" };
  const hasFrames = bytes.length > headerBytes;
  const isLittleEndian = bytes.length >= 4 && bytes.readUInt32BE(0) === 0x377f0682;
  const headerSum = bytes.length >= headerBytes ? checksum(bytes, 0, 24, [0, 0], isLittleEndian) : [0, 0];
  const isHeaderWhole =
    bytes.length >= headerBytes &&
    (bytes.readUInt32BE(0) & 0xfffffffe) === 0x377f0682 &&
    headerSum[0] === bytes.readUInt32BE(24) &&
    headerSum[1] === bytes.readUInt32BE(28);
  if (!isHeaderWhole) {
    // The header is synced before the first frame is written.
    return hasFrames ? { type: "damaged", reason: "its header does not match its checksum" } : { type: "torn", framesCut: 0 };
  }
  const frameBytes = frameHeaderBytes + bytes.readUInt32BE(8);
  const salts = bytes.subarray(16, 24);
  let sum: Sum = headerSum as Sum;
  let frames = 0;
  let committed = 0;
  let firstBad: number | undefined;
  let commitsAfterBad = 0;
  let framesOfGeneration = 0;
  for (let offset = headerBytes, index = 0; offset < bytes.length; offset += frameBytes, index++) {
    const isPart = offset + frameBytes > bytes.length;
    // Frames of an earlier round of the log lie behind the current ones and have been moved to the database long ago.
    const isOfGeneration =
      offset + frameHeaderBytes <= bytes.length && bytes.compare(salts, 0, 8, offset + 8, offset + frameHeaderBytes - 8) === 0;
    if (isOfGeneration) framesOfGeneration = index + 1;
    if (firstBad !== undefined) {
      if (!isOfGeneration) continue;
      if (commitsAfterBad > 0)
        return { type: "damaged", reason: `frame ${firstBad + 1} does not match its checksum, and frames after it were synced` };
      if (bytes.readUInt32BE(offset + 4) !== 0) commitsAfterBad += 1;
      continue;
    }
    if (!isPart && isOfGeneration) {
      const next = checksum(
        bytes,
        offset + frameHeaderBytes,
        frameBytes - frameHeaderBytes,
        checksum(bytes, offset, 8, sum, isLittleEndian),
        isLittleEndian,
      );
      if (next[0] === bytes.readUInt32BE(offset + 16) && next[1] === bytes.readUInt32BE(offset + 20)) {
        sum = next;
        frames += 1;
        if (bytes.readUInt32BE(offset + 4) !== 0) committed = frames;
        continue;
      }
    }
    firstBad = index;
    // The damaged frame may itself have been the commit of its transaction.
    if (isOfGeneration && !isPart && bytes.readUInt32BE(offset + 4) !== 0) commitsAfterBad += 1;
  }
  const framesCut = Math.max(framesOfGeneration, frames) - committed;
  return framesCut > 0 ? { type: "torn", framesCut } : { type: "whole", frames };
};

type Sum = readonly [number, number];

const checksum = (bytes: Buffer, offset: number, length: number, [first, second]: Sum, isLittleEndian: boolean): Sum => {
  let a = first;
  let b = second;
  for (let at = offset; at < offset + length; at += 8) {
    a = (a + (isLittleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)) + b) >>> 0;
    b = (b + (isLittleEndian ? bytes.readUInt32LE(at + 4) : bytes.readUInt32BE(at + 4)) + a) >>> 0;
  }
  return [a, b];
};
