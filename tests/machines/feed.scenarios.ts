/** What the feed machine promises, sentence by sentence: judged by the age of data in session, never by a ping. */
import assert from "node:assert/strict";
import type { FeedEffect, FeedEvent, FeedInput, feedMachine } from "#machines/feed.machine.ts";
import { fractionOf, reconnectDelayMs } from "#machines/feed.rules.ts";
import { drive, type Scenario } from "./drive.ts";

type Machine = typeof feedMachine;

export const reconnect = { firstMs: 1000, capMs: 15_000, attemptsMax: 0, connectMsMax: 10_000 };
const input: FeedInput = { feed: "replay", silenceMsMax: 20_000, reconnect };
const feed = "replay";

const begin = (machine: Machine, given: Partial<FeedInput> = {}) => drive<FeedEvent, FeedEffect>(machine, { ...input, ...given });
type Feed = ReturnType<typeof begin>;
const request = (at: number): FeedEvent => ({ type: "feed.connect.requested", at, cause: "start" });
const answered = (at: number): FeedEvent => ({ type: "feed.connected", at, feed });
const lost = (at: number, reason = "reset"): FeedEvent => ({ type: "feed.disconnected", at, feed, reason });
const silent = (at: number, silentMs = 20_000): FeedEvent => ({ type: "feed.went.stale", at, feed, silentMs });
const heard = (at: number, silentMs: number, marketOpen = true): FeedEvent => ({
  type: "feed.heard",
  at,
  feed,
  silentMs,
  marketOpen,
});
const recovered = (at: number): FeedEvent => ({ type: "feed.recovered", at, feed, silentMs: 20_900 });
const ended = (at: number): FeedEvent => ({ type: "feed.ended", at, feed, ticks: 10 });
const stop = (at: number): FeedEvent => ({ type: "feed.stop.requested", at, cause: "end" });
const due = (id: "feed.silence" | "feed.retry" | "feed.other", at: number): FeedEvent => ({
  type: "timer.due",
  at,
  id,
  dueAt: at,
});
const session = (at: number): FeedEvent => ({ type: "session.started", at, session: "s", epoch: 2, recovered: true });

const connecting = (machine: Machine, given: Partial<FeedInput> = {}): Feed => {
  const driven = begin(machine, given);
  driven.send(request(0));
  return driven;
};
const live = (machine: Machine, given: Partial<FeedInput> = {}): Feed => {
  const driven = connecting(machine, given);
  driven.send(answered(100));
  return driven;
};
const stale = (machine: Machine, given: Partial<FeedInput> = {}): Feed => {
  const driven = live(machine, given);
  driven.send(silent(20_100));
  return driven;
};
const reconnecting = (machine: Machine, given: Partial<FeedInput> = {}): Feed => {
  const driven = live(machine, given);
  driven.send(lost(5000));
  return driven;
};
const failedFeed = (machine: Machine): Feed => {
  const driven = connecting(machine, { reconnect: { ...reconnect, attemptsMax: 1 } });
  driven.send(lost(1000));
  driven.send(due("feed.retry", 9000));
  driven.send(lost(9100, "refused"));
  return driven;
};

const open: FeedEffect = { type: "feed.connect", feed };
const close: FeedEffect = { type: "feed.stop", feed };
const measure: FeedEffect = { type: "feed.measure", feed, silenceMsMax: 20_000 };
const awaitData: FeedEffect = { type: "feed.await", feed };
const clearSilence: FeedEffect = { type: "timer.clear", id: "feed.silence" };
const clearRetry: FeedEffect = { type: "timer.clear", id: "feed.retry" };
const silenceAt = (at: number): FeedEffect => ({ type: "timer.set", id: "feed.silence", at });
const retryAt = (at: number): FeedEffect => ({ type: "timer.set", id: "feed.retry", at });
/** The wait after so many failed tries. */
const retryAfter = (attempts: number, at: number): FeedEffect =>
  retryAt(at + reconnectDelayMs(reconnect, attempts, fractionOf(at, attempts)));
const missing = (reason: string): readonly FeedEffect[] => [
  { type: "safety.report", kind: "anomaly", code: "AN010", reason },
  { type: "alert.warning", code: "AN010", text: reason },
];
const stillMissing = (reason: string): FeedEffect => missing(reason)[0] as FeedEffect;
const wellAgain: FeedEffect = { type: "alert.resolved", code: "AN010", text: "replay delivers again" };
const closedMarket: FeedEffect = {
  type: "alert.resolved",
  code: "AN010",
  text: "replay: the market is closed, silence is expected",
};
const types = (effects: readonly FeedEffect[]): string[] => effects.map(({ type }) => type);

const delivers: readonly Scenario<Machine>[] = [
  {
    name: "connects when it is asked to, and not before",
    run: (machine) => {
      const driven = begin(machine);
      assert.equal(driven.value(), "idle");
      for (const event of [answered(0), lost(0), heard(0, 1), silent(0), due("feed.retry", 0), due("feed.silence", 0)])
        assert.deepEqual(driven.send(event), []);
      assert.deepEqual(driven.send(request(0)), [open, retryAt(10_000)]);
      assert.equal(driven.value(), "connecting");
      assert.deepEqual(driven.send(answered(100)), [clearRetry, silenceAt(20_100)]);
      assert.equal(driven.value(), "live");
    },
  },
  {
    name: "has its data's age looked at when the silence deadline is due, and the next deadline belongs to the newest data",
    run: (machine) => {
      const driven = live(machine);
      assert.deepEqual(driven.send(due("feed.silence", 20_100)), [measure]);
      assert.deepEqual(driven.send(heard(20_101, 5000)), [silenceAt(35_101)]);
      assert.deepEqual(driven.send(heard(40_000, 25_000)), [silenceAt(40_001)]);
      assert.equal(driven.value(), "live");
    },
  },
  {
    name: "a timer of somebody else means nothing in any state",
    run: (machine) => {
      for (const state of [begin, connecting, live, stale, reconnecting]) {
        const driven = state(machine);
        const before = driven.value();
        assert.deepEqual(driven.send(due("feed.other", 30_000)), []);
        assert.equal(driven.value(), before);
      }
      assert.deepEqual(connecting(machine).send(due("feed.silence", 5)), []);
      assert.deepEqual(live(machine).send(due("feed.retry", 30_000)), []);
      assert.deepEqual(reconnecting(machine).send(due("feed.silence", 30_000)), []);
    },
  },
  {
    name: "is not called silent while its market is closed, however old its data is",
    run: (machine) => {
      const driven = live(machine);
      assert.deepEqual(driven.send(heard(30_000, 5_036_000, false)), [silenceAt(50_000)]);
      assert.equal(driven.value(), "live");
    },
  },
  {
    name: "ends when a recorded source has no more data",
    run: (machine) => {
      const driven = live(machine);
      assert.deepEqual(driven.send(ended(500)), [clearSilence, clearRetry]);
      assert.equal(driven.value(), "ended");
    },
  },
];

const isSilent: readonly Scenario<Machine>[] = [
  {
    name: "a silent feed is reported once as AN010, with an alert, and waits for the next data",
    run: (machine) => {
      const driven = live(machine);
      assert.deepEqual(driven.send(silent(20_100)), [
        ...missing("replay has delivered nothing for 20000 ms"),
        silenceAt(40_100),
        awaitData,
        retryAt(40_100),
      ]);
      assert.equal(driven.value(), "stale");
      assert.deepEqual(driven.send(due("feed.silence", 40_100)), [measure]);
      assert.deepEqual(driven.send(silent(40_100, 40_000)), [silenceAt(60_100)]);
      assert.equal(driven.value(), "stale");
    },
  },
  {
    name: "a silent feed is live again with the next data, and the alert is resolved",
    run: (machine) => {
      const driven = stale(machine);
      assert.deepEqual(driven.send(recovered(21_000)), [wellAgain, clearRetry, silenceAt(41_000)]);
      assert.equal(driven.value(), "live");
      assert.deepEqual(types(driven.send(silent(60_000))).slice(0, 2), ["safety.report", "alert.warning"]);
    },
  },
  {
    name: "a silent feed is excused when the market closes, and reported anew in the next session",
    run: (machine) => {
      const driven = stale(machine);
      assert.deepEqual(driven.send(heard(40_000, 40_000, false)), [closedMarket, clearRetry, silenceAt(60_000)]);
      assert.equal(driven.value(), "live");
      assert.deepEqual(types(driven.send(silent(80_000))).slice(0, 2), ["safety.report", "alert.warning"]);
    },
  },
  {
    name: "a silent feed whose data is young after all waits for the word that it recovered",
    run: (machine) => {
      const driven = stale(machine);
      assert.deepEqual(driven.send(heard(40_100, 5000)), [silenceAt(55_100)]);
      assert.equal(driven.value(), "stale");
    },
  },
  {
    name: "a silent feed gets a new connection when it stays silent: a socket can be dead without knowing it",
    run: (machine) => {
      const driven = stale(machine);
      assert.deepEqual(driven.send(due("feed.retry", 40_100)), [
        close,
        clearSilence,
        stillMissing("replay has delivered nothing for 20000 ms"),
        retryAfter(0, 40_100),
      ]);
      assert.equal(driven.value(), "reconnecting");
    },
  },
  {
    name: "a silent feed that loses its connection is tried again without a second alert",
    run: (machine) => {
      const driven = stale(machine);
      assert.deepEqual(driven.send(lost(30_000)), [
        clearSilence,
        stillMissing("replay is disconnected: reset"),
        retryAfter(0, 30_000),
      ]);
      assert.equal(driven.value(), "reconnecting");
      const { cause }: { readonly cause: string } = driven.context();
      assert.equal(cause, "replay is disconnected: reset");
    },
  },
  {
    name: "a silent recording that ends is no trouble any more",
    run: (machine) => {
      const driven = stale(machine);
      assert.deepEqual(driven.send(ended(30_000)), [wellAgain, clearSilence, clearRetry]);
      assert.equal(driven.value(), "ended");
      driven.send(request(40_000));
      driven.send(answered(40_100));
      assert.equal(driven.value(), "live");
    },
  },
];

const isGone: readonly Scenario<Machine>[] = [
  {
    name: "a lost connection is reported and tried again after a wait",
    run: (machine) => {
      const driven = live(machine);
      const effects = driven.send(lost(5000));
      assert.deepEqual(effects, [clearSilence, ...missing("replay is disconnected: reset"), retryAfter(0, 5000)]);
      assert.equal(driven.value(), "reconnecting");
      const { at } = effects.at(-1) as { readonly at: number };
      assert.ok(at > 5000 && at <= 6000);
      assert.deepEqual(driven.send(due("feed.retry", at)), [open, retryAt(at + 10_000)]);
      assert.equal(driven.value(), "connecting");
    },
  },
  {
    name: "a lost connection counts as well again only when data arrives, not when the connection answers",
    run: (machine) => {
      const driven = reconnecting(machine);
      driven.send(due("feed.retry", 6000));
      assert.deepEqual(driven.send(answered(6100)), [clearRetry, silenceAt(26_100), awaitData, retryAt(26_100)]);
      assert.equal(driven.value(), "stale");
      assert.deepEqual(driven.send(recovered(6200)), [wellAgain, clearRetry, silenceAt(26_200)]);
      assert.equal(driven.value(), "live");
    },
  },
  {
    name: "a lost connection is told to people once and to safety at every try that fails, and the waits grow",
    run: (machine) => {
      const driven = live(machine);
      const told: string[] = [];
      for (let round = 0, at = 5000; round < 10; round++, at += 60_000) {
        const effects = driven.send(lost(at, "refused"));
        assert.deepEqual(effects.at(-1), retryAfter(round, at));
        told.push(...types(effects).filter((type) => type === "safety.report" || type === "alert.warning"));
        driven.send(due("feed.retry", at + 30_000));
      }
      assert.deepEqual(told, ["safety.report", "alert.warning", ...Array.from({ length: 9 }, () => "safety.report")]);
      assert.equal(driven.value(), "connecting");
    },
  },
  {
    name: "a loss after a trouble that is over is reported anew",
    run: (machine) => {
      for (const over of [recovered(21_000), heard(21_000, 21_000, false)]) {
        const driven = stale(machine);
        driven.send(over);
        assert.deepEqual(driven.send(lost(22_000)).slice(1, 3), missing("replay is disconnected: reset"));
      }
    },
  },
  {
    name: "waits after a loss as if it were the first when data has arrived in between",
    run: (machine) => {
      for (const arrival of [recovered(7000), heard(7000, 10)]) {
        const driven = reconnecting(machine);
        driven.send(due("feed.retry", 6000));
        driven.send(answered(6100));
        if (arrival.type === "feed.heard") driven.send(heard(6200, 0, false));
        driven.send(arrival);
        assert.equal(driven.value(), "live");
        assert.deepEqual(driven.send(lost(8000)).at(-1), retryAfter(0, 8000));
      }
    },
  },
  {
    name: "a connection that does not answer in time has failed, and is told so",
    run: (machine) => {
      const driven = connecting(machine);
      assert.deepEqual(driven.send(due("feed.retry", 10_000)), [
        close,
        clearSilence,
        ...missing("replay does not answer"),
        retryAfter(0, 10_000),
      ]);
      assert.equal(driven.value(), "reconnecting");
    },
  },
  {
    name: "a connection that is refused is tried again",
    run: (machine) => {
      const driven = connecting(machine);
      assert.deepEqual(driven.send(lost(50, "refused")), [
        clearSilence,
        ...missing("replay is disconnected: refused"),
        retryAfter(0, 50),
      ]);
      assert.equal(driven.value(), "reconnecting");
    },
  },
  {
    name: "a source that wants to be left alone is, from one report to safety to the next, and no try counts meanwhile",
    run: (machine) => {
      const driven = live(machine);
      assert.deepEqual(driven.send({ ...lost(5000, "429"), retryAfterMs: 50_000 } as FeedEvent), [
        clearSilence,
        ...missing("replay is disconnected: 429"),
        retryAt(25_000),
      ]);
      const still = stillMissing("replay is disconnected: 429");
      assert.deepEqual(driven.send(due("feed.retry", 25_000)), [still, retryAt(45_000)]);
      const [told, next] = driven.send(due("feed.retry", 45_000));
      assert.deepEqual([told, next], [still, retryAt(55_000 + reconnectDelayMs(reconnect, 1, fractionOf(45_000, 1)))]);
      assert.equal(driven.value(), "reconnecting");
      driven.send(due("feed.retry", 55_000));
      assert.equal(driven.value(), "connecting");
      // The next loss says nothing of a wait.
      assert.deepEqual(driven.send(lost(56_000)).at(-1), retryAfter(1, 56_000));
    },
  },
  {
    name: "a source that wants to be left alone is so also by the next process, and by a person who asks",
    run: (machine) => {
      const driven = live(machine);
      driven.send({ ...lost(5000, "ban"), retryAfterMs: 3_600_000 } as FeedEvent);
      driven.send(session(10_000));
      assert.deepEqual(driven.send(request(10_000)), [clearSilence, close, retryAt(30_000)]);
      assert.equal(driven.value(), "reconnecting");
      const { attempts }: { readonly attempts: number } = driven.context();
      assert.equal(attempts, 1);
      driven.send(session(3_605_000));
      driven.send(request(3_605_000));
      assert.equal(driven.value(), "connecting");
    },
  },
  {
    name: "a clock that was stepped back by years does not leave a source alone for years",
    run: (machine) => {
      const year = 365 * 86_400_000;
      const driven = live(machine);
      driven.send({ ...lost(year, "429"), retryAfterMs: 1000 } as FeedEvent);
      driven.send(session(5000));
      driven.send(request(5000));
      assert.equal(driven.value(), "connecting");
    },
  },
  {
    name: "is given up after the configured number of tries, not one before, and a person can ask again",
    run: (machine) => {
      const driven = connecting(machine, { reconnect: { ...reconnect, attemptsMax: 2 } });
      let effects: readonly FeedEffect[] = [];
      for (const at of [1000, 61_000, 121_000]) {
        assert.equal(driven.value(), "connecting");
        effects = driven.send(lost(at, "refused"));
        if (at < 121_000) driven.send(due("feed.retry", at + 30_000));
      }
      assert.equal(driven.value(), "failed");
      const text = "replay is disconnected: refused; given up after 2 tries, replay waits for a person";
      const still = stillMissing("replay is disconnected: refused");
      assert.deepEqual(effects, [clearSilence, { type: "alert.critical", code: "AN010", text }, still, retryAt(141_000)]);
      // Nothing is tried any more; safety is told that data is still missing.
      assert.deepEqual(driven.send(due("feed.retry", 141_000)), [still, retryAt(161_000)]);
      assert.deepEqual(driven.send(due("feed.silence", 150_000)), []);
      assert.equal(driven.value(), "failed");
      assert.deepEqual(driven.send(request(1_000_000)), [open, retryAt(1_010_000)]);
      assert.equal(driven.value(), "connecting");
      assert.deepEqual(driven.send(lost(1_000_100, "refused")), [clearSilence, still, retryAfter(0, 1_000_100)]);
    },
  },
  {
    name: "a feed that is given up at once counts as alerted: the connection a person asks for is well only with data",
    run: (machine) => {
      const driven = connecting(machine, { reconnect: { ...reconnect, attemptsMax: 1 } });
      driven.send(lost(1000));
      driven.send(due("feed.retry", 9000));
      driven.send(answered(9100));
      driven.send(heard(9200, 9000, false));
      driven.send(lost(9300));
      assert.equal(driven.value(), "failed");
      driven.send(request(20_000));
      driven.send(answered(20_100));
      assert.equal(driven.value(), "stale");
    },
  },
];

const always: readonly Scenario<Machine>[] = [
  {
    name: "forgets its connection and its timers when a session starts again: they died with the process before",
    run: (machine) => {
      for (const state of [begin, connecting, live, stale, reconnecting, failedFeed]) {
        const driven = state(machine);
        assert.deepEqual(driven.send(session(50_000)), [clearSilence, clearRetry]);
        assert.equal(driven.value(), "idle");
      }
    },
  },
  {
    name: "stops on request from every state, and no timer brings it back",
    run: (machine) => {
      for (const state of [begin, connecting, live, stale, reconnecting, failedFeed]) {
        const driven = state(machine);
        assert.deepEqual(driven.send(stop(60_000)), [close, clearSilence, clearRetry]);
        assert.deepEqual(driven.send(due("feed.retry", 70_000)), []);
        assert.deepEqual(driven.send(due("feed.silence", 70_000)), []);
        assert.equal(driven.value(), "stopped");
      }
    },
  },
  {
    name: "can be asked for a connection in every state, and counts its tries from the beginning",
    run: (machine) => {
      for (const state of [begin, connecting, live, stale, reconnecting, failedFeed]) {
        const driven = state(machine);
        assert.deepEqual(driven.send(request(80_000)), [open, retryAt(90_000)]);
        assert.equal(driven.value(), "connecting");
        assert.deepEqual(driven.send(lost(80_100)).at(-1), retryAfter(0, 80_100));
      }
    },
  },
  {
    name: "comes back from disk where it was, with its open alert",
    run: (machine) => {
      const driven = stale(machine);
      driven.restart();
      assert.deepEqual([driven.value(), driven.begun()], ["stale", []]);
      assert.deepEqual(driven.send(recovered(21_000))[0], wellAgain);
    },
  },
];

export const feedScenarios: readonly Scenario<Machine>[] = [...delivers, ...isSilent, ...isGone, ...always];
