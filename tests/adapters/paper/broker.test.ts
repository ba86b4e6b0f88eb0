import { describe } from "vitest";
import { brokerContract } from "../broker.contract.ts";
import { waysToTheVenue } from "./world.ts";

describe.each(waysToTheVenue)("the paper exchange $way is a Broker", ({ createWorld }) => {
  brokerContract(async () => {
    const world = await createWorld({ connect: false });
    return {
      broker: world.broker,
      symbol: "SPY",
      priceMinor: 1_680_000,
      pass: world.pass,
      trade: (priceMinor) => world.trade(priceMinor, 1000),
      dispose: async () => undefined,
    };
  });
});
