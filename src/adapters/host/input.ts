/**
 * A file that a command was given to read: a plain file, a pipe, a terminal, whatever the path leads to.
 *
 * What may have to be waited for is read by the event loop and never by a thread of the pool: a thread that waits for a person
 * or for a writer who never comes hears no signal, and the process cannot end before it.
 */
import { constants, createReadStream, openSync } from "node:fs";
import { stat } from "node:fs/promises";
import { Socket } from "node:net";
import { addAbortSignal, type Readable } from "node:stream";
import { isatty, ReadStream as TerminalStream } from "node:tty";
import { err, ok, type Result } from "#core/result.ts";

export type InputProblem =
  /** The signal came first. */
  | { readonly type: "input.aborted" }
  | { readonly type: "input.too.large"; readonly bytesMax: number }
  | { readonly type: "input.unreadable"; readonly error: unknown };

const ownInput: ReadonlySet<string> = new Set(["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]);

const openInput = async (path: string): Promise<Readable> => {
  if (ownInput.has(path)) return process.stdin;
  const kind = await stat(path);
  if (!kind.isFIFO() && !kind.isCharacterDevice()) return createReadStream(path);
  // Without O_NONBLOCK opening a pipe waits for its writer; without O_NOCTTY a terminal would become ours.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  if (kind.isFIFO()) return new Socket({ fd, readable: true, writable: false });
  return isatty(fd) ? new TerminalStream(fd) : createReadStream(path, { fd });
};

/**
 * The pieces of a file as they come, until its end.
 *
 * @param signal aborted: the reading ends at once, with "input.aborted"
 * @returns calls `take` with each piece and waits for it; `false` from it ends the reading early, which is no failure
 */
export const readPieces = async (
  path: string,
  signal: AbortSignal | undefined,
  take: (piece: Buffer) => boolean | undefined,
): Promise<Result<void, InputProblem>> => {
  try {
    const stream = await openInput(path);
    if (signal !== undefined) addAbortSignal(signal, stream);
    for await (const piece of stream) {
      if (take(piece as Buffer) === false) break;
    }
    return ok(undefined);
  } catch (error) {
    return err((error as Error).name === "AbortError" ? { type: "input.aborted" } : { type: "input.unreadable", error });
  }
};

/** A whole file as UTF-8, of at most `bytesMax`: a device without an end must not fill the memory. */
export const readText = async (path: string, bytesMax: number, signal?: AbortSignal): Promise<Result<string, InputProblem>> => {
  const pieces: Buffer[] = [];
  let bytes = 0;
  const read = await readPieces(path, signal, (piece) => {
    bytes += piece.length;
    pieces.push(piece);
    return bytes <= bytesMax;
  });
  if (!read.ok) return read;
  return bytes > bytesMax ? err({ type: "input.too.large", bytesMax }) : ok(Buffer.concat(pieces).toString("utf8"));
};

/** A longer line is no record of anything. */
const lineBytesMax = 16_777_216;

/**
 * The lines of a file as UTF-8, each without its end.
 *
 * @param take called with each line in order; `false` ends the reading early, which is no failure
 */
export const readLines = async (
  path: string,
  signal: AbortSignal | undefined,
  take: (line: string) => boolean | undefined,
): Promise<Result<void, InputProblem>> => {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let goesOn = true;
  const line = (bytes: Buffer): void => {
    const text = (rest.length === 0 ? bytes : Buffer.concat([...rest, bytes])).toString("utf8");
    rest = [];
    restBytes = 0;
    goesOn = take(text.endsWith("\r") ? text.slice(0, -1) : text) !== false;
  };
  const read = await readPieces(path, signal, (piece) => {
    let from = 0;
    for (let end = piece.indexOf(10); goesOn && end !== -1; end = piece.indexOf(10, from)) {
      line(piece.subarray(from, end));
      from = end + 1;
    }
    if (from < piece.length) rest.push(piece.subarray(from));
    restBytes += piece.length - from;
    return goesOn && restBytes <= lineBytesMax;
  });
  if (!read.ok || !goesOn) return read;
  if (restBytes > lineBytesMax) return err({ type: "input.too.large", bytesMax: lineBytesMax });
  if (restBytes > 0) line(Buffer.alloc(0));
  return read;
};
