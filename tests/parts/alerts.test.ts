/** Alerts in the whole house: real services on loopback, and a session that goes on whatever they do. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createMemoryBroker } from "#adapters/memory/broker.ts";
import { openAlertChannels } from "#commands/alert-channels.ts";
import { parseConfig } from "#config/config.ts";
import { createHouseMetrics } from "#ops/automation/metrics.ts";
import { openSmtpServer } from "../adapters/mail/smtp-server.ts";
import { createWorld } from "../world.ts";

const secret = "canary5f1c";
const token = `123456789:${secret}${secret}`;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Answer = (response: ServerResponse, request: IncomingMessage) => void;
const answers = {
  takes: (response) => response.writeHead(200).end("ok"),
  asksForPatience: (response) => response.writeHead(429, { "retry-after": "30" }).end(),
  fails: (response) => response.writeHead(500).end(`no: ${secret}`),
  closes: (_response, request) => request.socket.destroy(),
  stalls: () => undefined,
} satisfies { readonly [name: string]: Answer };

/** A service that answers as it is told, and keeps what it hears. */
const openService = async () => {
  const heard: { readonly url: string; readonly body: { readonly text: string; readonly chat_id?: number } }[] = [];
  const waiting = new Set<() => void>();
  let answer: Answer = answers.takes;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      heard.push({ url: request.url ?? "", body: JSON.parse(body) });
      answer(response, request);
      for (const wake of waiting) wake();
    });
  });
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    will: (next: Answer) => {
      answer = next;
    },
    /** Resolves when so many messages have come. */
    until: (count: number) =>
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (heard.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
};

const env = (address: string) => ({
  QTS_HOOK: `${address}/${secret}`,
  QTS_TOKEN: token,
  QTS_USER: `user-${secret}`,
  QTS_PASSWORD: `password-${secret}`,
});

/** A house whose alerts leave by the channels of a configuration. */
const createHouse = async (alerts: object, variables: Record<string, string>) => {
  const parsed = parseConfig({ session: { mode: "live" }, alerts });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const channels = openAlertChannels(parsed.config, variables);
  if (!channels.ok) throw new Error(JSON.stringify(channels.error));
  const world = await createWorld({
    config: { session: { mode: "live" }, archive: { silenceMsMax: 100_000_000 }, alerts },
    alertChannels: channels.value,
  });
  const figures = () => world.status().parts.alerts as { readonly [figure: string]: number | string | null };
  return {
    ...world,
    figures,
    /** Lets real answers come until a figure has this value. */
    until: async (figure: string, value: number): Promise<void> => {
      while (figures()[figure] !== value) await new Promise((resolve) => setImmediate(resolve));
    },
    trouble: () => world.fact("anomaly.raised", { code: "AN060", reason: "<b>news</b>" }),
  };
};

describe("an alert of the house", () => {
  it("reaches people by webhook, Telegram and mail, and the log as before (M13)", async () => {
    const service = await openService();
    const smtp = await openSmtpServer();
    closers.push(smtp.close);
    const world = await createHouse(
      {
        name: "Seoul 1",
        language: "ko",
        webhook: { urlEnv: "QTS_HOOK" },
        telegram: { tokenEnv: "QTS_TOKEN", chatId: 42, apiUrl: service.address },
        mail: {
          ...{ host: "127.0.0.1", port: smtp.port, tls: "none", userEnv: "QTS_USER", passwordEnv: "QTS_PASSWORD" },
          ...{ from: "qts@example.org", to: ["kim@example.org"] },
        },
      },
      env(service.address),
    );
    await world.trouble();
    await world.until("webhookSent", 1);
    await world.until("telegramSent", 1);
    await world.until("mailSent", 1);
    const hook = service.heard.find(({ url }) => url === `/${secret}`);
    expect(hook?.body.text).toMatch(/^Seoul 1: 경고 AN060 이벤트 루프가 막혔습니다\.\n`.*&lt;b&gt;news/);
    const telegram = service.heard.find(({ url }) => url === `/bot${token}/sendMessage`);
    expect(telegram?.body).toMatchObject({ chat_id: 42, text: expect.stringContaining("<b>news</b>") });
    expect(smtp.mails[0]).toContain("<b>news</b>");
    expect(world.log.some(({ fields }) => "code" in fields && fields.code === "AN060")).toBe(true);
  });

  it.each<[string, Answer, string]>([
    ["answers 500", answers.fails, "it answered 500"],
    ["asks for patience", answers.asksForPatience, "it answered 429"],
    ["hangs up", answers.closes, "it cannot be reached (UND_ERR_SOCKET)"],
    ["stalls", answers.stalls, "it did not answer within 300 ms"],
  ])("is tried again later by a service that %s, and holds up nothing (M13)", async (_name, answer, failure) => {
    const service = await openService();
    service.will(answer);
    const timeoutMs = answer === answers.stalls ? 300 : 60_000;
    const world = await createHouse({ timeoutMs, webhook: { urlEnv: "QTS_HOOK" } }, env(service.address));
    await world.trouble();
    expect(world.status().safety).toBe("WARNING");
    await service.until(1);
    while (world.figures().webhookLastFailure === null) await new Promise((resolve) => setImmediate(resolve));
    expect(world.figures()).toMatchObject({ webhookSent: 0, webhookWaiting: 1, webhookLost: 0, webhookLastFailure: failure });
    service.will(answers.takes);
    await world.wait(answer === answers.asksForPatience ? 29_999 : 1_999);
    expect(service.heard).toHaveLength(1);
    await world.wait(1);
    await world.until("webhookSent", 1);
    expect(service.heard).toHaveLength(2);
    expect(world.figures()).toMatchObject({ webhookWaiting: 0, webhookLost: 0 });
  });

  it("that never arrives is counted, and shown in the status, the metrics and the losses (M13)", async () => {
    const service = await openService();
    service.will(answers.fails);
    const world = await createHouse({ webhook: { urlEnv: "QTS_HOOK" } }, env(service.address));
    await world.trouble();
    for (let tries = 1; tries < 5; tries += 1) {
      await service.until(tries);
      while (world.figures().webhookLastFailure === null) await new Promise((resolve) => setImmediate(resolve));
      // The answer is known to the service before it is to us: let it arrive before time goes on.
      while (service.heard.length === tries) await world.wait(1_000);
    }
    await world.until("webhookLost", 1);
    expect(service.heard).toHaveLength(5);
    expect(world.status().losses.alerts).toBe(1);
    const metrics = await createHouseMetrics().collect(world.status(), world.root().view.stages());
    expect(metrics).toContain('qts_part_figure{part="alerts",figure="webhook_lost"} 1');
    expect(metrics).toContain('qts_losses_total{kind="alerts"} 1');
  });

  it("leaves its secrets nowhere: not in the log, the status, the metrics, a fact or a snapshot (M13)", async () => {
    const service = await openService();
    service.will(answers.fails);
    const smtp = await openSmtpServer({ at: "AUTH", reply: `535 user-${secret} password-${secret}` });
    closers.push(smtp.close);
    const world = await createHouse(
      {
        webhook: { urlEnv: "QTS_HOOK" },
        telegram: { tokenEnv: "QTS_TOKEN", chatId: 42, apiUrl: service.address },
        mail: {
          ...{ host: "127.0.0.1", port: smtp.port, tls: "none", userEnv: "QTS_USER", passwordEnv: "QTS_PASSWORD" },
          ...{ from: "qts@example.org", to: ["kim@example.org"] },
        },
      },
      env(service.address),
    );
    await world.trouble();
    for (const channel of ["webhook", "telegram", "mail"])
      while (world.figures()[`${channel}LastFailure`] === null) await new Promise((resolve) => setImmediate(resolve));
    expect(world.figures()).toMatchObject({
      webhookLastFailure: "it answered 500",
      mailLastFailure: "it refused user or password (535)",
    });
    const metrics = await createHouseMetrics().collect(world.status(), world.root().view.stages());
    const all = [world.log, world.status(), world.facts(), await world.state(), world.config, metrics];
    for (const text of all.map((given) => JSON.stringify(given))) expect(text).not.toContain(secret);
  });

  it("still leaves when the session fails, before the process may end (M13)", async () => {
    const taken = Promise.withResolvers<void>();
    const send = (): Promise<void> => taken.promise;
    const world = await createWorld({
      alertChannels: [{ name: "slow", sendCritical: send, sendWarning: send, resolved: send }],
      venue: async (clock) => ({
        broker: createMemoryBroker({ now: () => clock.now() }),
        endOfDay: async () => {
          throw new Error("a bug of ours");
        },
      }),
    });
    await world.fact("anomaly.raised", { code: "AN060", reason: "late" });
    let failure: string | undefined;
    const finished = world.root().finished.then((ended) => {
      ({ failure } = ended);
    });
    await world.endFeed();
    expect(failure).toBeUndefined();
    expect(world.log.some(({ text }) => text.includes("a bug of ours"))).toBe(true);
    taken.resolve();
    await finished;
    expect(failure).toContain("a bug of ours");
    expect(world.status().parts.alerts).toMatchObject({ slowSent: 1, slowLost: 0 });
  });

  it("says that it is of a replay when it is", async () => {
    const parsed = parseConfig({ alerts: { webhook: { urlEnv: "QTS_HOOK" } } });
    const service = await openService();
    if (!parsed.ok) throw new Error("not valid");
    const channels = openAlertChannels(parsed.config, env(service.address));
    if (!channels.ok) throw new Error("no channel");
    await channels.value[0]?.test(0);
    expect(service.heard[0]?.body.text).toMatch(/^QTS \(replay\): test\n/);
  });
});
