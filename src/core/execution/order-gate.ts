/**
 * The only code that can reach a broker's order endpoint (spec O7, house.md). It holds two promises that no caller can break:
 * a submit approved under an older epoch is denied here, and no order id is ever sent twice.
 */
import { NewestSet } from "../newest.ts";
import type { Broker, OrderRequest, RiskApproved, SubmitError } from "../ports.ts";
import { err, type Result } from "../result.ts";

/** The present epoch. A stop, a lockdown or a lost lease changes it, and what was approved before is no longer sent. */
export interface EpochFence {
  readonly current: () => number;
  /** Lockdown: earlier approvals die, new ones are possible once the gates allow them. */
  readonly raise: (cause: string) => void;
  /** Stop or lost lease: nothing is submitted any more in this process. */
  readonly close: (cause: string) => void;
  readonly closedBy: () => string | undefined;
}

/** Room for raises within one lease; a lease's epochs never meet those of the next. */
const raisesMax = 1_000_000;

/** @param leaseEpoch grows with every acquisition of the home's lease */
export const createEpochFence = (leaseEpoch: number): EpochFence => {
  let raises = 0;
  let closedBy: string | undefined;
  return {
    current: () => leaseEpoch * raisesMax + raises,
    raise: () => {
      raises += 1;
    },
    close: (cause) => {
      raises += 1;
      closedBy ??= cause;
    },
    closedBy: () => closedBy,
  };
};

export interface OrderGate {
  /** Never rejects: what an adapter throws is an unknown outcome. */
  readonly submit: (request: RiskApproved<OrderRequest>) => Promise<Result<{ readonly brokerOrderId: string }, SubmitError>>;
  /** Cancels pass in every state of the house: they only reduce risk. */
  readonly cancel: Broker["cancel"];
  readonly replace: Broker["replace"];
  /** True from the moment the submit was handed to the broker. */
  readonly wasSent: (orderId: string) => boolean;
  /** True while the broker has not answered the submit: the request may still be on its way. */
  readonly isAwaited: (orderId: string) => boolean;
}

/** Ids remembered in memory. Older orders have long had an answer, and the desk sends no answered order. */
const sentKept = 100_000;

const withheld = (code: string, reason: string): Result<never, SubmitError> => err({ type: "not.sent", code, reason });

const safely = async <T>(call: () => Promise<Result<T, SubmitError>>): Promise<Result<T, SubmitError>> => {
  try {
    return await call();
  } catch (error) {
    return err({ type: "outcome.unknown", reason: `the broker adapter failed: ${String(error)}` });
  }
};

export const createOrderGate = ({ broker, fence }: { readonly broker: Broker; readonly fence: EpochFence }): OrderGate => {
  const sent = new NewestSet<string>(sentKept);
  const awaited = new Set<string>();
  return {
    submit: async (request) => {
      const { orderId, epoch } = request;
      if (sent.has(orderId)) return withheld("ALREADY_SENT", `${orderId} was handed to the broker before`);
      const closedBy = fence.closedBy();
      if (closedBy !== undefined) return withheld("FENCED", `nothing is submitted any more: ${closedBy}`);
      if (epoch !== fence.current())
        return withheld("FENCED", `approved in epoch ${epoch}, the present one is ${fence.current()}`);
      sent.add(orderId);
      awaited.add(orderId);
      const result = await safely(() => broker.submit(request));
      awaited.delete(orderId);
      return result;
    },
    cancel: (order) => safely(() => broker.cancel(order)),
    replace: async (order) => {
      const closedBy = fence.closedBy();
      if (closedBy !== undefined) return withheld("FENCED", `nothing is changed any more: ${closedBy}`);
      return safely(() => broker.replace(order));
    },
    wasSent: (orderId) => sent.has(orderId),
    isAwaited: (orderId) => awaited.has(orderId),
  };
};
