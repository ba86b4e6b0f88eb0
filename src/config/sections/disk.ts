/** From when a full disk is a trouble. */
import { z } from "zod";
import { periodMs, share } from "../values.ts";

export const disk = z
  .strictObject({ warningFreeShare: share, criticalFreeShare: share, measureEveryMs: periodMs })
  .refine(
    ({ warningFreeShare, criticalFreeShare }) => criticalFreeShare <= warningFreeShare,
    "wants criticalFreeShare ≤ warningFreeShare",
  );
