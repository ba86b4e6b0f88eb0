import { describe, expect, it } from "vitest";
import { jsonWithoutSecrets, redacted, secretsOf } from "#adapters/host/page/inspector.redaction.ts";

describe("what may leave by the page", () => {
  it("shows type and size of a field that is named like a secret, at any depth, and its absence", () => {
    expect(redacted({ apiKey: "abc", nested: [{ botToken: { a: 1 } }], password: null, hts_id: ["x"], attempts: 2 })).toEqual({
      apiKey: "(hidden: text of 3)",
      nested: [{ botToken: "(hidden: object of 1)" }],
      password: null,
      hts_id: "(hidden: list of 1)",
      attempts: 2,
    });
  });

  it.each(["monkey", "keys", "status", "orderId", "brokerOrderId", "cause"])(
    "shows the value of %s unless it is secret",
    (name) => {
      const value = (redacted({ [name]: "plain" }) as Record<string, unknown>)[name];
      expect(value).toBe(name === "monkey" ? "(hidden: text of 5)" : "plain");
    },
  );

  it("cuts what is too long, too much and too deep, and says so", () => {
    expect(redacted("x".repeat(600))).toBe(`${"x".repeat(500)}… (600 letters)`);
    expect((redacted(Array.from({ length: 150 }, () => 1)) as unknown[]).at(-1)).toBe("and 50 more");
    const wide = redacted(Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`f${index}`, 1])));
    expect((wide as Record<string, unknown>)["…"]).toBe("and 50 more");
    const circle: { self?: unknown } = {};
    circle.self = circle;
    expect(JSON.stringify(redacted(circle))).toContain("(object of 1)");
  });

  it("shows maps, sets and large numbers, and no functions", () => {
    expect(redacted({ map: new Map([["a", 1]]), set: new Set([1, 2]), big: 10n, act: () => 1 })).toEqual({
      map: { a: 1 },
      set: [1, 2],
      big: "10",
    });
  });

  it("knows the secrets of the environment by their names, and those that the configuration names", () => {
    const env = {
      QTS_API_TOKEN: "token-0123456789",
      HOOK: "https://hooks.example/s3cr3t",
      PATH: "/usr/local/bin",
      SHORT_KEY: "abc",
    };
    const config = { alerts: { webhook: { urlEnv: "HOOK" }, mail: { userEnv: null } } };
    expect(secretsOf(env, config).sort()).toEqual(["https://hooks.example/s3cr3t", "token-0123456789"]);
    expect(jsonWithoutSecrets({ reason: "POST https://hooks.example/s3cr3t failed" }, secretsOf(env, config))).toBe(
      '{"reason":"POST (hidden) failed"}',
    );
  });

  it("knows a secret also with a line break behind it, and the address of the dead-man's switch", () => {
    expect(secretsOf({ API_TOKEN: "canary-secret\n" }, { heartbeat: { url: "https://hc.example/ping/1" } })).toEqual([
      "canary-secret",
      "https://hc.example/ping/1",
    ]);
  });

  it("takes secrets out of values, so that what is sent stays JSON: digits within a longer number are no secret", () => {
    const message = { at: 1234567890123, pin: 12345678, "by canary-secret": ["canary-secret", 'a "canary-secret"'] };
    expect(JSON.parse(jsonWithoutSecrets(message, ["12345678", "canary-secret"]))).toEqual({
      at: 1234567890123,
      pin: "(hidden)",
      "by (hidden)": ["(hidden)", 'a "(hidden)"'],
    });
  });

  it("lets no part of a secret leave where a long text is cut", () => {
    expect(redacted(`${"x".repeat(495)}canary-secret`, ["canary-secret"])).not.toContain("canary");
  });
});
