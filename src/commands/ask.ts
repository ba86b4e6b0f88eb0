/** What the operator commands share: find the home, send one command to the QTS that runs on it, show its answer. */
import { resolve } from "node:path";
import { type SendError, sendCommand } from "#adapters/host/control/client.ts";
import type { ControlCommand } from "#adapters/host/control/server.ts";
import type { CommandReply } from "#core/ports.ts";
import { printable } from "#core/printable.ts";
import type { Result } from "#core/result.ts";
import { type CommandIo, exitCodes, stoppedCode } from "./command.ts";

/** `--home` and `--json`, which every operator command has. */
export const askOptions = { home: { type: "string" }, json: { type: "boolean" } } as const;

export const askOptionsHelp = `  --home DIR         home of the running QTS (default: QTS_HOME, else ./var)
  --json             one JSON document on standard output, also for a refusal
`;

/** The home of a command: --home, else QTS_HOME, else ./var; absolute. */
export const homeOf = (option: string | undefined, io: CommandIo): string =>
  resolve(io.cwd, option ?? (io.env.QTS_HOME || "var"));

const errorCodes: Record<SendError["type"], number> = {
  "not.running": exitCodes.notRunning,
  refused: exitCodes.refused,
  failed: exitCodes.failed,
  misunderstood: exitCodes.usage,
};

/** The sentence of an answer, where it has one. */
export const sentenceIn = (body: unknown): string | undefined => {
  const sentence = (body as { sentence?: unknown } | null)?.sentence;
  return typeof sentence === "string" ? sentence : undefined;
};

const printableSentenceIn = (body: unknown): string | undefined => {
  const sentence = sentenceIn(body);
  return sentence === undefined ? undefined : printable(sentence);
};

/** Shows an answer, or the failure to get one, like `ask`; returns its exit code. */
export const showReply = (
  reply: Result<CommandReply, SendError>,
  values: { readonly json?: boolean | undefined },
  io: CommandIo,
  show: (body: unknown) => string | undefined = printableSentenceIn,
): number => {
  if (!reply.ok) {
    const exitCode = errorCodes[reply.error.type];
    if (values.json) io.out(`${JSON.stringify({ exitCode, error: reply.error })}\n`);
    else io.err(`${printable(reply.error.sentence)}\n`);
    return exitCode;
  }
  const { exitCode, body } = reply.value;
  const sentence = printableSentenceIn(body);
  if (values.json) io.out(`${JSON.stringify(body)}\n`);
  else if (exitCode === exitCodes.ok) io.out(`${show(body) ?? sentence ?? JSON.stringify(body, null, 2)}\n`);
  else io.err(`${sentence ?? JSON.stringify(body)}\n`);
  return exitCode;
};

/**
 * Sends a command and shows the answer.
 *
 * @param show the answer of a success for a person, with what others said in it printable, without a newline at the end; undefined: its body is not of that shape
 * @returns the exit code of the house's answer, or of the failure to get one; Ctrl-C ends the waiting
 */
export const ask = async (
  command: ControlCommand,
  values: { readonly home?: string | undefined; readonly json?: boolean | undefined },
  io: CommandIo,
  show: (body: unknown) => string | undefined = printableSentenceIn,
): Promise<number> => {
  const reply = await sendCommand(homeOf(values.home, io), command, { signal: io.signal });
  const exitCode = showReply(reply, values, io, show);
  return !reply.ok && io.signal?.aborted ? stoppedCode(io) : exitCode;
};
