/** When backups are made and what is deleted after them. */
import { z } from "zod";
import { count, days, share, timeOfDay } from "../values.ts";

export const maintenance = z.strictObject({
  enabled: z.boolean(),
  atDayEnd: z.boolean(),
  dailyAt: timeOfDay,
  policy: z.strictObject({ rawSnapshotDays: days.min(1), patternRecordDays: days.min(1), filesKeptMin: count }),
  deleteShareMax: share,
  gzipLevel: z.int().min(1).max(9),
});
