/**
 * Processes that die with whoever started them: a test that runs into its limit, or a suite that is stopped, leaves nobody
 * behind. The kernel sees to it (setpriv of util-linux, Linux); elsewhere a process ends as it can.
 */
import { type SpawnOptions, spawn, spawnSync } from "node:child_process";

const keeper: readonly string[] =
  process.platform === "linux" && spawnSync("setpriv", ["--pdeathsig", "KILL", "true"], { stdio: "ignore" }).status === 0
    ? ["setpriv", "--pdeathsig", "KILL"]
    : [];

/** As `spawn`; the child's pid is the program's own. */
export const spawnMortal = ((program: string, args: readonly string[], options: SpawnOptions) => {
  const [command, ...rest] = [...keeper, program, ...args] as [string, ...string[]];
  return spawn(command, rest, options);
}) as typeof spawn;
