/** What this machine lets a test do. In CI nothing is skipped: a fault that cannot be injected there fails. */
import { execFileSync } from "node:child_process";

const inCi = process.env.CI !== undefined && process.env.CI !== "false";
const has = (command: string): boolean => {
  try {
    execFileSync("which", [command], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

export const cannotMount = process.geteuid?.() !== 0 && !inCi;
export const cannotTrace = !has("strace") && !inCi;
export const cannotProtect = (process.geteuid?.() !== 0 || !has("chattr")) && !inCi;
export const cannotCutPower = (process.geteuid?.() !== 0 || !["losetup", "mkfs.ext4", "python3"].every(has)) && !inCi;

export const run = (command: string, ...args: readonly string[]): string =>
  execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
