/**
 * What a page is shown of the running house: every machine, the orders, what comes next, and what has changed. Plain JSON, made only
 * when somebody asks; nothing here changes anything.
 *
 * What must not leave is taken out at the door (adapters/host/page/inspector.redaction.ts); here are the house's own values.
 */
import { averagePriceOf, leavesOf, type OrderRecord, pendingOf, statusOf } from "#machines/order.rules.ts";
import { type ActorName, actorNames, actors as actorRows } from "../actors.ts";
import { rowOf } from "../event/catalog.ts";
import { type Explanation, explainOperating, explainSafety } from "../state/posture-explain.ts";
import type { HouseView } from "../view.ts";
import type { House } from "./house.ts";
import type { Observer, Step } from "./observer.ts";
import { type OpsSight, opsSight } from "./ops-sight.ts";
import type { HouseStatus } from "./report.ts";
import type { SampleSeries } from "./samples.ts";

export interface MachineLine {
  readonly name: ActorName;
  /** Its supervisor; null for the first. */
  readonly under: string | null;
  /** As xstate writes it: "live", or { opening: "venue" }. */
  readonly state: unknown;
  /** Epoch ms of its last move; null when it has not moved since this process began. */
  readonly since: number | null;
  readonly restarts: number;
  /** Why it stopped; null while it runs. */
  readonly broken: string | null;
}

export interface OrderLine {
  readonly orderId: string;
  readonly symbol: string;
  readonly side: string;
  readonly orderType: string;
  readonly limitPriceMinor: number | null;
  readonly strategy: string;
  readonly status: string;
  readonly pending: string | null;
  /** Lots. */
  readonly ordered: number;
  readonly filled: number;
  readonly leaves: number;
  readonly averagePriceMinor: number | null;
  /** Epoch ms. */
  readonly intendedAt: number;
  readonly deadlineAt: number | null;
  readonly isOverdue: boolean;
  /** Who must settle it. */
  readonly owner: string;
  readonly end: string | null;
  readonly refusal: string | null;
  readonly isLive: boolean;
}

export interface DeadlineLine {
  readonly id: string;
  readonly at: number;
  /** Who will be told; null for a part that is no machine. */
  readonly actor: ActorName | null;
}

/** Everything the page shows at once. */
export interface Sight {
  /** Of the newest journal record. */
  readonly seq: number;
  /** Epoch ms of the market. */
  readonly at: number;
  readonly status: HouseStatus;
  /** Null while the journal is replayed. */
  readonly why: { readonly safety: Explanation; readonly operating: Explanation } | null;
  readonly health: ReturnType<HouseView["health"]>;
  readonly evaluatedAt: number | null;
  readonly machines: readonly MachineLine[];
  /** Live ones first, then the newest of those that have ended; 200 at most. */
  readonly orders: readonly OrderLine[];
  readonly ordersLeftOut: number;
  readonly deadlines: readonly DeadlineLine[];
}

/** A step as it travels. */
export interface ChangeLine {
  readonly number: number;
  readonly seq: number;
  readonly at: number;
  readonly fact: string;
  readonly lane: string;
  readonly actor: string;
  readonly orderId: string | null;
  readonly from: unknown;
  readonly to: unknown;
  /** Types of what left. */
  readonly effects: readonly string[];
  readonly refusal: string | null;
  /** Of a fact about an order: what happened, for people; null for others. */
  readonly says: string | null;
}

export interface Inspection {
  /** Undefined before the snapshot has been read: there is nothing to see yet but the status. */
  readonly sight: () => Sight | undefined;
  readonly status: () => HouseStatus;
  /** Undefined for an actor that is not there. */
  readonly contextOf: (actor: string) => unknown;
  readonly orderOf: (orderId: string) => OrderRecord | undefined;
  /** Undefined before the snapshot has been read. */
  readonly ops: () => OpsSight | undefined;
  /** What a plot of the last `spanMs` is drawn from. */
  readonly samples: (spanMs: number) => SampleSeries;
  readonly observer: Observer;
}

/** As many places as a plot can show on a screen. */
const placesMax = 480;
const ordersMax = 200;
const deadlinesMax = 500;

/** Fields of a fact about an order that may be told; whatever else a fact has stays in the house. */
const toldFields = ["quantity", "priceMinor", "limitPriceMinor", "feeMinor", "liquidity", "code", "reason"] as const;

const saysOf = (event: Step["event"]): string => {
  const { says } = rowOf(event.type);
  const fields = event as { readonly [field: string]: unknown };
  const told = toldFields.flatMap((field) => {
    const value = fields[field];
    return typeof value === "string" || typeof value === "number" ? [`${field} ${value}`] : [];
  });
  return told.length === 0 ? says : `${says} (${told.join(", ")})`;
};

export const changeLine = ({ number, seq, event, lane, actor, orderId, from, to, effects, refusal }: Step): ChangeLine => ({
  number,
  seq,
  at: event.at,
  fact: event.type,
  lane,
  actor,
  orderId,
  from,
  to,
  effects: effects.map(({ type }) => type),
  refusal,
  says: orderId === null ? null : saysOf(event),
});

const orderLine = (order: OrderRecord, isLive: boolean): OrderLine => ({
  orderId: order.orderId,
  symbol: order.symbol,
  side: order.side,
  orderType: order.orderType,
  limitPriceMinor: order.limitPriceMinor,
  strategy: order.strategy,
  status: statusOf(order),
  pending: pendingOf(order),
  ordered: order.ordered,
  filled: order.cumulative,
  leaves: leavesOf(order),
  averagePriceMinor: averagePriceOf(order),
  intendedAt: order.intendedAt,
  deadlineAt: order.deadlineAt,
  isOverdue: order.isOverdue,
  owner: order.owner,
  end: [order.endCode, order.endReason].filter((part) => part !== null).join(": ") || null,
  refusal: order.refusal?.reason ?? null,
  isLive,
});

/** A deadline's id begins with its subject, which is the actor's name, or what the actor cares for. */
const subjects: { readonly [subject: string]: ActorName } = { order: "orders", restart: "supervisor" };
const actorOfDeadline = (id: string): ActorName | null => {
  const [subject = ""] = id.replace("restart.ops.", "ops.").split(/[.:]/);
  const named = actorNames.find((name) => name === subject);
  return named ?? subjects[subject] ?? null;
};

/** The last `max` of what may be many, the newest first. */
const newestOf = <T>(items: Iterable<T>, max: number): T[] => {
  const kept: T[] = [];
  for (const item of items) {
    kept.push(item);
    if (kept.length > 2 * max) kept.splice(0, max);
  }
  return kept.slice(-max).reverse();
};

export const createInspection = ({
  house,
  view,
  status,
  observer,
}: {
  readonly house: House;
  readonly view: HouseView;
  readonly status: () => HouseStatus;
  readonly observer: Observer;
}): Inspection => {
  const machines = (restarts: HouseStatus["restarts"]): MachineLine[] => {
    const system = house.actors();
    const broken = new Map(system.broken().map(({ name, reason }) => [name, reason]));
    return actorNames.flatMap((name) => {
      const snapshot = system.snapshotOf(name) as { readonly value?: unknown } | undefined;
      if (snapshot === undefined) return [];
      return [
        {
          name,
          under: actorRows[name].under,
          state: snapshot.value ?? "active",
          since: observer.movedAt(name) ?? null,
          restarts: restarts[name] ?? 0,
          broken: broken.get(name) ?? null,
        },
      ];
    });
  };

  const orders = (): OrderLine[] => {
    const desk = view.desk();
    const live = newestOf(desk.liveOrders(), ordersMax).map((order) => orderLine(order, true));
    const left = ordersMax - live.length;
    return left === 0 ? live : [...live, ...newestOf(desk.finishedOrders(), left).map((order) => orderLine(order, false))];
  };

  const sight = (): Sight | undefined => {
    if (!house.isRestored()) return undefined;
    const isLive = house.recovering() === undefined;
    const now = status();
    const shown = orders();
    const system = house.actors();
    const isPostureUp = !system.isDown("safety") && !system.isDown("operating");
    return {
      seq: house.recorder.seq(),
      at: view.now(),
      status: now,
      why:
        isLive && isPostureUp
          ? {
              safety: explainSafety(system.snapshotOf("safety") as never, view.now()),
              operating: explainOperating(system.snapshotOf("operating"), view.now()),
            }
          : null,
      health: view.health(),
      evaluatedAt: isPostureUp ? view.evaluatedAt() : null,
      machines: machines(now.restarts),
      orders: shown,
      ordersLeftOut: Math.max(0, now.orders.total - shown.length),
      deadlines: Array.from(house.deadlines.entries(), ([id, { at, owner }]) => ({ id, at, actor: owner ?? actorOfDeadline(id) }))
        .sort((a, b) => a.at - b.at)
        .slice(0, deadlinesMax),
    };
  };

  return {
    sight,
    status,
    contextOf: (actor) => {
      const name = actorNames.find((one) => one === actor);
      if (name === undefined || !house.isRestored()) return undefined;
      // The desk is no context: its orders are told one by one.
      if (name === "orders")
        return { counts: view.desk().counts(), trading: view.desk().trading(), refusals: view.desk().refusals() };
      return (house.actors().snapshotOf(name) as { readonly context?: unknown } | undefined)?.context;
    },
    ops: () => (house.isRestored() ? opsSight(view) : undefined),
    samples: (spanMs) => view.samples(spanMs, placesMax),
    orderOf: (orderId) => (house.isRestored() ? view.desk().order(orderId) : undefined),
    observer,
  };
};
