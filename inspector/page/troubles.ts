/** What is out of its limit, as sentences, the worst first: what a person reads before any figure (spec I5). */
import type { Sight } from "#core/runtime/inspection.ts";
import type { OpsSight } from "#core/runtime/ops-sight.ts";
import type { HouseStatus } from "#core/runtime/report.ts";
import { count, counted, duration, ms } from "./format.ts";
import { runText } from "./ops.ts";
import { words } from "./words.ts";

export interface Trouble {
  readonly level: "alarm" | "watch";
  readonly sentence: string;
  /** Where to look. */
  readonly link?: string;
}

const lossWords = {
  alerts: ["alert", "reached nobody"],
  effectsWithheld: ["effect", "withheld because the journal failed"],
  signals: ["signal", "came too late"],
  deadLettersForgotten: ["letter of a fact given up", "forgotten"],
  logLines: ["log line", "lost"],
} as const;

/** A loop that is late by this much lets P0 wait. */
const loopP99MsMax = 100;

/** Maintenance comes once a day: twice without a proven backup is no accident. */
const backupAgeMsMax = 2 * 86_400_000;

/** Of what ops knows: undefined where the page has not been told, null before the snapshot has been read. */
const troublesOfOps = (ops: OpsSight | null | undefined): Trouble[] => {
  if (!ops) return [];
  const link = "#/ops";
  const found: Trouble[] = [];
  const { critical } = ops.gaps.counts;
  if (critical > 0) found.push({ level: "alarm", sentence: words.troubles.gaps(critical), link });
  if (ops.run?.outcome === "failed" || ops.run?.outcome === "refused")
    found.push({ level: "watch", sentence: runText(ops.run), link });
  const age = ops.lastVerified === null ? 0 : ops.at - ops.lastVerified.at;
  if (age > backupAgeMsMax) found.push({ level: "watch", sentence: words.troubles.backup(duration(age)), link });
  if (ops.alerts.open.length > 0) found.push({ level: "watch", sentence: words.now.openAlerts(ops.alerts.open), link });
  return found;
};

export const troublesOf = (status: HouseStatus, sight: Sight | undefined, ops?: OpsSight | null): Trouble[] => {
  const found: Trouble[] = [];
  const alarm = (sentence: string, link?: string): void => {
    found.push({ level: "alarm", sentence, ...(link === undefined ? {} : { link }) });
  };
  const watch = (sentence: string, link?: string): void => {
    found.push({ level: "watch", sentence, ...(link === undefined ? {} : { link }) });
  };

  if (status.journal.failure !== null) alarm(`The journal takes nothing any more: ${status.journal.failure}.`);
  for (const { name, broken } of sight?.machines ?? [])
    if (broken !== null) alarm(`The machine ${name} has stopped: ${broken}.`, `#/machines/${name}`);
  const { unknown } = status.orders;
  if (unknown > 0)
    alarm(`It is not known of ${counted(unknown, "order")} whether the venue has ${unknown === 1 ? "it" : "them"}.`, "#/orders");
  const overdue = (sight?.orders ?? []).filter(({ isOverdue, isLive }) => isOverdue && isLive).length;
  if (overdue > 0) alarm(`${counted(overdue, "order")} got no answer in time; a person must look.`, "#/orders");
  for (const { name, state, reason } of sight?.health ?? [])
    if (state === "critical") alarm(`Check ${name}: ${reason}.`);
    else if (state === "warning") watch(`Check ${name}: ${reason}.`);
  if (status.archive.errored > 0) alarm(`${counted(status.archive.errored, "row")} could not be written to the archive.`);
  for (const [name, lane] of Object.entries(status.lanes)) {
    if (lane.dropped > 0) {
      const sentence = `Lane ${name} has dropped ${counted(lane.dropped, "fact")} of this run${lane.paused ? "; safety holds it" : ""}.`;
      if (name === "P0" || name === "P1") alarm(sentence);
      else watch(sentence);
    } else if (lane.paused && lane.depth >= lane.capacity / 2)
      watch(
        `Safety holds lane ${name}, and ${count(lane.depth)} of ${count(lane.capacity)} places are taken: it will drop facts.`,
      );
    if (lane.deadLettered > 0) watch(`${counted(lane.deadLettered, "fact")} of lane ${name} could not be handled.`);
  }
  for (const [key, [one, what]] of Object.entries(lossWords)) {
    const lost = status.losses[key as keyof typeof lossWords] ?? 0;
    if (lost > 0) watch(`${counted(lost, one)} ${what}.`);
  }
  const feed = status.machines.feed ?? "live";
  if (["stale", "lost", "reconnecting", "failed"].includes(feed))
    watch(`Market data does not arrive: the feed is ${feed}.`, "#/machines/feed");
  found.push(...troublesOfOps(ops));
  const restarts = Object.entries(status.restarts).filter(([, times]) => times > 0);
  for (const [part, times] of restarts) watch(`${part} was restarted ${counted(times, "time")} lately.`);
  if (status.loopDelayMs.p99 > loopP99MsMax) watch(`The event loop is late: p99 ${ms(status.loopDelayMs.p99)}.`);
  return [...found.filter(({ level }) => level === "alarm"), ...found.filter(({ level }) => level === "watch")];
};
