/**
 * The page's line to the house: a socket where it has the token, else a look at /status once a second.
 *
 * It reconnects alone, after 1 s and then longer up to 10 s, and at once when somebody looks at the page again. What is shown keeps its
 * time, so that old figures are never taken for new ones.
 */
import { signal } from "@preact/signals";
import type { InspectMessage, Wish } from "#adapters/host/page/inspector.wire.ts";
import type { ChangeLine, Sight } from "#core/runtime/inspection.ts";
import type { OpsSight } from "#core/runtime/ops-sight.ts";
import type { HouseStatus } from "#core/runtime/report.ts";

export type Link = "connecting" | "live" | "lost";

/** Changes that the page remembers of machines, and of orders: as many as the house. */
const changesMax = 2000;
const retryFirstMs = 1000;
const retryCapMs = 10_000;
/** The house says something every second; after three it is not there. */
const silenceMsMax = 3000;
const tokenKey = "qts.token";
/** A house that answers and does not open so often has another token: it may have been starting at the first try. */
const refusalsMax = 3;

export const link = signal<Link>("connecting");
/** When the house was last heard, by this machine's clock. */
export const heardAt = signal(0);
/** This machine's time, moved once a second: ages and countdowns follow it. */
export const now = signal(Date.now());
export const status = signal<HouseStatus | undefined>(undefined);
export const sight = signal<Sight | undefined>(undefined);
export const changes = signal<readonly ChangeLine[]>([]);
export const lost = signal(0);
export const context = signal<{ readonly actor: string; readonly context: unknown } | undefined>(undefined);
export const order = signal<{ readonly orderId: string; readonly order: unknown } | undefined>(undefined);
export const series = signal<Extract<InspectMessage, { type: "samples" }> | undefined>(undefined);
export const ops = signal<OpsSight | null | undefined>(undefined);
/** False while only /status can be shown. */
export const hasToken = signal(false);

/** The token comes in the address, once, before a view or alone: it is taken out, so that it stays in no history and no bookmark. */
const takeToken = (): string | null => {
  const [, given, view = "/now"] = /^#token=([0-9a-f]{64})(\/.*)?$/.exec(location.hash) ?? [];
  if (given !== undefined) {
    sessionStorage.setItem(tokenKey, given);
    history.replaceState(null, "", `${location.pathname}#${view}`);
  }
  return sessionStorage.getItem(tokenKey);
};

let socket: WebSocket | undefined;
let retryMs = retryFirstMs;
let refusals = 0;
let retry: ReturnType<typeof setTimeout> | undefined;
let looked = { actor: null as string | null, orderId: null as string | null };

/** What the present view wants to know again and again. */
let wishes: { readonly wish: Wish; readonly everyMs: number; askedAt: number }[] = [];

const askWishes = (): void => {
  if (socket?.readyState !== WebSocket.OPEN || document.hidden) return;
  for (const one of wishes) {
    if (Date.now() - one.askedAt < one.everyMs) continue;
    one.askedAt = Date.now();
    socket.send(JSON.stringify(one.wish));
  }
};

/** What the view that is shown wants to know, and how often; what an earlier view wanted is not asked any more. */
export const want = (wanted: readonly { readonly wish: Wish; readonly everyMs: number }[]): void => {
  const keyOf = (wish: Wish): string => JSON.stringify(wish);
  const known = new Map(wishes.map((one) => [keyOf(one.wish), one]));
  wishes = wanted.map(({ wish, everyMs }) => ({ wish, everyMs, askedAt: known.get(keyOf(wish))?.askedAt ?? 0 }));
  if (wishes.some(({ askedAt }) => askedAt === 0)) askWishes();
};

const newestOf = (all: readonly ChangeLine[]): readonly ChangeLine[] => {
  if (all.length <= changesMax) return all;
  let [machines, orders] = [0, 0];
  return all
    .toReversed()
    .filter(({ orderId }) => (orderId === null ? ++machines : ++orders) <= changesMax)
    .toReversed();
};

/** What was seen through the socket would stand still, and look alive. */
const forget = (): void => {
  sight.value = undefined;
  changes.value = [];
  context.value = undefined;
  order.value = undefined;
  series.value = undefined;
  ops.value = undefined;
};

const heard = (): void => {
  heardAt.value = Date.now();
  link.value = "live";
  retryMs = retryFirstMs;
};

const take = (message: InspectMessage): void => {
  heard();
  switch (message.type) {
    case "hello":
      // The house tells from the beginning what it still has.
      changes.value = [];
      return;
    case "starting":
      forget();
      status.value = message.status;
      return;
    case "sight":
      sight.value = message.sight;
      status.value = message.sight.status;
      return;
    case "changes":
      changes.value = newestOf([...changes.value, ...message.changes]);
      lost.value = message.lost;
      return;
    case "context":
      context.value = message;
      return;
    case "order":
      order.value = message;
      return;
    case "samples":
      if (wishes.some(({ wish }) => wish.type === "samples" && wish.spanMs === message.spanMs)) series.value = message;
      return;
    case "ops":
      ops.value = message.ops;
  }
};

const again = (): void => {
  clearTimeout(retry);
  if (document.hidden) return;
  retry = setTimeout(connect, retryMs);
  retryMs = Math.min(retryCapMs, retryMs * 2);
};

const openSocket = (token: string): void => {
  const opened = new WebSocket(`ws://${location.host}/inspect`, ["qts.inspect.1", `token.${token}`]);
  socket = opened;
  let wasOpen = false;
  opened.onopen = () => {
    wasOpen = true;
    refusals = 0;
    opened.send(JSON.stringify({ type: "look", ...looked }));
    for (const one of wishes) one.askedAt = 0;
    askWishes();
  };
  opened.onmessage = ({ data }) => take(JSON.parse(String(data)) as InspectMessage);
  opened.onclose = () => {
    if (socket !== opened) return;
    socket = undefined;
    link.value = "lost";
    // A door that never opened is a wrong token or a dead house; /status tells them apart.
    if (!wasOpen) void ask(false).then(again);
    else again();
  };
};

/** @param keeps also goes on asking */
const ask = async (keeps: boolean): Promise<void> => {
  try {
    const answer = await fetch("/status", { signal: AbortSignal.timeout(silenceMsMax) });
    if (!answer.ok) throw new Error(String(answer.status));
    status.value = (await answer.json()) as HouseStatus;
    if (keeps) heard();
    // The house is there and did not open: the token is of another home, or was renewed.
    if (!keeps && ++refusals >= refusalsMax) {
      refusals = 0;
      sessionStorage.removeItem(tokenKey);
      forget();
    }
  } catch {
    link.value = "lost";
  }
  if (keeps) retry = setTimeout(connect, 1000);
};

const connect = (): void => {
  clearTimeout(retry);
  const token = takeToken();
  hasToken.value = token !== null;
  if (token === null) void ask(true);
  else openSocket(token);
};

/** What the page looks at: its state is sent with the rest from now on. */
export const look = (actor: string | null, orderId: string | null): void => {
  if (looked.actor === actor && looked.orderId === orderId) return;
  looked = { actor, orderId };
  if (context.value?.actor !== actor) context.value = undefined;
  if (order.value?.orderId !== orderId) order.value = undefined;
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "look", ...looked }));
};

export const begin = (): void => {
  setInterval(() => {
    now.value = Date.now();
    askWishes();
    if (link.value === "live" && now.value - heardAt.value > silenceMsMax && !document.hidden) {
      link.value = "lost";
      // A connection that went silent (a laptop that slept) would be noticed by nobody for minutes.
      socket?.close();
      const silent = socket;
      socket = undefined;
      if (silent !== undefined) again();
    }
  }, 1000);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || socket !== undefined) return;
    retryMs = retryFirstMs;
    connect();
  });
  addEventListener("hashchange", () => {
    if (!location.hash.startsWith("#token=")) return;
    socket?.close();
    connect();
  });
  connect();
};
