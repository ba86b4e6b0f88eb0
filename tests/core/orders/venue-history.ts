/**
 * A venue that does, in any order, everything that a venue may do to one order of ours, and says so late, twice, out of
 * order or never. Its rows, executions and account are the truth.
 */
import type { MemoryBroker } from "#adapters/memory/broker.ts";
import type { BrokerExecution, BrokerOrder, BrokerReport } from "#core/ports.ts";
import { createRandom } from "#core/random.ts";
import { ok } from "#core/result.ts";
import type { Rig } from "./rig.ts";

const orderId = "1";
const symbol = "SPY";

type Report = Exclude<BrokerReport, { readonly type: "connected" }>;

export interface VenueTruth {
  readonly isEnded: boolean;
  readonly cumulative: number;
  readonly leaves: number;
  readonly cashMinor: number;
}

export interface VenueHistory {
  /** One thing happens: the house asks, the venue acts, or reports arrive. */
  readonly step: () => Promise<void>;
  /** Every report that is not lost arrives. */
  readonly deliverAll: () => Promise<void>;
  readonly truth: () => VenueTruth;
  /** What happened, for a person who reads a failure. */
  readonly told: readonly string[];
}

/**
 * @param rig its broker is taken over; the order must have been submitted
 * @param lost how many of a hundred reports never arrive
 * @param hasNewIds a change may give the order a new id
 */
export const createVenueHistory = (
  rig: Rig,
  {
    seed,
    quantity,
    lost,
    hasNewIds,
  }: { readonly seed: number; readonly quantity: number; readonly lost: number; readonly hasNewIds: boolean },
): VenueHistory => {
  const random = createRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const isChance = (percent: number): boolean => random() * 100 < percent;
  const broker = rig.broker as { -readonly [K in keyof MemoryBroker]: MemoryBroker[K] };
  const clientOrderId = broker.capabilities.clientOrderIdLookup ? { clientOrderId: orderId } : {};
  const told: string[] = [];

  const ids = [rig.desk().order(orderId)?.brokerOrderId ?? "B1"];
  const present = (): string => ids.at(-1) as string;
  let ordered = quantity;
  let ended: "canceled" | "expired" | "rejected" | undefined;
  let fills: BrokerExecution[] = [];
  let fillCount = 0;
  const requests: ({ readonly total: number } | "cancel")[] = [];
  let onTheWay: Report[] = [];

  const cumulative = (): number => fills.reduce((sum, fill) => sum + fill.quantity, 0);
  const leaves = (): number => (ended === undefined ? ordered - cumulative() : 0);
  const named = () => ({ brokerOrderId: present(), ...clientOrderId, at: rig.now() });
  const say = (report: Report): void => {
    const isLost = isChance(lost);
    told.push(`${isLost ? "(lost) " : ""}${JSON.stringify(report)}`);
    if (!isLost) onTheWay.push(report);
  };

  const fill = (): void => {
    const lots = 1 + below(leaves());
    fillCount += 1;
    const of = { symbol, side: "buy", quantity: lots, priceMinor: 95 + below(6), feeMinor: below(3) } as const;
    const execution: BrokerExecution = { fillId: `f${fillCount}`, ...named(), ...of };
    fills = [...fills, execution];
    say({ type: "filled", ...execution, leavesQuantity: leaves() });
  };
  const change = (total: number): void => {
    ordered = Math.max(total, cumulative());
    const former = named();
    if (hasNewIds && isChance(50)) ids.push(`${ids[0]}-${ids.length}`);
    // Some venues cancel the old id and enter a new one.
    if (former.brokerOrderId !== present() && isChance(30)) say({ type: "canceled", ...former });
    say({ type: "replaced", ...named(), quantity: ordered });
  };
  const answer = (): void => {
    const request = requests.shift();
    const refusal = { code: "V2", reason: "no" };
    if (request === "cancel") {
      if (leaves() > 0 && isChance(70)) end("canceled");
      else say({ type: "cancelRejected", ...named(), ...refusal });
    } else if (request !== undefined) {
      if (ended === undefined && isChance(80)) change(request.total);
      else say({ type: "replaceRejected", ...named(), ...refusal });
    }
  };
  const end = (how: "canceled" | "expired" | "rejected"): void => {
    ended = how;
    if (how === "rejected") say({ type: how, ...named(), code: "V3", reason: "the rest is refused" });
    else say({ type: how, ...named() });
  };
  const bust = (): void => {
    const at = below(fills.length);
    const [{ fillId, brokerOrderId }] = fills.splice(at, 1) as [BrokerExecution];
    say({ type: "busted", fillId, ...named(), brokerOrderId });
  };
  const correct = (): void => {
    const at = below(fills.length);
    const was = fills[at] as BrokerExecution;
    const lots = 1 + below(was.quantity + ordered - cumulative());
    const is = { ...was, quantity: lots, priceMinor: 95 + below(6) };
    if (is.quantity === was.quantity && is.priceMinor === was.priceMinor) return;
    fills = fills.with(at, is);
    const { fillId, brokerOrderId } = is;
    say({ type: "corrected", fillId, ...named(), brokerOrderId, quantity: lots, priceMinor: is.priceMinor });
  };
  const ask = (): void => {
    const total = 1 + below(quantity * 2);
    const isCancel = isChance(20);
    told.push(isCancel ? "asks for a cancel" : `asks for ${total}`);
    if (isCancel) rig.offer({ type: "order.cancel.requested", payload: { orderId }, source: "test" });
    else rig.offer({ type: "order.replace.requested", payload: { orderId, quantity: total }, source: "test" });
  };

  broker.replace = async (request) => {
    requests.push({ total: request.quantity });
    return ok(undefined);
  };
  broker.cancel = async () => {
    requests.push("cancel");
    return ok(undefined);
  };
  const rowOf = (brokerOrderId: string): BrokerOrder => {
    const own = fills.reduce((sum, each) => (each.brokerOrderId === brokerOrderId ? sum + each.quantity : sum), 0);
    const isPresent = brokerOrderId === present();
    const isFilled = cumulative() > 0 && cumulative() >= ordered;
    const open = cumulative() > 0 ? "partiallyFilled" : "accepted";
    return {
      ...{
        brokerOrderId,
        ...clientOrderId,
        symbol,
        side: "buy",
        orderType: "limit",
        limitPriceMinor: 100,
        receivedAt: 1_000_000,
      },
      quantity: isPresent ? ordered - cumulative() + own : own,
      status: isPresent ? (ended ?? (isFilled ? "filled" : open)) : "canceled",
      cumulativeQuantity: own,
      leavesQuantity: isPresent ? leaves() : 0,
    };
  };
  broker.orders = async () => ok(isChance(50) ? ids.map(rowOf) : ids.map(rowOf).reverse());
  broker.executions = async () => ok(fills);
  const cashMinor = (): number => fills.reduce((sum, each) => sum - each.quantity * each.priceMinor - each.feeMinor, 0);
  broker.account = async () =>
    ok({ positions: cumulative() === 0 ? [] : [{ symbol, quantity: cumulative() }], cashMinor: cashMinor() });

  const deliver = async (percent: number): Promise<void> => {
    const arriving = onTheWay.filter(() => isChance(percent));
    onTheWay = onTheWay.filter((report) => !arriving.includes(report));
    while (arriving.length > 0) {
      const [report] = arriving.splice(below(arriving.length), 1) as [Report];
      told.push(`→ ${report.type} ${"fillId" in report ? report.fillId : ""} ${report.brokerOrderId}`);
      broker.report(report);
      if (isChance(15)) onTheWay.push(report);
      await rig.settle();
    }
  };

  const deeds: readonly { readonly isPossible: () => boolean; readonly weight: number; readonly act: () => void }[] = [
    { isPossible: () => leaves() > 0, weight: 6, act: fill },
    { isPossible: () => requests.length > 0, weight: 6, act: answer },
    { isPossible: () => true, weight: 3, act: ask },
    { isPossible: () => ended === undefined, weight: 1, act: () => change(1 + below(quantity * 2)) },
    { isPossible: () => fills.length > 0, weight: 2, act: bust },
    { isPossible: () => fills.length > 0, weight: 2, act: correct },
    {
      isPossible: () => leaves() > 0,
      weight: 1,
      act: () => end((["canceled", "expired", "rejected"] as const)[below(3)] as "canceled"),
    },
  ];

  return {
    step: async () => {
      const possible = deeds.filter(({ isPossible }) => isPossible()).flatMap((deed) => Array(deed.weight).fill(deed.act));
      (possible[below(possible.length)] as () => void)();
      await rig.settle();
      await deliver(40);
    },
    deliverAll: async () => {
      // What the house has asked for is answered in the end, and an answer may send the next request on its way.
      while (requests.length + onTheWay.length > 0) {
        answer();
        await deliver(60);
      }
    },
    truth: () => ({
      isEnded: leaves() === 0 && (ended !== undefined || cumulative() > 0),
      cumulative: cumulative(),
      leaves: leaves(),
      cashMinor: cashMinor(),
    }),
    told,
  };
};
