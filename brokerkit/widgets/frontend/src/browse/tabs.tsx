// The tabs of a topic: what is known of it, and what can be done with it.
import { Fragment } from "preact";
import { useRef } from "preact/hooks";

import { Icon, type Sign } from "../parts/icons";
import type { BrowseState, Tab } from "../protocol";
import { compose, type Store } from "./store";

export const TABS: readonly Tab[] = [
  "messages",
  "partitions",
  "subscriptions",
  "configuration",
  "schema",
  "letters",
  "compose",
  "live",
];
const SIGNS: Partial<Record<Tab, Sign>> = { compose: "edit", live: "live" };

/** The tabs that a system has: some keep no dead letters. */
export function tabsOf(now: Pick<BrowseState, "lacks">): Tab[] {
  return TABS.filter((tab) => tab !== "letters" || !("redrive" in now.lacks));
}

export function nameOf(tab: Tab): string {
  return tab === "letters" ? "Dead letters" : (tab[0]?.toUpperCase() ?? "") + tab.slice(1);
}

/** The tab that a key leads to from another one; undefined for other keys. */
export function tabAfter(tab: Tab, key: string, tabs: readonly Tab[] = TABS): Tab | undefined {
  const at = tabs.indexOf(tab);
  if (key === "ArrowRight") return tabs[(at + 1) % tabs.length];
  if (key === "ArrowLeft") return tabs.at(at - 1);
  if (key === "Home") return tabs[0];
  return key === "End" ? tabs.at(-1) : undefined;
}

function note(store: Store, tab: Tab): { text: string; warn: boolean } {
  const facts = store.facts.value;
  const letters = store.letters.value;
  if (tab === "letters")
    return { text: letters?.all ? letters.all.toLocaleString("en") : "", warn: Boolean(letters?.all) };
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
  const tabs = tabsOf(now);
  return (
    <div class="bk-tabs">
      <div
        class="bk-tablist"
        role="tablist"
        aria-label="What is shown of the topic"
        ref={bar}
        onKeyDown={(event) => {
          const next = tabAfter(current, event.key, tabs);
          if (!next) return;
          event.preventDefault();
          event.stopPropagation();
          open(next);
          bar.current?.querySelectorAll<HTMLElement>("[role=tab]")[tabs.indexOf(next)]?.focus();
        }}
      >
        {tabs.map((tab) => {
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
                {nameOf(tab)}
                {text && (
                  <span class={`bk-n${warn ? (tab === "letters" ? " bk-warn bk-bad" : " bk-warn") : ""}`}>
                    {text}
                  </span>
                )}
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
