/** Facts of the archive, of maintenance and of the supervision of parts. */
import { factTable } from "./fact.ts";

export const opsFacts = factTable({
  "archive.opened": {
    priority: "P0",
    journaled: true,
    payload: { directory: "text", recoveredBytes: "natural" },
    says: "The archive can write; a torn tail was cut back by so many bytes.",
  },
  "archive.write.failed": {
    priority: "P0",
    journaled: true,
    payload: { path: "text", code: "text", reason: "text", bufferedRows: "natural" },
    says: "The archive could not write; rows wait in a bounded buffer.",
  },
  "archive.write.resumed": {
    priority: "P0",
    journaled: true,
    payload: { path: "text", replayedRows: "natural", lostRows: "natural" },
    says: "The archive writes again.",
  },
  "archive.close.requested": {
    priority: "P0",
    journaled: true,
    payload: { cause: "text" },
    says: "Nothing more is to be archived.",
  },
  "archive.closed": {
    priority: "P0",
    journaled: true,
    payload: { persisted: "natural" },
    says: "Every accepted row is on disk and the segments are sealed.",
  },
  "archive.measured": {
    priority: "P0",
    journaled: false,
    payload: { received: "natural", persisted: "natural", refused: "natural", errored: "natural", pending: "natural" },
    says: "The archive's counters so far in this run.",
  },
  "disk.measured": {
    priority: "P0",
    journaled: false,
    payload: { freeShare: "number", freeBytes: "natural", growthBytesPerHour: "number?", hoursUntilFull: "number?" },
    says: "Free space under the home, its growth, and when it is used up if nothing changes.",
  },
  "maintenance.run.requested": {
    priority: "P0",
    journaled: true,
    payload: { runId: "text", cause: "text" },
    says: "A maintenance run is due or was asked for.",
  },
  "maintenance.planned": {
    priority: "P0",
    journaled: true,
    payload: { runId: "text", files: "natural", bytes: "natural" },
    says: "The files to back up are listed.",
  },
  "maintenance.backup.completed": {
    priority: "P0",
    journaled: true,
    payload: { runId: "text", archivePath: "text?", files: "natural", bytes: "natural" },
    says: "What the backup lacked is written, if anything; nothing is proven yet.",
  },
  "maintenance.backup.verified": {
    priority: "P0",
    journaled: true,
    payload: { runId: "text", manifestPath: "text", manifestSha256: "text", files: "natural" },
    says: "The archive was read back and every file agrees with the durable manifest.",
  },
  "maintenance.scanned": {
    priority: "P0",
    journaled: true,
    payload: { runId: "text", expired: "natural", kept: "natural" },
    says: "Retention split the backed-up files into kept and expired.",
  },
  "maintenance.cleaned": {
    priority: "P0",
    journaled: true,
    payload: { runId: "text", deleted: "natural", kept: "natural", failed: "natural" },
    says: "Expired files with proof were deleted.",
  },
  "maintenance.failed": {
    priority: "P0",
    journaled: true,
    payload: { runId: "text", step: "text", reason: "text" },
    says: "The run stopped; data stays where it is.",
  },
  "component.failed": {
    priority: "P0",
    journaled: true,
    payload: { component: "text", reason: "text" },
    says: "A part stopped with an error and is to be restarted.",
  },
  "component.started": {
    priority: "P0",
    journaled: true,
    readBy: "people",
    payload: { component: "text" },
    says: "A part runs.",
  },
  "schedule.due": {
    priority: "P0",
    journaled: true,
    payload: { target: "text", dueAt: "at" },
    says: "A scheduled target is due.",
  },
  "schedule.finished": {
    priority: "P0",
    journaled: true,
    payload: { target: "text", ok: "flag", reason: "text?" },
    says: "A scheduled target ended.",
  },
  "session.started": {
    priority: "P0",
    journaled: true,
    payload: { session: "text", epoch: "natural", recovered: "flag" },
    says: "The house is up.",
  },
  "session.ended": {
    priority: "P0",
    journaled: true,
    payload: { session: "text", cause: "text" },
    says: "The house is about to close.",
  },
});
