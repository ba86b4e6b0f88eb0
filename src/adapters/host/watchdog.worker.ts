/** The watchdog's thread: looks once a second whether the main thread still has a heartbeat. */
import { rmSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { appendOwn, writeFileDurably } from "./durable-files.ts";
import { places, type StuckNote, stuckText, type WatchdogOutlets, type WatchdogWorkerData } from "./watchdog.ts";

const { shared, stuckMs, lookMs } = workerData as WatchdogWorkerData;
const words = new Int32Array(shared);
let outlets: WatchdogOutlets | undefined;
let beats = Atomics.load(words, 0);
let beatAtMs = performance.now();
let lookedAtMs = beatAtMs;
let note: StuckNote | undefined;

/** The main thread's own log is stuck with it, so this is written here, in the same form. */
const say = (msg: string): void => {
  const line = `${JSON.stringify({ level: "error", at: Date.now(), pid: process.pid, msg })}\n`;
  try {
    if (outlets?.log === undefined) return void writeSync(2, line);
    appendOwn(outlets.log, Buffer.from(line));
  } catch {
    // Nobody is left to be told.
  }
};

const leaveNote = (): void => {
  if (outlets === undefined || note === undefined) return;
  try {
    writeFileDurably(outlets.note, Buffer.from(`${JSON.stringify(note)}\n`));
  } catch {
    // It was said in the log.
  }
};

const look = (): void => {
  const nowMs = performance.now();
  const wasAsleep = nowMs - lookedAtMs > 3 * lookMs + 1000;
  lookedAtMs = nowMs;
  const heard = Atomics.load(words, 0);
  if (heard !== beats) {
    beats = heard;
    beatAtMs = nowMs;
    if (note === undefined) return;
    say(`QTS goes on: it was stuck in ${note.who} since ${note.since}`);
    note = undefined;
    if (outlets !== undefined) rmSync(outlets.note, { force: true });
    return;
  }
  // The whole process stood still, this thread too: nobody is stuck.
  if (wasAsleep) beatAtMs = nowMs;
  if (note !== undefined || nowMs - beatAtMs < stuckMs) return;
  const who = places[Atomics.load(words, 1)] ?? places[0];
  note = { pid: process.pid, since: new Date(Date.now() - (nowMs - beatAtMs)).toISOString(), who };
  say(`QTS does not answer: ${stuckText(note)}.`);
  leaveNote();
};

parentPort?.on("message", (given: WatchdogOutlets) => {
  outlets = given;
  // Of a process that was killed while it was stuck.
  if (note === undefined) rmSync(given.note, { force: true });
  else leaveNote();
});
setInterval(look, lookMs);
