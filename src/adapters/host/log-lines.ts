/**
 * Where the log's lines go: a file or a device, or a pipe that somebody reads.
 *
 * Neither may hold its owner up, whatever becomes of the disk or the reader: lines wait in a bounded buffer, what cannot be
 * written is dropped and counted, and ending waits for a limited time.
 */
import { close, fstatSync, ftruncateSync, write, writeSync } from "node:fs";
import type { Writable } from "node:stream";
import { openOwn } from "./own-files.ts";

export interface LogLines {
  write(line: string): void;
  /** Lines that were lost so far. */
  dropped(): number;
  /** Writes what is waiting, for at most `waitMsMax`. */
  close(waitMsMax: number): Promise<void>;
}

/** About ten thousand lines. */
const waitingMax = 2_000_000;
/** Of one write; a whole number of lines. */
const batchMax = 65_536;
/** A full disk is asked again this often, and a busy device sooner. */
const failedMs = 1000;
const busyMs = 100;

/** A reader at the other end: what it does not take in time is lost, and when it is gone everything is. */
const toReader = (stream: Writable): LogLines => {
  let dropped = 0;
  let isGone = false;
  const gone = (): void => {
    isGone = true;
  };
  stream.on("error", gone);
  return {
    write: (line) => {
      if (isGone || stream.writableLength > waitingMax) dropped += 1;
      else
        stream.write(line, (error) => {
          if (error) dropped += 1;
        });
    },
    dropped: () => dropped,
    close: (waitMsMax) =>
      new Promise((resolve) => {
        const deadline = setTimeout(resolve, waitMsMax);
        stream.write("", () => {
          clearTimeout(deadline);
          resolve();
        });
      }),
  };
};

const beginAnew = (path: string): number => {
  const fd = openOwn(path, "append");
  ftruncateSync(fd);
  return fd;
};

/** @param recovered told, when a write succeeds again, how many lines were lost since the last that did */
const toFile = (to: number | string, recovered: (lost: number) => void): LogLines => {
  let fd: number | undefined = typeof to === "number" ? to : undefined;
  let waiting: string[] = [];
  let waitingLength = 0;
  let dropped = 0;
  let lostSince = 0;
  let isWriting = false;
  let isFailing = false;
  /** A line was cut off in the middle: the next one must not be its tail. */
  let isTorn = false;
  let pause: NodeJS.Timeout | undefined;
  let idle: (() => void)[] = [];

  const settle = (): void => {
    if ((isWriting || waiting.length > 0) && !isFailing) return;
    for (const resolve of idle.splice(0)) resolve();
  };
  const later = (ms: number, work: () => void): void => {
    pause = setTimeout(() => {
      pause = undefined;
      work();
    }, ms);
    pause.unref();
  };
  const lose = (lines: number): void => {
    dropped += lines;
    lostSince += lines;
  };
  const failed = (lines: number): void => {
    lose(lines);
    isFailing = true;
    later(failedMs, flush);
    settle();
  };
  const takeBatch = (): { readonly bytes: Buffer; readonly lines: number } => {
    let [lines, length] = [0, 0];
    for (const line of waiting) {
      if (lines > 0 && length + line.length > batchMax) break;
      lines += 1;
      length += line.length;
    }
    const text = waiting.slice(0, lines).join("");
    waiting = waiting.slice(lines);
    waitingLength -= length;
    return { bytes: Buffer.from(isTorn ? `\n${text}` : text), lines };
  };
  const put = (handle: number, bytes: Buffer, lines: number, isRest: boolean): void => {
    write(handle, bytes, 0, bytes.length, null, (error, count) => {
      if (error?.code === "EAGAIN") return later(busyMs, () => put(handle, bytes, lines, isRest));
      if (error === null && count < bytes.length) return put(handle, bytes.subarray(count), lines, true);
      isWriting = false;
      if (error !== null) {
        isTorn ||= isRest;
        return failed(lines);
      }
      isTorn = false;
      isFailing = false;
      const lost = lostSince;
      lostSince = 0;
      if (lost > 0) recovered(lost);
      flush();
    });
  };
  const flush = (): void => {
    settle();
    if (isWriting || pause !== undefined || waiting.length === 0) return;
    const { bytes, lines } = takeBatch();
    try {
      fd ??= beginAnew(String(to));
    } catch {
      failed(lines);
      return;
    }
    isWriting = true;
    put(fd, bytes, lines, false);
  };
  /** A crash ends the process without `close`: one try, whatever becomes of it. */
  const atExit = (): void => {
    if (fd === undefined || isFailing || waiting.length === 0) return;
    try {
      writeSync(fd, waiting.join(""));
    } catch {
      // Nobody is left to be told.
    }
  };
  process.once("exit", atExit);

  return {
    write: (line) => {
      if (waitingLength + line.length > waitingMax) return lose(1);
      waiting.push(line);
      waitingLength += line.length;
      flush();
    },
    dropped: () => dropped,
    close: async (waitMsMax) => {
      await new Promise<void>((resolve) => {
        const deadline = setTimeout(resolve, waitMsMax);
        idle.push(() => {
          clearTimeout(deadline);
          resolve();
        });
        flush();
      });
      process.off("exit", atExit);
      clearTimeout(pause);
      lose(waiting.length);
      waiting = [];
      idle = [];
      if (typeof to === "string" && fd !== undefined && !isWriting) {
        const handle = fd;
        await new Promise<void>((resolve) => close(handle, () => resolve()));
      }
    },
  };
};

/**
 * @param to        a file descriptor, 1 or 2, or the path of a file that is begun anew
 * @param recovered told, when lines can be written again, how many were lost before
 */
export const openLogLines = (to: 1 | 2 | string, recovered: (lost: number) => void): LogLines => {
  if (typeof to === "string") return toFile(to, recovered);
  const kind = fstatSync(to);
  // A pipe that nobody empties would keep a thread of the pool, and the process with it: the event loop writes to it.
  return kind.isFIFO() || kind.isSocket() ? toReader(to === 1 ? process.stdout : process.stderr) : toFile(to, recovered);
};
