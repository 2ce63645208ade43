// The list of topics: found by words, ordered, and chosen with a click or the keyboard.
import { useSignal } from "@preact/signals";
import { useCallback, useMemo, useRef } from "preact/hooks";

import { Icon } from "../parts/icons";
import { Bdi } from "../parts/plain";
import { counted } from "../parts/words";
import { VirtualRows, type VirtualRowsHandle } from "../parts/virtual_rows";
import type { TopicLine } from "../protocol";
import type { Store } from "./store";

const ORDERS = [
  ["name", "by name"],
  ["messages", "by messages"],
  ["bytes", "by size"],
] as const;

function Line({
  row,
  active,
  id,
  choose,
}: {
  row: TopicLine;
  active: boolean;
  id: string;
  choose: () => void;
}) {
  const exactly = [row.name, row.exactly, row.size].filter(Boolean).join(", ");
  return (
    <div
      id={id}
      class={`bk-topic${row.chosen ? " bk-on" : ""}${active ? " bk-active" : ""}${row.internal ? " bk-quiet" : ""}`}
      role="option"
      aria-selected={row.chosen}
      title={row.internal ? `${exactly}, internal` : exactly}
      onClick={choose}
    >
      <span class="bk-cut">
        <Bdi>{row.name}</Bdi>
      </span>
      <span aria-label={row.exactly || undefined}>{row.messages}</span>
      <span class={["", "0", "none", "?"].includes(row.backlog) ? "" : "bk-warn"}>{row.backlog}</span>
    </div>
  );
}

export function TopicList({ store, find }: { store: Store; find: { current: HTMLInputElement | null } }) {
  const { send } = store.line;
  const words = useSignal("");
  const order = useSignal<string>("name");
  const internal = useSignal(false);
  const backlogs = useSignal(false);
  const asked = useRef(0);
  const active = useSignal(0);
  const list = useRef<VirtualRowsHandle>(null);
  const prefix = useMemo(() => `bk-topic-${Math.random().toString(36).slice(2)}`, []);
  const shown = store.topics.value;
  const current = shown && (shown.asked === null || shown.asked >= asked.current) ? shown : null;
  const known = useRef(shown);
  if (current) known.current = current;
  const now = known.current;
  const request = useCallback(
    (first: number, count: number) => {
      send({
        type: "topics",
        first,
        count,
        text: words.peek(),
        sort: order.peek(),
        internal: internal.peek(),
        backlogs: backlogs.peek(),
        asked: ++asked.current,
      });
    },
    [send, words, order, internal, backlogs],
  );
  const choose = (row: TopicLine | undefined) => {
    if (row && now) send({ type: "topic", n: row.n, generation: now.generation });
  };
  const row = (index: number) => now?.rows[index - now.first];
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (by) {
      active.value = Math.max(0, Math.min((now?.total ?? 1) - 1, active.peek() + by));
      list.current?.reveal(active.peek());
    } else if (event.key === "Enter") choose(row(active.peek()));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const question = `${words.value} ${order.value} ${String(internal.value)} ${String(backlogs.value)}`;
  return (
    <section class="bk-side" aria-label="Topics">
      <div class="bk-find">
        <span class="bk-in bk-grow">
          <Icon sign="find" />
          <input
            type="search"
            placeholder="Find a topic"
            aria-label="Search topics"
            spellcheck={false}
            ref={(node) => {
              find.current = node;
            }}
            onInput={(event) => {
              words.value = event.currentTarget.value;
              active.value = 0;
              list.current?.toStart();
            }}
            onKeyDown={(event) => {
              if (event.key === "ArrowDown") list.current?.focus();
              else if (event.key === "Enter") choose(row(active.peek()));
              else if (event.key === "Escape" && words.peek()) {
                words.value = event.currentTarget.value = "";
              } else return;
              event.preventDefault();
              event.stopPropagation();
            }}
          />
          <kbd>/</kbd>
        </span>
        <select
          class="bk-select"
          aria-label="Order of the topics"
          value={order}
          onChange={(event) => {
            order.value = event.currentTarget.value;
          }}
        >
          {ORDERS.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </div>
      <div class="bk-topic bk-topic-head bk-cap" aria-hidden="true">
        <span>Topic</span>
        <span>Msgs</span>
        <span title="The largest lag of any subscription, of the topics that were opened">Backlog</span>
      </div>
      <VirtualRows
        handle={list}
        rowHeight={26}
        role="listbox"
        label="Topics"
        class="bk-topics"
        total={now?.total ?? 0}
        first={now?.first ?? 0}
        rows={now?.rows ?? []}
        active={row(active.value) ? `${prefix}-${String(active.value)}` : undefined}
        question={question}
        request={request}
        onKeyDown={onKeyDown}
        draw={(each, index) => (
          <Line
            key={each.n}
            id={`${prefix}-${String(index)}`}
            row={each}
            active={index === active.value}
            choose={() => {
              active.value = index;
              choose(each);
            }}
          />
        )}
      />
      <div class="bk-foot">
        <span role="status" class="bk-cut">
          {now &&
            (now.total === now.all
              ? counted(now.all, "topic")
              : `${now.total.toLocaleString("en")} of ${counted(now.all, "topic")}`)}
        </span>
        <span class="bk-grow" />
        <label title="Show the topics of the system itself, too">
          <input
            type="checkbox"
            checked={internal}
            onChange={(event) => {
              internal.value = event.currentTarget.checked;
            }}
          />{" "}
          internal
        </label>
        <label title="Ask for the backlog of the topics in view">
          <input
            type="checkbox"
            checked={backlogs}
            onChange={(event) => {
              backlogs.value = event.currentTarget.checked;
            }}
          />{" "}
          backlogs
        </label>
        <button
          type="button"
          class="bk-btn bk-quiet bk-small bk-square"
          aria-label="Refresh"
          title="Refresh"
          onClick={() => {
            send({ type: "refresh" });
          }}
        >
          <Icon sign="sync" />
        </button>
      </div>
    </section>
  );
}
