/** What `qts doctor` says of one thing. */
export interface DoctorCheck {
  readonly name:
    | "node"
    | "configuration"
    | "home"
    | "session"
    | "disk"
    | "port"
    | "clock"
    | "data"
    | "calendar"
    | "kill-switch"
    | "alerts";
  readonly state: "ok" | "warn" | "fail";
  /** For a person; with the remedy unless it is ok. */
  readonly sentence: string;
}

export type Finding = Omit<DoctorCheck, "name">;
export const fine = (sentence: string): Finding => ({ state: "ok", sentence });
export const warn = (sentence: string): Finding => ({ state: "warn", sentence });
export const fail = (sentence: string): Finding => ({ state: "fail", sentence });
