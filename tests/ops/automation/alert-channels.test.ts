/** What the channels outside are given to carry: bounded, in the reader's language, and foreign text that commands nothing. */
import { describe, expect, it } from "vitest";
import { err, ok, type Result } from "#core/result.ts";
import { createMailChannel, createTelegramChannel, createWebhookChannel } from "#ops/automation/alert-channels.ts";
import { type AlertMessage, AlertNotSent } from "#ops/automation/alerts.ts";
import type { Mail, Outgoing, SendFailure } from "#ops/ports.ts";

const message = (over: Partial<AlertMessage> = {}): AlertMessage => ({
  level: "critical",
  code: "FS075",
  text: "the disk is full",
  at: Date.UTC(2026, 11, 1, 3, 4, 5),
  repeated: 0,
  runbook: "docs/operations/runbook.md#fs075",
  ...over,
});

const createChannels = (language: "en" | "ko" = "en", outcome: Result<void, SendFailure> = ok(undefined)) => {
  const posts: Outgoing[] = [];
  const mails: Mail[] = [];
  const speaker = { name: "QTS", language };
  const post = async (request: Outgoing) => {
    posts.push(request);
    return outcome;
  };
  const sendMail = async (mail: Mail) => {
    mails.push(mail);
    return outcome;
  };
  const body = (): { text: string; entities: { offset: number; length: number }[] } & Record<string, unknown> =>
    JSON.parse(posts.at(-1)?.body ?? "");
  return {
    webhook: createWebhookChannel("https://example.org/hook", { ...speaker, post, timeoutMs: 5 }),
    telegram: createTelegramChannel(
      { apiUrl: "https://api.example.org", token: "1:canary", chatId: -5 },
      { ...speaker, post, timeoutMs: 5 },
    ),
    mail: createMailChannel({ from: "a@example.org", to: ["b@example.org"] }, { ...speaker, sendMail }),
    posts,
    mails,
    body,
  };
};

describe("a channel outside", () => {
  it("says whose alert it is, how grave, what its code means, what happened, when, and what to do (M13)", async () => {
    const { webhook, telegram, mail, body, posts, mails } = createChannels();
    await webhook.sendCritical(message({ repeated: 2 }));
    expect(posts[0]).toMatchObject({ url: "https://example.org/hook", contentType: "application/json", timeoutMs: 5 });
    expect(body()).toEqual({
      text: [
        "QTS: CRITICAL FS075 The journal cannot append: an unrecorded decision is worse than none.",
        "`the disk is full`",
        "At 2026-12-01 03:04:05 UTC. It came 2 more times since it was last told.",
        "What to do: docs/operations/runbook.md#fs075",
      ].join("\n"),
    });
    await telegram.sendWarning(message({ level: "warning", code: "AN081" }));
    expect(posts[1]?.url).toBe("https://api.example.org/bot1:canary/sendMessage");
    expect(body()).toMatchObject({
      chat_id: -5,
      text: expect.stringMatching(/^QTS: warning AN081 Disk space runs out\.\nthe disk/),
    });
    await mail.resolved(message({ level: "resolved", text: "there is room again" }));
    expect(mails).toEqual([
      {
        from: "a@example.org",
        to: ["b@example.org"],
        subject: "QTS: resolved FS075 The journal cannot append: an unrecorded decision is worse than none.",
        text: "there is room again\nAt 2026-12-01 03:04:05 UTC.\n",
      },
    ]);
  });

  it("says titles and fixed words in Korean when that is asked for (M13)", async () => {
    const { webhook, body } = createChannels("ko");
    await webhook.sendCritical(message());
    expect(body().text.split("\n")).toEqual([
      "QTS: 위급 FS075 저널에 쓸 수 없습니다. 기록되지 않은 결정은 없느니만 못합니다.",
      "`the disk is full`",
      "시각: 2026-12-01 03:04:05 UTC",
      "할 일: docs/operations/runbook.md#fs075",
    ]);
    await webhook.test(0);
    expect(body().text).toContain("시험");
  });

  it("lets no foreign text be a link, a mention, mark-up or a second line (M13)", async () => {
    const { webhook, telegram, mail, body, mails } = createChannels();
    const text = "<!channel> <https://evil.example|bank> `x` *b* @all [a](https://evil.example)\r\nBcc: c@example.org\u202e";
    await webhook.sendCritical(message({ text }));
    const line = body().text.split("\n")[1] ?? "";
    expect(line).toBe(
      "`&lt;!channel&gt; &lt;https://evil.example|bank&gt; 'x' *b* @all [a](https://evil.example)\\r\\nBcc: c@example.org\\u202e`",
    );
    await telegram.sendCritical(message({ text }));
    const said = body();
    expect(said).not.toHaveProperty("parse_mode");
    const [code] = said.entities;
    expect(said.text.slice(code?.offset, (code?.offset ?? 0) + (code?.length ?? 0))).toMatch(/^<!channel> .*\\u202e$/);
    await mail.sendCritical(message({ text }));
    expect(mails[0]?.subject).not.toMatch(/[\r\n]|Bcc/);
    expect(mails[0]?.text.split("\n")[0]).toContain("\\r\\nBcc: c@example.org");
  });

  it("cuts what is too long, and no character in half (M13)", async () => {
    const { webhook, telegram, mail, body, posts, mails } = createChannels("ko");
    const text = "😀&\n".repeat(100_000);
    const held = Array.from({ length: 100 }, (_, n) => message({ level: "warning", code: "AN012", text: `${n} ${text}` }));
    for (const one of [message({ text }), message({ level: "warning", held })]) {
      await telegram.sendCritical(one);
      expect(body().text.length).toBeLessThan(4096);
      expect(body().text.isWellFormed()).toBe(true);
      for (const { offset, length } of body().entities) expect(offset + length).toBeLessThanOrEqual(body().text.length);
      expect(body().entities.length).toBeLessThanOrEqual(100);
      await webhook.sendCritical(one);
      expect(posts.at(-1)?.body.length).toBeLessThan(12_000);
      await mail.sendCritical(one);
      expect(mails.at(-1)?.text.length).toBeLessThan(4096);
    }
    expect(body().text).toContain("그 밖에 80건이 더 있습니다");
  });

  it("tells warnings that waited as one, each with its time and code (M13)", async () => {
    const { webhook, body } = createChannels();
    const first = message({ level: "warning", code: "AN081", text: "10 % are free" });
    const over = message({ level: "resolved", code: "AN081", text: "20 % are free", at: first.at + 60_000 });
    await webhook.sendWarning({ ...first, held: [first, over] });
    expect(body().text.split("\n")).toEqual([
      "QTS: 2 warnings of the quiet hours",
      "12-01 03:04 AN081 `10 % are free`",
      "12-01 03:05 AN081 (resolved) `20 % are free`",
    ]);
  });

  it("rejects with a reason, its usual remedy, and the patience that is asked for", async () => {
    const refused = createChannels("en", err({ reason: "it answered 401", status: 401, retryAfterMs: 7000 }));
    const failure = await refused.telegram.sendCritical(message()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(AlertNotSent);
    expect(failure).toMatchObject({ message: "it answered 401: the token is not valid", retryAfterMs: 7000 });
    await expect(refused.mail.test(0)).rejects.toThrow("it answered 401");
  });
});
