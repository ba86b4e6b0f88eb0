/** When snapshots are written and what is kept. */
import { z } from "zod";
import { positive } from "../values.ts";

export const journal = z.strictObject({ snapshotEveryFacts: positive, snapshotsKept: positive, recordsKept: positive });
