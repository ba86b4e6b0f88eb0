/**
 * A web page elsewhere can point its own name at 127.0.0.1 and read us from the browser (DNS rebinding); its requests then
 * carry that name in Host. Only our own names are answered, and only pages of ours may open a socket.
 */
const loopbackNames = new Set(["localhost", "127.0.0.1", "[::1]"]);

const isLoopback = (host: string): boolean => loopbackNames.has(host.toLowerCase().replace(/:\d+$/, ""));

export const isOurName = (hostHeader: string | undefined): boolean => hostHeader !== undefined && isLoopback(hostHeader);

/** Programs send no Origin; browsers always do with a socket, and a sandboxed page says "null". */
export const isOurOrigin = (origin: string | undefined): boolean => {
  if (origin === undefined) return true;
  const [, host] = /^https?:\/\/([^/]+)$/.exec(origin) ?? [];
  return host !== undefined && isLoopback(host);
};
