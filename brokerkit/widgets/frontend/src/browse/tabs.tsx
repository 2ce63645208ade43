// The tabs of a topic, and beside them what opens below the workbench.
import { useRef } from "preact/hooks";

import { Icon } from "../parts/icons";
import type { Tab } from "../protocol";
import type { Store } from "./store";

export const TABS: readonly Tab[] = ["messages", "partitions", "subscriptions", "configuration", "schema"];

function note(store: Store, tab: Tab): { text: string; warn: boolean } {
  const facts = store.facts.value;
  if (!facts) return { text: "", warn: false };
  switch (tab) {
    case "partitions":
      return { text: facts.partitions.length ? String(facts.partitions.length) : "", warn: facts.lacking };
    case "subscriptions":
      return { text: facts.subscriptions ? String(facts.subscriptions) : "", warn: false };
    case "configuration":
      return { text: facts.changed ? String(facts.changed) : "", warn: facts.changed > 0 };
    default:
      return { text: "", warn: false };
  }
}

export function Tabs({ store, open }: { store: Store; open: (tab: Tab) => void }) {
  const { send } = store.line;
  const now = store.line.state.value;
  const bar = useRef<HTMLDivElement>(null);
  const current = store.tab.value;
  return (
    <div class="bk-tabs">
      <div
        class="bk-tablist"
        role="tablist"
        aria-label="What is shown of the topic"
        ref={bar}
        onKeyDown={(event) => {
          const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (!by) return;
          event.preventDefault();
          event.stopPropagation();
          const next = TABS[(TABS.indexOf(current) + by + TABS.length) % TABS.length] ?? "messages";
          open(next);
          bar.current?.querySelectorAll<HTMLElement>("[role=tab]")[TABS.indexOf(next)]?.focus();
        }}
      >
        {TABS.map((tab) => {
          const { text, warn } = note(store, tab);
          return (
            <button
              type="button"
              role="tab"
              key={tab}
              aria-selected={tab === current}
              tabIndex={tab === current ? 0 : -1}
              disabled={!now.topic && tab !== "messages"}
              onClick={() => {
                open(tab);
              }}
            >
              {tab[0]?.toUpperCase() + tab.slice(1)}
              {text && <span class={warn ? "bk-n bk-warn" : "bk-n"}>{text}</span>}
            </button>
          );
        })}
      </div>
      <span class="bk-separator" />
      <button
        type="button"
        class="bk-action"
        disabled={!now.topic}
        onClick={() => {
          send({ type: "follow" });
        }}
      >
        <Icon sign="live" />
        Follow live
      </button>
      {now.companions && (
        <button
          type="button"
          class="bk-action"
          aria-label="Close the composer and the tail below"
          onClick={() => {
            send({ type: "put_away" });
          }}
        >
          <Icon sign="x" />
          Put away
        </button>
      )}
    </div>
  );
}
