/** The process: argv, environment, signals, lost output and the exit code. What the words mean is in commands/. */
import type { CommandIo } from "#commands/command.ts";
import { crashSentence, runCommandLine } from "#commands/command-line.ts";
import { createGuestFaults } from "#commands/guest-faults.ts";
import { commandTable } from "#commands/table.ts";

// What QTS writes is its user's alone, whatever umask a shell or a service manager has.
process.umask(0o077);

const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;
const argv = process.argv.slice(2);
let stopping = new AbortController();
// npm hands the terminal's Ctrl-C on to a child that has had it already: two signals this close are one wish.
const sameSignalMs = 300;
let stoppedAtMs = Number.NEGATIVE_INFINITY;

for (const [name, number] of Object.entries(signalNumbers)) {
  process.on(name, () => {
    if (performance.now() - stoppedAtMs <= sameSignalMs) return;
    // The second signal is a person who does not want to wait; recovery at the next start is the same as after a crash.
    if (stopping.signal.aborted) process.exit(128 + number);
    stoppedAtMs = performance.now();
    stopping.abort(name);
  });
}

const guests = createGuestFaults();
const exit = process.exit.bind(process);
process.exit = (code) => {
  const call = new Error("process.exit was called");
  const fault = guests.sentenceOf(call, "wanted to end the process");
  if (fault === undefined) return exit(code);
  if (!guests.tell(fault)) process.stderr.write(`qts: ${fault}.\n`);
  throw call;
};

process.on("uncaughtException", (error, origin) => {
  const how = origin === "unhandledRejection" ? "left a rejected promise to nobody" : "threw outside of its calls";
  const fault = guests.sentenceOf(error, how);
  if (fault !== undefined) {
    if (guests.tell(fault)) return;
    process.stderr.write(`qts: ${fault}.\n`);
    exit(1);
  }
  process.stderr.write(crashSentence(error, argv.includes("--debug") || Boolean(process.env.QTS_DEBUG)));
  process.exit(1);
});

let exitCode: number | undefined;
let whoGoesOn: ((error: Error) => void) | undefined;
let lost: NodeJS.ErrnoException | undefined;
/** A reader that has seen enough (`qts journal | head`), or a terminal that was closed: it misses nothing it wanted. */
const hasLeft = ({ code }: NodeJS.ErrnoException): boolean => code === "EPIPE" || (code === "EIO" && process.stdout.isTTY);
/** What was to be printed is lost, which whoever asked for it must learn. */
const lostCode = (error: NodeJS.ErrnoException, code: number): number => {
  if (hasLeft(error)) return code;
  process.stderr.write(`qts: what was printed could not be written: ${error.message}.\n`);
  return code === 0 ? 1 : code;
};

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (lost !== undefined) return;
  lost = error;
  if (whoGoesOn !== undefined) whoGoesOn(error);
  // The command may be about to end with a code of its own.
  else setImmediate(() => exitCode ?? process.exit(lostCode(error, 0)));
});
// Nobody is left to be told, and what is being done matters more than its comment.
process.stderr.on("error", () => {});

const io: CommandIo = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  cwd: process.cwd(),
  signal: stopping.signal,
  hearAgain: () => {
    if (stopping.signal.aborted) stopping = new AbortController();
    return stopping.signal;
  },
  onOutputLost: (listener) => {
    whoGoesOn = listener;
    if (lost !== undefined) listener(lost);
  },
  onReload: (listener) => void process.on("SIGHUP", listener),
  guests,
};

exitCode = await runCommandLine(argv, commandTable, io);
// Exits even when something still holds the event loop, but not before a pipe has taken every byte. The log's pipe is given
// a time: what stands in it was said to nobody who listens.
const errorMsMax = 5000;
const flushed = (stream: NodeJS.WriteStream): Promise<void> => new Promise((resolve) => void stream.write("", () => resolve()));
const overdue = new Promise<void>((resolve) => void setTimeout(resolve, errorMsMax));
await Promise.all([flushed(process.stdout), Promise.race([flushed(process.stderr), overdue])]);
process.exit(lost === undefined ? exitCode : lostCode(lost, exitCode));
