/** Mails to a real server on loopback that takes, refuses, hangs up and says nothing. */
import { afterEach, describe, expect, it } from "vitest";
import { createSmtp, type SmtpOptions } from "#adapters/mail/smtp.ts";
import { type Behaviour, openSmtpServer } from "./smtp-server.ts";

const secret = "5f1c-canary";
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const serve = async (behaviour?: Behaviour) => {
  const server = await openSmtpServer(behaviour);
  closers.push(server.close);
  return server;
};
const send = (port: number, over: Partial<SmtpOptions> = {}, subject = "QTS: 시험") =>
  createSmtp({ host: "127.0.0.1", port, tls: "none", login: { user: "qts", password: secret }, timeoutMs: 60_000, ...over })({
    from: "qts@example.org",
    to: ["kim@example.org", "lee@example.org"],
    subject,
    text: "one line\n.\nanother",
  });

describe("a mail", () => {
  it("is taken once by a server that knows user and password, for each receiver (M13)", async () => {
    const server = await serve();
    expect(await send(server.port)).toEqual({ ok: true, value: undefined });
    expect(
      server.heard.filter((line) => /^(AUTH|MAIL|RCPT)/.test(line)).map((line) => line.split(" ").slice(0, 2).join(" ")),
    ).toEqual(["AUTH PLAIN", "MAIL FROM:<qts@example.org>", "RCPT TO:<kim@example.org>", "RCPT TO:<lee@example.org>"]);
    expect(server.mails).toHaveLength(1);
    expect(server.mails[0]).toMatch(/^From: qts@example\.org$/m);
    expect(server.mails[0]).toMatch(/one line\n\.\.\nanother/);
  });

  it("needs no login where the server wants none", async () => {
    const server = await serve();
    const sendMail = createSmtp({ host: "127.0.0.1", port: server.port, tls: "none", timeoutMs: 60_000 });
    expect((await sendMail({ from: "a@example.org", to: ["b@example.org"], subject: "s", text: "t" })).ok).toBe(true);
    expect(server.heard.join()).not.toContain("AUTH");
  });

  it("has no second header line, whatever its subject holds (M13)", async () => {
    const server = await serve();
    await send(server.port, {}, "QTS\r\nBcc: evil@example.org\r\n\r\nbody");
    const [head = ""] = (server.mails[0] ?? "").split("\n\n");
    expect(head).not.toMatch(/^Bcc/m);
    expect(server.heard.join()).not.toContain("evil@");
  });

  it.each<[Behaviour, string, number | undefined]>([
    [{ at: "greeting", reply: "554 go away" }, "it does not speak SMTP (554)", 554],
    [{ at: "AUTH", reply: `535 not you, qts:${secret}` }, "it refused user or password (535)", 535],
    [{ at: "RCPT", reply: "550 nobody here" }, "it refused sender or receiver (550)", 550],
    [{ at: "mail", reply: "552 too much" }, "it refused the mail (552)", 552],
  ])("is refused at $at with a sentence that quotes nobody", async (behaviour, reason, status) => {
    const server = await serve(behaviour);
    expect(await send(server.port)).toEqual({ ok: false, error: { reason, status } });
  });

  it.each<Behaviour["at"]>(["greeting", "EHLO", "AUTH", "RCPT", "DATA", "mail"])(
    "is given up in time by a server that stalls at %s (M13)",
    async (at) => {
      const server = await serve({ at, reply: "stalls" });
      expect(await send(server.port, { timeoutMs: 150 })).toEqual({
        ok: false,
        error: { reason: "it did not answer within 150 ms" },
      });
    },
  );

  it.each<Behaviour["at"]>(["EHLO", "mail"])(
    "is given up in time by a server whose answer at %s comes to no end (M13)",
    async (at) => {
      const server = await serve({ at, reply: "dribbles" });
      expect(await send(server.port, { timeoutMs: 150 })).toEqual({
        ok: false,
        error: { reason: "it did not answer within 150 ms" },
      });
    },
  );

  it.each<Behaviour["at"]>(["greeting", "MAIL", "DATA", "mail"])(
    "does not arrive at a server that hangs up at %s",
    async (at) => {
      const server = await serve({ at, reply: "closes" });
      const sent = await send(server.port);
      expect(sent).toMatchObject({ ok: false, error: { reason: expect.stringMatching(/^it cannot be reached \([A-Z]+\)$/) } });
      expect(server.mails.length).toBeLessThanOrEqual(1);
    },
  );

  it.each(["starttls", "implicit"] as const)(
    "is not sent in the clear when tls is %s, and neither is the password (M13)",
    async (tls) => {
      const server = await serve();
      const sent = await send(server.port, { tls, timeoutMs: tls === "implicit" ? 300 : 60_000 });
      expect(sent.ok).toBe(false);
      expect(server.mails).toEqual([]);
      expect(server.heard.join()).not.toContain("AUTH");
    },
  );

  it("cannot be sent where nobody listens", async () => {
    const server = await serve();
    server.close();
    expect(await send(server.port)).toEqual({ ok: false, error: { reason: "it cannot be reached (ECONNREFUSED)" } });
  });
});
