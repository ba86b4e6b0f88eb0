/** The process: argv, environment, signals and the exit code. What the words mean is in commands/. */
import type { CommandIo } from "#commands/command.ts";
import { crashSentence, runCommandLine } from "#commands/command-line.ts";
import { commandTable } from "#commands/table.ts";

const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;
const argv = process.argv.slice(2);
const stopping = new AbortController();
// npm hands the terminal's Ctrl-C on to a child that has had it already: two signals this close are one wish.
const sameSignalMs = 300;
let stoppedAtMs = 0;

for (const [name, number] of Object.entries(signalNumbers)) {
  process.on(name, () => {
    // The second signal is a person who does not want to wait; recovery at the next start is the same as after a crash.
    if (stopping.signal.aborted && performance.now() - stoppedAtMs > sameSignalMs) process.exit(128 + number);
    if (stopping.signal.aborted) return;
    stoppedAtMs = performance.now();
    stopping.abort(name);
  });
}

process.on("uncaughtException", (error) => {
  process.stderr.write(crashSentence(error, argv.includes("--debug") || Boolean(process.env.QTS_DEBUG)));
  process.exit(1);
});

// A reader that has seen enough (`qts journal | head`) is not a fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const io: CommandIo = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  cwd: process.cwd(),
  signal: stopping.signal,
  onReload: (listener) => void process.on("SIGHUP", listener),
};

const exitCode = await runCommandLine(argv, commandTable, io);
// Exits even when something still holds the event loop, but not before a pipe has taken every byte.
const flushed = (stream: NodeJS.WriteStream): Promise<void> => new Promise((resolve) => void stream.write("", () => resolve()));
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(exitCode);
