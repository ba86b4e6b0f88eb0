/** When a command that works on files has to stop: Ctrl-C, SIGTERM, and a terminal that is closed (SIGHUP). */
import type { CommandIo } from "./command.ts";

/** Without a listener of ours, SIGHUP would end the process in the middle of a file, with its lock and half an archive. */
export const stopSignal = (io: CommandIo): AbortSignal => {
  const closed = new AbortController();
  io.onReload?.(() => closed.abort());
  return io.signal === undefined ? closed.signal : AbortSignal.any([io.signal, closed.signal]);
};
