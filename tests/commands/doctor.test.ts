/** `qts doctor`: each thing that a session needs, broken once. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createControlServer } from "#adapters/host/control/server.ts";
import { acquireLease } from "#adapters/host/lease.ts";
import type { DoctorCheck } from "#commands/doctor-finding.ts";
import { checkCalendar, checkData } from "#commands/doctor-market.ts";
import { parseConfig } from "#config/config.ts";
import { exampleStatus } from "../adapters/host/page/example-status.ts";
import { runLine } from "./console.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "qts-doctor-"));
  writeFileSync(join(cwd, "qts.yaml"), "http: { port: 0 }\ndisk: { warningFreeShare: 0, criticalFreeShare: 0 }\n");
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const doctor = async (...argv: string[]): Promise<{ exitCode: number; checks: DoctorCheck[] }> =>
  JSON.parse((await runLine(["doctor", "--config", "qts.yaml", "--json", ...argv], { cwd })).out);
const found = async (name: DoctorCheck["name"], ...argv: string[]): Promise<DoctorCheck & { exitCode: number }> => {
  const { exitCode, checks } = await doctor(...argv);
  return { exitCode, ...(checks.find((check) => check.name === name) as DoctorCheck) };
};

describe("qts doctor", () => {
  it("finds nothing wrong with a healthy machine, one line each, and leaves no trace", async () => {
    const { exitCode, out } = await runLine(["doctor", "--config", "qts.yaml"], { cwd });
    expect(exitCode).toBe(0);
    const lines = out.trimEnd().split("\n");
    expect(lines.map((line) => line.split(/\s+/).slice(0, 2))).toEqual(
      ["node", "configuration", "home", "session", "disk", "port", "clock", "data", "calendar", "kill-switch", "alerts"].map(
        (name) => ["ok", name],
      ),
    );
    expect(readdirSync(cwd)).toEqual(["qts.yaml"]);
  });

  it("says whether the kill switch is on, and when nobody would look at it", async () => {
    expect(await found("kill-switch")).toMatchObject({ state: "ok", sentence: expect.stringContaining("off") });
    mkdirSync(join(cwd, "var", "journal"), { recursive: true });
    writeFileSync(join(cwd, "var", "KILL"), "news\n");
    expect(await found("kill-switch")).toMatchObject({
      state: "warn",
      sentence: expect.stringContaining(`on (news): a session is in LOCKDOWN; remove ${join(cwd, "var", "KILL")}`),
    });
    writeFileSync(join(cwd, "qts.yaml"), "killSwitch: { available: false }");
    expect(await found("kill-switch")).toMatchObject({ state: "warn", sentence: expect.stringContaining("not watched") });
  });

  it("reports a broken configuration with 78 and looks at the rest all the same", async () => {
    writeFileSync(join(cwd, "qts.yaml"), "htpt: {}");
    const { exitCode, checks } = await doctor();
    expect(exitCode).toBe(78);
    expect(checks.find(({ name }) => name === "configuration")).toMatchObject({
      state: "fail",
      sentence: expect.stringContaining("htpt"),
    });
    expect(checks).toHaveLength(11);
  });

  it.each([
    { what: "a file", make: () => writeFileSync(join(cwd, "h"), ""), home: "h", state: "fail", says: "is a file" },
    { what: "nowhere", make: () => {}, home: "no/such/place", state: "fail", says: "mkdir -p" },
    {
      what: "somebody's folder",
      make: () => {
        mkdirSync(join(cwd, "h"));
        writeFileSync(join(cwd, "h", "thesis.doc"), "");
      },
      home: "h",
      state: "warn",
      says: "is not empty and is no home of QTS yet",
    },
  ])("is not content with a home that is $what", async ({ make, home, state, says }) => {
    make();
    const check = await found("home", "--home", home);
    expect(check.state).toBe(state);
    expect(check.sentence).toContain(says);
    expect(check.exitCode).toBe(state === "fail" ? 1 : 0);
    expect(existsSync(join(cwd, "no"))).toBe(false);
  });

  // Root may write anywhere, so the mode only bites for another user; then it must.
  it.skipIf(process.geteuid?.() === 0)("names owner and mode of a home that cannot be written (not as root)", async () => {
    mkdirSync(join(cwd, "h"));
    chmodSync(join(cwd, "h"), 0o500);
    expect(await found("home", "--home", "h")).toMatchObject({
      state: "fail",
      sentence: expect.stringContaining("with mode 500"),
    });
  });

  it("fails when the port is another program's", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    writeFileSync(join(cwd, "qts.yaml"), `http: { port: ${port} }`);
    const check = await found("port");
    await new Promise((resolve) => other.close(resolve));
    expect(check).toMatchObject({
      state: "fail",
      exitCode: 1,
      sentence: expect.stringContaining(`Port ${port} on 127.0.0.1 is taken`),
    });
    expect(await found("port")).toMatchObject({ state: "ok" });
  });

  it("does not blame another program for the port of a QTS that has the home and does not answer", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    writeFileSync(join(cwd, "qts.yaml"), `http: { port: ${port} }`);
    mkdirSync(join(cwd, "var"), { mode: 0o700 });
    const lease = acquireLease({ home: join(cwd, "var"), command: "qts run", now: 0 });
    const [inUse, session] = [await found("port"), await found("session")];
    if (lease.ok) await lease.value.release();
    await new Promise((resolve) => other.close(resolve));
    expect(inUse).toMatchObject({ state: "ok", sentence: expect.stringContaining("is in use, and a QTS has this home") });
    expect(session).toMatchObject({ state: "warn", sentence: expect.stringContaining("nobody listens in") });
  });

  it("knows a QTS that runs here", async () => {
    const server = createControlServer({ directory: join(cwd, "var", "control") });
    await server.listen(async () => ({ exitCode: 0, body: exampleStatus() }));
    expect(await found("session")).toMatchObject({ state: "ok", sentence: expect.stringContaining("QTS runs here") });
    await server.close();
    expect(await found("session")).toMatchObject({ state: "ok", sentence: "No QTS runs on this home." });
  });

  it("warns and fails by the share of the disk that is free", async () => {
    const says = "make room";
    writeFileSync(join(cwd, "qts.yaml"), "http: { port: 0 }\ndisk: { warningFreeShare: 1, criticalFreeShare: 0 }\n");
    expect(await found("disk")).toMatchObject({ state: "warn", exitCode: 0, sentence: expect.stringContaining(says) });
    writeFileSync(join(cwd, "qts.yaml"), "http: { port: 0 }\ndisk: { warningFreeShare: 1, criticalFreeShare: 1 }\n");
    expect(await found("disk")).toMatchObject({ state: "fail", exitCode: 1, sentence: expect.stringContaining(says) });
  });

  it("warns of a market whose calendar does not know the day that is played", async () => {
    // Nextrade opened in 2025; noon of the day that ships is the 8th of October 2013 in Seoul.
    const instrument = "{ symbol: SPY, market: NXT, currency: KRW, priceScale: 4, tickSize: 1, lotSize: 1 }";
    appendFileSync(join(cwd, "qts.yaml"), `instruments: [${instrument}]\n`);
    expect(await found("calendar")).toMatchObject({
      exitCode: 0,
      state: "warn",
      sentence: expect.stringMatching(/^The calendar of NXT is known from 2025-03-04 to 2027-12-31, and 2013-10-08 is not in it/),
    });
  });

  it.each([
    { market: "KRX", on: "2026-12-01", state: "ok", says: "KRX until 2027-12-31" },
    { market: "KRX", on: "2027-11-01", state: "ok", says: "KRX until 2027-12-31" },
    { market: "KRX", on: "2027-11-02", state: "warn", says: "until 2027-12-31, which is soon" },
    { market: "KRX", on: "2028-01-01", state: "warn", says: "2028-01-01 is not in it" },
    { market: "UPBIT", on: "2040-01-01", state: "ok", says: "UPBIT never closes" },
  ])("judges the calendar of a live session by today: $market on $on is $state (M15)", ({ market, on, state, says }) => {
    const parsed = parseConfig({
      session: { mode: "live", feed: "upbit", day: "none-20130101" },
      instruments: [{ symbol: "A", market, currency: "KRW", priceScale: 0, tickSize: 1, lotSize: 1 }],
    });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed));
    const finding = checkCalendar(parsed.config, cwd, Date.parse(`${on}T03:00:00Z`));
    expect(finding).toMatchObject({ state, sentence: expect.stringContaining(says) });
    // Nor does it matter there which day would be played.
    expect(checkData(parsed.config, cwd)).toMatchObject({ state: "ok", sentence: expect.stringContaining("comes from upbit") });
  });

  it("fails when the clock is behind what the journal has seen", async () => {
    mkdirSync(join(cwd, "var", "journal"), { recursive: true });
    const record = join(cwd, "var", "journal", "session-0001.sqlite");
    writeFileSync(record, "");
    const tomorrow = Date.now() / 1000 + 86_400;
    utimesSync(record, tomorrow, tomorrow);
    expect(await found("clock")).toMatchObject({
      state: "fail",
      exitCode: 1,
      sentence: expect.stringContaining("set the clock"),
    });
  });

  it("fails when the recorded day is not there", async () => {
    writeFileSync(join(cwd, "qts.yaml"), "http: { port: 0 }\nsession: { day: mars-equity-20990101 }\n");
    expect(await found("data")).toMatchObject({
      state: "fail",
      sentence: expect.stringContaining(
        '"mars-equity-20990101": there is no such recorded day; choose one of us-equity-20131007',
      ),
    });
  });
});
