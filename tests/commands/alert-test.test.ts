/** `qts alert test`, and what `run`, `config check` and `doctor` say of channels that lack something. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseConfig } from "#config/config.ts";
import { openSmtpServer } from "../adapters/mail/smtp-server.ts";
import { runLine } from "./console.ts";

const secret = "canary5f1c";
const token = `123456789:${secret}${secret}`;
const closers: (() => unknown)[] = [];
let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "qts-alert-"));
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  rmSync(cwd, { recursive: true, force: true });
});

const configure = (alerts: object): void => writeFileSync(join(cwd, "qts.yaml"), JSON.stringify({ http: { port: 0 }, alerts }));
const qts = (line: string, env: Record<string, string> = {}) =>
  runLine([...line.split(" "), "--config", "qts.yaml"], { cwd, env: { QTS_HOME: join(cwd, "home"), ...env } });

/** Answers by what stands in the path. */
const openService = async (statusOf: (url: string) => number) => {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      heard.push(request.url ?? "");
      response.writeHead(statusOf(request.url ?? "")).end(secret);
    });
  });
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { heard, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

describe("qts alert test", () => {
  const three = async (statusOf: (url: string) => number) => {
    const service = await openService(statusOf);
    const smtp = await openSmtpServer();
    closers.push(smtp.close);
    configure({
      webhook: { urlEnv: "QTS_HOOK" },
      telegram: { tokenEnv: "QTS_TOKEN", chatId: "@alerts", apiUrl: service.address },
      mail: { host: "127.0.0.1", port: smtp.port, tls: "none", from: "qts@example.org", to: ["kim@example.org"] },
      // Whoever tests at night wants to know now.
      quiet: { from: "00:00", to: "23:59", timeZone: "UTC" },
    });
    return { service, smtp, env: { QTS_HOOK: `${service.address}/${secret}`, QTS_TOKEN: token } };
  };

  it("sends one message through each channel and says that it was taken (M13)", async () => {
    const { service, smtp, env } = await three(() => 200);
    const { exitCode, out, err } = await qts("alert test", env);
    expect([exitCode, err]).toEqual([0, ""]);
    expect(out.trimEnd().split("\n")).toEqual(
      ["webhook", "telegram", "mail"].map(
        (name) => `ok    ${name.padEnd(9)} The service took the message; look whether you have it.`,
      ),
    );
    expect([...service.heard].sort()).toEqual([`/bot${token}/sendMessage`, `/${secret}`]);
    expect(smtp.mails).toHaveLength(1);
  });

  it("says which did not arrive and why, fails, and shows no secret (M13)", async () => {
    const { env } = await three((url) => (url.startsWith("/bot") ? 401 : 200));
    const { exitCode, out } = await qts("alert test --json", env);
    expect(exitCode).toBe(1);
    expect(JSON.parse(out)).toEqual({
      exitCode: 1,
      channels: [
        { channel: "webhook", arrived: true, sentence: expect.stringContaining("took the message") },
        { channel: "telegram", arrived: false, sentence: "Not sent: it answered 401: the token is not valid." },
        { channel: "mail", arrived: true, sentence: expect.anything() },
      ],
    });
    expect(out).not.toContain(secret);
  });

  it("tries one channel alone, and knows those that are configured", async () => {
    const { service, smtp, env } = await three(() => 200);
    expect((await qts("alert test --channel webhook", env)).exitCode).toBe(0);
    expect([service.heard, smtp.mails]).toEqual([[`/${secret}`], []]);
    const unknown = await qts("alert test --channel pager", env);
    expect(unknown).toMatchObject({ exitCode: 2, err: expect.stringContaining("webhook or telegram or mail") });
  });

  it("says how a channel is configured when there is none", async () => {
    configure({});
    expect(await qts("alert test")).toMatchObject({
      exitCode: 78,
      err: expect.stringMatching(/log alone: set alerts\.webhook\.urlEnv/),
    });
  });
});

describe("a channel whose variable", () => {
  const mail = { host: "mail.example.org", from: "a@example.org", to: ["b@example.org"] };
  const cases: readonly [string, object, Record<string, string>, RegExp][] = [
    [
      "of the webhook is missing",
      { webhook: { urlEnv: "QTS_HOOK" } },
      {},
      /alerts\.webhook\.urlEnv names the environment variable QTS_HOOK, which is not set; set it/,
    ],
    ["is empty", { webhook: { urlEnv: "QTS_HOOK" } }, { QTS_HOOK: " " }, /QTS_HOOK, which is not set/],
    [
      "holds an address in the clear",
      { webhook: { urlEnv: "QTS_HOOK" } },
      { QTS_HOOK: `http://example.org/${secret}` },
      /does not hold an address, https:/,
    ],
    [
      "of Telegram is missing",
      { telegram: { tokenEnv: "QTS_TOKEN", chatId: 5 } },
      {},
      /alerts\.telegram\.tokenEnv names .* QTS_TOKEN/,
    ],
    [
      "holds no token",
      { telegram: { tokenEnv: "QTS_TOKEN", chatId: 5 } },
      { QTS_TOKEN: `${secret}/../x` },
      /does not hold a bot's token/,
    ],
    [
      "of the mail's password is missing",
      { mail: { ...mail, userEnv: "QTS_USER", passwordEnv: "QTS_PASSWORD" } },
      { QTS_USER: "kim" },
      /alerts\.mail\.passwordEnv names .* QTS_PASSWORD/,
    ],
  ];

  it.each(cases)(
    "%s is refused by run, config check, doctor and alert test with key and remedy, 78, and no secret (M13)",
    async (_name, alerts, env, says) => {
      configure(alerts);
      for (const line of ["run", "config check", "doctor", "alert test"]) {
        const { exitCode, out, err } = await qts(line, env);
        expect([line, exitCode]).toEqual([line, 78]);
        expect(`${out}${err}`).toMatch(says);
        expect(`${out}${err}`).not.toContain(secret);
      }
    },
  );

  it("holds what it should is named by the doctor as a way that alerts go", async () => {
    configure({ webhook: { urlEnv: "QTS_HOOK" } });
    const { out } = await qts("doctor", { QTS_HOOK: `https://example.org/${secret}` });
    expect(out).toMatch(/^ok {4}alerts +Alerts go to the log, webhook; `qts alert test`/m);
    expect(out).not.toContain(secret);
  });
});

describe("the configuration of alerts", () => {
  const problems = (alerts: object): readonly string[] => {
    const parsed = parseConfig({ alerts });
    return parsed.ok ? [] : parsed.problems.map(({ key, problem }) => `${key} ${problem}`);
  };
  const mail = { host: "mail.example.org", from: "a@example.org", to: ["b@example.org"] };

  it.each<[string, object, RegExp]>([
    [
      "the secret itself in place of a variable's name",
      { webhook: { urlEnv: `https://hooks.example.org/${secret}` } },
      /^alerts\.webhook wants urlEnv to be the name/,
    ],
    [
      "a token in place of a variable's name",
      { telegram: { tokenEnv: token, chatId: 5 } },
      /^alerts\.telegram wants tokenEnv to be the name/,
    ],
    [
      "an address in place of the group",
      { webhook: `https://hooks.example.org/${secret}` },
      /^alerts\.webhook is text: must be a group of keys$/,
    ],
    [
      "a password in place of a variable's name",
      { mail: { ...mail, userEnv: "U", passwordEnv: `${secret} !` } },
      /^alerts\.mail wants passwordEnv to be/,
    ],
    ["a bot without a chat", { telegram: { tokenEnv: "QTS_TOKEN" } }, /tokenEnv and chatId both set/],
    ["a chat of another form", { telegram: { tokenEnv: "T", chatId: "me" } }, /chatId is "me": must be the chat's number/],
    ["a mail without a receiver", { mail: { host: "mail.example.org", from: "a@example.org" } }, /one address in to at least/],
    [
      "a receiver with a line break",
      { mail: { ...mail, to: ["b@example.org\nBcc: c@example.org"] } },
      /must be a mail address alone/,
    ],
    ["a receiver with a second one", { mail: { ...mail, to: ["b@example.org, c@example.org"] } }, /must be a mail address alone/],
    ["a mail in the clear to elsewhere", { mail: { ...mail, tls: "none" } }, /on loopback alone/],
    ["half of the quiet hours", { quiet: { from: "22:00" } }, /from and to both set/],
    ["quiet hours without a length", { quiet: { from: "22:00", to: "22:00" } }, /to differ/],
    ["a Bot API in the clear", { telegram: { apiUrl: "http://example.org" } }, /must be https:\/\/HOST/],
    ["a name that is a title of its own", { name: "QTS\nBcc: c@example.org" }, /must begin with a letter/],
  ])("refuses %s, and does not repeat a secret (M13)", (_name, alerts, says) => {
    const found = problems(alerts);
    expect(found).toEqual([expect.stringMatching(says)]);
    expect(found.join()).not.toContain(secret);
  });

  it("takes what the page of alerts shows", () => {
    expect(
      problems({
        webhook: { urlEnv: "QTS_ALERT_WEBHOOK" },
        telegram: { tokenEnv: "QTS_TELEGRAM_TOKEN", chatId: -1_001_234_567_890 },
        mail,
        quiet: { from: "22:00", to: "07:00" },
        language: "ko",
        name: "서울 1",
      }),
    ).toEqual([]);
  });
});
