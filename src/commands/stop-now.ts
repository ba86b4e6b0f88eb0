/** What `lockdown` and `stop-trading` share: a stop that also holds when nobody answers. */
import { existsSync } from "node:fs";
import { type SendError, sendCommand } from "#adapters/host/control/client.ts";
import { turnOnKillSwitch } from "#adapters/host/kill-switch.ts";
import type { CommandReply } from "#core/ports.ts";
import { printable } from "#core/printable.ts";
import type { Result } from "#core/result.ts";
import { homeOf, sentenceIn, showReply } from "./ask.ts";
import { type CommandIo, exitCodes } from "./command.ts";
import { stopSignal } from "./stop-signal.ts";

interface Wish {
  readonly command: "lockdown" | "stop-trading";
  readonly reason: string;
  readonly operator: string | undefined;
}

/**
 * The QTS of the home has taken the command, or said what is wrong with it. An emergency stop is right however it is worded: one
 * that an older QTS does not know, or whose reason is too long, still stops.
 */
const isAnswered = (command: Wish["command"], reply: Result<CommandReply, SendError>): boolean =>
  reply.ok ? reply.value.exitCode === exitCodes.ok : reply.error.type === "misunderstood" && command === "lockdown";

/**
 * Asks the QTS of the home to stop trading, and turns the kill switch on when it does not: whatever is stuck there, the next
 * start begins in LOCKDOWN. Ctrl-C, SIGTERM and a closed terminal end the waiting, not the stop.
 */
export const stopNow = async (
  { command, reason, operator }: Wish,
  values: { readonly home?: string | undefined; readonly json?: boolean | undefined },
  io: CommandIo,
): Promise<number> => {
  const home = homeOf(values.home, io);
  const reply = await sendCommand(
    home,
    { type: "operator.command", command, reason, ...(operator === undefined ? {} : { operator }) },
    { signal: stopSignal(io) },
  );
  if (isAnswered(command, reply)) return showReply(reply, values, io);

  const made = turnOnKillSwitch(home, operator === undefined ? reason : `${operator}: ${reason}`);
  if (!made.ok) {
    const exitCode = showReply(reply, values, io);
    if (!values.json && existsSync(home)) io.err(`${printable(made.error)}\n`);
    return exitCode;
  }
  const path = made.value;
  const isRunning = reply.ok || reply.error.type !== "not.running";
  const why = reply.ok ? (sentenceIn(reply.value.body) ?? "QTS did not do it.") : reply.error.sentence;
  const ends = `To trade again, remove ${path} and then \`qts release\`.`;
  const sentence = isRunning
    ? `${why} So the kill switch is on: ${path} is there. Not confirmed is that trading has stopped: a running QTS looks for that file once a second, one that is stuck only when it goes on. Look at \`qts status\` and, if it stays silent, end the process (kill -9): its next start begins in LOCKDOWN. Open orders stay at the venue. ${ends}`
    : `No QTS runs on ${home}, so nothing trades. The kill switch is on: ${path} is there, and the next start begins in LOCKDOWN. ${ends}`;
  const exitCode = isRunning ? exitCodes.failed : exitCodes.ok;
  if (values.json) io.out(`${JSON.stringify({ exitCode, sentence, killSwitch: path })}\n`);
  else if (isRunning) io.err(`${printable(sentence)}\n`);
  else io.out(`${printable(sentence)}\n`);
  return exitCode;
};
