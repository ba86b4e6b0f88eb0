/**
 * Facts of the heartbeat.
 *
 * Not journaled: what became of a beat means nothing to the next process, which beats at once, and one in a minute for months
 * would only fill the journal. P0 all the same, like other measurements that a machine takes (archive.measured): safety pauses
 * the lower lanes, and the heartbeat must go on in LOCKDOWN.
 */
import { factTable } from "./fact.ts";

export const heartbeatFacts = factTable({
  "heartbeat.sent": {
    priority: "P0",
    journaled: false,
    payload: { beat: "natural" },
    says: "The dead-man's switch outside has taken a heartbeat.",
  },
  "heartbeat.failed": {
    priority: "P0",
    journaled: false,
    payload: { beat: "natural", reason: "text" },
    says: "A heartbeat did not arrive. The reason never names the address.",
  },
});
