/** The operator's door: who may command, what is a command, and what happens when the house is slow, gone or stopping. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sendCommand } from "#adapters/host/control/client.ts";
import { reachSocket } from "#adapters/host/control/reach.ts";
import {
  type ControlCommand,
  type ControlServer,
  type ControlServerOptions,
  createControlServer,
} from "#adapters/host/control/server.ts";
import type { CommandReply } from "#core/ports.ts";

let root: string;
let home: string;
const open: ControlServer[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "qts-control-"));
  home = join(root, "home");
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
  rmSync(root, { recursive: true, force: true });
});

const lockdown: ControlCommand = { type: "operator.command", command: "lockdown", reason: "the feed looks wrong" };
const echo = async (command: ControlCommand): Promise<CommandReply> => ({ exitCode: 0, body: command });

const start = async (
  answer: ((command: ControlCommand) => Promise<CommandReply>) | null = echo,
  over: Partial<ControlServerOptions> = {},
): Promise<ControlServer> => {
  const server = createControlServer({ directory: join(home, "control"), ...over });
  open.push(server);
  const opened = await server.open();
  expect(opened.ok).toBe(true);
  if (answer !== null) await server.listen(answer);
  return server;
};

/** Sends raw bytes to the socket and collects the reply. */
const raw = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let reply = "";
    const socket = connect({ path: join(home, "control", "qts.sock") }, () => socket.write(text));
    socket.on("data", (chunk) => {
      reply += chunk.toString();
    });
    socket.on("close", () => resolve(reply));
    socket.on("error", reject);
  });

const mode = (path: string): string => (statSync(join(home, "control", path)).mode & 0o777).toString(8);
const token = (): string => readFileSync(join(home, "control", "token"), "utf8").trim();

describe("the control socket (M15)", () => {
  it("carries a command in and the house's answer out", async () => {
    await start(async (command) => ({ exitCode: 4, body: { sentence: "refused", command } }));
    expect(await sendCommand(home, lockdown)).toEqual({
      ok: true,
      value: { exitCode: 4, body: { sentence: "refused", command: lockdown } },
    });
  });

  it("is for its owner alone: directory 0700, token and socket 0600, whatever the umask", async () => {
    const umask = process.umask(0);
    mkdirSync(join(home, "control"), { recursive: true, mode: 0o777 });
    await start().finally(() => process.umask(umask));
    expect([mode("."), mode("token"), mode("address"), mode("qts.sock")]).toEqual(["700", "600", "600", "600"]);
  });

  it("refuses a wrong token, without looking at the command", async () => {
    let asked = 0;
    await start(async () => {
      asked += 1;
      return { exitCode: 0, body: null };
    });
    writeFileSync(join(home, "control", "token"), "0".repeat(64));
    const answer = await sendCommand(home, lockdown);
    expect(answer).toMatchObject({ ok: false, error: { type: "refused" } });
    for (const wrong of ["", "0", "zz".repeat(32)])
      expect(JSON.parse(await raw(`${JSON.stringify({ v: 1, token: wrong, command: lockdown })}\n`))).toMatchObject({
        error: { type: "refused" },
      });
    expect(asked).toBe(0);
  });

  it.each(["", "control", "control/token", "control/address"])(
    "is not believed by a client while others may write %j: a stranger could answer (M15)",
    async (path) => {
      let asked = 0;
      await start(async () => {
        asked += 1;
        return { exitCode: 0, body: { sentence: "locked down" } };
      });
      chmodSync(join(home, path), 0o622);
      expect(await sendCommand(home, lockdown)).toMatchObject({
        ok: false,
        error: { type: "refused", sentence: expect.stringContaining("may be written by others (mode 0622): chmod -R go-w") },
      });
      expect(asked).toBe(0);
    },
  );

  it.skipIf(process.geteuid?.() !== 0)("is not believed by a client where it belongs to somebody else (needs root)", async () => {
    await start();
    chownSync(join(home, "control", "qts.sock"), 65534, 65534);
    expect(await sendCommand(home, lockdown)).toMatchObject({
      ok: false,
      error: { type: "refused", sentence: expect.stringContaining("qts.sock belongs to uid 65534") },
    });
  });

  it("makes a new token at every start", async () => {
    const first = await start();
    const before = token();
    await first.close();
    await start();
    expect(token()).not.toBe(before);
    expect(token()).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    { what: "an unknown command", command: { type: "operator.command", command: "reboot" }, names: "command" },
    { what: "an unknown field", command: { ...lockdown, force: true }, names: "force" },
    { what: "an empty reason", command: { ...lockdown, reason: "  " }, names: "reason" },
    { what: "a reason of two lines", command: { ...lockdown, reason: "all\u001b[2Jgone\nreally" }, names: "reason" },
    { what: "an essay", command: { ...lockdown, reason: "x".repeat(501) }, names: "reason" },
    {
      what: "a release without a name",
      command: { type: "operator.command", command: "release", reason: "calm" },
      names: "operator",
    },
    {
      what: "an override without an end",
      command: { type: "operator.command", command: "override.set", state: "DEFENSIVE", operator: "mina", reason: "holidays" },
      names: "forMs",
    },
    {
      what: "an override into no state",
      command: { type: "operator.command", command: "override.set", state: "BOLD", forMs: 1, operator: "mina", reason: "x" },
      names: "state",
    },
    { what: "no command", command: null, names: "command" },
  ])("does not understand $what and says which field", async ({ command, names }) => {
    await start();
    const reply = JSON.parse(await raw(`${JSON.stringify({ v: 1, token: token(), command })}\n`)) as {
      error: { type: string; sentence: string };
    };
    expect(reply.error.type).toBe("misunderstood");
    expect(reply.error.sentence).toContain(names);
  });

  it.each(["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not json\n", '{"v":2,"token":"","command":{}}\n', "[]\n"])(
    "answers %j with a sentence and hangs up",
    async (text) => {
      await start();
      expect(JSON.parse(await raw(text))).toMatchObject({ error: { type: "misunderstood" } });
    },
  );

  it("hangs up on a line that never ends", async () => {
    await start();
    expect(JSON.parse(await raw("x".repeat(20_000)))).toMatchObject({ error: { type: "misunderstood" } });
  });

  it("takes a command that arrives in pieces", async () => {
    await start();
    const line = `${JSON.stringify({ v: 1, token: token(), command: { ...lockdown, reason: "가격이 이상하다" } })}\n`;
    const bytes = Buffer.from(line);
    const reply = await new Promise<string>((resolve) => {
      let text = "";
      const socket = connect({ path: join(home, "control", "qts.sock") }, async () => {
        for (const byte of bytes) await new Promise<void>((sent) => socket.write(Buffer.of(byte), () => sent()));
      });
      socket.on("data", (chunk) => {
        text += chunk.toString();
      });
      socket.on("close", () => resolve(text));
    });
    expect(JSON.parse(reply)).toMatchObject({ exitCode: 0, body: { reason: "가격이 이상하다" } });
  });

  it("says that QTS is starting until the house listens", async () => {
    const server = await start(null);
    expect(await sendCommand(home, lockdown)).toEqual({
      ok: false,
      error: { type: "failed", sentence: "QTS is still starting; try again in a moment." },
    });
    await server.listen(echo);
    expect(await sendCommand(home, lockdown)).toMatchObject({ ok: true });
  });

  it("answers for a house that throws or is too slow", async () => {
    await start(
      (command) => (command.command === "status" ? new Promise(() => {}) : Promise.reject(new Error("the journal is closed"))),
      { answerMsMax: 30 },
    );
    expect(await sendCommand(home, lockdown)).toMatchObject({
      ok: false,
      error: { type: "failed", sentence: "QTS failed to answer: the journal is closed." },
    });
    const slow = await sendCommand(home, { type: "operator.command", command: "status" });
    expect(slow).toMatchObject({ ok: false, error: { type: "failed" } });
  });

  it("knows that nothing runs: no home, no address, a socket that a killed process left", async () => {
    expect(await sendCommand(home, lockdown)).toMatchObject({ ok: false, error: { type: "not.running" } });
    const server = await start();
    const address = readFileSync(join(home, "control", "address"), "utf8");
    await server.close();
    // As after SIGKILL: the files are there and nobody answers.
    writeFileSync(join(home, "control", "address"), address);
    writeFileSync(join(home, "control", "token"), "0".repeat(64));
    writeFileSync(join(home, "control", "qts.sock"), "");
    expect(await sendCommand(home, lockdown)).toMatchObject({ ok: false, error: { type: "not.running" } });
    await start();
    expect(await sendCommand(home, lockdown)).toMatchObject({ ok: true });
  });

  it("does not take the door from a QTS that still answers", async () => {
    await start();
    const second = createControlServer({ directory: join(home, "control") });
    expect(await second.open()).toMatchObject({ ok: false, error: { type: "control.unavailable" } });
    await expect(second.listen(echo)).rejects.toThrow("another QTS answers there");
    await second.close();
    expect(await sendCommand(home, lockdown)).toMatchObject({ ok: true });
  });

  it.skipIf(process.platform !== "linux")(
    "stays a socket where the home's path is too long for one (needs Linux), and takes no port that every user can knock at",
    async () => {
      home = join(root, "a".repeat(100), "home");
      const server = await start();
      expect(await server.open()).toMatchObject({ ok: true, value: { type: "unix" } });
      expect(readFileSync(join(home, "control", "address"), "utf8")).toBe("unix:qts.sock\n");
      expect(mode("qts.sock")).toBe("600");
      expect(await sendCommand(home, lockdown)).toMatchObject({ ok: true });
      writeFileSync(join(home, "control", "token"), "0".repeat(64));
      expect(await sendCommand(home, lockdown)).toMatchObject({ ok: false, error: { type: "refused" } });
      await server.close();
      await start();
      expect(await sendCommand(home, lockdown)).toMatchObject({ ok: true });
    },
  );

  it("is reached from the working directory where that is shorter, through the open folder else, and by loopback last", () => {
    const deep = join(root, "a".repeat(100));
    mkdirSync(deep);
    const options = { cwd: root, isByDescriptor: false };
    expect(reachSocket(root, options)?.path).toBe(join(root, "qts.sock"));
    expect(reachSocket(join(deep, "b"), { ...options, cwd: deep })?.path).toBe("b/qts.sock");
    expect(reachSocket(deep, options)).toBeUndefined();
    const open = reachSocket(deep, { ...options, isByDescriptor: true });
    expect(open?.path).toMatch(/^\/proc\/self\/fd\/\d+\/qts\.sock$/);
    open?.release();
  });

  it("is shut to nobody who has the token by those who only keep the line busy: they go first, the oldest first", async () => {
    await start();
    const gone: number[] = [];
    const silent: Socket[] = [];
    for (let n = 0; n < 16; n += 1) {
      const socket = connect({ path: join(home, "control", "qts.sock") });
      silent.push(socket);
      socket.on("close", () => gone.push(n));
      socket.on("error", () => undefined);
      await new Promise((resolve) => socket.on("connect", resolve));
    }
    expect(await sendCommand(home, lockdown)).toMatchObject({ ok: true });
    expect(await sendCommand(home, lockdown)).toMatchObject({ ok: true });
    // The first command's connection may not be quite gone when the second comes.
    expect(gone).toEqual([0, 1].slice(0, Math.max(gone.length, 1)));
    for (const socket of silent) socket.destroy();
  });

  it("takes a stranger on a forgotten port for what it is", async () => {
    const stranger = createServer((socket) => socket.resume().end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    mkdirSync(join(home, "control"), { recursive: true });
    writeFileSync(join(home, "control", "address"), `tcp:127.0.0.1:${(stranger.address() as { port: number }).port}\n`);
    writeFileSync(join(home, "control", "token"), "0".repeat(64));
    expect(await sendCommand(home, lockdown)).toMatchObject({ ok: false, error: { type: "not.running" } });
    await new Promise((resolve) => stranger.close(resolve));
  });

  it("leaves no address behind, and sends the answer that is under way", async () => {
    const asked = Promise.withResolvers<void>();
    const finished = Promise.withResolvers<CommandReply>();
    const server = await start(() => {
      asked.resolve();
      return finished.promise;
    });
    const idle = connect({ path: join(home, "control", "qts.sock") });
    await new Promise((resolve) => idle.on("connect", resolve));
    const answer = sendCommand(home, lockdown);
    await asked.promise;
    const closing = server.close();
    finished.resolve({ exitCode: 0, body: "locked down, then stopped" });
    expect(await answer).toEqual({ ok: true, value: { exitCode: 0, body: "locked down, then stopped" } });
    await closing;
    await server.close();
    for (const name of ["address", "token", "qts.sock"]) expect(() => statSync(join(home, "control", name)), name).toThrow();
  });

  it("says why it cannot be opened", async () => {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, "control"), "a file in the way");
    const server = createControlServer({ directory: join(home, "control") });
    expect(await server.open()).toMatchObject({ ok: false, error: { sentence: expect.stringContaining(join(home, "control")) } });
    await server.close();
  });
});
