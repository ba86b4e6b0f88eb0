/**
 * Real orders need three keys, turned by three hands (spec O10): the configuration allows live orders, the configuration
 * allows trading, and the person who starts the process says so in its environment. Anything less is paper.
 */
export interface LiveKeys {
  readonly liveEnabled: boolean;
  readonly tradingEnabled: boolean;
  /** The environment variable QTS_LIVE_ACK; only this exact text turns the key. */
  readonly acknowledgement: string | undefined;
}

export const liveAcknowledgement = "I-accept-real-orders";

/** @returns the keys that are missing, by the name under which a person turns them; none: live */
export const missingLiveKeys = ({ liveEnabled, tradingEnabled, acknowledgement }: LiveKeys): readonly string[] => [
  ...(liveEnabled ? [] : ["live.enabled"]),
  ...(tradingEnabled ? [] : ["trading.enabled"]),
  ...(acknowledgement === liveAcknowledgement ? [] : [`QTS_LIVE_ACK=${liveAcknowledgement}`]),
];

/**
 * May this broker be used with these keys?
 *
 * @returns undefined, or one sentence why not: a real broker without all keys, or all keys and no real broker
 */
export const liveProblem = (keys: LiveKeys, broker: { readonly name: string; readonly live: boolean }): string | undefined => {
  const missing = missingLiveKeys(keys);
  if (broker.live && missing.length > 0)
    return `${broker.name} places real orders, and ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not set; set all three keys or use the paper broker.`;
  if (!broker.live && missing.length === 0)
    return `all three keys ask for real orders, and ${broker.name} is a paper broker; unset live.enabled to trade on paper.`;
  return undefined;
};
