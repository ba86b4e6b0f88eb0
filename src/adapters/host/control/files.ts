/**
 * Where a `qts` command finds the running QTS of a home: `<home>/control/` with `address` and `token`.
 *
 * The address is one line: `unix:qts.sock`, a socket in the same directory, or `tcp:127.0.0.1:PORT`. The second is for
 * file systems without sockets, and for paths that are too long and cannot be reached otherwise (reach.ts); nothing may be
 * written outside the home, so a shorter path elsewhere is no way out. Either way the token decides who may command: only who
 * can read the home.
 */
import { chmodSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeFileDurably } from "../durable-files.ts";

export type ControlAddress =
  | { readonly type: "unix"; readonly path: string }
  | { readonly type: "tcp"; readonly host: string; readonly port: number };

/** sun_path holds 104 bytes on BSD and macOS, 108 on Linux, with the NUL. */
export const socketPathBytesMax = 103;

const socketName = "qts.sock";
export const controlDirectory = (home: string): string => join(home, "control");
export const socketPath = (directory: string): string => join(directory, socketName);

/** Makes the directory for the owner alone, whatever the umask and whoever made it before. */
export const prepareDirectory = (directory: string): void => {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
};

/** Replaces the file in one step; its mode is right before its content is there. */
const writePrivate = (path: string, text: string): void => writeFileDurably(path, Buffer.from(text));

/** The token first: a client that finds an address finds the token that fits. */
export const publish = (directory: string, address: ControlAddress, token: string): void => {
  writePrivate(join(directory, "token"), `${token}\n`);
  writePrivate(
    join(directory, "address"),
    address.type === "unix" ? `unix:${socketName}\n` : `tcp:${address.host}:${address.port}\n`,
  );
};

/** What a client believes. */
export const filesIn = (directory: string): readonly string[] =>
  ["address", "token", socketName].map((name) => join(directory, name));

export const withdraw = (directory: string): void => {
  for (const name of ["address", "token", socketName]) rmSync(join(directory, name), { force: true });
};

/** @returns undefined when nothing is published; throws what the file system says otherwise */
export const lookUp = (directory: string): { readonly address: ControlAddress; readonly token: string } | undefined => {
  const read = (name: string): string | undefined => {
    try {
      return readFileSync(join(directory, name), "utf8").trim();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw error;
    }
  };
  const [text, token] = [read("address"), read("token")];
  if (text === undefined || token === undefined) return undefined;
  const tcp = /^tcp:(127\.0\.0\.1):(\d+)$/.exec(text);
  if (tcp !== null) return { address: { type: "tcp", host: tcp[1] as string, port: Number(tcp[2]) }, token };
  return { address: { type: "unix", path: socketPath(directory) }, token };
};
