/** The real processes, started as a person would, each with an end: none outlives its deadline. */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { spawnMortal } from "../mortal.ts";

const entry = join(import.meta.dirname, "../../src/qts.js");

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Process {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the first line of standard output or error that contains the text; undefined when it ended without one. */
  readonly says: (text: string) => Promise<string | undefined>;
}

/** @param msMax a process that is still there after so long is killed, and its end says SIGKILL */
export const start = (
  program: string,
  args: readonly string[],
  {
    msMax = 900_000,
    env = {},
    nodeArgs = [],
  }: { readonly msMax?: number; readonly env?: NodeJS.ProcessEnv; readonly nodeArgs?: readonly string[] } = {},
): Process => {
  const child = spawnMortal(process.execPath, [...nodeArgs, program, ...args], {
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
      for (const listen of listeners) listen();
    });
  const bound = setTimeout(() => child.kill("SIGKILL"), msMax);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, signal) => {
      clearTimeout(bound);
      resolve({ exitCode, signal, ...texts });
    });
  });
  const says = (text: string): Promise<string | undefined> =>
    new Promise((resolve) => {
      const look = (): void => {
        const line = `${texts.stdout}${texts.stderr}`.split("\n").find((one) => one.includes(text));
        if (line === undefined) return;
        listeners.delete(look);
        resolve(line);
      };
      listeners.add(look);
      look();
      void ended.then(() => {
        look();
        resolve(undefined);
      });
    });
  return { child, ended, says };
};

export const startQts = (args: readonly string[], msMax = 900_000): Process => start(entry, args, { msMax });
