/**
 * Whose fault is it? What reaches the process outside a call (a timer, a promise that nobody waits for, process.exit) is told
 * apart by the stack: frames of a strategy's file, or of any file outside QTS, are a guest's.
 */
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { faultText } from "#core/strategy/guest.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const ours = ["src", "machines", "node_modules"].map((folder) => join(root, folder) + sep);

export interface GuestFaults {
  /** From now on this process has a guest: the code of this file, and of whatever it imports from outside QTS. */
  readonly welcome: (file: string) => void;
  /** @returns the sentence when it is the guest's fault; undefined when it is ours */
  readonly sentenceOf: (error: unknown, how: string) => string | undefined;
  /** @returns false when nobody listens */
  readonly tell: (sentence: string) => boolean;
  /** Told of every fault until what was returned is called; the newest listener alone is told. */
  readonly onFault: (listener: (sentence: string) => void) => () => void;
}

interface Frame {
  readonly path: string;
  readonly place: string;
}

const framesOf = (error: unknown): readonly Frame[] => {
  if (!(error instanceof Error)) return [];
  return [...(error.stack ?? "").matchAll(/^ +at (?:.*\()?((?:file:\/\/)?\/[^\n]*?):(\d+):(\d+)\)?$/gm)].map(
    ([, path = "", line, column]) => ({
      path: path.startsWith("file://") ? fileURLToPath(path) : path,
      place: `${line}:${column}`,
    }),
  );
};

export const createGuestFaults = (): GuestFaults => {
  const guests = new Set<string>();
  let listen: ((sentence: string) => void) | undefined;

  const isGuest = ({ path }: Frame): boolean => guests.has(path) || !ours.some((folder) => path.startsWith(folder));

  return {
    welcome: (file) => void guests.add(file),
    sentenceOf: (error, how) => {
      const [guest] = guests;
      if (guest === undefined) return undefined;
      const frame = framesOf(error).find(isGuest);
      // QTS and Node throw errors; what is none was thrown by whoever is not so strict.
      const isError = error instanceof Error && (error as { readonly code?: string }).code !== "ERR_UNHANDLED_REJECTION";
      if (frame === undefined && isError) return undefined;
      const what =
        error instanceof Error && !isError ? rejectedWith(error) : faultText(error).replace(/ \([^()]*:\d+:\d+\)$/, "");
      return `the strategy ${guest} ${how}: ${what}${frame === undefined ? "" : ` (${frame.path}:${frame.place})`}`;
    },
    tell: (sentence) => {
      listen?.(sentence);
      return listen !== undefined;
    },
    onFault: (listener) => {
      listen = listener;
      return () => {
        if (listen === listener) listen = undefined;
      };
    },
  };
};

const rejectedWith = ({ message }: Error): string =>
  /reason "(.*)"\.$/s.exec(message)?.[1]?.slice(0, 300) ?? "a value that is no error";
