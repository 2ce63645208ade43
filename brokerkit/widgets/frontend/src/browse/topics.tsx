// The list of topics: found by words, ordered, as a tree on request, chosen with a click or the keyboard.
import { useSignal } from "@preact/signals";
import { useCallback, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { Icon } from "../parts/icons";
import { Bdi } from "../parts/plain";
import { counted } from "../parts/words";
import { VirtualRows, type VirtualRowsHandle } from "../parts/virtual_rows";
import type { TopicLine, Topics } from "../protocol";
import type { Store } from "./store";

const ORDERS = [
  ["name", "by name"],
  ["messages", "by messages"],
  ["bytes", "by size"],
] as const;

/** What an arrow does in a tree: open or close the branch, go into it or to the branch around; null for nothing. */
export function turned(row: TopicLine, key: string): { open: boolean } | { by: number } | null {
  if (key === "ArrowRight") return row.branch ? (row.open ? { by: 1 } : { open: true }) : null;
  if (row.branch && row.open) return { open: false };
  return row.up ? { by: -row.up } : null;
}

const NOTHING_WAITS = ["", "0", "0+", "none", "?"];

interface LineProps {
  row: TopicLine;
  active: boolean;
  id: string;
  tree: boolean;
  backlog: boolean;
  dead: boolean;
  choose: () => void;
}

function Line({ row, active, id, tree, backlog, dead, choose }: LineProps) {
  const exactly = [row.name, row.exactly, row.size].filter(Boolean).join(", ");
  const classes = [
    "bk-topic",
    row.chosen && "bk-on",
    active && "bk-active",
    row.internal && "bk-quiet",
    row.branch && "bk-branch",
  ];
  return (
    <div
      id={id}
      class={classes.filter(Boolean).join(" ")}
      role={tree ? "treeitem" : "option"}
      aria-selected={row.chosen}
      aria-level={tree ? row.depth + 1 : undefined}
      aria-expanded={row.branch ? row.open : undefined}
      title={row.internal ? `${exactly}, internal` : exactly}
      style={tree ? { "--bk-depth": String(row.depth) } : undefined}
      onClick={choose}
    >
      <span class="bk-topic-name">
        {row.branch > 0 && <Icon sign={row.open ? "down" : "right"} />}
        <span class="bk-cut">
          <Bdi>{row.label}</Bdi>
        </span>
        {row.branch > 0 && <span class="bk-dim">{` ${row.size_of.toLocaleString("en")}`}</span>}
      </span>
      <span aria-label={row.exactly || undefined}>{row.messages}</span>
      {backlog && <span class={NOTHING_WAITS.includes(row.backlog) ? "" : "bk-warn"}>{row.backlog}</span>}
      {dead && (
        <span class={row.dead === "?" ? "" : "bk-bad"} aria-label={row.dead && `${row.dead} dead letters`}>
          {row.dead}
        </span>
      )}
    </div>
  );
}

/** How many topics are listed, and of how many. */
const found = ({ found, all }: Topics): string =>
  found === all ? counted(all, "topic") : `${found.toLocaleString("en")} of ${counted(all, "topic")}`;

export function TopicList({ store, find }: { store: Store; find: { current: HTMLInputElement | null } }) {
  const { send } = store.line;
  const words = useSignal("");
  const order = useSignal<string>("name");
  const internal = useSignal(false);
  const backlogs = useSignal(false);
  const tree = useSignal(false);
  const asked = useRef(0);
  const active = useSignal(0);
  const list = useRef<VirtualRowsHandle>(null);
  const prefix = useMemo(() => `bk-topic-${Math.random().toString(36).slice(2)}`, []);
  const shown = store.topics.value;
  const current = shown && (shown.asked === null || shown.asked >= asked.current) ? shown : null;
  const known = useRef(shown);
  if (current) known.current = current;
  const now = known.current;
  const askedFor = useRef("");
  const wanted = () => [words, order, internal, tree, backlogs].map((each) => String(each.peek())).join(" ");
  const request = useCallback(
    (first: number, count: number) => {
      askedFor.current = wanted();
      send({
        type: "topics",
        first,
        count,
        text: words.peek(),
        sort: order.peek(),
        internal: internal.peek(),
        tree: tree.peek(),
        backlogs: backlogs.peek(),
        asked: ++asked.current,
      });
    },
    [send, words, order, internal, tree, backlogs],
  );
  /** Whether Enter was pressed before what is listed was what was typed. */
  const entered = useRef(false);
  const enter = () => {
    const listed = shown?.asked != null && shown.asked >= asked.current && askedFor.current === wanted();
    entered.current = !listed;
    if (listed) choose(row(active.peek()));
  };
  useLayoutEffect(() => {
    if (entered.current) enter();
  });
  const choose = (row: TopicLine | undefined) => {
    if (!row || !now) return;
    if (row.branch) turn(row, !row.open);
    else send({ type: "topic", n: row.n, generation: now.generation });
  };
  const turn = (row: TopicLine, open: boolean) => {
    if (now) send({ type: "branch", n: row.n, branch: row.branch, open, generation: now.generation });
  };
  const row = (index: number) => now?.rows[index - now.first];
  const onKeyDown = (event: KeyboardEvent) => {
    entered.current = false;
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (by) {
      active.value = Math.max(0, Math.min((now?.total ?? 1) - 1, active.peek() + by));
      list.current?.reveal(active.peek());
    } else if (event.key === "Enter") enter();
    else if (tree.peek() && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
      const on = row(active.peek());
      const what = on && turned(on, event.key);
      if (on && what && "open" in what) turn(on, what.open);
      else if (what && "by" in what) {
        active.value = active.peek() + what.by;
        list.current?.reveal(active.peek());
      }
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const question = [words, order, internal, tree, backlogs].map(({ value }) => String(value)).join(" ");
  // once there was something in it, a column stays
  const filled = useRef({ backlog: false, dead: false });
  filled.current.backlog ||=
    backlogs.value || (now?.rows.some((each) => !["", "0", "none"].includes(each.backlog)) ?? false);
  filled.current.dead ||= now?.rows.some((each) => each.dead) ?? false;
  const { backlog, dead } = filled.current;
  const counts = `${backlog ? " bk-with-backlog" : ""}${dead ? " bk-with-dead" : ""}`;
  return (
    <section class="bk-side" aria-label="Topics">
      <div class="bk-find">
        <span class="bk-in bk-grow">
          <Icon sign="find" />
          <input
            type="search"
            placeholder="Find"
            aria-label="Search topics"
            spellcheck={false}
            ref={(node) => {
              find.current = node;
            }}
            onInput={(event) => {
              entered.current = false;
              // whoever types here wants it open
              store.sided.current = store.line.sent();
              words.value = event.currentTarget.value;
              active.value = 0;
              list.current?.toStart();
            }}
            onKeyDown={(event) => {
              entered.current = false;
              if (event.key === "ArrowDown") list.current?.focus();
              else if (event.key === "Enter") enter();
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
        <button
          type="button"
          class="bk-btn bk-quiet bk-square"
          aria-label="Group by prefix"
          aria-pressed={tree.value}
          disabled={!now?.separator}
          title={now?.separator ? `Group by what stands before “${now.separator}”` : "No name has parts"}
          onClick={() => {
            tree.value = !tree.peek();
            active.value = 0;
            list.current?.toStart();
          }}
        >
          <Icon sign="tree" />
        </button>
      </div>
      <div class={`bk-topic bk-topic-head bk-cap${counts}`} aria-hidden="true">
        <span>Topic</span>
        <span>Msgs</span>
        {backlog && (
          <span title="The largest lag of any subscription, of the topics that were opened">Backlog</span>
        )}
        {dead && (
          <span title="Dead letters: those that the system keeps, and topics named after the topic">
            Dead
          </span>
        )}
      </div>
      <VirtualRows
        handle={list}
        rowHeight={26}
        role={tree.value ? "tree" : "listbox"}
        label="Topics"
        class={`bk-topics${counts}`}
        total={now?.total ?? 0}
        first={now?.first ?? 0}
        rows={now?.rows ?? []}
        active={row(active.value) ? `${prefix}-${String(active.value)}` : undefined}
        question={question}
        request={request}
        onKeyDown={onKeyDown}
        draw={(each, index) => (
          <Line
            key={`${String(each.n)} ${String(each.branch)}`}
            id={`${prefix}-${String(index)}`}
            row={each}
            active={index === active.value}
            tree={tree.value}
            backlog={backlog}
            dead={dead}
            choose={() => {
              active.value = index;
              choose(each);
            }}
          />
        )}
      />
      <div class="bk-foot">
        <span role="status" class="bk-nowrap bk-grow" title={now ? found(now) : ""}>
          {now && found(now).replace(/(?<= of .*) topics?$/, "")}
        </span>
        <span class="bk-line">
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
        </span>
      </div>
    </section>
  );
}
