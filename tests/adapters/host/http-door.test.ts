/** Whoever only keeps a line of the HTTP server busy keeps nobody else out. */
import { once } from "node:events";
import type { Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import fastify, { type FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { boundConnections, headBounds } from "#adapters/host/http-door.ts";

let app: FastifyInstance | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app?.close();
});

const start = async ({ headMsMax, max }: { readonly headMsMax?: number; readonly max?: number }): Promise<number> => {
  const bounds = headBounds(headMsMax);
  app = fastify({ forceCloseConnections: true, requestTimeout: bounds.requestTimeout, http: bounds });
  boundConnections(app.server as Server, max);
  app.get("/", () => "here");
  await app.listen({ host: "127.0.0.1", port: 0 });
  return (app.server.address() as AddressInfo).port;
};

const dial = async (port: number): Promise<Socket> => {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
};

describe("the door of an HTTP server", () => {
  it("waits five seconds for the head of a request, and looks often enough to mean it", () => {
    expect(headBounds()).toEqual({ headersTimeout: 5000, requestTimeout: 5000, connectionsCheckingInterval: 1000 });
  });

  it("ends a connection whose head does not come to its end", async () => {
    const socket = await dial(await start({ headMsMax: 50 }));
    let said = "";
    socket.on("data", (chunk) => {
      said += chunk.toString();
    });
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    await once(socket, "close");
    expect(said).toContain("408");
  });

  it("lets the oldest go that asks for nothing when there are too many, and answers who asks", async () => {
    const port = await start({ max: 4 });
    const gone: number[] = [];
    for (let n = 0; n < 4; n += 1) (await dial(port)).on("close", () => gone.push(n));
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
    expect(await answer.text()).toBe("here");
    await expect.poll(() => gone).toEqual([0]);
  });
});
