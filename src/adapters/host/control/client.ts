/** The other end of the control socket: sends one command to the QTS that runs on a home. */
import { connect } from "node:net";
import type { CommandReply } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import { holderOf, readOwner } from "../lease.ts";
import { strangerAt } from "../own-files.ts";
import { readStuckNote, stuckText } from "../watchdog.ts";
import { type ControlAddress, controlDirectory, filesIn, lookUp } from "./files.ts";
import { type Reach, reachSocket } from "./reach.ts";
import { type ControlCommand, parseReply, requestLine } from "./wire.ts";

export type SendError = {
  /**
   * not.running: nobody has the home. refused: the token or this user is not welcome. failed: it answers, but not to this, or it is
   * there and does not answer.
   */
  readonly type: "not.running" | "refused" | "failed" | "misunderstood";
  readonly sentence: string;
};

/** A little more than the server takes, so that its sentence arrives. */
const replyMsMax = 15_000;
/** Of one whose watchdog says that it is stuck. */
const stuckReplyMsMax = 2_000;
/** A status is a few kB; more than this is not QTS. */
const replyBytesMax = 16 * 1024 * 1024;

/** Nobody listens: either nothing runs, or whoever has the home cannot be spoken to. */
const nobody = (home: string): SendError => {
  const holder = holderOf(home);
  if (holder === undefined)
    return {
      type: "not.running",
      sentence: `No QTS is running on ${home}: start one with \`qts run --home ${home}\`, or name another home with --home.`,
    };
  const how = holder.pid === undefined ? "" : ` (kill ${holder.pid}; where that does nothing kill -9, which is safe)`;
  return {
    type: "failed",
    sentence: `${holder.name} has ${home}, and nobody listens in ${controlDirectory(home)}: it is just starting or ending, or its control files are gone. Try again; if it stays so, end it${how} and start it anew.`,
  };
};

/** Who does not answer, since when, and what can be done about it. */
const silenceText = (home: string): string => {
  const stuck = readStuckNote(home);
  if (stuck !== undefined) return `The QTS on ${home} does not answer: ${stuckText(stuck)}.`;
  const owner = readOwner(home);
  const who = owner === undefined ? "" : ` (process ${owner.pid}, since ${owner.startedAt})`;
  const remedy =
    owner === undefined
      ? ""
      : ` Ending it is safe, if it has to be: kill -9 ${owner.pid}; whatever it acknowledged is on disk, and the next start recovers.`;
  return `QTS on ${home}${who} does not answer; is it stopped or very busy?${remedy}`;
};

/** What has been sent is read by whoever goes on. */
const mayStillDo = ({ command }: ControlCommand): string =>
  command === "status" || command === "explain" ? "" : ` If it goes on, it may still do what was asked (${command}).`;

export interface SendOptions {
  /** Aborted: the answer is not waited for any longer. */
  readonly signal?: AbortSignal | undefined;
}

/** @param reach for an address that is a socket */
const receive = (
  address: ControlAddress,
  reach: Reach | undefined,
  { home, line, silence, signal }: { home: string; line: string; silence: () => string } & SendOptions,
): Promise<Result<string, SendError>> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const socket =
      address.type === "unix"
        ? connect({ path: reach?.path ?? address.path })
        : connect({ host: address.host, port: address.port });
    const fail = (error: SendError): void => {
      socket.destroy();
      resolve(err(error));
    };
    const timer = setTimeout(
      () => fail({ type: "failed", sentence: silence() }),
      readStuckNote(home) === undefined ? replyMsMax : stuckReplyMsMax,
    );
    const giveUp = (): void => fail({ type: "failed", sentence: `The answer was not waited for. ${silence()}` });
    signal?.addEventListener("abort", giveUp, { once: true });
    if (signal?.aborted) giveUp();
    socket.on("connect", () => socket.write(line));
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > replyBytesMax) fail({ type: "failed", sentence: `What answers on ${home} is not QTS.` });
    });
    socket.on("end", () => resolve(ok(Buffer.concat(chunks).toString("utf8"))));
    socket.on("close", () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const gone = new Set(["ECONNREFUSED", "ENOENT", "ENOTSOCK", "ECONNRESET", "EPIPE"]);
      if (gone.has(error.code ?? "")) fail(nobody(home));
      else if (error.code === "EACCES" || error.code === "EPERM")
        fail({ type: "refused", sentence: `This user may not command the QTS on ${home}.` });
      // So many have asked before, and nobody takes them in.
      else if (error.code === "EAGAIN") fail({ type: "failed", sentence: silence() });
      else fail({ type: "failed", sentence: `The QTS on ${home} cannot be reached: ${error.message}.` });
    });
  });

/** What cannot be looked at says so when it is read. */
const judged = (path: string): string | undefined => {
  try {
    return strangerAt(path);
  } catch {
    return undefined;
  }
};

/**
 * @param home absolute path of the home
 * @returns the house's reply with its exit code, or why there is none
 */
export const sendCommand = async (
  home: string,
  command: ControlCommand,
  { signal }: SendOptions = {},
): Promise<Result<CommandReply, SendError>> => {
  const directory = controlDirectory(home);
  // Whoever could write here could answer "locked down" while trading goes on.
  const stranger = [home, directory, ...filesIn(directory)].map(judged).find((problem) => problem !== undefined);
  if (stranger !== undefined)
    return err({ type: "refused", sentence: `Whoever answers on ${home} cannot be trusted: ${stranger}.` });
  let found: ReturnType<typeof lookUp>;
  try {
    found = lookUp(directory);
  } catch (error) {
    return err({ type: "refused", sentence: `The control files of ${home} cannot be read: ${(error as Error).message}.` });
  }
  if (found === undefined) return err(nobody(home));
  const reach = found.address.type === "unix" ? reachSocket(directory) : undefined;
  const line = requestLine(found.token, command);
  const silence = (): string => `${silenceText(home)}${mayStillDo(command)}`;
  const answer = await receive(found.address, reach, { home, line, silence, signal }).finally(reach?.release);
  if (!answer.ok) return answer;
  if (answer.value === "")
    return err({ type: "failed", sentence: `The QTS on ${home} hung up without an answer; is it stopping?` });
  const reply = parseReply(answer.value);
  // An address that outlived its process may belong to another program by now.
  if (reply === undefined) return err(nobody(home));
  if ("exitCode" in reply) return ok({ exitCode: reply.exitCode, body: reply.body });
  const { type, sentence } = reply.error;
  return err({ type: type === "unanswered" ? "failed" : type, sentence });
};
