/** What has to be archived, what an earlier archive holds already, and what is left alone. */
import type { SkippedFile, SourceFile, Survey } from "../../ports.ts";
import { type Catalog, type CatalogEntry, isSameFile } from "./manifest.ts";

export interface BackupPlan {
  readonly toArchive: readonly SourceFile[];
  readonly unchanged: readonly CatalogEntry[];
  readonly skipped: readonly SkippedFile[];
  /** Files that no include glob matches. */
  readonly unmatched: number;
  /** What a killed run had taken aside and has its name again. */
  readonly returned: readonly string[];
}

/** Names under which a writer keeps what is not finished or not whole. */
const unfinished = /\.(?:open|partial|tmp|torn|suspect)(?:\.|$)/;

/**
 * @param isOpen says whether somebody is still writing to the file; such files are neither backed up nor deleted
 */
export const planBackup = (survey: Survey, catalog: Catalog, isOpen: (path: string) => boolean): BackupPlan => {
  const toArchive: SourceFile[] = [];
  const unchanged: CatalogEntry[] = [];
  const skipped: SkippedFile[] = [...survey.skipped];
  for (const file of survey.files) {
    if (unfinished.test(file.path)) skipped.push({ path: file.path, reason: "its name says that it is not finished" });
    else if (isOpen(file.path)) skipped.push({ path: file.path, reason: "it is still being written" });
    else {
      const newest = catalog.get(file.path)?.[0];
      if (newest !== undefined && isSameFile(newest, file)) unchanged.push(newest);
      else toArchive.push(file);
    }
  }
  return { toArchive, unchanged, skipped, unmatched: survey.unmatched, returned: survey.returned };
};
