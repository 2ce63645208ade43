// The tabs of a topic: what is known of it, and what can be done with it.
import { Fragment } from "preact";
import { useRef } from "preact/hooks";

import { Icon, type Sign } from "../parts/icons";
import type { Tab } from "../protocol";
import { compose, type Store } from "./store";

export const TABS: readonly Tab[] = [
  "messages",
  "partitions",
  "subscriptions",
  "configuration",
  "schema",
  "compose",
  "live",
];
const SIGNS: Partial<Record<Tab, Sign>> = { compose: "edit", live: "live" };

/** The tab that a key leads to from another one; undefined for other keys. */
export function tabAfter(tab: Tab, key: string): Tab | undefined {
  const at = TABS.indexOf(tab);
  if (key === "ArrowRight") return TABS[(at + 1) % TABS.length];
  if (key === "ArrowLeft") return TABS.at(at - 1);
  if (key === "Home") return TABS[0];
  return key === "End" ? TABS.at(-1) : undefined;
}

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
          const next = tabAfter(current, event.key);
          if (!next) return;
          event.preventDefault();
          event.stopPropagation();
          open(next);
          bar.current?.querySelectorAll<HTMLElement>("[role=tab]")[TABS.indexOf(next)]?.focus();
        }}
      >
        {TABS.map((tab) => {
          const { text, warn } = note(store, tab);
          const sign = SIGNS[tab];
          return (
            <Fragment key={tab}>
              {tab === "compose" && <span class="bk-separator" role="presentation" />}
              <button
                type="button"
                role="tab"
                aria-selected={tab === current}
                tabIndex={tab === current ? 0 : -1}
                disabled={!now.topic && tab !== "messages"}
                onClick={() => {
                  if (tab === "compose" && !now.composing) compose(store, "new");
                  if (tab === "live" && !now.following) send({ type: "follow" });
                  open(tab);
                }}
              >
                {sign && <Icon sign={sign} />}
                {tab[0]?.toUpperCase() + tab.slice(1)}
                {text && <span class={warn ? "bk-n bk-warn" : "bk-n"}>{text}</span>}
              </button>
            </Fragment>
          );
        })}
      </div>
      <span class="bk-grow" />
      <Close store={store} />
    </div>
  );
}

/** Closes the composer or the tail whose tab is open; a composer with something unsent is kept and asks. */
function Close({ store }: { store: Store }) {
  const now = store.line.state.value;
  const tab = store.tab.value;
  if (!(tab === "compose" && now.composing) && !(tab === "live" && now.following)) return null;
  return (
    <button
      type="button"
      class="bk-action"
      aria-label={tab === "compose" ? "Close the composer" : "Close the tail"}
      onClick={() => {
        store.line.send({ type: "put_away", which: tab, replace: false });
      }}
    >
      <Icon sign="x" />
      Close
    </button>
  );
}
