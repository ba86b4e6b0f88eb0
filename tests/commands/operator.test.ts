/** The operator's commands, against a house that answers over a real control socket (spec M15). */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ControlCommand, type ControlServer, createControlServer } from "#adapters/host/control/server.ts";
import type { CommandReply } from "#core/ports.ts";
import { exampleStatus } from "../adapters/host/page/example-status.ts";
import { runLine } from "./console.ts";

let cwd: string;
let server: ControlServer;
let heard: ControlCommand[] = [];
let answer: CommandReply;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "qts-operator-"));
  server = createControlServer({ directory: join(cwd, "var", "control") });
  await server.listen(async (command) => {
    heard.push(command);
    return answer;
  });
});
afterAll(async () => {
  await server.close();
  rmSync(cwd, { recursive: true, force: true });
});
beforeEach(() => {
  heard = [];
  answer = { exitCode: 0, body: { sentence: "Done.", safety: "LOCKDOWN", operating: "BALANCED" } };
});

const qts = (...argv: string[]) => runLine(argv, { cwd });
const type = "operator.command";

describe("an operator command (M15)", () => {
  it.each([
    { argv: ["lockdown", "--reason", "bad feed"], sends: { type, command: "lockdown", reason: "bad feed" } },
    {
      argv: ["lockdown", "--reason", "bad feed", "--operator", "mina"],
      sends: { type, command: "lockdown", reason: "bad feed", operator: "mina" },
    },
    {
      argv: ["stop-trading", "--reason", "news", "--operator", "mina"],
      sends: { type, command: "stop-trading", reason: "news", operator: "mina" },
    },
    { argv: ["stop-trading"], sends: { type, command: "stop-trading", reason: "asked for by qts stop-trading" } },
    {
      argv: ["release", "--operator", "mina", "--reason", "feed is back"],
      sends: { type, command: "release", operator: "mina", reason: "feed is back" },
    },
    {
      argv: ["override", "defensive", "--for", "3d", "--operator", "mina", "--reason", "elections"],
      sends: { type, command: "override.set", state: "DEFENSIVE", forMs: 259_200_000, operator: "mina", reason: "elections" },
    },
    {
      argv: ["override", "clear", "--operator", "mina", "--reason", "over"],
      sends: { type, command: "override.clear", operator: "mina", reason: "over" },
    },
    {
      argv: ["resolve", "7-12", "--outcome", "absent", "--operator", "mina", "--reason", "not in the venue's list"],
      sends: {
        type,
        command: "resolve",
        orderId: "7-12",
        outcome: "absent",
        operator: "mina",
        reason: "not in the venue's list",
      },
    },
    {
      argv: ["resolve", "7-12", "--outcome", "bound", "--venue-order", "P9", "--operator", "mina", "--reason", "seen"],
      sends: {
        type,
        command: "resolve",
        orderId: "7-12",
        outcome: "bound",
        brokerOrderId: "P9",
        operator: "mina",
        reason: "seen",
      },
    },
    { argv: ["explain", "operating"], sends: { type, command: "explain", subject: "operating" } },
    { argv: ["explain", "safety"], sends: { type, command: "explain", subject: "safety" } },
  ])("$argv reaches the house as $sends.command", async ({ argv, sends }) => {
    expect(await qts(...argv)).toEqual({ exitCode: 0, out: "Done.\n", err: "" });
    expect(heard).toEqual([sends]);
  });

  it.each([
    { argv: ["lockdown"], needs: "--reason" },
    { argv: ["lockdown", "--reason", " "], needs: "--reason" },
    { argv: ["release", "--reason", "calm"], needs: "--operator" },
    { argv: ["release", "--operator", "mina"], needs: "--reason" },
    { argv: ["override", "--for", "3d"], needs: "STATE or clear" },
    { argv: ["override", "DEFENSIVE", "--operator", "mina", "--reason", "x"], needs: "--for" },
    { argv: ["override", "DEFENSIVE", "--for", "3", "--operator", "mina", "--reason", "x"], needs: "with its unit" },
    {
      argv: ["override", "BOLD", "--for", "3d", "--operator", "mina", "--reason", "x"],
      needs: "AGGRESSIVE, BALANCED, DEFENSIVE",
    },
    { argv: ["override", "clear", "--for", "3d", "--operator", "mina", "--reason", "x"], needs: "takes no --for" },
    { argv: ["resolve", "7-12", "--operator", "mina", "--reason", "x"], needs: "--outcome" },
    {
      argv: ["resolve", "7-12", "--outcome", "lost", "--operator", "mina", "--reason", "x"],
      needs: "absent, bound, canceled",
    },
    { argv: ["resolve", "7-12", "--outcome", "bound", "--operator", "mina", "--reason", "x"], needs: "--venue-order" },
    { argv: ["explain", "order"], needs: "ORDER_ID" },
  ])("$argv is a usage error that names $needs, and nothing is sent", async ({ argv, needs }) => {
    const { exitCode, out, err } = await qts(...argv);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
    expect(err).toContain(needs);
    expect(heard).toEqual([]);
  });

  it("ends with 4 and the house's sentence when the house refuses", async () => {
    answer = { exitCode: 4, body: { sentence: "There is no lockdown to release.", safety: "NORMAL", operating: "BALANCED" } };
    const argv = ["release", "--operator", "mina", "--reason", "x"];
    expect(await qts(...argv)).toEqual({ exitCode: 4, out: "", err: "There is no lockdown to release.\n" });
    expect(await qts(...argv, "--json")).toEqual({ exitCode: 4, out: `${JSON.stringify(answer.body)}\n`, err: "" });
  });

  it("ends with 3 and says how to start when nothing runs, for people and for machines", async () => {
    const people = await qts("status", "--home", "elsewhere");
    expect({ ...people, err: people.err.split(":")[0] }).toEqual({
      exitCode: 3,
      out: "",
      err: `No QTS is running on ${join(cwd, "elsewhere")}`,
    });
    const machines = await qts("status", "--home", "elsewhere", "--json");
    expect([machines.exitCode, machines.err]).toEqual([3, ""]);
    expect(JSON.parse(machines.out)).toMatchObject({ exitCode: 3, error: { type: "not.running" } });
  });

  it("ends with 2 when the door does not understand it", async () => {
    const { exitCode, err } = await qts("lockdown", "--reason", "x".repeat(501));
    expect(exitCode).toBe(2);
    expect(err).toContain("reason must have at most 500 characters");
  });

  it("stop-trading stops also when the door does not understand it: the kill switch is on", async () => {
    const { exitCode, out, err } = await qts("stop-trading", "--reason", "x".repeat(501));
    expect([exitCode, out]).toEqual([1, ""]);
    expect(err).toContain("reason must have at most 500 characters");
    expect(err).toContain("the kill switch is on");
    expect(existsSync(join(cwd, "var", "KILL"))).toBe(true);
  });

  it("finds its home by --home before QTS_HOME before ./var", async () => {
    const away = { cwd: "/", env: { QTS_HOME: join(cwd, "var") } };
    expect((await runLine(["explain", "safety"], away)).exitCode).toBe(0);
    expect((await runLine(["explain", "safety", "--home", join(cwd, "nowhere")], away)).exitCode).toBe(3);
    expect((await runLine(["explain", "safety"], { cwd: "/" })).exitCode).toBe(3);
  });

  it("lockdown holds a home that does not run: its next start begins in LOCKDOWN", async () => {
    const home = join(cwd, "still");
    mkdirSync(home);
    const { exitCode, out } = await qts("lockdown", "--reason", "it was stuck", "--operator", "mina", "--home", home);
    expect([exitCode, out]).toEqual([0, expect.stringContaining("the next start begins in LOCKDOWN")]);
    expect(readFileSync(join(home, "KILL"), "utf8")).toBe("mina: it was stuck\n");
    expect((await qts("lockdown", "--reason", "x", "--home", join(cwd, "nowhere"))).exitCode).toBe(3);
  });

  it("ends with 4 when the token is another's", async () => {
    const token = join(cwd, "var", "control", "token");
    const right = readFileSync(token, "utf8");
    writeFileSync(token, "0".repeat(64));
    expect((await qts("status")).exitCode).toBe(4);
    writeFileSync(token, right);
  });
});

describe("qts status", () => {
  it("shows the house once, as the live view does", async () => {
    answer = { exitCode: 0, body: exampleStatus() };
    const { out } = await qts("status");
    expect(out).toContain("Safety     NORMAL      Operating  BALANCED    Trading  open");
    expect(out).toContain("PnL        +123.45 USD");
  });

  it("passes the status on as JSON", async () => {
    answer = { exitCode: 0, body: exampleStatus() };
    expect(JSON.parse((await qts("status", "--json")).out)).toEqual(exampleStatus());
  });
});

describe("qts explain", () => {
  it("tells the state, what each move needs, what holds, what blocks and until when (S17)", async () => {
    answer = {
      exitCode: 0,
      body: {
        sentence: "The operating state is DEFENSIVE by B_TO_D.",
        state: "DEFENSIVE",
        since: Date.UTC(2026, 0, 5, 6),
        moves: [
          {
            to: "BALANCED",
            rule: "D_TO_B",
            clauses: [
              { clause: "drawdown<0.05", value: 0.031, holds: true },
              { clause: "vix<20", value: null, holds: null, status: "stale" },
              { clause: "no anomaly", value: false, holds: false },
            ],
            blocks: [{ reason: "min_duration_not_met", until: Date.UTC(2026, 0, 10, 6) }, { reason: "confirmation_pending 1/2" }],
          },
        ],
      },
    };
    expect((await qts("explain", "operating")).out).toBe(`The operating state is DEFENSIVE by B_TO_D.
DEFENSIVE since 2026-01-05 06:00 UTC.

To BALANCED:
  yes  drawdown<0.05  (now 0.031)
  ?    vix<20  (unknown: stale)
  no   no anomaly
  blocked: min_duration_not_met until 2026-01-10 06:00 UTC
  blocked: confirmation_pending 1/2
`);
  });

  it("shows an answer of another shape as it is", async () => {
    answer = { exitCode: 0, body: { orderId: "O-17" } };
    expect((await qts("explain", "safety")).out).toBe('{\n  "orderId": "O-17"\n}\n');
  });
});
