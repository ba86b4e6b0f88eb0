/**
 * HTTP on loopback: liveness, readiness, status, metrics, the page and its socket (spec A12). Reading only: nothing that a
 * request can do changes the house; commands come in by the control socket.
 */
import type { AddressInfo } from "node:net";
import fastify, { type FastifyInstance } from "fastify";
import { err, ok, type Result } from "#core/result.ts";
import type { HouseStatus } from "#core/runtime/report.ts";
import { boundConnections, headBounds } from "../http-door.ts";
import { pageFiles } from "./files.ts";
import type { Inspector } from "./inspector.ts";
import { isOurName } from "./names.ts";

export interface HttpOptions {
  /** A loopback address: 127.0.0.1, ::1 or localhost. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly status: () => HouseStatus;
  /** Why trading is not open, one sentence each; empty when ready. By default what the status says. */
  readonly notReady?: () => readonly string[];
  /** The last results of the health checks, where ops runs. */
  readonly health?: () => unknown;
  /** The text of `/metrics`, see ops/automation/metrics.ts. */
  readonly metrics: () => Promise<string>;
  readonly metricsContentType?: string;
  /** Shows machines and orders to whoever has the token. */
  readonly inspector?: Inspector;
  /** Where the built page lies. */
  readonly page?: string;
}

export interface HttpAddress {
  readonly port: number;
  /** Of the page, with a slash at the end. */
  readonly url: string;
}

export type HttpError = {
  readonly type: "port.taken" | "port.forbidden" | "address.unavailable";
  /** For a person, with the remedy. */
  readonly sentence: string;
};

export interface HttpServer {
  listen(): Promise<Result<HttpAddress, HttpError>>;
  /** Drops open connections; twice is fine. */
  close(): Promise<void>;
}

const securityHeaders = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; require-trusted-types-for 'script'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
} as const;

const shareOf = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

const listenError = (error: NodeJS.ErrnoException, host: string, port: number): HttpError => {
  if (error.code === "EADDRINUSE")
    return {
      type: "port.taken",
      sentence: `Port ${port} on ${host} is taken by another program: start with \`--port 0\` for any free port, or set http.port in the configuration.`,
    };
  if (error.code === "EACCES")
    return {
      type: "port.forbidden",
      sentence: `Port ${port} on ${host} needs privileges that this user does not have: choose one above 1023 with \`--port\` or http.port.`,
    };
  return {
    type: "address.unavailable",
    sentence: `Cannot listen on ${host} port ${port} (${error.code ?? error.message}): set http.host to 127.0.0.1.`,
  };
};

const addRoutes = (server: FastifyInstance, options: HttpOptions): void => {
  const { status } = options;
  const notReady = options.notReady ?? (() => (status().trading.open ? [] : [status().trading.why]));

  // Liveness: whoever restarts us on a failure must not do it for a full disk, so this says no only by not answering.
  server.get("/health", () => {
    const { archive, recovering } = status();
    return {
      status: "alive",
      archive: {
        received: archive.received,
        persisted: archive.persisted,
        persistedShare: shareOf(archive.persisted, archive.received),
      },
      ...(recovering === null ? {} : { recovering }),
      ...(options.health === undefined ? {} : { checks: options.health() }),
    };
  });
  server.get("/ready", (_request, reply) => {
    const reasons = notReady();
    return reply.code(reasons.length === 0 ? 200 : 503).send({ ready: reasons.length === 0, reasons });
  });
  server.get("/status", () => status());
  server.get("/metrics", async (_request, reply) =>
    reply.type(options.metricsContentType ?? "text/plain; version=0.0.4; charset=utf-8").send(await options.metrics()),
  );
  for (const [path, { type, body, gzip, isHashed }] of pageFiles(options.page))
    server.get(path, (request, reply) => {
      const takesGzip = request.headers["accept-encoding"]?.includes("gzip") ?? false;
      if (takesGzip) reply.header("content-encoding", "gzip");
      if (isHashed) reply.header("cache-control", "public, max-age=31536000, immutable");
      return reply
        .header("vary", "accept-encoding")
        .type(type)
        .send(takesGzip ? gzip : body);
    });
};

export const createHttpServer = (options: HttpOptions): HttpServer => {
  const { host, port } = options;
  const server = fastify({
    logger: false,
    forceCloseConnections: true,
    bodyLimit: 1024,
    requestTimeout: headBounds().requestTimeout,
    keepAliveTimeout: 5000,
    // Whoever asks for anything but a socket (HTTP/2, as some clients do by habit) gets what the address has.
    http: { ...headBounds(), shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket" },
  });
  boundConnections(server.server);

  server.addHook("onRequest", async (request, reply) => {
    reply.headers(securityHeaders);
    if (!isOurName(request.headers.host))
      return reply
        .code(403)
        .send({ error: "QTS answers only to localhost, 127.0.0.1 and [::1]; a proxy must set the Host header to one of them." });
  });
  server.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send({ error: `There is no ${request.method} ${request.url}; there are GET /, /health, /ready, /status and /metrics.` }),
  );
  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
    reply.code(error.statusCode ?? 500).send({ error: `This page could not be made: ${error.message}` }),
  );
  addRoutes(server, options);
  options.inspector?.attach(server.server);

  return {
    listen: async () => {
      try {
        await server.listen({ host, port });
      } catch (error) {
        return err(listenError(error as NodeJS.ErrnoException, host, port));
      }
      const bound = (server.server.address() as AddressInfo).port;
      return ok({ port: bound, url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}/` });
    },
    close: async () => {
      options.inspector?.close();
      await server.close();
    },
  };
};
