/**
 * Every effect a machine can ask for, and the table of who performs it.
 *
 * The table does not compile with a hole in it. A handler never throws and never calls an actor: it starts the work and
 * offers the outcome as a fact.
 */
import type { Effect } from "../actors.ts";

export type { Effect } from "../actors.ts";
export type EffectType = Effect["type"];
export type EffectOf<T extends EffectType> = Extract<Effect, { readonly type: T }>;

/** Effects the house performs itself, at once, also while the journal is replayed: they only touch tables and actors. */
export const innerEffects = ["timer.set", "timer.clear", "safety.announce"] as const satisfies readonly EffectType[];
export type InnerEffectType = (typeof innerEffects)[number];

/** Effects that cannot be taken back: they run only after the journal has said that their cause is on disk. */
export const irreversibleEffects = [
  "broker.submit",
  "broker.cancel",
  "broker.replace",
  "cleanup.run",
  // A beat says that the house can write: one that the disk never took must not leave.
  "heartbeat.send",
] as const satisfies readonly EffectType[];

export type OuterEffectType = Exclude<EffectType, InnerEffectType>;
export type EffectHandlers = { readonly [T in OuterEffectType]: (effect: EffectOf<T>) => void };

/** One row per effect, for the reference page, with the part whose handler performs it; the compiler keeps it complete. */
export const effectTable: { readonly [T in EffectType]: { readonly performedBy: string; readonly says: string } } = {
  "timer.set": {
    performedBy: "the house",
    says: "Bring `timer.due` once this time is reached; the same id again replaces the deadline.",
  },
  "timer.clear": { performedBy: "the house", says: "Forget a deadline." },
  "safety.announce": { performedBy: "the house", says: "Tell every consumer of the safety state, in the same step." },
  "safety.report": {
    performedBy: "parts/posture",
    says: "Tell the safety machine of an anomaly, a guardrail, a fail-safe, or that one is cleared.",
  },
  "alert.critical": { performedBy: "parts/alerts", says: "Tell a person now." },
  "alert.warning": { performedBy: "parts/alerts", says: "Tell a person." },
  "alert.resolved": { performedBy: "parts/alerts", says: "Tell a person that it is over." },
  "operating.announce": { performedBy: "parts/posture", says: "The state in force has moved: log it and tell handlers." },
  "operating.history.append": { performedBy: "parts/posture", says: "Add a line to the operating state's history." },
  "order.route": { performedBy: "parts/orders", says: "Run the risk gates; the answer is order.approved or order.denied." },
  "broker.submit": { performedBy: "parts/orders", says: "Send the order, once." },
  "broker.cancel": { performedBy: "parts/orders", says: "Ask the venue to cancel." },
  "broker.replace": { performedBy: "parts/orders", says: "Ask the venue to change quantity or price." },
  "order.query": { performedBy: "parts/orders", says: "Ask the broker what became of the order." },
  "reconciliation.begin": { performedBy: "parts/orders", says: "Tell that a run begins." },
  "broker.compare": {
    performedBy: "parts/orders",
    says: "Ask the broker for orders, executions and the account, tell what was missing, and compare the rest.",
  },
  "order.report.absent": {
    performedBy: "parts/orders",
    says: "Tell an order that the venue never had it: order.reconciled, absent.",
  },
  "reconciliation.complete": {
    performedBy: "parts/orders",
    says: "Tell that both sides agree, with the orders that still wait for an outcome.",
  },
  "reconciliation.fail": {
    performedBy: "parts/orders",
    says: "Tell that positions disagree or that the broker did not answer.",
  },
  "position.announce": { performedBy: "parts/orders", says: "A fill moved a position: tell handlers." },
  "cycle.run": { performedBy: "parts/strategy", says: "Run one evaluation cycle." },
  "feed.connect": { performedBy: "parts/recording", says: "Open the source where the archive ends." },
  "feed.stop": { performedBy: "parts/recording", says: "Close the source." },
  "feed.measure": { performedBy: "parts/recording", says: "Look at the age of the newest data." },
  "feed.await": { performedBy: "parts/recording", says: "Say when data arrives again." },
  "archive.open": { performedBy: "parts/recording", says: "Cut torn tails and begin to write." },
  "archive.close": { performedBy: "parts/recording", says: "Write what waits, fsync, seal." },
  "maintenance.plan": { performedBy: "parts/maintenance", says: "List the files and what of them the backup lacks." },
  "backup.run": { performedBy: "parts/maintenance", says: "Write what is lacking into a new archive." },
  "backup.verify": { performedBy: "parts/maintenance", says: "Read the archive back and make the manifest durable." },
  "retention.scan": { performedBy: "parts/maintenance", says: "Split the manifest's files into kept and expired." },
  "cleanup.run": { performedBy: "parts/maintenance", says: "Delete expired files that have proof." },
  "schedule.run": { performedBy: "parts/scheduler", says: "Run a scheduled target." },
  "schedule.retry": { performedBy: "parts/scheduler", says: "Offer the target again later." },
  "schedule.resume": { performedBy: "parts/scheduler", says: "Look for occurrences that were missed." },
  "heartbeat.send": { performedBy: "parts/heartbeat", says: "Tell the dead-man's switch outside that the house lives." },
  "session.venue.open": { performedBy: "parts/session", says: "Connect to the venue and compare orders." },
  "session.begin": { performedBy: "parts/session", says: "Begin the market, and trading if configuration says so." },
  "session.halt": {
    performedBy: "parts/session",
    says: "Begin nothing new: no cycle, and no market data in the middle of a day.",
  },
  "session.venue.close": { performedBy: "parts/session", says: "Close the market at a venue that plays along." },
  "session.seal": { performedBy: "parts/session", says: "Have the archive sealed, for a bounded time." },
  "session.settle": { performedBy: "parts/session", says: "Compare our orders with the venue's at the day's end." },
  "session.maintain": { performedBy: "parts/session", says: "Do the work that belongs to the end of the day." },
  "session.wait": { performedBy: "parts/session", says: "Wind the market's clock where nobody else does." },
  "session.close": { performedBy: "parts/session", says: "Drain the lanes, report, and let go of everything." },
  "component.restart": { performedBy: "parts/session", says: "A part was started again." },
  "component.report.failed": { performedBy: "parts/session", says: "A part stopped with an error." },
};
