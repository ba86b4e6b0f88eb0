/** Runs the appending process of the fault tests and reads what it printed; the acknowledgements are the oracle. */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { JournalError } from "#core/ports.ts";
import { spawnMortal } from "../../mortal.ts";

export interface Appended {
  /** The last sequence it found when it opened the journal; undefined when it could not. */
  readonly openedAt: number | undefined;
  readonly acknowledged: number;
  readonly refused: JournalError | undefined;
}

/**
 * @param onLine called for every line, to strike at a chosen moment
 * @param wrap   a command that runs the appender: strace
 */
export const runAppender = (
  file: string,
  {
    onLine = () => {},
    wrap = [],
  }: { readonly onLine?: (lines: number, child: ChildProcess) => void; readonly wrap?: readonly string[] } = {},
): Promise<Appended> =>
  new Promise((resolve, reject) => {
    const [command, ...args] = [...wrap, process.execPath, join(import.meta.dirname, "append-for-ever.ts"), file];
    const child = spawnMortal(command as string, args, { stdio: ["ignore", "pipe", "pipe"] });
    const lines: string[] = [];
    let part = "";
    let complaint = "";
    child.stderr.on("data", (text) => {
      complaint += text;
    });
    child.stdout.on("data", (text) => {
      const found = `${part}${text}`.split("\n");
      part = found.pop() ?? "";
      for (const line of found) {
        lines.push(line);
        onLine(lines.length, child);
      }
    });
    child.on("error", reject);
    child.on("close", () => {
      const openLine = lines.find((line) => line.startsWith("open "));
      const refusedLine = lines.find((line) => line.startsWith("refused "));
      if (openLine === undefined && refusedLine === undefined)
        return reject(new Error(`the appender did not start: ${complaint}`));
      const openedAt = openLine === undefined ? undefined : Number(openLine.slice(5));
      const acknowledged = Math.max(openedAt ?? 0, ...lines.map(Number).filter(Number.isFinite));
      resolve({
        openedAt,
        acknowledged,
        refused: refusedLine === undefined ? undefined : (JSON.parse(refusedLine.slice(8)) as JournalError),
      });
    });
  });
