/** The files of maintenance. */
import { type Subject, snake } from "./subject.ts";

export const registerMaintenance: Subject = ({ gauge }) => {
  const files = gauge("maintenance_files", "Files of the session's maintenance runs by outcome.", ["outcome"]);

  return ({ maintenance }) => {
    for (const [outcome, count] of Object.entries(maintenance)) files.set({ outcome: snake(outcome) }, count);
  };
};
