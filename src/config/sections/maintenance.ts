/** When backups are made and what is deleted after them. */
import { z } from "zod";
import { count, positive, share } from "../values.ts";

export const maintenance = z.strictObject({
  enabled: z.boolean(),
  atDayEnd: z.boolean(),
  dailyAt: z.string().regex(/^\d\d:\d\d$/, "is a time of day, HH:MM"),
  policy: z.strictObject({ rawSnapshotDays: positive, patternRecordDays: positive, filesKeptMin: count }),
  deleteShareMax: share,
  gzipLevel: z.int().min(1).max(9),
});
