/** Commands against a house that hangs: each answers all the same, in one sentence, and none says more than is known. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createControlServer } from "#adapters/host/control/server.ts";
import type { CommandReply } from "#core/ports.ts";
import { emptyFolder, qts, type Running, says, startQts } from "./qts.ts";

const begin = async (home: string, ...more: readonly string[]): Promise<Running> => {
  const session = startQts(["run", "--speed", "60", "--port", "0", "--no-view", "--home", home, ...more]);
  onTestFinished(() => void session.child.kill("SIGKILL"));
  await says(session, "the session has started");
  return session;
};

const stopped = async (home: string): Promise<Running> => {
  const session = await begin(home);
  session.child.kill("SIGSTOP");
  return session;
};

const looping = async (home: string): Promise<Running> => {
  const strategy = join(home, "..", "loops.ts");
  writeFileSync(strategy, 'export const createStrategy = () => ({ name: "loops", evaluate: () => { for (;;); } });\n');
  const session = await begin(home, "--strategy", strategy);
  await says(session, "QTS does not answer");
  return session;
};

const kim = ["--operator", "kim", "--reason", "checked"] as const;
const asking = [["status"], ["explain", "safety"], ["explain", "operating"], ["inspect"]] as const;
const changing = [
  ["release", ...kim],
  ["override", "DEFENSIVE", "--for", "1h", ...kim],
  ["override", "clear", ...kim],
  ["resolve", "7-12", "--outcome", "absent", ...kim],
] as const;

describe("a house that hangs", () => {
  it.each([
    { how: "its process is stopped", hang: stopped, says: "does not answer; is it stopped or very busy?" },
    { how: "its strategy loops for ever", hang: looping, says: "has not got past the strategy's evaluate since" },
  ])(
    "is named by every command in one sentence with exit code 1, and stop-trading turns the kill switch on: $how (M15)",
    async ({ hang, says: sentence }) => {
      const home = join(emptyFolder(), "home");
      const { child } = await hang(home);
      const ask = async (argv: readonly string[]) => ({ argv, ...(await qts(...argv, "--home", home)) });

      const [stop, doctor, second, ...others] = await Promise.all([
        ask(["stop-trading"]),
        ask(["doctor"]),
        ask(["run", "--port", "0"]),
        ...[...asking, ...changing].map(ask),
      ]);

      for (const { argv, exitCode, stdout, stderr } of [stop, ...others]) {
        expect([argv, exitCode, stdout, stderr.trim().split("\n").length]).toEqual([argv, 1, "", 1]);
        expect(stderr).toContain(sentence);
        expect(stderr).toContain(`kill -9 ${child.pid}`);
      }
      for (const { argv, stderr } of others)
        expect([argv, stderr.includes("it may still do what was asked")]).toEqual([
          argv,
          changing.some(([name]) => name === argv[0]),
        ]);
      expect(stop.stderr).toContain("Not confirmed is that trading has stopped");
      expect(existsSync(join(home, "KILL"))).toBe(true);
      expect(doctor.stdout).toContain(sentence);
      expect([second.exitCode, second.stderr]).toEqual([4, expect.stringContaining(`process ${child.pid}`)]);
    },
  );

  it("is not taken for one that does not run when its control files are gone; when it goes on, the kill switch stops it (S2)", async () => {
    const home = join(emptyFolder(), "home");
    const session = await stopped(home);
    rmSync(join(home, "control"), { recursive: true });

    expect(await qts("status", "--home", home)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`Process ${session.child.pid} ("qts run `),
    });
    const { exitCode, stdout, stderr } = await qts("stop-trading", "--home", home);
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("Not confirmed is that trading has stopped");

    session.child.kill("SIGCONT");
    await says(session, "FS121");
    session.child.kill("SIGKILL");
    await session.finished;
    expect((await qts("status", "--home", home)).exitCode).toBe(3);
  });

  it("is named also when so many have asked before that nobody else is taken in", async () => {
    const home = join(emptyFolder(), "home");
    const { child } = await stopped(home);
    const knock = (): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = connect({ path: join(home, "control", "qts.sock") });
        socket.once("error", () => resolve(false));
        socket.once("connect", () => {
          socket.destroy();
          resolve(true);
        });
      });
    while (await knock());

    const { exitCode, stderr } = await qts("status", "--home", home);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`process ${child.pid}`)]);
  });
});

describe("a person who does not want to wait for an answer", () => {
  it.each([
    { signal: "SIGINT", argv: ["stop-trading"], code: 1, isKilled: true },
    { signal: "SIGTERM", argv: ["lockdown", "--reason", "news"], code: 1, isKilled: true },
    { signal: "SIGHUP", argv: ["stop-trading"], code: 1, isKilled: true },
    { signal: "SIGINT", argv: ["status"], code: 130, isKilled: false },
    { signal: "SIGTERM", argv: ["release", ...kim], code: 143, isKilled: false },
  ] as const)(
    "$signal ends $argv.0 at once, and an emergency stop has turned the kill switch on (M15)",
    async ({ signal, argv, code, isKilled }) => {
      const home = join(emptyFolder(), "home");
      mkdirSync(home, { mode: 0o700 });
      const heard = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<CommandReply>();
      const server = createControlServer({ directory: join(home, "control"), answerMsMax: 600_000 });
      onTestFinished(() => {
        answer.resolve({ exitCode: 0, body: null });
        return server.close();
      });
      await server.listen(() => {
        heard.resolve();
        return answer.promise;
      });
      const command = startQts([...argv, "--home", home]);
      await heard.promise;
      command.child.kill(signal);
      const { exitCode, stderr } = await command.finished;
      expect([exitCode, stderr.trim().split("\n").length]).toEqual([code, 1]);
      expect(stderr).toContain("The answer was not waited for.");
      expect(existsSync(join(home, "KILL"))).toBe(isKilled);
    },
  );
});
