// The messages: rows that say what they are, with columns that are ordered, resized, moved and hidden.
import { useSignal } from "@preact/signals";
import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";

import { answered } from "../host/answers";
import { Icon, type Sign } from "../parts/icons";
import { bothZones } from "../parts/moments";
import { Bdi } from "../parts/plain";
import { VirtualRows, type VirtualRowsHandle } from "../parts/virtual_rows";
import type { Row, RowKind } from "../protocol";
import { ActiveTime } from "./active_time";
import { fitting, labelOf, LEAST, leastWidth, moved, template, valueColumns } from "./columns";
import { choose, compose, isChosen, type Store } from "./store";

const SIGNS: Record<Exclude<RowKind, "text">, { sign: Sign; label: string; class: string }> = {
  failed: { sign: "bad", label: "Not decoded", class: "bk-bad" },
  null: { sign: "none", label: "Tombstone", class: "bk-dim" },
  bytes: { sign: "bytes", label: "Binary", class: "bk-dim" },
};

function Cell({ text, numeric, at }: { text: string | null; numeric: boolean; at: number | null }) {
  const title = at === null ? text?.slice(0, 240) : bothZones(at);
  return (
    <span
      class={`bk-cell${numeric ? " bk-number" : ""}${at === null ? "" : " bk-time"}`}
      role="gridcell"
      title={title}
    >
      {text === "" ? <span class="bk-dim">""</span> : text !== null && <Bdi>{text}</Bdi>}
    </span>
  );
}

function Line(props: {
  row: Row;
  id: string;
  columns: string[];
  numeric: boolean[];
  places: number[];
  active: boolean;
  pick: (how: "one" | "toggle" | "range") => void;
}) {
  const { row, columns, numeric, places, pick } = props;
  const said = row.said ? valueColumns(places.map((place) => columns[place] ?? "")) : { first: -1, count: 0 };
  const sign = row.kind === "text" ? null : SIGNS[row.kind];
  const classes = [
    "bk-row",
    row.gap ? "bk-gap" : "",
    row.marked ? "bk-on" : "",
    props.active ? "bk-active" : "",
    `bk-is-${row.kind}`,
  ];
  return (
    <div
      id={props.id}
      class={classes.filter(Boolean).join(" ")}
      role="row"
      aria-rowindex={row.place + 2}
      aria-selected={row.marked}
      onClick={(event) => {
        pick(event.shiftKey ? "range" : event.ctrlKey || event.metaKey ? "toggle" : "one");
      }}
    >
      <span
        class="bk-cell bk-tick"
        role="gridcell"
        onClick={(event) => {
          event.stopPropagation();
          pick(event.shiftKey ? "range" : "toggle");
        }}
      >
        <input type="checkbox" tabIndex={-1} checked={row.marked} aria-label="Choose this row" />
      </span>
      <span
        class={`bk-cell bk-sign ${sign?.class ?? ""}`}
        role="gridcell"
        title={row.gap ? `Before it, ${row.gap}` : undefined}
      >
        {sign && <Icon sign={sign.sign} label={sign.label} />}
        {!sign && row.again && <Icon sign="again" label={row.again} class="bk-alt" />}
        {!sign && !row.again && row.gap && <Icon sign="gap" label={`Before it, ${row.gap}`} class="bk-dim" />}
      </span>
      {places.map((index, at) => {
        const name = columns[index] ?? "";
        if (said.count && at > said.first && at < said.first + said.count) return null;
        if (said.count && at === said.first)
          return (
            <span
              class="bk-cell bk-said-of"
              role="gridcell"
              key={name}
              title={row.said}
              aria-colspan={said.count}
              style={{ gridColumn: `span ${String(said.count)}` }}
            >
              <Bdi>{row.said}</Bdi>
            </span>
          );
        return (
          <Cell
            key={name}
            text={row.cells[index] ?? null}
            numeric={numeric[index] ?? false}
            at={name === "publish_time" ? row.time : null}
          />
        );
      })}
      <span class="bk-cell bk-format" role="gridcell">
        {row.format && <samp class={row.kind === "failed" ? "bk-bad" : ""}>{row.format}</samp>}
      </span>
      <span class="bk-cell bk-size bk-number" role="gridcell">
        {row.size}
      </span>
    </div>
  );
}

function Heads({
  store,
  columns,
  numeric,
  places,
}: {
  store: Store;
  columns: string[];
  numeric: boolean[];
  places: number[];
}) {
  const { send } = store.line;
  const now = store.line.state.value;
  const dragged = useSignal<string | null>(null);
  const resizing = useRef<{ name: string; at: number; width: number } | null>(null);
  const drop = (before: string) => {
    const name = dragged.peek();
    dragged.value = null;
    if (name === null) return;
    const order = moved(columns, name, before).map((each) =>
      now.columns.findIndex(([known]) => known === each),
    );
    if (!order.includes(-1)) send({ type: "columns", shown: order });
  };
  return (
    <div class="bk-row bk-row-head" role="row">
      <span class="bk-cell bk-tick" role="columnheader">
        <span class="bk-unseen">Chosen</span>
      </span>
      <span class="bk-cell bk-sign" role="columnheader">
        <span class="bk-unseen">What it is</span>
      </span>
      {places.map((index) => {
        const name = columns[index] ?? "";
        const sorted = now.sort?.[0] === index ? (now.sort[1] ? "ascending" : "descending") : "none";
        return (
          <span
            class={`bk-cell bk-head-cell${numeric[index] ? " bk-number" : ""}${sorted === "none" ? "" : " bk-sorted"}`}
            role="columnheader"
            aria-sort={sorted}
            key={name}
            title={name}
            draggable
            onDragStart={(event) => {
              dragged.value = name;
              event.dataTransfer?.setData("text/plain", "");
            }}
            onDragOver={(event) => {
              if (dragged.peek() !== null) event.preventDefault();
            }}
            onDrop={(event) => {
              event.preventDefault();
              drop(name);
            }}
          >
            <button
              type="button"
              class="bk-sort"
              aria-label={`Sort by ${name}`}
              onClick={() => {
                send({ type: "sort", column: index });
              }}
            >
              <Bdi>{labelOf(name)}</Bdi>
              {sorted !== "none" && <Icon sign={sorted === "ascending" ? "up" : "down"} />}
            </button>
            <span
              class="bk-edge"
              title="Drag to resize; double click for the usual width"
              onPointerDown={(event) => {
                event.preventDefault();
                event.stopPropagation();
                const width = event.currentTarget.parentElement?.offsetWidth ?? LEAST;
                resizing.current = { name, at: event.clientX, width };
                event.currentTarget.setPointerCapture(event.pointerId);
              }}
              onPointerMove={(event) => {
                const begun = resizing.current;
                if (!begun) return;
                const width = Math.max(LEAST, Math.round(begun.width + event.clientX - begun.at));
                store.widths.value = { ...store.widths.peek(), [begun.name]: width };
              }}
              onPointerUp={() => {
                resizing.current = null;
              }}
              onDblClick={() => {
                store.widths.value = Object.fromEntries(
                  Object.entries(store.widths.peek()).filter(([each]) => each !== name),
                );
              }}
            />
          </span>
        );
      })}
      <span class="bk-cell bk-format" role="columnheader">
        Format
      </span>
      <span class="bk-cell bk-size bk-number" role="columnheader">
        Size
      </span>
    </div>
  );
}

function emptyText(store: Store, whole: boolean): string {
  const { topic, search } = store.line.state.value;
  if (search.running) return "Reading…";
  if (!topic)
    return store.topics.value?.all === 0
      ? "There are no topics yet. Make one in Python: s.create_topic('orders')."
      : "Choose a topic.";
  if (search.status === "idle") return "Nothing has been read.";
  if (search.status === "failed") return "Nothing could be read.";
  return whole ? "No messages." : "No message matches.";
}

function Nothing({ store }: { store: Store }) {
  const { topic, search, form } = store.line.state.value;
  const whole = !form?.where && !form?.function && !form?.key && !form?.header;
  return (
    <div class="bk-empty">
      <span>{emptyText(store, whole)}</span>
      {topic && whole && !search.running && search.status === "at the end" && (
        <button
          type="button"
          class="bk-btn"
          onClick={() => {
            compose(store, "new");
          }}
        >
          <Icon sign="plus" />
          Write the first one
        </button>
      )}
    </div>
  );
}

interface Props {
  store: Store;
  width: number;
  table: { current: VirtualRowsHandle | null };
  focusSearch: () => void;
  focusMessage: () => void;
  /** Whether the keyboard is to go into the message once it is here. */
  enter: { current: boolean };
}

export function MessageTable({ store, width, table, focusSearch, focusMessage, enter }: Props) {
  const { send } = store.line;
  const now = store.line.state.value;
  const shown = store.rows.value;
  const total = shown?.total ?? 0;
  const columns = shown?.columns ?? [];
  const numeric = shown?.numeric ?? [];
  const active = store.active.value;
  const prefix = useMemo(() => `bk-row-${Math.random().toString(36).slice(2)}`, []);
  const request = useCallback(
    (first: number, count: number) => {
      send({ type: "rows", first, count });
    },
    [send],
  );
  // another query begins at its top
  const query = JSON.stringify([{ ...now.form, limit: "" }, now.topic, now.sort]);
  useEffect(() => {
    table.current?.toStart();
  }, [query, table]);
  useEffect(() => {
    if (active >= 0) table.current?.reveal(active);
  }, [active, table]);
  const pick = (place: number, how: "one" | "toggle" | "range") => {
    if (place < 0 || place >= total) return;
    const id = shown?.rows[place - shown.first]?.id ?? null;
    choose(store, { type: "select", place, id, how, turn: store.turn(place) });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    enter.current = false;
    const page = (table.current?.inView() ?? 2) - 2;
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page }[event.key];
    if (by) {
      const from = active < 0 ? (by > 0 ? -1 : total) : active;
      pick(Math.max(0, Math.min(total - 1, from + by)), event.shiftKey ? "range" : "one");
    } else if (event.key === "Home") pick(0, "one");
    else if (event.key === "End") pick(total - 1, "one");
    else if (event.key === " ") pick(active, "toggle");
    else if (event.key === "Enter" && answered(store.line, store.choosing.current.sent)) focusMessage();
    else if (event.key === "Enter") enter.current = isChosen(store);
    else if (event.key === "Escape" && (now.marked || isChosen(store))) choose(store, null);
    else if (event.key === "f") focusSearch();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const widths = store.widths.value;
  const places = fitting(columns, shown?.usual ?? true, width);
  const names = places.map((place) => columns[place] ?? "");
  const style = {
    "--bk-columns": `30px 24px ${template(names, widths)}`,
    "--bk-least": `${String(54 + leastWidth(names, widths))}px`,
  };
  return (
    <section class="bk-rows" aria-label="Messages" style={style}>
      {total === 0 && <Nothing store={store} />}
      <VirtualRows
        handle={table}
        rowHeight={26}
        role="grid"
        label={now.newest_on_top ? "Messages, the newest first" : "Messages, the oldest first"}
        class={`bk-messages${total ? "" : " bk-hidden"}${now.newest_on_top ? " bk-newest-first" : ""}`}
        total={total}
        first={shown?.first ?? 0}
        rows={shown?.rows ?? []}
        head={<Heads store={store} columns={columns} numeric={numeric} places={places} />}
        headHeight={28}
        active={active >= 0 ? `${prefix}-${String(active)}` : undefined}
        question={query}
        request={request}
        onKeyDown={onKeyDown}
        draw={(row, index) => (
          <Line
            key={row.place}
            id={`${prefix}-${String(index)}`}
            row={row}
            columns={columns}
            numeric={numeric}
            places={places}
            active={index === active}
            pick={(how) => {
              pick(index, how);
            }}
          />
        )}
      />
      <ActiveTime
        row={`${prefix}-${String(active)}`}
        at={names.includes("publish_time") ? (shown?.rows[active - shown.first]?.time ?? null) : null}
      />
    </section>
  );
}
