import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { sessionReportSchema } from "#commands/session-report.ts";
import { emptyFolder, qts, type Running, says, startQts } from "./qts.ts";

/** A session of a person's own pace: the day at sixty times its speed. */
const begin = async (home: string, ...more: readonly string[]): Promise<Running> => {
  const session = startQts(["run", "--speed", "60", "--port", "0", "--home", home, "--json", ...more]);
  onTestFinished(() => void session.child.kill("SIGKILL"));
  await says(session, "the session has started");
  return session;
};
const end = async (session: Running, signal: "SIGTERM" | "SIGKILL") => {
  session.child.kill(signal);
  return session.finished;
};

/** A person at another terminal. */
const person = (home: string) => {
  const ask = async (...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = await qts(...args, "--home", home, "--json");
    return { exitCode, stderr, body: stdout === "" ? undefined : (JSON.parse(stdout) as Record<string, never>) };
  };
  return {
    ask,
    status: async () =>
      (await ask("status")).body as { safety: string; operating: string; trading: { open: boolean } } | undefined,
  };
};
const kim = ["--operator", "kim", "--reason", "checked with the venue"] as const;

describe("a person commands a running QTS (M15)", () => {
  it("locks down, is told why nothing trades, and LOCKDOWN survives kill -9 until a named person with a reason ends it", async () => {
    const home = join(emptyFolder(), "home");
    const { ask, status } = person(home);
    const session = await begin(home);
    expect(await status()).toMatchObject({ safety: "NORMAL", operating: "BALANCED", trading: { open: true } });

    const locked = await ask("lockdown", "--reason", "fat finger", "--operator", "lee");
    expect(locked).toMatchObject({ exitCode: 0, body: { safety: "LOCKDOWN" } });
    expect(await status()).toMatchObject({ safety: "LOCKDOWN", trading: { open: false } });
    const explained = await ask("explain", "safety");
    expect(explained.exitCode).toBe(0);
    expect(JSON.stringify(explained.body)).toContain("lee: fat finger");

    expect((await end(session, "SIGKILL")).signal).toBe("SIGKILL");
    expect((await ask("status")).exitCode).toBe(3);
    const again = await begin(home);
    expect(await status()).toMatchObject({ recovered: true, safety: "LOCKDOWN", machines: { execution: "suspended" } });

    // Nobody, no reason, not a name: refused before the house is asked.
    expect((await ask("release")).exitCode).toBe(2);
    expect((await ask("release", "--operator", "kim")).exitCode).toBe(2);
    expect((await ask("release", "--operator", " ", "--reason", "x")).exitCode).toBe(2);
    expect(await status()).toMatchObject({ safety: "LOCKDOWN" });
    expect(await ask("release", ...kim)).toMatchObject({ exitCode: 0, body: { safety: "NORMAL" } });
    expect(await ask("release", ...kim)).toMatchObject({
      exitCode: 4,
      body: { sentence: expect.stringContaining("nothing to release") },
    });

    const { exitCode, stdout } = await end(again, "SIGTERM");
    expect(exitCode).toBe(0);
    expect(sessionReportSchema.parse(JSON.parse(stdout))).toMatchObject({ recovered: true, safety: "NORMAL" });
  });

  it("pins the operating state, sees it in force after kill -9, and clears it; refuses what may not be (S15)", async () => {
    const home = join(emptyFolder(), "home");
    const { ask, status } = person(home);
    const session = await begin(home);
    expect(await ask("override", "DEFENSIVE", "--for", "8d", ...kim)).toMatchObject({
      exitCode: 4,
      body: { sentence: expect.stringContaining("at most 7 days") },
    });
    expect((await ask("override", "DEFENSIVE", "--for", "3d", "--operator", "kim")).exitCode).toBe(2);
    expect((await ask("override", "BRAVE", "--for", "3d", ...kim)).exitCode).toBe(2);
    expect((await ask("override", "clear", ...kim)).exitCode).toBe(4);
    expect(await ask("override", "DEFENSIVE", "--for", "3d", ...kim)).toMatchObject({
      exitCode: 0,
      body: { operating: "DEFENSIVE" },
    });
    await end(session, "SIGKILL");

    const again = await begin(home);
    expect(await status()).toMatchObject({ operating: "DEFENSIVE" });
    const explained = await ask("explain", "operating");
    expect(explained).toMatchObject({ exitCode: 0, body: { state: "DEFENSIVE" } });
    expect(JSON.stringify(explained.body)).toContain("kim");
    // In LOCKDOWN nothing may raise risk.
    await ask("lockdown", "--reason", "x");
    expect((await ask("override", "AGGRESSIVE", "--for", "1h", ...kim)).exitCode).toBe(4);
    await ask("release", ...kim);
    expect(await ask("override", "clear", ...kim)).toMatchObject({ exitCode: 0, body: { operating: "DEFENSIVE" } });
    await end(again, "SIGTERM");
  });

  it("touches KILL when nothing else is at hand: LOCKDOWN, which neither kill -9 nor a release ends before it is removed", async () => {
    const home = join(emptyFolder(), "home");
    const { ask, status } = person(home);
    const session = await begin(home);
    writeFileSync(join(home, "KILL"), "");
    await says(session, "FS121");
    expect(await status()).toMatchObject({
      safety: "LOCKDOWN",
      trading: { open: false },
      parts: { "kill-switch": { state: "on", reason: "the file KILL is in the home" } },
    });
    await end(session, "SIGKILL");
    const again = await begin(home);
    expect(await ask("release", ...kim)).toMatchObject({
      exitCode: 4,
      body: { safety: "LOCKDOWN", sentence: expect.stringContaining(`remove ${join(home, "KILL")}`) },
    });
    rmSync(join(home, "KILL"));
    expect(await ask("release", ...kim)).toMatchObject({ exitCode: 0, body: { safety: "NORMAL" } });
    expect(await ask("stop-trading")).toMatchObject({ exitCode: 0, body: { safety: "LOCKDOWN" } });
    await end(again, "SIGTERM");
    expect(existsSync(join(home, "KILL"))).toBe(false);
  });

  it("stops trading where nothing runs: the kill switch is on, and the next start begins in LOCKDOWN (S2)", async () => {
    const home = join(emptyFolder(), "home");
    const { ask, status } = person(home);
    expect((await ask("stop-trading")).exitCode).toBe(3);
    await end(await begin(home), "SIGKILL");
    expect(await ask("stop-trading", "--reason", "news")).toMatchObject({
      exitCode: 0,
      body: { killSwitch: join(home, "KILL"), sentence: expect.stringContaining("the next start begins in LOCKDOWN") },
    });
    const session = await begin(home);
    expect(await status()).toMatchObject({ safety: "LOCKDOWN", parts: { "kill-switch": { state: "on", reason: "news" } } });
    await end(session, "SIGTERM");
  });

  it("says in one sentence, and with exit code 3, that nothing runs", async () => {
    const home = join(emptyFolder(), "home");
    for (const args of [["status"], ["lockdown", "--reason", "x"], ["release", ...kim], ["explain", "operating"]]) {
      const { exitCode, stderr, stdout } = await qts(...args, "--home", home);
      expect([exitCode, stdout]).toEqual([3, ""]);
      expect(stderr.trim().split("\n")).toHaveLength(1);
    }
  });
});

describe("a session that must not go on", () => {
  it("a strategy that throws in every cycle: FAIL, no order leaves, and the process lives on", async () => {
    const folder = emptyFolder();
    const home = join(folder, "home");
    const strategy = join(folder, "strategy.mjs");
    writeFileSync(
      strategy,
      'export const createStrategy = () => ({ name: "broken", evaluate: () => { throw new Error("a bug of mine"); } });\n',
    );
    const { ask, status } = person(home);
    const session = await begin(home, "--strategy", strategy);
    await says(session, "cycles failed in a row");
    expect(await status()).toMatchObject({ safety: "FAIL", operating: "DEFENSIVE", trading: { open: false } });
    expect(JSON.stringify((await ask("explain", "safety")).body)).toContain("FS060");
    const { exitCode, stdout } = await end(session, "SIGTERM");
    expect(exitCode).toBe(0);
    expect(sessionReportSchema.parse(JSON.parse(stdout)).orders.total).toBe(0);
  });

  it("a strategy that throws at every trade: WARNING for as long as it does, and the report says how many it never saw (E7)", async () => {
    const folder = emptyFolder();
    const strategy = join(folder, "strategy.mjs");
    writeFileSync(
      strategy,
      'export const createStrategy = () => ({ name: "deaf", onTrade: () => { throw new Error("a bug of mine"); }, evaluate: () => [] });\n',
    );
    const config = join(folder, "config.yaml");
    writeFileSync(config, "events: { handlers: { retries: 0 } }\n");
    const given = ["--speed", "max", "--port", "0", "--home", join(folder, "home"), "--strategy", strategy, "--config", config];
    const { exitCode, stdout } = await qts("run", ...given);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("safety WARNING, operating DEFENSIVE");
    expect(stdout).toMatch(/P1 \d+ \(265,\d{3} given up\)/);
  });

  it("a state that cannot be read back: refused with the place, the reason and how to go on; --new-session begins without it (S16)", async () => {
    const home = join(emptyFolder(), "home");
    const first = await begin(home);
    await end(first, "SIGTERM");
    const file = join(home, "journal", "session-0001.sqlite");
    const damage = new DatabaseSync(file);
    const { records } = damage.prepare("SELECT count(*) AS records FROM facts").get() as { records: number };
    damage.exec("DELETE FROM snapshots; UPDATE facts SET body = '{}' WHERE seq = 2;");
    damage.close();

    const refused = await qts("run", "--port", "0", "--home", home);
    expect([refused.exitCode, refused.stdout]).toEqual([4, ""]);
    const [sentence, ...rest] = refused.stderr.trim().split("\n");
    expect(rest).toEqual([]);
    expect(sentence).toContain(join(home, "journal"));
    expect(sentence).toContain("record 2");
    expect(sentence).toContain("--new-session");
    const evidence = new DatabaseSync(file, { readOnly: true });
    expect(evidence.prepare("SELECT count(*) AS records FROM facts").get()).toEqual({ records });
    evidence.close();

    const fresh = await begin(home, "--new-session");
    await end(fresh, "SIGTERM");
    expect(existsSync(join(home, "journal", "session-0002.sqlite"))).toBe(true);
  });
});
