// Filters that were saved by name, and those that were used last.
import { useSignal } from "@preact/signals";

import { Icon } from "../parts/icons";
import { Menu } from "../parts/menu";
import { Bdi } from "../parts/plain";
import type { KeptFilter, QueryForm } from "../protocol";
import type { Store } from "./store";

/** A filter in one line: its conditions, and its window. */
export function summary(filter: KeptFilter): string {
  const parts = [
    filter.where,
    filter.key && `key ${filter.key}`,
    filter.header && `header ${filter.header}`,
    filter.partitions && `partitions ${filter.partitions}`,
    filter.start && `from ${filter.start}`,
    filter.end && `to ${filter.end}`,
    filter.newest ? "" : "oldest first",
  ];
  return parts.filter(Boolean).join(" · ") || "everything";
}

/** What is kept of a query as it is typed. */
export function keptOf(form: QueryForm, name = ""): KeptFilter {
  const { newest, mode, where, key, header, partitions, start, end } = form;
  return { name, newest, mode, where, key, header, partitions, start, end };
}

/** The fields of a query that a kept filter sets. */
export function fieldsOf(filter: KeptFilter): Partial<QueryForm> {
  const { newest, mode, where, key, header, partitions, start, end } = filter;
  return { newest, mode, where, key, header, partitions, start, end, function: false };
}

interface Props {
  store: Store;
  use: (changed: Partial<QueryForm>) => void;
  disabled: boolean;
}

export function Filters({ store, use, disabled }: Props) {
  const { send } = store.line;
  const name = useSignal("");
  const known = store.filters.value;
  const item = (each: KeptFilter, close: () => void) => (
    <div class="bk-line" key={`${each.name} ${summary(each)} ${each.mode}`}>
      <button
        type="button"
        class="bk-item bk-grow bk-kept"
        title={summary(each)}
        onClick={() => {
          close();
          use(fieldsOf(each));
        }}
      >
        {each.name && <b class="bk-cut">{each.name}</b>}
        <span class={`bk-cut bk-mono${each.name ? " bk-dim" : ""}`}>
          <Bdi>{summary(each)}</Bdi>
        </span>
      </button>
      {each.name && (
        <button
          type="button"
          class="bk-btn bk-quiet bk-small bk-square"
          aria-label={`Delete the filter ${each.name}`}
          title="Delete"
          onClick={() => {
            send({ type: "delete_filter", name: each.name });
          }}
        >
          <Icon sign="x" />
        </button>
      )}
    </div>
  );
  const save = () => {
    if (!name.peek().trim()) return;
    send({ type: "save_filter", name: name.peek(), filter: keptOf(store.form.peek()) });
    name.value = "";
  };
  return (
    <Menu
      label="Saved filters and those used last"
      class="bk-saved-filters"
      button={
        <>
          <Icon sign="clock" label="Saved filters and those used last" />
          <span class="bk-hide-m">Saved</span>
        </>
      }
      onOpen={() => {
        send({ type: "filters" });
      }}
    >
      {(close) => (
        <div class="bk-filters">
          <span class="bk-cap">Saved</span>
          {known?.saved.map((each) => item(each, close))}
          <div
            class="bk-line bk-save-filter"
            onKeyDown={(event) => {
              if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
              event.preventDefault();
              event.stopPropagation();
              save();
            }}
          >
            <span class="bk-in bk-small bk-grow">
              <input
                aria-label="Name of the filter"
                placeholder="name for what is typed now"
                spellcheck={false}
                value={name.value}
                onInput={(event) => {
                  name.value = event.currentTarget.value;
                }}
              />
            </span>
            <button
              type="button"
              class="bk-btn bk-small"
              disabled={disabled || !name.value.trim() || store.form.value.function}
              title={store.form.value.function ? "A function that was set in code cannot be saved" : ""}
              onClick={save}
            >
              Save
            </button>
          </div>
          <span class="bk-cap bk-line">
            Used last
            <span class="bk-grow" />
            {(known?.used.length ?? 0) > 0 && (
              <button
                type="button"
                class="bk-link"
                onClick={() => {
                  send({ type: "delete_filter", name: "" });
                }}
              >
                Forget
              </button>
            )}
          </span>
          {known?.used.map((each) => item(each, close))}
          {known?.note ? (
            <p class="bk-dim bk-problem">{known.note}</p>
          ) : (
            !known?.used.length && <p class="bk-dim">None yet.</p>
          )}
        </div>
      )}
    </Menu>
  );
}
