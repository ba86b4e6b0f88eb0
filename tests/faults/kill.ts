/**
 * The kill campaign: a busy day after the other, with every fault of the menu, while the worker is killed at random moments,
 * its connection to the exchange is cut in between, and now and then the exchange is killed as well. After each day the judge
 * compares journal and ledger.
 *
 *   node tests/faults/kill.ts --kills 200 --seed 1
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sendCommand } from "#adapters/host/control/client.ts";
import { readLedger } from "#adapters/paper/oracle.ts";
import { createRandom } from "#core/random.ts";
import { type HomeVerdict, judge } from "./judge.ts";
import { type Process, startQts } from "./processes.ts";
import { openRelay, type Relay } from "./relay.ts";

export interface Campaign {
  readonly kills: number;
  readonly seed: number;
  readonly killsPerDay?: number;
  readonly say?: (line: string) => void;
}

export interface CampaignOutcome {
  readonly kills: number;
  readonly cuts: number;
  readonly exchangeKills: number;
  readonly orders: number;
  readonly fills: number;
  readonly unknown: number;
  readonly violations: readonly string[];
}

const configFile = join(import.meta.dirname, "everything-goes-wrong.yaml");
const strategy = join(import.meta.dirname, "busy-strategy.ts");

/** Most kills hit a session that trades; some hit it while it starts, when it recovers and reconciles. */
const startUpShare = 0.25;
const startUpMsMax = 700;
const tradingMsMax = 500;
const cutShare = 0.6;
/** The exchange dies with this share of the workers, and comes back on its ledger. */
const exchangeShare = 0.15;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const startExchange = async (folder: string, seed: number, relay: Relay): Promise<{ process: Process; ledger: string }> => {
  const process = startQts(["exchange", "--home", folder, "--config", configFile, "--seed", String(seed), "--json"]);
  const line = await process.says("exchange.listening");
  if (line === undefined) throw new Error(`the exchange did not start: ${(await process.ended).stderr}`);
  const { url, ledger } = JSON.parse(line) as { url: string; ledger: string };
  relay.leadsTo = Number(new URL(url).port);
  return { process, ledger };
};

/** Cuts the connection once, twice or not at all while the worker lives. */
const cutAtRandom = async (relay: Relay, draw: () => number, withinMs: number): Promise<number> => {
  let cuts = 0;
  for (let left = withinMs; draw() < cutShare; ) {
    const after = draw() * left;
    await wait(after);
    left -= after;
    cuts += relay.cut();
  }
  return cuts;
};

/**
 * The person on duty: looks at the venue's book for each order that asks for one, and says what became of it; ends a lockdown.
 * A command that a kill swallowed is given again to the next worker.
 */
const createOperatorOnDuty = (home: string, ledger: string) => {
  const asked = new Set<string>();
  const who = { type: "operator.command", operator: "on duty", reason: "looked at the venue's ledger" } as const;
  const resolveOne = async (orderId: string): Promise<void> => {
    const found = readLedger(ledger).orders.find((order) => order.orderId === orderId);
    const outcome =
      found === undefined
        ? ({ outcome: "absent" } as const)
        : ({ outcome: "bound", brokerOrderId: found.brokerOrderId } as const);
    const reply = await sendCommand(home, { ...who, command: "resolve", orderId, ...outcome });
    if (reply.ok) asked.delete(orderId);
  };
  return {
    watch: (worker: Process): void => {
      let text = "";
      worker.child.stderr?.on("data", (more: string) => {
        text += more;
        const lines = text.split("\n");
        text = lines.pop() ?? "";
        for (const line of lines) {
          const orderId = /"code":"FS042".*"msg":"(\S+): the submit's outcome is still unknown/.exec(line)?.[1];
          if (orderId === undefined) continue;
          asked.add(orderId);
          void resolveOne(orderId);
        }
      });
      void worker.says("the session has started").then(async (line) => {
        if (line === undefined) return;
        for (const orderId of asked) await resolveOne(orderId);
        const status = await sendCommand(home, { type: "operator.command", command: "status" });
        if (status.ok && (status.value.body as { safety: string }).safety === "LOCKDOWN")
          await sendCommand(home, { ...who, command: "release" });
      });
    },
  };
};

/** One day: so many kills, then the worker may play to the end. */
const playDay = async (
  folder: string,
  seed: number,
  kills: number,
): Promise<{ readonly verdict: HomeVerdict; readonly kills: number; readonly cuts: number; readonly exchangeKills: number }> => {
  const draw = createRandom(seed);
  const relay = await openRelay();
  let exchange = await startExchange(folder, seed, relay);
  const home = join(folder, "worker");
  const settings = ["--config", configFile, "--strategy", strategy, "--seed", String(seed)];
  const venue = ["--broker", relay.url, "--broker-token", join(folder, "exchange", "token")];
  const run = ["run", "--speed", "max", "--port", "0", "--home", home, ...venue, ...settings, "--json"];
  const operator = createOperatorOnDuty(home, exchange.ledger);
  const violations: string[] = [];
  let [killed, cuts, exchangeKills, isOver] = [0, 0, 0, false];
  try {
    while (!isOver) {
      const worker = startQts(run);
      const isLast = killed === kills;
      let isKilled = false;
      operator.watch(worker);
      if (!isLast) {
        const isEarly = draw() < startUpShare;
        const delay = draw() * (isEarly ? startUpMsMax : tradingMsMax);
        // A worker that never starts comes to its own end, and that is a violation.
        if (!isEarly) await worker.says("the session has started");
        const cutting = cutAtRandom(relay, draw, delay);
        await Promise.race([wait(delay), worker.ended]);
        if (draw() < exchangeShare) {
          exchange.process.child.kill("SIGKILL");
          await exchange.process.ended;
          exchangeKills += 1;
          // Half of them come back while the worker still tries.
          if (draw() < 0.5) exchange = await startExchange(folder, seed, relay);
        }
        isKilled = worker.child.kill("SIGKILL");
        cuts += await cutting;
        if (exchange.process.child.signalCode !== null) exchange = await startExchange(folder, seed, relay);
      }
      const { exitCode, signal, stderr } = await worker.ended;
      if (signal === "SIGKILL" && isKilled) killed += 1;
      else {
        isOver = true;
        if (exitCode !== 0) violations.push(`the worker ended with ${exitCode ?? signal}: ${stderr.slice(-600)}`);
      }
    }
    const verify = await startQts(["journal", "verify", "--home", home]).ended;
    if (verify.exitCode !== 0) violations.push(`the journal does not verify: ${verify.stdout}${verify.stderr}`);
  } finally {
    exchange.process.child.kill("SIGTERM");
    const { exitCode } = await exchange.process.ended;
    if (exitCode !== 0) violations.push(`the exchange ended with ${exitCode}`);
    relay.cut();
    await relay.close();
  }
  const verdict = judge({ home, ledger: exchange.ledger, configFile });
  return { verdict: { ...verdict, violations: [...violations, ...verdict.violations] }, kills: killed, cuts, exchangeKills };
};

/**
 * Plays days, two at a time, until so many kills have been survived. A day with violations leaves its folder behind, as evidence.
 */
export const runCampaign = async ({
  kills,
  seed,
  killsPerDay = 20,
  say = () => undefined,
}: Campaign): Promise<CampaignOutcome> => {
  const total = { kills: 0, cuts: 0, exchangeKills: 0, orders: 0, fills: 0, unknown: 0 };
  const violations: string[] = [];
  let [days, planned] = [0, 0];

  const playOne = async (wanted: number): Promise<void> => {
    const daySeed = seed * 1000 + days;
    days += 1;
    const folder = mkdtempSync(join(tmpdir(), "qts-kill-"));
    mkdirSync(join(folder, "worker"));
    const { verdict, ...counts } = await playDay(folder, daySeed, wanted);
    planned -= wanted - counts.kills;
    total.kills += counts.kills;
    total.cuts += counts.cuts;
    total.exchangeKills += counts.exchangeKills;
    total.orders += verdict.orders;
    total.fills += verdict.fills;
    total.unknown += verdict.unknown.length;
    violations.push(...verdict.violations.map((sentence) => `seed ${daySeed}: ${sentence}`));
    if (verdict.violations.length === 0) rmSync(folder, { recursive: true, force: true });
    say(
      `seed ${daySeed}: killed ${counts.kills} times, cut off ${counts.cuts}, the exchange killed ${counts.exchangeKills}; ` +
        `${verdict.orders} orders, ${verdict.atVenue} at the venue, ${verdict.fills} fills, ${verdict.unknown.length} unknown, ` +
        `${verdict.violations.length} violations${verdict.violations.length === 0 ? "" : ` in ${folder}`}; ${total.kills} of ${kills}`,
    );
    for (const sentence of verdict.violations.slice(0, 20)) say(`  ${sentence}`);
  };

  const playMany = async (): Promise<void> => {
    while (planned < kills) {
      const wanted = Math.min(killsPerDay, kills - planned);
      planned += wanted;
      await playOne(wanted);
    }
  };
  await Promise.all([playMany(), playMany()]);
  return { ...total, violations };
};

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      kills: { type: "string", default: "200" },
      seed: { type: "string", default: "1" },
      "per-day": { type: "string", default: "20" },
    },
  });
  const startedMs = performance.now();
  const { violations, ...counts } = await runCampaign({
    kills: Number(values.kills),
    seed: Number(values.seed),
    killsPerDay: Number(values["per-day"]),
    say: (line) => process.stdout.write(`${line}\n`),
  });
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  process.stdout.write(`seed ${values.seed}: ${JSON.stringify({ ...counts, violations: violations.length, seconds })}\n`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
