/** The visits of this browser, kept by it. */
import type { HouseStatus } from "#core/runtime/report.ts";
import { nextVisits, type Visit, type Visits } from "./visits.ts";

const key = "qts.visit";

const stored = (): Visits | undefined => {
  try {
    const visits = JSON.parse(localStorage.getItem(key) ?? "null") as Visits | null;
    return visits?.latest === undefined ? undefined : visits;
  } catch {
    return undefined;
  }
};

let visits = stored();

export const visitBefore = (): Visit | undefined => visits?.before;

export const remember = (status: HouseStatus, at: number): void => {
  const next = nextVisits(visits, status, at);
  if (next === visits) return;
  visits = next;
  localStorage.setItem(key, JSON.stringify(visits));
};
