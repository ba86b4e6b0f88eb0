/** Alerts: once, in bounds, and never in anybody's way. */
import { describe, expect, it } from "vitest";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import {
  type AlertChannel,
  type AlertMessage,
  alertLimits,
  createAlerts,
  createLogAlertChannel,
} from "#ops/automation/alerts.ts";

const start = Date.UTC(2013, 9, 7);
const warning = (text: string) => ({ type: "alert.warning", code: "AN080", text }) as const;
const critical = (text: string) => ({ type: "alert.critical", code: "FS075", text }) as const;
const resolved = (text: string) => ({ type: "alert.resolved", code: "AN080", text }) as const;
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const createHouse = (send: (message: AlertMessage) => Promise<void> = async () => {}) => {
  const clock = createSimulatedClock({ startAt: start });
  const received: AlertMessage[] = [];
  const take = async (message: AlertMessage): Promise<void> => {
    await send(message);
    received.push(message);
  };
  const channel: AlertChannel = { name: "test", sendCritical: take, sendWarning: take, resolved: take };
  const alerts = createAlerts({ channels: [channel], clock });
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
    const { alerts, received, figures } = createHouse();
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
    expect(figures()?.lost).toBeGreaterThan(400);
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
    alerts.close();
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
