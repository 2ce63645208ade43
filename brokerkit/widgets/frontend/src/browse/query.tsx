// What to read: order, filter, formats, range and conditions; progress, and how to go on.
import { useSignalEffect } from "@preact/signals";
import { useMemo } from "preact/hooks";

import { answered } from "../host/answers";
import { Condition } from "../parts/condition";
import { Formats } from "../parts/formats";
import { Icon } from "../parts/icons";
import { later } from "../parts/later";
import { Segments } from "../parts/segments";
import type { AskQuery, BrowseState, QueryForm } from "../protocol";
import { Filters } from "./filters";
import { NO_EFFECT, SideEffects, type Effect } from "./side_effects";
import type { Store } from "./store";
import { EMPTY, merged } from "./typed_query";
import { Window } from "./window";

const PLACES = ["earliest", "latest", "-5min", "-15min", "-1h", "-1d", "-7d", "today", "yesterday 13:00"];
const FIELDS = [
  { name: "limit", label: "at most", hint: "100", width: 4, title: "How many messages are shown" },
  {
    name: "start",
    label: "from",
    hint: "beginning",
    width: 12,
    title: "An offset, -100, a time (UTC), -15min, yesterday 13:00, or {0: 17}",
  },
  {
    name: "end",
    label: "to",
    hint: "end",
    width: 12,
    title: "Exclusive: an offset, a time (UTC), -5min",
  },
  { name: "partitions", label: "partitions", hint: "all", width: 4, title: "0, 2, 4-7" },
  { name: "key", label: "key", hint: "any", width: 8, title: "The whole key" },
  { name: "header", label: "header", hint: "any", width: 10, title: "name, or name=value" },
] as const;

type Fields = Omit<QueryForm, "function">;

export function asked(form: QueryForm, effect: Effect, changed: Partial<Fields> = {}): AskQuery {
  const { function: kept, ...fields } = { ...form, ...changed };
  return { type: "query", ...fields, kept: kept && !fields.where, ...effect };
}

/** With less room, the condition has a row of its own. */
const ONE_ROW = 860;

interface Props {
  store: Store;
  /** The width that it has. */
  room: number;
  filter: { current: HTMLInputElement | null };
}

export function Query({ store, room, filter }: Props) {
  const { send } = store.line;
  const now = store.line.state.value;
  const { form, effect, known } = store;
  const list = useMemo(() => `bk-places-${Math.random().toString(36).slice(2)}`, []);
  useSignalEffect(() => {
    const state = store.line.state.value;
    const said = { topic: state.topic, form: state.form ?? EMPTY };
    if (JSON.stringify(said) === JSON.stringify(known.current)) return;
    // a side effect is chosen for one topic
    if (said.topic !== known.current.topic) effect.value = NO_EFFECT;
    form.value = merged(
      form.peek(),
      known.current,
      said,
      (name) => !answered(store.line, store.touched[name] ?? 0),
    );
    known.current = said;
    store.tried.value = "";
  });
  const attempt = useMemo(
    () =>
      later(() => {
        send({ type: "try", mode: form.peek().mode, where: form.peek().where });
      }, 250),
    [send, form],
  );
  const set = (changed: Partial<QueryForm>) => {
    form.value = { ...form.peek(), ...changed };
    for (const name of Object.keys(changed) as (keyof QueryForm)[]) store.touched[name] = store.line.sent();
  };
  const ask = (changed: Partial<Fields> = {}) => {
    set(changed);
    send(asked(form.peek(), effect.peek()));
    // and confirmed for one read
    effect.value = { ...effect.peek(), confirm: null };
  };
  const borrowed = now.choices.length > 0;
  // where reading has a side effect, only Search reads
  const choose = (changed: Partial<Fields>) => {
    if (borrowed) set(changed);
    else ask(changed);
  };
  return (
    <form
      class={`bk-form${room < ONE_ROW ? " bk-two-rows" : ""}`}
      aria-label="What to read"
      onSubmit={(event) => {
        event.preventDefault();
        ask();
      }}
      onKeyDown={(event) => {
        // the host must not take Enter for its own
        if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
        event.preventDefault();
        event.stopPropagation();
        ask();
      }}
    >
      <datalist id={list}>
        {PLACES.map((place) => (
          <option key={place} value={place} />
        ))}
      </datalist>
      <div class="bk-query">
        <Segments
          label="Which messages"
          value={form.value.newest ? "newest" : "oldest"}
          choices={[
            ["newest", "Newest first"],
            ["oldest", "Oldest first"],
          ]}
          disabled={borrowed || !now.topic}
          onChoose={(value) => {
            ask({ newest: value === "newest" });
          }}
        />
        <span class="bk-in bk-where">
          <Icon sign="find" />
          <Condition
            label="Filter of the value"
            modes="How the value is filtered"
            mode={form.value.mode}
            value={form.value.where}
            fields={store.fields.value.rows}
            of={store.rows.value?.version}
            ask={() => {
              send({ type: "fields", of: "rows" });
            }}
            placeholder={form.value.function ? "a function set in code" : undefined}
            disabled={borrowed}
            handle={filter}
            onWrite={(where) => {
              set({ where, function: false });
              attempt();
            }}
            onMode={(mode) => {
              set({ mode });
              attempt();
            }}
          />
        </span>
        <Formats
          formats={now.formats}
          keyFormats={now.key_formats}
          decode={form.value.decode}
          decode_key={form.value.decode_key}
          disabled={!now.topic}
          choose={choose}
        />
        <Filters store={store} use={ask} disabled={!now.topic} />
        {now.search.running ? (
          <button
            type="button"
            class="bk-btn bk-go"
            onClick={() => {
              send({ type: "stop" });
            }}
          >
            <Icon sign="stop" />
            Stop
          </button>
        ) : (
          <button type="submit" class="bk-btn bk-fill bk-go" disabled={!now.topic || now.closed}>
            Search
          </button>
        )}
      </div>
      <div class="bk-conditions">
        <Window
          store={store}
          form={form.value}
          disabled={borrowed || !now.topic}
          use={(range) => {
            ask(range);
          }}
        />
        {FIELDS.map(({ name, label, hint, width, title }) => (
          <label
            class={`bk-in bk-small${form.value[name] && name !== "limit" ? " bk-set" : ""}`}
            key={name}
            title={title}
          >
            <span class="bk-dim">{label}</span>
            <input
              class="bk-mono"
              list={name === "start" || name === "end" ? list : undefined}
              placeholder={hint}
              spellcheck={false}
              disabled={borrowed && name !== "limit" && name !== "start"}
              style={{ width: `${String(Math.max(width, form.value[name].length + 1))}ch` }}
              value={form.value[name]}
              onInput={(event) => {
                set({ [name]: event.currentTarget.value });
              }}
            />
          </label>
        ))}
      </div>
      <SideEffects now={now} effect={effect} />
      <Progress store={store} now={now} />
    </form>
  );
}

function Progress({ store, now }: { store: Store; now: BrowseState }) {
  const { search } = now;
  const { send } = store.line;
  return (
    <div class="bk-progress-line">
      {search.share !== null && <progress max={1} value={search.share} aria-label="How much was read" />}
      <span role="status" class="bk-cut" title={search.text}>
        {search.text}
      </span>
      {search.more && (
        <button
          type="button"
          class="bk-btn bk-small"
          disabled={now.closed}
          onClick={() => {
            send({ type: "continue", all: false });
          }}
        >
          {search.more}
        </button>
      )}
      {search.all && (
        <button
          type="button"
          class="bk-btn bk-small"
          title="Read on to the end, within the bounds of memory"
          disabled={now.closed}
          onClick={() => {
            send({ type: "continue", all: true });
          }}
        >
          {search.all}
        </button>
      )}
      {search.errors && (
        <span class="bk-warn bk-cut" title={search.errors}>
          <Icon sign="warn" /> {search.errors}
        </span>
      )}
      <span class="bk-grow" />
      <span
        class={`bk-cut ${store.tried.value.startsWith("✕") ? "bk-bad" : "bk-dim"}`}
        role="status"
        title={store.tried.value}
      >
        {store.tried.value}
      </span>
    </div>
  );
}
