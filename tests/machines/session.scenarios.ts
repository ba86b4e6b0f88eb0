/** What the session machine promises, sentence by sentence: nothing new before the venue was asked, no day closed without it. */
import assert from "node:assert/strict";
import type { Beginning, SessionEffect, SessionEvent, SessionInput, sessionMachine } from "#machines/session.machine.ts";
import { drive, type Scenario } from "./drive.ts";

type Machine = typeof sessionMachine;

export const input: SessionInput = { venueMsMax: 10_000, settleMsMax: 60_000, settleWaitMsMin: 1_000, settleWaitMsMax: 4_000 };

const start = (at: number, recovered = false): SessionEvent => ({
  type: "session.started",
  at,
  session: "0001",
  epoch: 1,
  recovered,
});
const opened = (at: number): SessionEvent => ({ type: "archive.opened", at, directory: "/a", recoveredBytes: 0 });
const unwritable = (at: number): SessionEvent => ({
  type: "archive.write.failed",
  at,
  path: "/a",
  code: "ENOSPC",
  reason: "full",
  bufferedRows: 0,
});
const agreed = (at: number): SessionEvent => ({
  type: "reconciliation.completed",
  at,
  cause: "start",
  orders: 0,
  fills: 0,
  mismatches: 0,
});
const notAsked = (at: number): SessionEvent => ({ type: "reconciliation.failed", at, cause: "start", reason: "timeout" });
const away = (at: number): SessionEvent => ({ type: "broker.disconnected", at, broker: "paper", reason: "reset" });
const dataOver = (at: number): SessionEvent => ({ type: "feed.ended", at, feed: "replay", ticks: 10 });
const end = (at: number, cause = "stopped by SIGINT"): SessionEvent => ({ type: "session.end.requested", at, cause });
const closed = (at: number): SessionEvent => ({ type: "session.venue.closed", at });
const sealed = (at: number): SessionEvent => ({ type: "session.sealed", at });
const settled = (at: number, isAgreed: boolean, open: number, ownerless = open): SessionEvent => ({
  type: "session.settled",
  at,
  agreed: isAgreed,
  open,
  ownerless,
});
const maintained = (at: number): SessionEvent => ({ type: "session.maintained", at });
const due = (id: string, at: number): SessionEvent => ({ type: "timer.due", at, id, dueAt: at });

const begin = (machine: Machine) => drive<SessionEvent, SessionEffect>(machine, input);
type Session = ReturnType<typeof begin>;
const asking = (machine: Machine): Session => {
  const driven = begin(machine);
  driven.send(start(0));
  driven.send(opened(10));
  return driven;
};
const running = (machine: Machine): Session => {
  const driven = asking(machine);
  driven.send(agreed(20));
  return driven;
};
const closing = (machine: Machine): Session => {
  const driven = running(machine);
  driven.send(dataOver(1_000));
  return driven;
};
const sealing = (machine: Machine): Session => {
  const driven = closing(machine);
  driven.send(closed(1_100));
  return driven;
};
const settling = (machine: Machine): Session => {
  const driven = sealing(machine);
  driven.send(sealed(2_000));
  return driven;
};
const waiting = (machine: Machine): Session => {
  const driven = settling(machine);
  driven.send(settled(2_000, false, 1));
  return driven;
};
const maintaining = (machine: Machine): Session => {
  const driven = settling(machine);
  driven.send(settled(2_500, true, 0));
  return driven;
};

const asksVenue = (cause: Beginning): readonly SessionEffect[] => [
  { type: "timer.set", id: "session.venue", at: 10_010 },
  { type: "session.venue.open", cause },
  { type: "session.wait", until: 10_010 },
];
const askVenue = asksVenue("started");
const forget: SessionEffect = { type: "timer.clear", id: "session.venue" };
const forgetLook: SessionEffect = { type: "timer.clear", id: "session.settle" };
const go = (cause: Beginning = "started"): SessionEffect => ({ type: "session.begin", cause });
const cause = "stopped by SIGINT";
const stopNow: readonly SessionEffect[] = [
  { type: "session.halt", cause, isDayOver: false },
  { type: "session.seal", cause },
];
const dayOver = "the day is over";
/** Whatever ends the wait for the venue at the start. */
const answers = [agreed(20), notAsked(30), away(30), due("session.venue", 10_010)];
const lookAgain = (at: number): readonly SessionEffect[] => [
  { type: "timer.set", id: "session.settle", at },
  { type: "session.wait", until: at },
];

const beginnings: readonly Scenario<Machine>[] = [
  {
    name: "begins with the archive, then asks the venue, and only then begins the market",
    run: (machine) => {
      const driven = begin(machine);
      assert.deepEqual(driven.send(start(0)), []);
      assert.equal(driven.state(), "opening.archive");
      assert.deepEqual(driven.send(opened(10)), askVenue);
      assert.equal(driven.state(), "opening.venue");
      assert.deepEqual(driven.send(agreed(20)), [forget, go()]);
      assert.equal(driven.state(), "running");
    },
  },
  {
    name: "goes on without an archive that cannot write: trading does not depend on it",
    run: (machine) => {
      const driven = begin(machine);
      driven.send(start(0));
      assert.deepEqual(driven.send(unwritable(10)), askVenue);
      assert.equal(driven.state(), "opening.venue");
    },
  },
  ...answers.map(
    (answer): Scenario<Machine> => ({
      name: `begins the market also when the venue's answer is ${answer.type}`,
      run: (machine) => {
        const driven = asking(machine);
        assert.deepEqual(driven.send(answer), [forget, go()]);
        assert.equal(driven.state(), "running");
      },
    }),
  ),
  {
    name: "hears nothing but its own deadline while it waits for the venue",
    run: (machine) => {
      const driven = asking(machine);
      assert.deepEqual(driven.send(due("session.settle", 500)), []);
      assert.equal(driven.state(), "opening.venue");
    },
  },
  {
    name: "says that the session goes on where an earlier process was",
    run: (machine) => {
      const driven = begin(machine);
      driven.send(start(0, true));
      assert.deepEqual(driven.send(opened(10)), asksVenue("recovered"));
      assert.deepEqual(driven.send(agreed(20)), [forget, go("recovered")]);
    },
  },
  {
    name: "begins anew from any state when a process starts, with no end of before remembered",
    run: (machine) => {
      for (const state of [asking, running, closing, sealing, settling, waiting, maintaining]) {
        const driven = state(machine);
        driven.send(end(3_000));
        driven.send(start(4_000, true));
        assert.equal(driven.state(), "opening.archive");
        driven.send(opened(4_010));
        driven.send(agreed(4_020));
        assert.equal(driven.state(), "running");
      }
    },
  },
  {
    name: "waits out the last look of before no longer when a process starts",
    run: (machine) => {
      const driven = waiting(machine);
      assert.deepEqual(driven.send(start(4_000, true)), [forgetLook]);
      assert.deepEqual(driven.send(due("session.settle", 4_001)), []);
    },
  },
];

const stops: readonly Scenario<Machine>[] = [
  {
    name: "stops in the middle of the day: nothing new, the archive sealed, and the rest left to the next start",
    run: (machine) => {
      const driven = running(machine);
      assert.deepEqual(driven.send(end(500)), stopNow);
      assert.equal(driven.state(), "stopping");
      assert.deepEqual(driven.send(sealed(600)), [{ type: "session.close", cause, isDayOver: false, ownerless: 0 }]);
      assert.equal(driven.state(), "closed");
    },
  },
  {
    name: "is stopped once, whoever asks again",
    run: (machine) => {
      const driven = running(machine);
      driven.send(end(500));
      assert.deepEqual(driven.send(end(510, "again")), []);
      assert.deepEqual(driven.send(sealed(600)), [{ type: "session.close", cause, isDayOver: false, ownerless: 0 }]);
      assert.deepEqual(driven.send(end(700, "again")), []);
    },
  },
  {
    name: "remembers while it opens that somebody wants it to end, and never begins the market",
    run: (machine) => {
      for (const early of [true, false])
        for (const answer of answers) {
          const driven = begin(machine);
          driven.send(start(0));
          if (early) assert.deepEqual(driven.send(end(5)), []);
          driven.send(opened(10));
          if (!early) assert.deepEqual(driven.send(end(15)), []);
          assert.deepEqual(driven.send(answer), [forget, ...stopNow]);
          assert.equal(driven.state(), "stopping");
        }
    },
  },
  {
    name: "lets a person end the closing of a day at any step: the next start looks at it again",
    run: (machine) => {
      for (const state of [closing, sealing, settling, maintaining]) {
        const driven = state(machine);
        assert.deepEqual(driven.send(end(5_000)), stopNow);
        assert.deepEqual(driven.send(sealed(5_100)), [{ type: "session.close", cause, isDayOver: false, ownerless: 0 }]);
      }
      const driven = waiting(machine);
      assert.deepEqual(driven.send(end(5_000)), [forgetLook, ...stopNow]);
    },
  },
];

const days: readonly Scenario<Machine>[] = [
  {
    name: "ends the day with its data: the venue closes, the archive is sealed, then the orders are settled",
    run: (machine) => {
      const driven = running(machine);
      assert.deepEqual(driven.send(dataOver(1_000)), [
        { type: "session.halt", cause: dayOver, isDayOver: true },
        { type: "session.venue.close" },
      ]);
      assert.equal(driven.state(), "endingDay.closingVenue");
      assert.deepEqual(driven.send(closed(1_100)), [{ type: "session.seal", cause: dayOver }]);
      assert.equal(driven.state(), "endingDay.sealing");
      assert.deepEqual(driven.send(sealed(2_000)), [{ type: "session.settle" }]);
      assert.equal(driven.state(), "endingDay.settling");
    },
  },
  {
    name: "maintains and closes a day that the venue agrees with and that has no open order",
    run: (machine) => {
      const driven = settling(machine);
      assert.deepEqual(driven.send(settled(2_500, true, 0)), [{ type: "session.maintain" }]);
      assert.equal(driven.state(), "endingDay.maintaining");
      assert.deepEqual(driven.send(maintained(3_000)), [
        { type: "session.close", cause: dayOver, isDayOver: true, ownerless: 0 },
      ]);
      assert.equal(driven.state(), "closed");
    },
  },
  ...(
    [
      ["does not agree", false, 0],
      ["agrees and leaves an order open", true, 1],
    ] as const
  ).map(
    ([what, isAgreed, open]): Scenario<Machine> => ({
      name: `looks again, later each time up to the longest wait, while the venue ${what}`,
      run: (machine) => {
        const driven = settling(machine);
        let at = 2_000;
        for (const waitMs of [1_000, 2_000, 4_000, 4_000]) {
          assert.deepEqual(driven.send(settled(at, isAgreed, open)), lookAgain(at + waitMs));
          assert.equal(driven.state(), "endingDay.waiting");
          at += waitMs;
          assert.deepEqual(driven.send(due("session.settle", at)), [{ type: "session.venue.close" }]);
          assert.equal(driven.state(), "endingDay.waiting");
          assert.deepEqual(driven.send(closed(at)), [forgetLook, { type: "session.settle" }]);
        }
      },
    }),
  ),
  {
    name: "hears nothing but its own deadline between two looks",
    run: (machine) => {
      const driven = waiting(machine);
      assert.deepEqual(driven.send(due("session.venue", 2_500)), []);
      assert.equal(driven.state(), "endingDay.waiting");
    },
  },
  {
    name: "gives the orders to a person after its time: exactly then it still looks again, a millisecond later not",
    run: (machine) => {
      const driven = settling(machine);
      driven.send(settled(62_000, false, 2));
      assert.equal(driven.state(), "endingDay.waiting");
      const late = settling(machine);
      assert.deepEqual(late.send(settled(62_001, false, 2, 1)), [{ type: "session.maintain" }]);
      assert.deepEqual(late.send(maintained(70_000)), [{ type: "session.close", cause: dayOver, isDayOver: true, ownerless: 1 }]);
    },
  },
  {
    name: "names no order of a day before that a crash cut off",
    run: (machine) => {
      const driven = settling(machine);
      driven.send(settled(62_001, false, 1));
      for (const fact of [start(70_000, true), opened(70_010), agreed(70_020), dataOver(71_000), closed(71_100), sealed(72_000)])
        driven.send(fact);
      driven.send(settled(72_500, true, 0));
      assert.deepEqual(driven.send(maintained(73_000)), [
        { type: "session.close", cause: dayOver, isDayOver: true, ownerless: 0 },
      ]);
    },
  },
  {
    name: "does not count the time of the day's end anew at each look",
    run: (machine) => {
      const driven = waiting(machine);
      driven.send(due("session.settle", 3_000));
      driven.send(closed(40_000));
      assert.deepEqual(driven.send(settled(62_001, false, 1)), [{ type: "session.maintain" }]);
    },
  },
];

export const sessionScenarios: readonly Scenario<Machine>[] = [...beginnings, ...stops, ...days];
