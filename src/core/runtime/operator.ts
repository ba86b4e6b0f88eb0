/**
 * Operator commands on a running house: a change becomes a fact and is answered once the house has handled it, with what
 * the machines made of it; a question is answered from the actors' state.
 */
import type { OrderOutcome } from "#machines/facts/orders.ts";
import type { OperatingState } from "#machines/facts/safety.ts";
import { operatingView } from "#machines/operating-state.machine.ts";
import { overrideProblem } from "#machines/operating-state.override.ts";
import { isSettled } from "#machines/order.effects.ts";
import { statusOf } from "#machines/order.rules.ts";
import type { NewFact, Offer } from "../event/catalog.ts";
import type { CommandReply } from "../ports.ts";
import { explainOperating, explainSafety } from "../state/posture-explain.ts";
import type { HouseView } from "../view.ts";
import type { House } from "./house.ts";
import type { HouseStatus } from "./report.ts";

/** As it comes through the control door, which has checked it. */
export type ControlRequest =
  | { readonly command: "status" }
  | { readonly command: "lockdown"; readonly reason: string; readonly operator?: string | undefined }
  | { readonly command: "stop-trading"; readonly reason: string; readonly operator?: string | undefined }
  | { readonly command: "release"; readonly reason: string; readonly operator: string }
  | {
      readonly command: "override.set";
      /** Takes the place of another person's. */
      readonly replace?: boolean | undefined;
      readonly state: OperatingState;
      readonly forMs: number;
      readonly reason: string;
      readonly operator: string;
    }
  | { readonly command: "override.clear"; readonly reason: string; readonly operator: string }
  | {
      readonly command: "resolve";
      readonly orderId: string;
      readonly outcome: OrderOutcome;
      readonly brokerOrderId?: string | undefined;
      readonly reason: string;
      readonly operator: string;
    }
  | { readonly command: "explain"; readonly subject: "operating" | "safety" };

const done = 0;
const refused = 4;

const minuteOf = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;

export const createOperator = ({
  house,
  view,
  offer,
  status,
}: {
  readonly house: House;
  readonly view: HouseView;
  readonly offer: Offer;
  readonly status: () => HouseStatus;
}): ((request: ControlRequest) => Promise<CommandReply>) => {
  const safety = () => house.actors().snapshotOf("safety");
  const operating = () => house.actors().snapshotOf("operating");
  const orderOf = (orderId: string) => house.actors().snapshotOf("orders").desk.order(orderId);

  const reply = (exitCode: number, sentence: string): CommandReply => ({
    exitCode,
    body: { sentence, safety: status().safety, operating: status().operating },
  });

  /**
   * Offers the fact, waits until it, and every critical fact that stood before it, has been handled and is on disk, and then
   * answers. A full P0 makes the person wait like every other source.
   */
  const change = async (fact: NewFact, answer: () => CommandReply): Promise<CommandReply> => {
    const { dispatcher, recorder } = house;
    const handled = Promise.withResolvers<void>();
    const leave = dispatcher.handle(
      fact.type,
      ({ payload }) => {
        if (payload === fact.payload) handled.resolve();
      },
      { name: "operator" },
    );
    try {
      const reception = await dispatcher.offerExternal(fact);
      if (reception === "refused")
        return reply(refused, "The session is stopping and takes no more commands; nothing was changed.");
      if (reception === "full") return reply(refused, "Critical facts flood the house and nothing was changed; try again.");
      await handled.promise;
      await recorder.whenDurable(recorder.seq());
      return answer();
    } finally {
      leave();
    }
  };

  return async (request) => {
    switch (request.command) {
      case "status":
        return { exitCode: done, body: status() };
      case "lockdown": {
        const { reason, operator } = request;
        return change(
          {
            type: "operator.lockdown.requested",
            payload: { reason, ...(operator === undefined ? {} : { operator }) },
            source: "operator",
          },
          () =>
            reply(
              done,
              "Trading is locked down: no new order leaves, and open orders stay at the venue until somebody cancels them. `qts release` ends it.",
            ),
        );
      }
      case "stop-trading": {
        const { reason, operator } = request;
        return change(
          {
            type: "emergency.stop.requested",
            payload: { reason, ...(operator === undefined ? {} : { operator }) },
            source: "operator",
          },
          () =>
            reply(
              done,
              "Trading is stopped (FS120): safety is LOCKDOWN, no new order leaves, and open orders stay at the venue until somebody cancels them. It survives restarts; `qts release` ends it.",
            ),
        );
      }
      case "release": {
        const { operator, reason } = request;
        if (safety().value !== "LOCKDOWN") return reply(refused, `There is nothing to release: safety is ${safety().value}.`);
        // A person who has just turned it off must not hear that it is on.
        if (view.killSwitch() !== null)
          await change({ type: "kill.switch.look.requested", payload: {}, source: "operator" }, () => reply(done, ""));
        return change({ type: "operator.lockdown.released", payload: { operator, reason }, source: "operator" }, () => {
          const killSwitch = view.killSwitch();
          if (safety().value !== "LOCKDOWN")
            return reply(done, `LOCKDOWN is released by ${operator}; safety is ${safety().value}.`);
          if (killSwitch === null) return reply(refused, "LOCKDOWN was asked for again meanwhile; it goes on.");
          return reply(
            refused,
            `LOCKDOWN goes on: the kill switch is on (${killSwitch.reason}). First ${view.killSwitchRemedy()}, then \`qts release\` again.`,
          );
        });
      }
      case "override.set": {
        const { state, operator, reason, forMs, replace = false } = request;
        const at = view.now();
        const standing = operating().context.override;
        const isOthers = standing !== null && standing.operator !== operator && standing.expiresAt > at;
        if (isOthers && !replace)
          return reply(
            refused,
            `${standing.state} is pinned by ${standing.operator} until ${minuteOf(standing.expiresAt)} (${standing.reason}); give --replace to take its place.`,
          );
        const expiresAt = at + forMs;
        // The machine refuses by the same rule; asked here too, so that the person hears why.
        const problem = overrideProblem(
          { state, operator, reason, expiresAt },
          at,
          operatingView(operating()).ruleState,
          operating().context,
        );
        return change(
          {
            type: "operating.override.requested",
            payload: { state, operator, reason, expiresAt },
            source: "operator",
          },
          () => {
            const { override } = operating().context;
            if (override?.state === state && override.expiresAt === expiresAt)
              return reply(
                done,
                `${state} is pinned by ${operator} until ${minuteOf(expiresAt)}${standing !== null && standing.expiresAt > at ? `, in place of ${standing.state} by ${standing.operator}` : ""}.`,
              );
            return reply(refused, `The override is refused: ${problem ?? "the operating state did not take it"}.`);
          },
        );
      }
      case "override.clear": {
        const { operator, reason } = request;
        if (operating().context.override === null) return reply(refused, "There is no override to clear.");
        return change({ type: "operating.override.cleared", payload: { operator, reason }, source: "operator" }, () =>
          reply(
            done,
            `The override is cleared by ${operator}; the operating state is ${status().operating}, and the rules go on from there.`,
          ),
        );
      }
      case "resolve": {
        const { orderId, outcome, brokerOrderId, operator, reason } = request;
        const before = orderOf(orderId);
        if (before === undefined)
          return reply(
            refused,
            `There is no order ${orderId} in memory; \`qts explain order ${orderId}\` looks into the journal.`,
          );
        if (isSettled(before))
          return reply(
            refused,
            `${orderId} is ${statusOf(before)} already: there is nothing to resolve, and nothing was changed.`,
          );
        return change(
          {
            type: "order.resolved",
            payload: { orderId, outcome, operator, reason, ...(brokerOrderId === undefined ? {} : { brokerOrderId }) },
            source: "operator",
            correlationId: orderId,
          },
          () => {
            const order = orderOf(orderId);
            if (order === before)
              return reply(
                refused,
                `${orderId} is ${statusOf(before)} already: there is nothing to resolve, and nothing was changed.`,
              );
            if (order?.refusal?.fact === "order.resolved") return reply(refused, `That is refused: ${order.refusal.reason}`);
            // After a person's word about an order, what the venue says is compared with it at once.
            offer({ type: "reconciliation.requested", payload: { cause: "operator" }, source: "operator" });
            return reply(
              done,
              `${orderId} is ${order === undefined ? "settled" : statusOf(order)}, by ${operator}; the venue is being asked.`,
            );
          },
        );
      }
      case "explain":
        return {
          exitCode: done,
          body:
            request.subject === "safety"
              ? explainSafety(safety() as never, view.now())
              : explainOperating(operating(), view.now()),
        };
    }
  };
};
