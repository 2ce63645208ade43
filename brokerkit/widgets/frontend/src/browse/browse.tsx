// The view of `s.browse()`: the workbench.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { answered, AnswersOf } from "../host/answers";
import { forHost } from "../host/keys";
import { soon } from "../parts/focus";
import { Splitter } from "../parts/splitter";
import type { VirtualRowsHandle } from "../parts/virtual_rows";
import type { Form, Tab } from "../protocol";
import { Banners } from "./banners";
import { Call } from "./call";
import { ComposeTab, LiveTab } from "./companions";
import { Configuration } from "./configuration";
import { Connection, Header } from "./header";
import { KeySheet } from "./keys";
import { LettersTab } from "./letters";
import { Messages } from "./messages";
import { Partitions } from "./partitions";
import { SchemaTab } from "./schema";
import {
  askForm,
  choose,
  compose,
  isChosen,
  newStore,
  openTab,
  showTopics,
  type Line,
  type Store,
} from "./store";
import { SubscriptionsTab } from "./subscriptions";
import { Tabs, tabsOf } from "./tabs";
import { TopicList } from "./topics";
import "./browse.css";

const DRAWER = 1100;
const LEAST_SIDE = 200;
const MOST_SIDE = 420;
/** The usual width of the list of topics, and that in a workbench of so many pixels. */
const SIDE = 272;
const WIDE = 1700;
const WIDE_SIDE = 304;
const FORMS: Record<string, Form> = { t: "tree", x: "hex", l: "layers" };

interface Places {
  find: { current: HTMLInputElement | null };
  filter: { current: HTMLInputElement | null };
  table: { current: VirtualRowsHandle | null };
  copy: { current: (() => void) | null };
}

/** Do what a key means; whether it means something. */
function pressed(key: string, store: Store, places: Places, open: (tab: Tab) => void): boolean {
  const { send } = store.line;
  const { topic, search } = store.line.state.peek();
  const shown = isChosen(store);
  const form = FORMS[key];
  const tab = tabsOf(store.line.state.peek())[Number(key) - 1];
  if (key === "/") {
    showTopics(store, true);
    soon(() => {
      places.find.current?.focus();
      places.find.current?.select();
    });
  } else if (key === "f") {
    open("messages");
    soon(() => places.filter.current?.focus());
  } else if (key === "[") showTopics(store, !store.side.peek());
  else if (key === "?") store.sheet.value = true;
  else if (key === "c") places.copy.current?.();
  else if (key === "n" && topic) compose(store, "new");
  else if (key === "r" && shown) compose(store, "edit");
  else if (key === "e" && store.rows.peek()?.total) {
    open("messages");
    store.exporting.value = true;
  } else if (key === "g" && search.more) send({ type: "continue", all: false });
  else if (key === "." && search.running) send({ type: "stop" });
  else if ((key === "j" || key === "k") && topic)
    choose(store, { type: "step", by: key === "j" ? 1 : -1, along: "rows" });
  else if (form && shown) askForm(store, form);
  else if (tab && topic) open(tab);
  else if (key === "Escape" && shown) {
    choose(store, null);
    places.table.current?.focus();
  } else return false;
  return true;
}

function typing(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches("input:not([type=checkbox]), select, textarea");
}

interface Room {
  /** The width of the workbench, and of what is beside the list of topics. */
  width: number;
  room: number;
}

function TabView({ store, places, ...room }: { store: Store; places: Places } & Room) {
  switch (store.tab.value) {
    case "partitions":
      return <Partitions store={store} />;
    case "subscriptions":
      return <SubscriptionsTab store={store} />;
    case "configuration":
      return <Configuration store={store} />;
    case "schema":
      return <SchemaTab store={store} />;
    case "letters":
      return <LettersTab store={store} />;
    case "compose":
      return <ComposeTab store={store} />;
    case "live":
      return <LiveTab store={store} />;
    default:
      return <Messages store={store} {...room} filter={places.filter} table={places.table} />;
  }
}

function Workbench({ store }: { store: Store }) {
  const now = store.line.state.value;
  const root = useRef<HTMLDivElement>(null);
  const places: Places = {
    find: useRef(null),
    filter: useRef(null),
    table: useRef(null),
    copy: useRef(null),
  };
  const [width, setWidth] = useState(1_200);
  const drawer = width < DRAWER;
  useLayoutEffect(() => {
    const node = root.current;
    if (!node) return undefined;
    const measure = () => {
      setWidth(node.clientWidth);
    };
    const watcher = new ResizeObserver(measure);
    watcher.observe(node);
    measure();
    return () => {
      watcher.disconnect();
    };
  }, []);
  // a drawer is open while no topic is chosen
  useLayoutEffect(() => {
    // unless it was opened after what chose the topic
    if (answered(store.line, store.sided.current)) store.side.value = !drawer || !now.topic;
  }, [store, drawer, now.topic]);
  const open = (tab: Tab) => {
    openTab(store, tab);
  };
  const tab = store.tab.value;
  // what a tab shows is loaded when it is open and its topic is another one
  useEffect(() => {
    if (now.topic && tab !== "messages")
      store.line.send({ type: "open", tab, key: store.schema.peek()?.key ?? false });
  }, [store, now.topic, tab]);
  const side = store.side.value;
  const sideWidth = store.sideWidth.value ?? (width < WIDE ? SIDE : WIDE_SIDE);
  const style = { "--bk-side": `${String(sideWidth)}px` };
  const classes = ["bk-work", side ? "" : "bk-no-side", drawer ? "bk-drawer" : ""];
  return (
    <div
      class={`bk bk-panel${now.marks.includes("PRODUCTION") ? " bk-prod" : ""}`}
      ref={root}
      onKeyDown={(event) => {
        if (forHost(event) || typing(event.target)) return;
        if (!pressed(event.key, store, places, open)) return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <div class={`bk-frame${store.line.line.value === "dead" ? " bk-dead" : ""}`}>
        <Banners store={store} now={now} />
        <div class={classes.filter(Boolean).join(" ")} style={style}>
          <Connection store={store} now={now} />
          <Header store={store} now={now} />
          {side && (
            <div class="bk-side-of">
              <TopicList store={store} find={places.find} />
              <Splitter
                label="Width of the list of topics"
                size={sideWidth}
                least={LEAST_SIDE}
                most={MOST_SIDE}
                grows="right"
                onSize={(size) => {
                  store.sideWidth.value = size;
                }}
              />
            </div>
          )}
          <div class="bk-main">
            <Tabs store={store} open={open} />
            <TabView
              store={store}
              width={width}
              room={width - (side && !drawer ? sideWidth : 0)}
              places={places}
            />
            <Call store={store} copy={places.copy} />
          </div>
        </div>
        {store.sheet.value && (
          <KeySheet
            close={() => {
              store.sheet.value = false;
            }}
          />
        )}
      </div>
    </div>
  );
}

export function Browser({ line }: { line: Line }) {
  const store = useMemo(() => newStore(line), [line]);
  return (
    <AnswersOf.Provider value={line}>
      <Workbench store={store} />
    </AnswersOf.Provider>
  );
}
