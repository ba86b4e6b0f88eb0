/** Orders, live and ended, and one order with the way it took (spec I6). */
import { useSignal } from "@preact/signals";
import type { ChangeLine, OrderLine } from "#core/runtime/inspection.ts";
import type { HouseStatus } from "#core/runtime/report.ts";
import { changes, order as shownOrder, sight } from "./connection.ts";
import { clock, count, counted, duration, minute, price } from "./format.ts";
import { ageOf, ChartWithWords, ContextCard, moveText } from "./machines.tsx";
import { verdictText } from "./story.ts";
import { words } from "./words.ts";

const Terms = ({ order, account }: { readonly order: OrderLine; readonly account: HouseStatus["account"] }) => (
  <>
    {order.side} {count(order.ordered)} {order.symbol}{" "}
    {order.limitPriceMinor === null ? order.orderType : `at ${price(order.limitPriceMinor, account)}`}
  </>
);

const OrderRow = ({ order, account }: { readonly order: OrderLine; readonly account: HouseStatus["account"] }) => (
  <li>
    <a
      class={`machine ${order.isOverdue || order.status === "unknown" ? "alarm" : ""}`}
      href={`#/orders/${encodeURIComponent(order.orderId)}`}
    >
      <b>{order.status}</b>
      <span>
        <Terms order={order} account={account} />
      </span>
      <span class="quiet">
        {count(order.filled)} filled, {ageOf(order.intendedAt)} old
        {order.deadlineAt === null ? "" : `, answer due ${minute(order.deadlineAt)}`}
        {order.owner === "operator" ? ", a person must settle it" : ""}
      </span>
    </a>
  </li>
);

export const Orders = () => {
  const shown = sight.value;
  const only = useSignal("");
  if (shown === undefined)
    return (
      <p class="empty">
        Machines and orders are shown to whoever has the token of this home: open the address that <code>qts inspect</code>{" "}
        prints.
      </p>
    );
  const { account } = shown.status;
  const asked = only.value.trim().toLowerCase();
  const found = shown.orders.filter((order) =>
    `${order.orderId} ${order.symbol} ${order.side} ${order.status} ${order.strategy}`.toLowerCase().includes(asked),
  );
  const live = found.filter(({ isLive }) => isLive);
  const ended = found.filter(({ isLive }) => !isLive);
  return (
    <>
      <h1>Orders</h1>
      <label class="search">
        Show only{" "}
        <input
          type="search"
          value={only.value}
          placeholder="symbol, state, id"
          onInput={({ currentTarget }) => {
            only.value = currentTarget.value;
          }}
        />
      </label>
      <h2>{counted(live.length, "live order")}</h2>
      <ul class="tree">
        {live.map((order) => (
          <OrderRow key={order.orderId} order={order} account={account} />
        ))}
      </ul>
      <h2>Ended, the newest first</h2>
      <ul class="tree">
        {ended.map((order) => (
          <OrderRow key={order.orderId} order={order} account={account} />
        ))}
      </ul>
      {shown.ordersLeftOut > 0 && (
        <p class="quiet">
          {counted(shown.ordersLeftOut, "older order")} of this session: <code>qts explain order ID</code> has each from the
          journal.
        </p>
      )}
    </>
  );
};

/** Nothing is folded: of one order every fact counts. */
const Story = ({ of }: { readonly of: readonly ChangeLine[] }) =>
  of.length === 0 ? (
    <p class="quiet">{words.order.noStory}</p>
  ) : (
    <ol class="changes">
      {of.map((change) => (
        <li key={change.number}>
          <a href={`#/time/${change.seq}`}>
            <time>{clock(change.at)}</time> <span class="quiet">{words.time.record(change.seq)}</span>
          </a>
          <span>
            {change.says} <code>{change.fact}</code>
          </span>
          <span class={change.refusal === null ? "" : "out"}>
            {change.refusal === null ? moveText(change) : words.time.refused(change.refusal)}
          </span>
        </li>
      ))}
    </ol>
  );

export const Order = ({ orderId }: { readonly orderId: string }) => {
  const shown = sight.value;
  const line = shown?.orders.find((one) => one.orderId === orderId);
  const own = changes.value.filter((change) => change.orderId === orderId);
  if (shown === undefined) return <Orders />;
  return (
    <>
      <p>
        <a href="#/orders">Orders</a>
      </p>
      <h1>
        {orderId}: {line?.status ?? "not here"}
      </h1>
      {line === undefined ? (
        <p>
          This order has left memory, or never was: <code>qts explain order {orderId}</code> asks the journal.
        </p>
      ) : (
        <p>
          <Terms order={line} account={shown.status.account} />, {count(line.filled)} filled, {count(line.leaves)} left
          {line.averagePriceMinor === null ? "" : `, on average at ${price(line.averagePriceMinor, shown.status.account)}`}
          {`; wanted by ${line.strategy} ${ageOf(line.intendedAt)} ago`}
          {line.pending === null ? "" : `; ${line.pending} pending`}
          {line.deadlineAt === null ? "" : `; an answer is due in ${duration(line.deadlineAt - shown.at)}`}
          {line.end === null ? "" : `. ${line.end}`}
          {line.refusal === null ? "" : `. Last refusal: ${line.refusal}`}
        </p>
      )}
      <h2 class="apart">{words.order.verdict}</h2>
      <p>{verdictText(own, line)}</p>
      <h2 class="apart">{words.order.story}</h2>
      <Story of={own} />
      {line !== undefined && <ChartWithWords actor="orders" value={line.status} of={own} />}
      <ContextCard
        title="What is known of it"
        value={shownOrder.value?.orderId === orderId ? shownOrder.value.order : undefined}
      />
    </>
  );
};
