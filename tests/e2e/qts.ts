/** Starts the real process, as a person would, and keeps what it says. */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { spawnMortal } from "../mortal.ts";

const entry = join(import.meta.dirname, "../../src/qts.js");

export interface Finished {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** What it has written to standard error so far. */
  readonly stderr: () => string;
}

export const startQts = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Running => {
  const child = spawnMortal(process.execPath, [entry, ...args], {
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
  });
  return { child, finished, stderr: () => stderr };
};

export const qts = (...args: readonly string[]): Promise<Finished> => startQts(args).finished;

/** An empty folder that is gone after the test. */
export const emptyFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "qts-e2e-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** Resolves when the log has this text. */
export const says = (session: Running, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const look = (): void => {
      if (session.stderr().includes(text)) resolve();
    };
    session.child.stderr?.on("data", look);
    session.child.once("close", () => reject(new Error(`ended without saying "${text}": ${session.stderr()}`)));
    look();
  });
