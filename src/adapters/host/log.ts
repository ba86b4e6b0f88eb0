/**
 * JSON lines for whoever operates the process: one object per line with `level`, `at` (epoch ms) and `msg`.
 *
 * Writing never waits for the reader of the log: lines collect in a bounded buffer, and what does not fit is dropped and
 * counted. A log that cannot be written must not stop trading.
 */
import { type Logger, pino } from "pino";
import { sendable } from "#core/printable.ts";
import { openLogLines } from "./log-lines.ts";

export interface Log {
  readonly logger: Logger;
  /** Lines that were lost: the reader was too slow, or is gone, or the disk is full. */
  dropped(): number;
  /** Writes what is waiting, for at most `waitMsMax`. */
  close(waitMsMax?: number): Promise<void>;
}

/** Names under which credentials travel here and at venues; also one and two levels deep. */
const secrets = [
  "appkey",
  "appsecret",
  "secretkey",
  "approval_key",
  "access_token",
  "token",
  "authorization",
  "password",
  "secret",
  "apiKey",
  "apiSecret",
];

/**
 * @param to    a file descriptor, 1 or 2, or the path of a file that every start begins anew
 * @param now   epoch ms for the lines' `at`
 * @returns a pino logger and what its owner needs to end it
 */
export const createLog = ({
  level,
  to,
  now = Date.now,
}: {
  readonly level: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
  readonly to: 1 | 2 | string;
  readonly now?: () => number;
}): Log => {
  const lines = openLogLines(to, (lost) =>
    logger.warn({ lost }, `${lost === 1 ? "a line" : `${lost} lines`} of the log could not be written before this one`),
  );
  const logger: Logger = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: () => `,"at":${now()}`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: "[secret]" },
    },
    // What a venue or a file name brings into a line is shown; the object it stands in stays the same.
    { write: (line: string) => lines.write(sendable(line)) },
  );
  return {
    logger,
    dropped: lines.dropped,
    close: (waitMsMax = 1000) => lines.close(waitMsMax),
  };
};
