/**
 * Names every cut point of a session, and dies at one of them.
 *
 * Loaded with `--import` before the real `qts run`: four modules that the session is made of are replaced by cut.ports.ts,
 * which hands out the real things with a cut point before and after each of their waits. `QTS_CUT` is the name of the point
 * to die at; `QTS_CUTS` a file that takes the names of all points in the order in which they are met.
 */
import { appendFileSync } from "node:fs";
import { registerHooks } from "node:module";

const deadly = process.env.QTS_CUT;
const list = process.env.QTS_CUTS;
const met = new Map<string, number>();
/** Real ms in which a frame surely reaches another process of this machine and is decided there. */
const travelMs = 150;

/**
 * A moment at which the process may end; several names when several things wait together. What happens twice is numbered.
 * The list gets one line for each moment.
 */
export const cut = (...names: readonly string[]): void => {
  if (isDeadly(names)) process.kill(process.pid, "SIGKILL");
};

/** The process may end here, with what it has just sent on its way: the thread stands still until that has arrived. */
export const cutWhenSent = (name: string): void => {
  if (!isDeadly([name])) return;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, travelMs);
  process.kill(process.pid, "SIGKILL");
};

const isDeadly = (names: readonly string[]): boolean => {
  const numbered = names.map((name) => {
    const times = (met.get(name) ?? 0) + 1;
    met.set(name, times);
    return times === 1 ? name : `${name}, time ${times}`;
  });
  if (list !== undefined && numbered.length > 0) appendFileSync(list, `${numbered.join(" + ")}\n`);
  return numbered.some((name) => name === deadly);
};

const source = new URL("../../src/", import.meta.url).href;
const replaced = new Set(
  ["commands/session-broker", "adapters/host/journal/sessions", "adapters/paper/ledger", "adapters/replay/recorded-days"].map(
    (path) => `${source}${path}.ts`,
  ),
);
const ports = new URL("./cut.ports.ts", import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) => {
    const found = next(specifier, context);
    return replaced.has(found.url) && context.parentURL !== ports ? { ...found, url: ports } : found;
  },
});
