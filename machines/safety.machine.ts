/**
 * May this process trade at all?
 *
 * Safety outranks the operating state (spec S1). Every way into FAIL or LOCKDOWN is a plain transition without a condition
 * that could fail, and the announcement is the first effect, so trading is halted before anything else happens (spec S6).
 * WARNING ends by itself after a quiet period; FAIL ends when its own cause is cleared; only a named person ends LOCKDOWN.
 */
import { assign, enqueueActions, setup } from "xstate";
import type { Alert, TimerClear, TimerSet } from "./effects.ts";
import type { EventOf, FactType } from "./facts/catalog.ts";
import type { SafetyState } from "./facts/safety.ts";
import { alertedByReporter, isSafetyCode, type SafetyCode } from "./safety.codes.ts";

export { type SafetyState, safetyStates } from "./facts/safety.ts";

/** New orders may leave the process; in FAIL and LOCKDOWN only a cancel that is asked for may (spec S5). */
export const tradingAllowed = (state: SafetyState): boolean => state === "NORMAL" || state === "WARNING";

export interface SafetyInput {
  /** WARNING ends after this long without an anomaly. */
  readonly quietPeriodMs: number;
  /** A broker that stays away for longer than this is a fail-safe. */
  readonly brokerGraceMs: number;
}

export const safetyTakes = [
  "anomaly.raised",
  "guardrail.tripped",
  "failsafe.tripped",
  "failsafe.cleared",
  "emergency.stop.requested",
  "kill.switch.tripped",
  "kill.switch.cleared",
  "operator.lockdown.requested",
  "operator.lockdown.released",
  "broker.connected",
  "broker.disconnected",
  "timer.due",
] as const satisfies readonly FactType[];
export type SafetyEvent = EventOf<typeof safetyTakes>;

/** Told to every consumer in the same step as the fact that caused it. */
export type SafetyAnnouncement = {
  readonly type: "safety.announce";
  readonly from: SafetyState;
  readonly to: SafetyState;
  readonly code: string;
  readonly reason: string;
};
export type SafetyEffect = SafetyAnnouncement | TimerSet | TimerClear | Alert;

export interface SafetyContext {
  readonly policy: SafetyInput;
  /** Time of the last change of state; null before the first. */
  readonly since: number | null;
  /** Why the state is what it is; null in an untroubled NORMAL. */
  readonly cause: { readonly code: string; readonly reason: string; readonly at: number } | null;
  /** The deadline at which WARNING ends. */
  readonly quietUntil: number | null;
  /** The deadline at which a lost broker connection becomes a fail-safe. */
  readonly brokerDueAt: number | null;
  /** Why the kill switch is on, and since when; null while it is off. Nobody releases LOCKDOWN while it is on. */
  readonly killSwitch: { readonly reason: string; readonly at: number } | null;
  /** Codes a person has been alerted to since the last untroubled NORMAL. */
  readonly alerted: readonly SafetyCode[];
}

/** Timer ids of this machine. */
export const quietTimer = "safety.quiet";
export const brokerTimer = "safety.broker";

const bySomebody = ({ operator, reason }: { readonly operator?: string; readonly reason: string }): string =>
  operator === undefined ? reason : `${operator}: ${reason}`;

/** The registered code behind an event, and what to tell a person. */
const causeOf = (event: SafetyEvent): { readonly code: string; readonly reason: string } => {
  switch (event.type) {
    case "anomaly.raised":
    case "guardrail.tripped":
    case "failsafe.tripped":
    case "failsafe.cleared":
      return { code: event.code, reason: event.reason };
    case "emergency.stop.requested":
      return { code: "FS120", reason: bySomebody(event) };
    case "kill.switch.tripped":
    case "kill.switch.cleared":
      return { code: "FS121", reason: event.reason };
    case "operator.lockdown.requested":
      return { code: "FS122", reason: bySomebody(event) };
    case "operator.lockdown.released":
      return { code: "FS122", reason: bySomebody(event) };
    case "broker.disconnected":
      return { code: "AN051", reason: `${event.broker}: ${event.reason}` };
    case "broker.connected":
      return { code: "FS040", reason: `${event.broker} is connected again` };
    case "timer.due":
      return { code: "FS040", reason: "the broker did not come back within the grace period" };
    default:
      return event satisfies never;
  }
};

const registered = (code: string, fallback: SafetyCode): SafetyCode => (isSafetyCode(code) ? code : fallback);

const announce = (from: SafetyState, to: SafetyState) => ({ type: "announce" as const, params: { from, to } });
const announceEnd = (from: SafetyState, how: string) => ({ type: "announceEnd" as const, params: { from, how } });

const base = setup({
  types: {
    context: {} as SafetyContext,
    input: {} as SafetyInput,
    events: {} as SafetyEvent,
    emitted: {} as SafetyEffect,
  },
  guards: {
    isQuiet: ({ context, event }) =>
      event.type === "timer.due" && event.id === quietTimer && context.quietUntil !== null && event.at >= context.quietUntil,
    isBrokerOverdue: ({ context, event }) =>
      event.type === "timer.due" && event.id === brokerTimer && context.brokerDueAt !== null && event.at >= context.brokerDueAt,
    namesTheCause: ({ context, event }) => causeOf(event).code === context.cause?.code,
    mayBeReleased: ({ context, event }) =>
      context.killSwitch === null &&
      event.type === "operator.lockdown.released" &&
      event.operator.trim() !== "" &&
      event.reason.trim() !== "",
  },
  actions: {
    announce: enqueueActions(({ event, enqueue }, { from, to }: { from: SafetyState; to: SafetyState }) => {
      const cause = causeOf(event);
      enqueue.emit({ type: "safety.announce", from, to, ...cause });
      enqueue.assign({ since: event.at, cause: { ...cause, at: event.at } });
    }),
    // The end of a trouble is announced under the code that began it.
    announceEnd: enqueueActions(({ context, event, enqueue }, { from, how }: { from: SafetyState; how: string }) => {
      const code = context.cause?.code ?? causeOf(event).code;
      const reason = event.type === "timer.due" ? how : `${how}: ${causeOf(event).reason}`;
      enqueue.emit({ type: "safety.announce", from, to: "NORMAL", code, reason });
      for (const alerted of context.alerted) enqueue.emit({ type: "alert.resolved", code: alerted, text: reason });
      enqueue.assign({ since: event.at, cause: null, alerted: [] });
    }),
    noteCause: assign(({ event }) => ({ cause: { ...causeOf(event), at: event.at } })),
    // The first look at it is what a person wants to know: the same switch found again is no news.
    noteKillSwitch: assign(({ context, event }) => ({
      killSwitch: context.killSwitch ?? { reason: causeOf(event).reason, at: event.at },
    })),
    forgetKillSwitch: assign({ killSwitch: null }),
    alertWarning: enqueueActions(({ context, event, enqueue }) => {
      const { code, reason } = causeOf(event);
      if (alertedByReporter(code)) return;
      const known = registered(code, "AN199");
      enqueue.emit({ type: "alert.warning", code: known, text: known === code ? reason : `${code}: ${reason}` });
      enqueue.assign({ alerted: [...new Set([...context.alerted, known])] });
    }),
    alertCritical: enqueueActions(({ context, event, enqueue }) => {
      const { code, reason } = causeOf(event);
      const known = registered(code, "FS199");
      enqueue.emit({ type: "alert.critical", code: known, text: known === code ? reason : `${code}: ${reason}` });
      enqueue.assign({ alerted: [...new Set([...context.alerted, known])] });
    }),
    // A step of the clock backwards must not shorten a quiet period that is already running (spec S18).
    renewQuietPeriod: enqueueActions(({ context, event, enqueue }) => {
      const quietUntil = Math.max(context.quietUntil ?? 0, event.at + context.policy.quietPeriodMs);
      enqueue.assign({ quietUntil });
      enqueue.emit({ type: "timer.set", id: quietTimer, at: quietUntil });
    }),
    endQuietPeriod: enqueueActions(({ enqueue }) => {
      enqueue.assign({ quietUntil: null });
      enqueue.emit({ type: "timer.clear", id: quietTimer });
    }),
    // Adapters report every failed attempt to reconnect: only the first starts the grace period.
    startBrokerGrace: enqueueActions(({ context, event, enqueue }) => {
      if (context.brokerDueAt !== null) return;
      const brokerDueAt = event.at + context.policy.brokerGraceMs;
      enqueue.assign({ brokerDueAt });
      enqueue.emit({ type: "timer.set", id: brokerTimer, at: brokerDueAt });
    }),
    endBrokerGrace: enqueueActions(({ enqueue }) => {
      enqueue.assign({ brokerDueAt: null });
      enqueue.emit({ type: "timer.clear", id: brokerTimer });
    }),
    // A timer that came before its time, because the clock stepped back, is asked for again.
    askAgain: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "timer.due") return;
      const at = event.id === quietTimer ? context.quietUntil : event.id === brokerTimer ? context.brokerDueAt : null;
      if (at !== null) enqueue.emit({ type: "timer.set", id: event.id, at });
    }),
  },
});

/** What leads to LOCKDOWN from anywhere. */
const lockdownFrom = (from: SafetyState) => {
  const announced = announce(from, "LOCKDOWN");
  const actions =
    from === "WARNING" ? ([announced, "endQuietPeriod", "alertCritical"] as const) : ([announced, "alertCritical"] as const);
  const down = { target: "LOCKDOWN", actions } as const;
  return {
    "emergency.stop.requested": down,
    "kill.switch.tripped": { target: "LOCKDOWN", actions: [...actions, "noteKillSwitch"] },
    "operator.lockdown.requested": down,
  } as const;
};

/** What cannot worsen a state in which nothing is traded, and yet a person should read. */
const onlyAlerts = { "anomaly.raised": { actions: "alertWarning" }, "guardrail.tripped": { actions: "alertWarning" } } as const;

export const safetyMachine = base.createMachine({
  id: "safety",
  context: ({ input }) => ({
    policy: input,
    since: null,
    cause: null,
    quietUntil: null,
    brokerDueAt: null,
    killSwitch: null,
    alerted: [],
  }),
  initial: "NORMAL",
  states: {
    NORMAL: {
      description: "Trading is allowed.",
      on: {
        ...lockdownFrom("NORMAL"),
        "anomaly.raised": { target: "WARNING", actions: [announce("NORMAL", "WARNING"), "renewQuietPeriod", "alertWarning"] },
        "guardrail.tripped": { target: "WARNING", actions: [announce("NORMAL", "WARNING"), "renewQuietPeriod", "alertWarning"] },
        "broker.disconnected": {
          target: "WARNING",
          actions: [announce("NORMAL", "WARNING"), "renewQuietPeriod", "startBrokerGrace", "alertWarning"],
        },
        "broker.connected": { actions: "endBrokerGrace" },
        "failsafe.tripped": { target: "FAIL", actions: [announce("NORMAL", "FAIL"), "alertCritical"] },
        "timer.due": [
          {
            guard: "isBrokerOverdue",
            target: "FAIL",
            actions: [announce("NORMAL", "FAIL"), "endBrokerGrace", "alertCritical"],
          },
          { actions: "askAgain" },
        ],
      },
    },
    WARNING: {
      description:
        "Trading is allowed and somebody should look. Ends by itself after a quiet period; each new anomaly renews it.",
      on: {
        ...lockdownFrom("WARNING"),
        "anomaly.raised": { actions: ["noteCause", "renewQuietPeriod", "alertWarning"] },
        "guardrail.tripped": { actions: ["noteCause", "renewQuietPeriod", "alertWarning"] },
        "broker.disconnected": { actions: ["noteCause", "renewQuietPeriod", "startBrokerGrace", "alertWarning"] },
        "broker.connected": { actions: "endBrokerGrace" },
        "failsafe.tripped": { target: "FAIL", actions: [announce("WARNING", "FAIL"), "endQuietPeriod", "alertCritical"] },
        "timer.due": [
          {
            guard: "isBrokerOverdue",
            target: "FAIL",
            actions: [announce("WARNING", "FAIL"), "endQuietPeriod", "endBrokerGrace", "alertCritical"],
          },
          { guard: "isQuiet", target: "NORMAL", actions: [announceEnd("WARNING", "the quiet period is over"), "endQuietPeriod"] },
          { actions: "askAgain" },
        ],
      },
    },
    FAIL: {
      description:
        "No new order leaves. QTS cancels nothing by itself: open orders stay at the venue, and a cancel that is asked for passes, also the strategy's, because evaluation goes on. Ends when the cause itself is reported as cleared; a second fail-safe locks down.",
      on: {
        ...lockdownFrom("FAIL"),
        ...onlyAlerts,
        "failsafe.tripped": { target: "LOCKDOWN", actions: [announce("FAIL", "LOCKDOWN"), "alertCritical"] },
        "failsafe.cleared": { guard: "namesTheCause", target: "NORMAL", actions: announceEnd("FAIL", "cleared") },
        "broker.disconnected": { actions: ["startBrokerGrace", "alertWarning"] },
        "broker.connected": [
          { guard: "namesTheCause", target: "NORMAL", actions: [announceEnd("FAIL", "cleared"), "endBrokerGrace"] },
          { actions: "endBrokerGrace" },
        ],
        "timer.due": [
          {
            guard: "isBrokerOverdue",
            target: "LOCKDOWN",
            actions: [announce("FAIL", "LOCKDOWN"), "endBrokerGrace", "alertCritical"],
          },
          { actions: "askAgain" },
        ],
      },
    },
    LOCKDOWN: {
      description:
        "No new order leaves and nothing is evaluated; open orders stay at the venue, and a cancel that is asked for passes. Only a named person with a reason ends it, also after a restart: the breach may be our own bug. Nobody ends it while the kill switch is on.",
      on: {
        ...onlyAlerts,
        "failsafe.tripped": { actions: "alertCritical" },
        "emergency.stop.requested": { actions: "alertCritical" },
        "kill.switch.tripped": { actions: ["alertCritical", "noteKillSwitch"] },
        "kill.switch.cleared": { actions: "forgetKillSwitch" },
        "operator.lockdown.requested": { actions: "alertCritical" },
        "operator.lockdown.released": {
          guard: "mayBeReleased",
          target: "NORMAL",
          actions: announceEnd("LOCKDOWN", "released"),
        },
        "broker.disconnected": { actions: ["startBrokerGrace", "alertWarning"] },
        "broker.connected": { actions: "endBrokerGrace" },
        "timer.due": [{ guard: "isBrokerOverdue", actions: ["endBrokerGrace", "alertCritical"] }, { actions: "askAgain" }],
      },
    },
  },
});
