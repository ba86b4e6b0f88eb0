/** The real process, as a person would start it; killed as a machine would. */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import { createExchangeClient } from "#adapters/paper/exchange-client.ts";
import { tokenFileFor } from "#adapters/paper/exchange-token.ts";
import { readLedger } from "#adapters/paper/oracle.ts";
import type { BrokerReport } from "#core/ports.ts";
import { createRandom } from "#core/random.ts";
import { spawnMortal } from "../../mortal.ts";
import { playBusySession } from "./busy-session.ts";
import { newYorkMorning, order, paperConfig, patiently, scratch, type World, type WorldOptions, worldAround } from "./world.ts";

const entry = join(import.meta.dirname, "../../../src/qts.js");
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface Process {
  readonly child: ChildProcess;
  readonly lines: Record<string, unknown>[];
  readonly stderr: () => string;
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Resolves once it listens. */
  readonly url: Promise<string>;
}

const startExchangeProcess = (args: readonly string[]): Process => {
  const child = spawnMortal(process.execPath, [entry, "exchange", "--json", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  const lines: Record<string, unknown>[] = [];
  let stderr = "";
  child.stderr?.on("data", (text) => {
    stderr += text;
  });
  const listening = Promise.withResolvers<string>();
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    lines.push(JSON.parse(line));
    if (lines.length === 1) listening.resolve(String(lines[0]?.url));
  });
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once("close", (code, signal) => resolve(code ?? (signal as NodeJS.Signals)));
  });
  return { child, lines, stderr: () => stderr, ended, url: listening.promise };
};

const clientOf = async (
  url: string,
  ledgerPath: string,
  { silenceMsMax = 2_000, ...options }: WorldOptions & { readonly silenceMsMax?: number } = {},
): Promise<World> => {
  const clock = createSimulatedClock({ startAt: newYorkMorning });
  const client = createExchangeClient({ url, tokenFile: tokenFileFor(ledgerPath), clock, config: paperConfig(), silenceMsMax });
  return worldAround(client, clock, ledgerPath, { reconnectMs: [20, 100], ...options });
};

describe("qts exchange", () => {
  it("says where it listens, stops on SIGTERM with what it held, and goes on with the same ledger", async () => {
    const home = scratch();
    const exchange = startExchangeProcess(["--home", home]);
    const ledger = join(home, "exchange", "session-0001.jsonl");
    const world = await clientOf(await exchange.url, ledger);
    expect(exchange.lines[0]).toMatchObject({ type: "exchange.listening", ledger, recovered: 0, tornBytes: 0 });
    await world.buy("o-1", 1_680_000, 10);
    exchange.child.kill("SIGTERM");
    expect(await exchange.ended).toBe(0);
    expect(exchange.lines[1]).toMatchObject({ type: "exchange.stopped", orders: 1, fills: 0, duplicateSubmits: 0 });
    const again = startExchangeProcess(["--home", home]);
    await again.url;
    expect(again.lines[0]).toMatchObject({ ledger, recovered: 2 });
  });

  it("refuses a ledger that another exchange is using", async () => {
    const home = scratch();
    await startExchangeProcess(["--home", home]).url;
    const second = startExchangeProcess(["--home", home]);
    expect(await second.ended).toBe(4);
    expect(second.stderr()).toContain("in use");
  });

  it("counts as gone when it stands still, so that market time goes on, and is found again", async () => {
    const home = scratch();
    const exchange = startExchangeProcess(["--home", home]);
    const world = await clientOf(await exchange.url, join(home, "exchange", "session-0001.jsonl"), { silenceMsMax: 1_000 });
    exchange.child.kill("SIGSTOP");
    const answer = world.broker.submit(order());
    await world.pass(10);
    expect(await answer).toMatchObject({ error: { type: "outcome.unknown", reason: expect.stringContaining("1000 ms") } });
    exchange.child.kill("SIGCONT");
    await expect
      .poll(async () => {
        await world.pass(100);
        return world.reports.at(-1)?.type;
      }, patiently)
      .toBe("connected");
    expect(await world.broker.orders()).toEqual({ ok: true, value: [] });
  });

  it("killed again and again in the middle of its work, it forgets nothing that it has told (O14)", async () => {
    const ledger = join(scratch(), "killed.jsonl");
    const args = ["--ledger", ledger, "--port", "0", "--fault", "lostResponseShare=0.1", "--fault", "duplicateReportShare=0.1"];
    const draw = createRandom(99);
    const told = new Map<string, BrokerReport>();
    let kills = 0;
    for (let round = 0; round < 8; round += 1) {
      const exchange = startExchangeProcess([...args, "--seed", String(round)]);
      const hear = (report: BrokerReport): void => {
        if ("brokerOrderId" in report)
          told.set(`${report.type} ${report.brokerOrderId} ${"fillId" in report ? report.fillId : ""}`, report);
      };
      const world = await clientOf(await exchange.url, ledger, { hear });
      const before = await world.broker.executions();
      const known = readLedger(ledger);
      expect(before.ok && before.value.map(({ fillId }) => fillId)).toEqual(known.fills.map(({ fillId }) => fillId));
      const account = await world.broker.account();
      expect(account).toMatchObject({ ok: true, value: { cashMinor: known.cashMinor } });
      const killAt = 20 + Math.floor(draw() * 60);
      await world.pass(round * 1_000);
      await playBusySession(
        {
          ...world,
          broker: { ...world.broker, submit: (one) => world.broker.submit({ ...one, orderId: `${round}-${one.orderId}` }) },
        },
        100,
        async (step) => {
          // Half of them at once, half in the middle of whatever is being written.
          if (step === killAt) setTimeout(() => exchange.child.kill("SIGKILL"), round % 2 === 0 ? 0 : draw() * 4);
        },
      );
      if ((await exchange.ended) === "SIGKILL") kills += 1;
      await world.broker.close();
      const after = readLedger(ledger);
      expect(after.damage).toBeUndefined();
      const fills = new Set(after.fills.map(({ fillId }) => fillId));
      const orders = new Set(after.orders.map(({ brokerOrderId }) => brokerOrderId));
      expect(fills.size).toBe(after.fills.length);
      for (const report of told.values()) {
        if ("brokerOrderId" in report) expect(orders).toContain(report.brokerOrderId);
        if (report.type === "filled") expect(fills).toContain(report.fillId);
      }
    }
    expect(kills).toBe(8);
    expect(told.size).toBeGreaterThan(50);
  });
});
