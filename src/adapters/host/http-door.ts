/**
 * The bounds of an HTTP server on loopback, where every user of the machine can knock: so many connections, and so long for the
 * head of a request. When there are more, those that ask for nothing go first, the oldest before the others.
 */
import type { IncomingMessage, Server, ServerOptions } from "node:http";
import type { Socket } from "node:net";

const headMsMax = 5_000;
/** A page has half a dozen, and a monitor one. */
const connectionsKept = 64;

/** For `http.createServer`. Node looks for late heads only so often: by default every 30 s, which makes 5 s into 35. */
export const headBounds = (msMax = headMsMax) =>
  ({
    headersTimeout: msMax,
    requestTimeout: msMax,
    connectionsCheckingInterval: Math.ceil(msMax / 5),
  }) satisfies ServerOptions;

/** Bounds the connections of a server; one that is upgraded is its new owner's. */
export const boundConnections = (server: Pick<Server, "on">, max = connectionsKept): void => {
  const open = new Set<Socket>();
  /** In the order of their coming. */
  const idle = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    idle.add(socket);
    socket.on("close", () => {
      open.delete(socket);
      idle.delete(socket);
    });
    if (open.size <= max) return;
    const [oldest = socket] = idle;
    open.delete(oldest);
    idle.delete(oldest);
    oldest.destroy();
  });
  server.on("request", ({ socket }: IncomingMessage, response) => {
    idle.delete(socket);
    response.on("close", () => {
      if (open.has(socket)) idle.add(socket);
    });
  });
  server.on("upgrade", ({ socket }: IncomingMessage) => idle.delete(socket));
};
