/**
 * JSON lines for whoever operates the process: one object per line with `level`, `at` (epoch ms) and `msg`.
 *
 * Writing never waits for the reader of the log: lines collect in a bounded buffer, and what does not fit is dropped and
 * counted. A log that cannot be written must not stop trading.
 */
import { type DestinationStream, type Logger, pino } from "pino";

export interface Log {
  readonly logger: Logger;
  /** Lines that were lost: the reader was too slow, or is gone. */
  dropped(): number;
  /** Writes what is waiting, for at most `waitMsMax`. */
  close(waitMsMax?: number): Promise<void>;
}

/** About ten thousand lines. */
const bufferedCharactersMax = 2_000_000;

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
  const destination = pino.destination({ dest: to, append: false, sync: false, maxLength: bufferedCharactersMax });
  let dropped = 0;
  let isGone = false;
  destination.on("drop", () => {
    dropped += 1;
  });
  // The reader went away (`qts run | head`), or the disk is full.
  destination.on("error", () => {
    isGone = true;
  });
  const stream: DestinationStream = {
    write(line) {
      if (isGone) dropped += 1;
      else destination.write(line);
    },
  };
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: () => `,"at":${now()}`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: "[secret]" },
    },
    stream,
  );
  return {
    logger,
    dropped: () => dropped,
    close: (waitMsMax = 1000) =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(deadline);
          resolve();
        };
        const deadline = setTimeout(done, waitMsMax);
        destination.once("close", done);
        if (isGone) done();
        else destination.end();
      }),
  };
};
