/** Posts to real servers on loopback that answer, refuse, hang up and say nothing. */
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { afterEach, expect, it } from "vitest";
import { post } from "#adapters/host/outgoing.ts";

const secret = "5f1c-canary";
const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

const serve = async (listener: RequestListener): Promise<string> => {
  const server: Server = createServer(listener);
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  open.push({ close });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/ping/${secret}`;
};
const send = (url: string, timeoutMs = 60_000) => post({ url, body: "alive", contentType: "text/plain", timeoutMs });

it("posts its body once, and a success is a success", async () => {
  const seen: string[] = [];
  const url = await serve((request, response) => {
    request.on("data", (chunk: Buffer) => seen.push(`${request.method} ${request.url} ${chunk}`));
    request.on("end", () => response.writeHead(204).end());
  });
  expect(await send(url)).toEqual({ ok: true, value: undefined });
  expect(seen).toEqual([`POST /ping/${secret} alive`]);
});

it.each([302, 404, 429, 500])("says that it answered %i, follows nothing and does not name the address", async (status) => {
  const url = await serve((request, response) => {
    request.resume();
    response.writeHead(status, { location: "http://127.0.0.1:9/elsewhere" }).end("much to read");
  });
  expect(await send(url)).toEqual({ ok: false, error: { reason: `it answered ${status}`, status } });
});

it.each([
  ["7", 7000],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["soon", undefined],
  ["-5", undefined],
])("tells how much patience a service asks for: %s", async (header, retryAfterMs) => {
  const url = await serve((request, response) => {
    request.resume();
    response.writeHead(429, { "retry-after": header }).end();
  });
  const sent = await send(url);
  expect(sent.ok ? sent : sent.error.retryAfterMs).toBe(retryAfterMs);
});

it.each([
  ["as Telegram does", '{"ok":false,"error_code":429,"parameters":{"retry_after":41}}', 41_000],
  ["as Discord does", '{"message":"slow down","retry_after":0.5}', 500],
  ["in words", "come back later", undefined],
  ["with nonsense", '{"parameters":{"retry_after":"long"},"retry_after":-1}', undefined],
  ["with null", "null", undefined],
  ["without end", "[".repeat(100_000), undefined],
])("reads the patience that is asked for in the body %s", async (_name, body, retryAfterMs) => {
  const url = await serve((request, response) => {
    request.resume();
    response.writeHead(429).end(body);
  });
  const sent = await send(url);
  expect(sent.ok ? sent : sent.error).toEqual({ reason: "it answered 429", status: 429, retryAfterMs });
});

it("gives up on a body that asks for patience and comes to no end", async () => {
  const url = await serve((request, response) => {
    request.resume();
    response.writeHead(429).write('{"parameters":');
  });
  expect(await send(url, 200)).toMatchObject({ ok: false });
});

it("gives up on a service that takes the request and never answers", async () => {
  const url = await serve((request) => request.resume());
  expect(await send(url, 50)).toEqual({ ok: false, error: { reason: "it did not answer within 50 ms" } });
});

it("says what is wrong with a connection that is refused or cut, without the address", async () => {
  const cut = createTcpServer((socket) => socket.destroy());
  open.push(cut);
  await new Promise<void>((resolve) => cut.listen(0, "127.0.0.1", resolve));
  const { port } = cut.address() as AddressInfo;
  for (const url of [`http://127.0.0.1:${port}/${secret}`, `http://127.0.0.1:1/${secret}`, `nonsense:${secret}`]) {
    const sent = await send(url);
    expect(sent).toMatchObject({ ok: false, error: { reason: expect.stringMatching(/^it cannot be reached \(\w+\)$/) } });
    expect(JSON.stringify(sent)).not.toContain(secret);
  }
});
