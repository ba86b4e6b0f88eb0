/** The scheduler: it runs what the parts want run at their times, also when a run was missed. */
import { schedulerMachine } from "#machines/scheduler.machine.ts";
import { createScheduler } from "#ops/automation/scheduler.ts";
import type { Part, PartContext } from "./part.ts";

export const createSchedulerPart = ({ ports: { clock }, offer, parts }: PartContext) => {
  const scheduler = createScheduler({ clock, offer });
  return {
    name: "scheduler",
    machines: { scheduler: { logic: schedulerMachine, input: { failuresMax: 3, backoffMsMin: 1000, backoffMsMax: 60_000 } } },
    effects: scheduler.handlers,
    readings: { schedule: scheduler.lines },
    opened: () => {
      for (const { schedules = [] } of parts())
        for (const { name, schedule, run } of schedules) {
          const added = scheduler.addTarget(name, schedule, run);
          if (!added.ok) throw new Error(`broken assumption: the schedule of ${name} was not checked: ${added.error}`);
        }
      scheduler.run();
    },
    quieten: () => scheduler.stop(),
  } satisfies Part;
};
