/** Alerts: once, in bounds, and never in anybody's way. */
import { describe, expect, it } from "vitest";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import {
  type AlertChannel,
  type AlertMessage,
  AlertNotSent,
  alertLimits,
  createAlerts,
  createLogAlertChannel,
  type QuietHours,
} from "#ops/automation/alerts.ts";

const start = Date.UTC(2013, 9, 7);
const warning = (text: string) => ({ type: "alert.warning", code: "AN080", text }) as const;
const critical = (text: string) => ({ type: "alert.critical", code: "FS075", text }) as const;
const resolved = (text: string) => ({ type: "alert.resolved", code: "AN080", text }) as const;
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const createHouse = (
  send: (message: AlertMessage) => Promise<void> = async () => {},
  { quiet, isLoud = false }: { readonly quiet?: QuietHours; readonly isLoud?: boolean } = {},
) => {
  const clock = createSimulatedClock({ startAt: start });
  const received: AlertMessage[] = [];
  const take = async (message: AlertMessage): Promise<void> => {
    await send(message);
    received.push(message);
  };
  const channel: AlertChannel = { name: "test", isLoud, sendCritical: take, sendWarning: take, resolved: take };
  const alerts = createAlerts({ channels: [channel], clock, ...(quiet === undefined ? {} : { quiet }) });
  return {
    clock,
    received,
    alerts,
    figures: () => alerts.figures().test,
    wind: async (ms: number): Promise<void> => {
      await clock.advanceTo(start + ms);
      await settle();
    },
  };
};

describe("what people were told", () => {
  it("can be read later: raised, come again, and resolved, with what each channel sent and lost (I9)", async () => {
    const { alerts } = createHouse();
    alerts.handlers["alert.warning"](warning("the backup failed"));
    alerts.handlers["alert.warning"](warning("the backup failed"));
    alerts.handlers["alert.critical"](critical("the journal cannot append"));
    alerts.handlers["alert.resolved"](resolved("it is done"));
    await settle();
    const { recent, open, channels } = alerts.told();
    expect(recent.map(({ level, code, repeated }) => [level, code, repeated])).toEqual([
      ["resolved", "AN080", 0],
      ["critical", "FS075", 0],
      ["warning", "AN080", 1],
    ]);
    expect(open).toEqual(["FS075"]);
    expect(channels.test).toMatchObject({ sent: 3, lost: 0 });
  });

  it("is bounded: of a thousand alerts the newest hundred are kept", () => {
    const { alerts } = createHouse();
    for (let count = 0; count < 1000; count += 1) alerts.handlers["alert.warning"](warning(`number ${count}`));
    expect(alerts.told().recent).toHaveLength(100);
    expect(alerts.told().recent[0]?.text).toBe("number 999");
  });
});

describe("an alert", () => {
  it("reaches the channel with its level, its code and the runbook's section", async () => {
    const { alerts, received } = createHouse();
    alerts.handlers["alert.critical"](critical("the journal cannot append"));
    await settle();
    expect(received).toEqual([
      {
        level: "critical",
        code: "FS075",
        text: "the journal cannot append",
        at: start,
        repeated: 0,
        runbook: "docs/operations/runbook.md#fs075",
      },
    ]);
  });

  it("is sent once, however often it is raised, and again after ten minutes with the count", async () => {
    const { alerts, received, wind, figures } = createHouse();
    for (let count = 0; count < 1_000; count += 1) alerts.handlers["alert.warning"](warning("disk full"));
    await settle();
    expect(received).toHaveLength(1);
    expect(figures()).toMatchObject({ sent: 1, repeated: 999 });
    await wind(alertLimits.repeatAfterMs - 1);
    alerts.handlers["alert.warning"](warning("disk full"));
    await wind(alertLimits.repeatAfterMs);
    alerts.handlers["alert.warning"](warning("disk full"));
    await settle();
    expect(received.map(({ repeated }) => repeated)).toEqual([0, 1_000]);
  });

  it("is told to be over, if it was told at all, and then may come again at once", async () => {
    const { alerts, received } = createHouse();
    alerts.handlers["alert.resolved"](resolved("run is done"));
    alerts.handlers["alert.warning"](warning("run failed"));
    alerts.handlers["alert.resolved"](resolved("run is done"));
    alerts.handlers["alert.resolved"](resolved("run is done"));
    alerts.handlers["alert.warning"](warning("run failed"));
    await settle();
    expect(received.map(({ level }) => level)).toEqual(["warning", "resolved", "warning"]);
  });

  it("is held back above the rate when it is a warning, never when it is critical", async () => {
    const { alerts, received, figures } = createHouse(undefined, { isLoud: true });
    for (let count = 0; count < 50; count += 1) alerts.handlers["alert.warning"](warning(`file ${count}`));
    for (let count = 0; count < 50; count += 1) alerts.handlers["alert.critical"](critical(`order ${count}`));
    await settle();
    await settle();
    expect(received.filter(({ level }) => level === "warning")).toHaveLength(alertLimits.warningsPerMinuteMax);
    expect(received.filter(({ level }) => level === "critical")).toHaveLength(50);
    expect(figures()).toMatchObject({ limited: 30, lost: 0, waiting: 0 });
  });
});

describe("a channel", () => {
  it("that refuses is tried again with growing pauses, and the order of messages stays", async () => {
    let refusals = 3;
    const { alerts, received, wind } = createHouse(async () => {
      if (refusals-- > 0) throw new Error("503");
    });
    alerts.handlers["alert.critical"](critical("one"));
    alerts.handlers["alert.critical"](critical("two"));
    await settle();
    await wind(2_000);
    await wind(5_999);
    expect(received).toEqual([]);
    await wind(6_000);
    await wind(14_000);
    expect(received.map(({ text }) => text)).toEqual(["one", "two"]);
  });

  it("that never works loses messages one by one, counted, and keeps its queue in bounds", async () => {
    const { alerts, wind, figures } = createHouse(async () => {
      throw new Error("gone");
    });
    for (let count = 0; count < 500; count += 1) alerts.handlers["alert.critical"](critical(`order ${count}`));
    await settle();
    expect(figures()?.waiting).toBeLessThanOrEqual(alertLimits.queueMax);
    for (let seconds = 0; seconds < 3_600; seconds += 2) await wind(seconds * 1_000);
    expect(figures()).toMatchObject({ sent: 0 });
    expect((figures()?.lost ?? 0) + (figures()?.waiting ?? 0)).toBe(500);
    // Critical ones are lost to newer ones alone.
    expect(figures()?.lost).toBe(500 - alertLimits.queueMax);
  });

  it("that is away for an hour gets what is critical afterwards, before the warnings that waited (M13)", async () => {
    let isAway = true;
    const { alerts, received, wind, figures } = createHouse(async () => {
      if (isAway) throw new Error("no route");
    });
    alerts.handlers["alert.warning"](warning("disk"));
    alerts.handlers["alert.critical"](critical("stopped"));
    await settle();
    for (let seconds = 0; seconds < 20; seconds += 1) await wind(seconds * 1_000);
    alerts.handlers["alert.warning"](warning("another disk"));
    isAway = false;
    for (let seconds = 20; seconds < 120; seconds += 1) await wind(seconds * 1_000);
    expect(received.map(({ text }) => text)).toEqual(["stopped", "disk", "another disk"]);
    isAway = true;
    alerts.handlers["alert.critical"](critical("stopped again"));
    for (let seconds = 120; seconds < 3_720; seconds += 10) await wind(seconds * 1_000);
    isAway = false;
    for (let seconds = 3_720; seconds < 3_900; seconds += 10) await wind(seconds * 1_000);
    expect(received.at(-1)?.text).toBe("stopped again");
    expect(figures()).toMatchObject({ lost: 0, waiting: 0 });
  });

  it("that refuses one critical alert for good gets the others, and that one counts as undelivered until it is taken (M13)", async () => {
    let isRefused = true;
    const tried: string[] = [];
    const { alerts, received, wind, figures } = createHouse(async ({ text }) => {
      tried.push(text);
      if (isRefused && text === "too long") throw new AlertNotSent("it answered 400");
    });
    const texts = (): string[] => received.map(({ text }) => text);
    const raise = (...critically: string[]): void => {
      for (const text of critically) alerts.handlers["alert.critical"](critical(text));
    };
    raise("too long", "two");
    alerts.handlers["alert.warning"](warning("disk"));
    await settle();
    for (let seconds = 0; seconds <= 32; seconds += 1) await wind(seconds * 1_000);
    expect(texts()).toEqual(["two", "disk"]);
    expect(figures()).toMatchObject({ waiting: 1, lost: 0, lastFailure: "it answered 400" });
    // Nor does one that comes later wait for the pause that the refused one has by now.
    for (let seconds = 33; seconds <= 600; seconds += 1) await wind(seconds * 1_000);
    const triedBefore = tried.length;
    raise("three");
    await settle();
    await wind(602_000);
    expect(texts()).toEqual(["two", "disk", "three"]);
    expect(tried.length - triedBefore).toBeLessThanOrEqual(2);
    expect(figures()).toMatchObject({ waiting: 1, lost: 0 });
    isRefused = false;
    for (let seconds = 603; seconds <= 720; seconds += 1) await wind(seconds * 1_000);
    expect(texts()).toEqual(["two", "disk", "three", "too long"]);
  });

  it("that two critical alerts cannot enter keeps none of them, nor a warning, from being tried (M13)", async () => {
    const tried = new Map<string, number>();
    const { alerts, wind, figures } = createHouse(async ({ text }) => {
      tried.set(text, (tried.get(text) ?? 0) + 1);
      throw new AlertNotSent("it answered 400");
    });
    alerts.handlers["alert.warning"](warning("disk"));
    alerts.handlers["alert.critical"](critical("one"));
    alerts.handlers["alert.critical"](critical("two"));
    await settle();
    for (let seconds = 0; seconds <= 3_600; seconds += 2) await wind(seconds * 1_000);
    expect(tried.get("disk")).toBe(alertLimits.triesMax);
    expect(Math.abs((tried.get("one") ?? 0) - (tried.get("two") ?? 0))).toBeLessThanOrEqual(1);
    expect(tried.get("two")).toBeGreaterThan(20);
    expect(figures()).toMatchObject({ waiting: 2, lost: 1 });
  });

  it("that is dead (a send that never ends) is waited for by nobody, and a critical alert pushes out a warning", async () => {
    const { alerts, figures } = createHouse(() => new Promise(() => {}));
    const before = performance.now();
    for (let count = 0; count < 20; count += 1) alerts.handlers["alert.warning"](warning(`file ${count}`));
    for (let count = 0; count < 10_000; count += 1) alerts.handlers["alert.critical"](critical(`order ${count}`));
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(figures()).toMatchObject({ sent: 0, waiting: alertLimits.queueMax });
  });

  it("does not disturb another", async () => {
    const clock = createSimulatedClock({ startAt: start });
    const received: string[] = [];
    const of = (name: string, take: (message: AlertMessage) => Promise<void>): AlertChannel => ({
      name,
      sendCritical: take,
      sendWarning: take,
      resolved: take,
    });
    const alerts = createAlerts({
      clock,
      channels: [of("dead", () => new Promise(() => {})), of("alive", async ({ text }) => void received.push(text))],
    });
    alerts.handlers["alert.critical"](critical("one"));
    alerts.handlers["alert.critical"](critical("two"));
    await settle();
    expect(received).toEqual(["one", "two"]);
    void alerts.close();
  });

  it("is the log when nothing else is configured, with what the code means", async () => {
    const lines: unknown[] = [];
    const record = (level: string) => (fields: object, text: string) => void lines.push([level, text, fields]);
    const channel = createLogAlertChannel({ error: record("error"), warn: record("warn"), info: record("info") });
    const alerts = createAlerts({ channels: [channel], clock: createSimulatedClock({ startAt: start }) });
    alerts.handlers["alert.warning"](warning("backup: disk full"));
    alerts.handlers["alert.resolved"](resolved("run is done"));
    alerts.handlers["alert.critical"](critical("stopped"));
    await settle();
    expect(lines).toEqual([
      [
        "warn",
        "backup: disk full",
        {
          code: "AN080",
          meaning: "A maintenance run failed; nothing unproven was deleted.",
          runbook: "docs/operations/runbook.md#an080",
          repeated: 0,
        },
      ],
      ["info", "resolved: run is done", expect.objectContaining({ code: "AN080" })],
      ["error", "stopped", expect.objectContaining({ code: "FS075" })],
    ]);
  });
});

describe("a channel that is asked for patience", () => {
  const refusing = (retryAfterMs: number | undefined) => {
    const triedAt: number[] = [];
    const house = createHouse(async () => {
      triedAt.push(house.clock.now() - start);
      if (triedAt.length === 1) throw new AlertNotSent("it answered 429", retryAfterMs);
    });
    return { ...house, triedAt };
  };

  it.each([
    { asked: "nothing", retryAfterMs: undefined, waitMs: alertLimits.retryMsMin },
    { asked: "less than our own pause", retryAfterMs: 1, waitMs: alertLimits.retryMsMin },
    { asked: "half a minute", retryAfterMs: 30_000, waitMs: 30_000 },
    { asked: "a day", retryAfterMs: 86_400_000, waitMs: alertLimits.retryAfterMsMax },
  ])("waits $waitMs ms when the service asks for $asked (M13)", async ({ retryAfterMs, waitMs }) => {
    const { alerts, triedAt, wind, figures } = refusing(retryAfterMs);
    alerts.handlers["alert.critical"](critical("one"));
    await settle();
    await wind(waitMs - 1);
    expect(triedAt).toEqual([0]);
    await wind(waitMs);
    expect(triedAt).toEqual([0, waitMs]);
    expect(figures()).toMatchObject({ sent: 1, lost: 0, lastFailure: "it answered 429" });
  });
});

describe("in quiet hours", () => {
  /** The first hour. */
  const quiet: QuietHours = { endsAt: (at) => (at < start + 3_600_000 ? start + 3_600_000 : undefined) };
  const over = { type: "alert.resolved", code: "FS075", text: "it appends again" } as const;

  it("warnings wait and are told together at the end, critical alerts and their ends at once (M13)", async () => {
    const { alerts, received, wind, figures } = createHouse(undefined, { quiet, isLoud: true });
    alerts.handlers["alert.warning"](warning("one"));
    alerts.handlers["alert.critical"](critical("stopped"));
    alerts.handlers["alert.resolved"](over);
    alerts.handlers["alert.resolved"](resolved("run is done"));
    await settle();
    expect(received.map(({ level }) => level)).toEqual(["critical", "resolved"]);
    expect(figures()).toMatchObject({ held: 2, waiting: 0, sent: 2 });
    await wind(3_599_999);
    expect(received).toHaveLength(2);
    await wind(3_600_000);
    expect(received).toHaveLength(3);
    expect(received[2]?.held?.map(({ level, text }) => [level, text])).toEqual([
      ["warning", "one"],
      ["resolved", "run is done"],
    ]);
    expect(figures()).toMatchObject({ held: 0, sent: 3, lost: 0 });
  });

  it("the log says everything at once", async () => {
    const { alerts, received } = createHouse(undefined, { quiet });
    alerts.handlers["alert.warning"](warning("one"));
    await settle();
    expect(received).toHaveLength(1);
  });

  it("more warnings than there is room for lose the oldest, counted (M13)", async () => {
    const { alerts, received, wind, figures } = createHouse(undefined, { quiet, isLoud: true });
    for (let count = 0; count < 150; count += 1) alerts.handlers["alert.warning"](warning(`file ${count}`));
    expect(figures()).toMatchObject({ held: 100, lost: 50, limited: 0 });
    await wind(3_600_000);
    expect(received[0]?.held).toHaveLength(100);
    expect(received[0]?.held?.[0]?.text).toBe("file 50");
  });

  it("what waits is told first when the clock has jumped over their end", async () => {
    let isQuiet = true;
    const { alerts, received } = createHouse(undefined, {
      quiet: { endsAt: () => (isQuiet ? start + 3_600_000 : undefined) },
      isLoud: true,
    });
    alerts.handlers["alert.warning"](warning("one"));
    isQuiet = false;
    alerts.handlers["alert.warning"](warning("two"));
    await settle();
    expect(received.map(({ text }) => text)).toEqual(["one", "two"]);
  });

  it("a warning that waited and cannot be sent is lost for each that it held", async () => {
    const { alerts, wind, figures } = createHouse(
      async () => {
        throw new AlertNotSent("it answered 500");
      },
      { quiet, isLoud: true },
    );
    for (const text of ["one", "two", "three"]) alerts.handlers["alert.warning"](warning(text));
    for (let minute = 60; minute < 70; minute += 1) await wind(minute * 60_000);
    expect(figures()).toMatchObject({ lost: 3, held: 0, waiting: 0, lastFailure: "it answered 500" });
  });
});

describe("a session that ends", () => {
  it("sends what waits, also what waits for the end of the quiet hours (M13)", async () => {
    const { alerts, received } = createHouse(undefined, { quiet: { endsAt: () => start + 3_600_000 }, isLoud: true });
    alerts.handlers["alert.warning"](warning("one"));
    await alerts.close();
    expect(received.map(({ text }) => text)).toEqual(["one"]);
  });

  it("tries once more what was refused, without a pause, and counts what was refused again as lost", async () => {
    let tries = 0;
    const { alerts, figures } = createHouse(async () => {
      tries += 1;
      throw new AlertNotSent("it answered 500");
    });
    alerts.handlers["alert.critical"](critical("one"));
    alerts.handlers["alert.critical"](critical("two"));
    await settle();
    expect(tries).toBe(1);
    await alerts.close();
    expect(tries).toBe(3);
    expect(figures()).toMatchObject({ lost: 2, waiting: 0 });
  });

  it("waits for a dead channel no longer than five seconds, and counts what it had as lost (M13)", async () => {
    const { alerts, wind, figures } = createHouse(() => new Promise(() => {}));
    alerts.handlers["alert.critical"](critical("one"));
    alerts.handlers["alert.critical"](critical("two"));
    let isClosed = false;
    const closing = alerts.close().then(() => {
      isClosed = true;
    });
    await wind(alertLimits.closeMsMax - 1);
    expect(isClosed).toBe(false);
    await wind(alertLimits.closeMsMax);
    await closing;
    expect(figures()).toMatchObject({ lost: 2, waiting: 0 });
  });
});
