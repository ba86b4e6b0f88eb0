/** What the session is made of, with a cut point before and after every wait. Everything else of a port is the real one. */
import { defer, tap } from "rxjs";
import * as sessions from "#adapters/host/journal/sessions.ts";
import * as ledgers from "#adapters/paper/ledger.ts";
import type { DayHeader } from "#adapters/replay/day-format.ts";
import * as days from "#adapters/replay/recorded-days.ts";
import * as brokers from "#commands/session-broker.ts";
import type { Journal } from "#core/ports.ts";
import { cut, cutWhenSent } from "./cut.ts";

// What stands below takes the place of its namesake.
export * from "#adapters/host/journal/sessions.ts";
export * from "#adapters/paper/ledger.ts";
export * from "#adapters/replay/recorded-days.ts";
export * from "#commands/session-broker.ts";

/** Market ms of the recorded day that are played: long enough for the script, short enough to be played hundreds of times. */
const playedMs = 34_000;

/** Facts that say where in an order's life, or in a start, the journal stands. */
const isTelling = (type: string): boolean => /^(?:order|reconciliation|session|broker)\./.test(type);

const around = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
  cut(`before ${name}`);
  const result = await call();
  cut(`after ${name}`);
  return result;
};

/** A request to the venue, which may decide on it although nobody is left to hear the answer. */
const aroundRequest = <T>(name: string, call: () => Promise<T>): Promise<T> =>
  around(name, () => {
    const answer = call();
    cutWhenSent(`sent ${name}`);
    return answer;
  });

const cutJournal = <J extends Journal>(journal: J): J =>
  Object.create(journal, {
    lastSeq: { get: () => journal.lastSeq },
    append: {
      value: async (...[records, options]: Parameters<Journal["append"]>) => {
        const names = records
          .filter(({ type }) => isTelling(type))
          .map(({ type, body }) => {
            const { payload } = JSON.parse(body) as { payload: { orderId?: string; fillId?: string } };
            return ["journal", type, payload.orderId, payload.fillId].filter((part) => part !== undefined).join(" ");
          });
        cut(...names.map((name) => `before ${name}`));
        const result = await journal.append(records, options);
        cut(...names.map((name) => `after ${name}`));
        return result;
      },
    },
    saveSnapshot: {
      value: (...args: Parameters<Journal["saveSnapshot"]>) => around("journal snapshot", () => journal.saveSnapshot(...args)),
    },
  }) as J;

export const openSessionJournal: typeof sessions.openSessionJournal = async (...args) => {
  const opened = await sessions.openSessionJournal(...args);
  if (!opened.ok) return opened;
  const { markEnded, journal } = opened.value;
  return {
    ok: true,
    value: {
      ...opened.value,
      journal: cutJournal(journal),
      markEnded: (cause) => around("journal end", () => markEnded(cause)),
    },
  };
};

/** The same ids in every run, so that a point has one name. */
export const orderSeriesFor: typeof brokers.orderSeriesFor = (_config, { epoch }) => String(epoch);
export const openSessionBroker: typeof brokers.openSessionBroker = async (...args) => {
  const opened = await brokers.openSessionBroker(...args);
  if (!opened.ok) return opened;
  const real = opened.value;
  const reports: typeof real.reports = (valve) =>
    defer(() => {
      cut("before broker connect");
      return real.reports(valve);
    }).pipe(
      tap((report) => {
        const name = `report ${report.type} ${"clientOrderId" in report ? report.clientOrderId : ""} ${"fillId" in report ? report.fillId : ""}`;
        cut(`before ${name.trim()}`);
      }),
    );
  const broker = Object.create(real, {
    reports: { value: reports },
    submit: {
      value: (order: Parameters<typeof real.submit>[0]) => aroundRequest(`submit ${order.orderId}`, () => real.submit(order)),
    },
    cancel: {
      value: (order: Parameters<typeof real.cancel>[0]) => aroundRequest(`cancel ${order.orderId}`, () => real.cancel(order)),
    },
    orders: { value: () => around("broker orders", real.orders) },
    executions: { value: () => around("broker executions", real.executions) },
    account: { value: () => around("broker account", real.account) },
    endOfSession: { value: () => around("broker end of session", real.endOfSession) },
  });
  return { ok: true, value: broker as typeof real };
};

export const openLedger: typeof ledgers.openLedger = async (options) => {
  const opened = await ledgers.openLedger(options);
  if (!opened.ok) return opened;
  const { ledger } = opened.value;
  const cutLedger = Object.create(ledger, {
    durableN: { get: () => ledger.durableN },
    failure: { get: () => ledger.failure },
    append: {
      value: (entry: Parameters<typeof ledger.append>[0]) => {
        const name =
          `ledger ${entry.type} ${"orderId" in entry ? entry.orderId : ""} ${"fillId" in entry ? entry.fillId : ""}`.trim();
        cut(`before ${name}`);
        const record = ledger.append(entry);
        cut(`written ${name}`);
        void ledger.flushed().then(() => cut(`after ${name}`));
        return record;
      },
    },
  });
  return { ok: true, value: { ...opened.value, ledger: cutLedger } };
};

/** A day of which only its first part is played. */
const short = ({ regularMs: [openMs], ...header }: DayHeader): DayHeader => ({
  ...header,
  regularMs: [openMs, openMs + playedMs],
});

export const checkDays: typeof days.checkDays = (chosen) => {
  const checked = days.checkDays(chosen);
  if (!checked.ok) return checked;
  const cutDays = checked.value.map((day) => ({
    ...day,
    header: short(day.header),
    load: () => {
      const loaded = day.load();
      return { ...loaded, header: short(loaded.header) };
    },
  }));
  return { ok: true, value: cutDays };
};
