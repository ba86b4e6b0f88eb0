/** Every part of the house, the session apart. One more part is one more line here. */
import { createAlertsPart } from "./alerts.ts";
import { createHealthPart } from "./health.ts";
import { createHeartbeatPart } from "./heartbeat.ts";
import { createKillSwitchPart } from "./kill-switch.ts";
import { createMaintenancePart } from "./maintenance.ts";
import { createOrdersPart } from "./orders.ts";
import type { PartContext } from "./part.ts";
import { createPosturePart } from "./posture.ts";
import { createRecordingPart } from "./recording.ts";
import { createSamplesPart } from "./samples.ts";
import { createSchedulerPart } from "./scheduler.ts";
import { createStrategyPart } from "./strategy.ts";
import { createVitalsPart } from "./vitals.ts";

/** In the order in which each step of a session reaches them. */
export const createParts = (context: PartContext) =>
  [
    createKillSwitchPart(context),
    createAlertsPart(context),
    createSchedulerPart(context),
    createPosturePart(context),
    createVitalsPart(context),
    createSamplesPart(context),
    createStrategyPart(context),
    createOrdersPart(context),
    createMaintenancePart(context),
    createRecordingPart(context),
    createHealthPart(context),
    createHeartbeatPart(context),
  ] as const;
