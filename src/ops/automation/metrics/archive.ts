/** The rows of market data on their way to disk; each stage's rows can be added up by whoever scrapes (A2). */
import type { Subject } from "./subject.ts";

export const registerArchive: Subject = ({ counter }) => {
  const stageIn = counter("stage_in", "Rows into a stage; equals out + refused + errored.", ["stage"]);
  const stageOut = counter("stage_out", "Rows out of a stage.", ["stage"]);
  const stageRefused = counter("stage_refused", "Rows a stage refused, by reason.", ["stage", "reason"]);
  const stageErrored = counter("stage_errored", "Rows lost to an error of the stage itself.", ["stage"]);
  const archive = {
    received: counter("archive_received", "Rows received; equals persisted + refused + errored + those still waiting."),
    persisted: counter("archive_persisted", "Rows that are on disk."),
    refused: counter("archive_refused", "Rows refused by validation or guard."),
    errored: counter("archive_errored", "Rows lost to an error."),
  };

  return (status, stages) => {
    for (const [stage, { in: rowsIn, out, refusedBy, errored }] of Object.entries(stages)) {
      stageIn.inc({ stage }, rowsIn);
      stageOut.inc({ stage }, out);
      stageErrored.inc({ stage }, errored);
      for (const [reason, count] of Object.entries(refusedBy)) stageRefused.inc({ stage, reason }, count);
    }
    for (const [key, metric] of Object.entries(archive)) metric.inc(status.archive[key as keyof typeof archive]);
  };
};
