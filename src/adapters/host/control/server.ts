/**
 * The operator's door: commands come in by a socket under the home, the house answers (spec M15). The CommandBus of one
 * machine; see wire.ts for the words and files.ts for the place.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { CommandBus, CommandReply } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import { type ControlAddress, prepareDirectory, publish, socketPath, withdraw } from "./files.ts";
import { type Reach, reachSocket } from "./reach.ts";
import { type ControlCommand, errorLine, parseRequest, replyLine, requestBytesMax } from "./wire.ts";

export type { ChangeAnswer, ControlCommand, Explanation, StatusAnswer } from "./wire.ts";

export interface ControlServerOptions {
  /** `<home>/control`, absolute. The caller holds the lease on the home: what an earlier process left here is stale. */
  readonly directory: string;
  /** A command that the house has not answered by then gets an error; the house may still carry it out. */
  readonly answerMsMax?: number;
}

export type ControlError = { readonly type: "control.unavailable"; readonly sentence: string };

export interface ControlServer extends CommandBus {
  /** Opens the door without answering yet: commands are told that QTS is starting. */
  open(): Promise<Result<ControlAddress, ControlError>>;
  /** Answers from now on; opens the door if that has not been done, and throws the sentence if it cannot be. */
  listen(answer: (command: ControlCommand) => Promise<CommandReply>): Promise<void>;
  /** Takes the address away, lets no new command in, sends the answers under way; twice is fine. */
  close(): Promise<void>;
}

/**
 * A client is a person's command, so few at a time and each gone within seconds. When there are more, those that have not shown
 * a token yet go first, the oldest before the others: whoever only keeps the line busy shuts nobody out.
 */
const connectionsMax = 16;
const requestMsMax = 5000;

const noSockets = new Set(["EOPNOTSUPP", "ENOTSUP", "ENAMETOOLONG", "EINVAL", "EPERM"]);

const bind = (
  server: Server,
  at: { path: string } | { host: string; port: number },
): Promise<Result<void, NodeJS.ErrnoException>> =>
  new Promise((resolve) => {
    const refused = (error: NodeJS.ErrnoException): void => resolve(err(error));
    server.once("error", refused);
    server.listen(at, () => {
      server.off("error", refused);
      resolve(ok(undefined));
    });
  });

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect({ path }, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on("error", () => resolve(false));
  });

const openAt = async (
  server: Server,
  directory: string,
  token: string,
  reachOf: () => Reach | undefined,
): Promise<Result<ControlAddress, ControlError>> => {
  const unavailable = (reason: string): Result<never, ControlError> =>
    err({ type: "control.unavailable", sentence: `The control socket in ${directory} cannot be opened: ${reason}.` });
  const bindSocket = async (reach: Reach): Promise<Result<ControlAddress, NodeJS.ErrnoException>> => {
    const path = socketPath(directory);
    rmSync(path, { force: true });
    const bound = await bind(server, { path: reach.path });
    if (!bound.ok) return bound;
    chmodSync(path, 0o600);
    return ok({ type: "unix", path });
  };
  const bindPort = async (): Promise<Result<ControlAddress, NodeJS.ErrnoException>> => {
    const host = "127.0.0.1";
    const bound = await bind(server, { host, port: 0 });
    return bound.ok ? ok({ type: "tcp", host, port: (server.address() as AddressInfo).port }) : bound;
  };
  try {
    prepareDirectory(directory);
    const reach = reachOf();
    if (reach !== undefined && (await answers(reach.path)))
      return unavailable("another QTS answers there; stop it, or use another --home");
    let bound = reach === undefined ? await bindPort() : await bindSocket(reach);
    if (!bound.ok && noSockets.has(bound.error.code ?? "")) bound = await bindPort();
    if (!bound.ok) return unavailable(bound.error.message);
    publish(directory, bound.value, token);
    return bound;
  } catch (error) {
    server.close();
    return unavailable((error as Error).message);
  }
};

/** Reads the one line of a client; anything else ends the connection. */
const readLine = (socket: Socket, take: (line: string) => void): void => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    const end = chunk.indexOf(10);
    chunks.push(end === -1 ? chunk : chunk.subarray(0, end));
    bytes += chunk.length;
    if (bytes > requestBytesMax) {
      socket.off("data", onData);
      socket.end(errorLine({ type: "misunderstood", sentence: `A command has at most ${requestBytesMax} bytes.` }));
    } else if (end !== -1) {
      socket.off("data", onData);
      take(Buffer.concat(chunks).toString("utf8"));
    }
  };
  socket.on("data", onData);
};

/** An answer, or the sentence for a house that failed or is too slow; the timer is real time on purpose. */
const answerWithin = async (answer: Promise<CommandReply>, msMax: number): Promise<string> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => {
      const sentence = `QTS did not answer within ${msMax} ms; it may still carry the command out, \`qts status\` shows it.`;
      resolve(errorLine({ type: "unanswered", sentence }));
    }, msMax);
  });
  try {
    return await Promise.race([answer.then(replyLine), late]);
  } catch (error) {
    return errorLine({ type: "unanswered", sentence: `QTS failed to answer: ${(error as Error).message}.` });
  } finally {
    clearTimeout(timer);
  }
};

/** The door of a home: a socket for its owner alone, and a token that is new at every start. */
export const createControlServer = ({ directory, answerMsMax = 10_000 }: ControlServerOptions): ControlServer => {
  const token = randomBytes(32);
  const isToken = (given: string): boolean => {
    const bytes = Buffer.from(given, "hex");
    return bytes.length === token.length && timingSafeEqual(bytes, token);
  };
  const sockets = new Set<Socket>();
  const answering = new Set<Socket>();
  let answer: ((command: ControlCommand) => Promise<CommandReply>) | undefined;

  const reply = async (line: string): Promise<string> => {
    const command = parseRequest(line, isToken);
    if (!command.ok) return errorLine(command.error);
    if (answer === undefined) return errorLine({ type: "unanswered", sentence: "QTS is still starting; try again in a moment." });
    // Called inside a promise, so that a throw of the answerer is an answer too.
    const { value } = command;
    const listener = answer;
    return answerWithin(
      Promise.resolve().then(() => listener(value)),
      answerMsMax,
    );
  };

  /** In the order of their coming. */
  const silent = new Set<Socket>();
  let reach: Reach | undefined;

  const server = createServer((socket) => {
    sockets.add(socket);
    silent.add(socket);
    if (sockets.size > connectionsMax) {
      const [oldest = socket] = silent;
      silent.delete(oldest);
      sockets.delete(oldest);
      oldest.destroy();
      if (oldest === socket) return;
    }
    socket.setTimeout(requestMsMax + answerMsMax, () => socket.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      silent.delete(socket);
    });
    // A client that hangs up has lost interest; its command is carried out all the same.
    socket.on("error", () => socket.destroy());
    const slow = setTimeout(() => socket.destroy(), requestMsMax);
    socket.on("close", () => clearTimeout(slow));
    readLine(socket, (line) => {
      clearTimeout(slow);
      silent.delete(socket);
      answering.add(socket);
      void reply(line).then((text) => {
        answering.delete(socket);
        // Gone once it is sent: a client that does not hang up must not keep a stopping house waiting.
        socket.end(text);
        socket.destroySoon();
      });
    });
  });
  let opening: Promise<Result<ControlAddress, ControlError>> | undefined;
  const open = (): Promise<Result<ControlAddress, ControlError>> => {
    opening ??= openAt(server, directory, token.toString("hex"), () => {
      reach = reachSocket(directory);
      return reach;
    });
    return opening;
  };

  return {
    open,
    listen: async (listener) => {
      answer = listener;
      const opened = await open();
      if (!opened.ok) throw new Error(opened.error.sentence);
    },
    close: async () => {
      if (!server.listening) return;
      withdraw(directory);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) if (!answering.has(socket)) socket.destroySoon();
      await closed;
      reach?.release();
    },
  };
};
