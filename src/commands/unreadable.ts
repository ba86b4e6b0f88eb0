import type { InputProblem } from "#adapters/host/input.ts";
import { printable } from "#core/printable.ts";
import { type CommandIo, stoppedCode } from "./command.ts";

const sentences: { readonly [code: string]: string } = {
  ENOENT: "there is no such file",
  EACCES: "this user may not read it; change its owner or mode",
  EISDIR: "it is a directory; give the file",
  ENXIO: "it is a socket; give a file or a pipe",
};

/** Why a file could not be read, for a person: "… cannot be read: WHY". */
export const whyUnreadable = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return sentences[code ?? ""] ?? message;
};

/**
 * Says why a given file could not be read to its end.
 *
 * @param name     as it was given
 * @param exitCode of the command for a file that cannot be read
 * @returns the exit code: that one, or the signal's
 */
export const tellUnread = (problem: InputProblem, name: string, exitCode: number, io: CommandIo): number => {
  switch (problem.type) {
    case "input.aborted":
      io.err(`${printable(`Stopped before ${name} was read to its end.`)}\n`);
      return stoppedCode(io);
    case "input.too.large":
      io.err(`${printable(`${name} cannot be read: ${tooLarge(problem.bytesMax)}.`)}\n`);
      return exitCode;
    case "input.unreadable":
      io.err(`${printable(`${name} cannot be read: ${whyUnreadable(problem.error)}.`)}\n`);
      return exitCode;
    default:
      return problem satisfies never;
  }
};

export const tooLarge = (bytesMax: number): string => `it, or a line of it, is larger than ${bytesMax / 2 ** 20} MiB`;
