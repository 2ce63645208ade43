// The composer and the tail as tabs: they speak through the line of the workbench.
import { signal, type ReadonlySignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

import { ComposeView, isUnsent, type Line as ComposeLine } from "../compose/view";
import type { Connection } from "../host/connection";
import { offerFocus } from "../parts/focus";
import { Icon } from "../parts/icons";
import type { Companion, CompanionDone, CompanionSaid, Which } from "../protocol";
import { TailView, type Line as TailLine } from "../tail/view";
import { Empty } from "./card";
import { compose, type Line, type Store } from "./store";

type AnyLine = Connection<unknown, { type: string }, CompanionDone["message"]>;

/** A composer or a tail; what is said to it is for no other one. */
export interface Shown {
  /** Another composer or tail has a greater number. */
  number: number;
  line: AnyLine;
}

export interface Part {
  /** What is in the tab; null before there is anything. */
  shown: ReadonlySignal<Shown | null>;
  take: (message: Companion | CompanionSaid) => void;
}

export function newPart(line: Line, which: Which): Part {
  const shown = signal<Shown | null>(null);
  let state = signal<unknown>(null);
  let listener: (message: { type: string }) => void = () => undefined;
  const begin = (number: number, first: unknown) => {
    const send = (message: CompanionDone["message"]) => {
      line.send({ type: "companion", which, number, message });
    };
    state = signal(first);
    listener = () => undefined;
    shown.value = {
      number,
      line: {
        state,
        line: line.line,
        sent: line.sent,
        heard: line.heard,
        load: line.load,
        send,
        listen(handle) {
          listener = handle;
          send({ type: "hello" });
        },
        close: () => undefined,
      },
    };
  };
  return {
    shown,
    take(message) {
      const known = shown.peek()?.number ?? 0;
      if (message.type === "companion" && message.number > known) begin(message.number, message.state);
      else if (message.number !== known) return;
      else if (message.type === "companion") state.value = message.state;
      else listener(message.message);
    },
  };
}

/** The Python call of what is composed or followed. */
export function companionCall(store: Store, which: Which): string {
  const now = store.line.state.value;
  if (!(which === "compose" ? now.composing : now.following)) return "";
  const shown = store.parts[which].shown.value?.line.state.value as { call: string } | undefined;
  return shown?.call ?? "";
}

const INSTEAD = {
  new: "Replace it with a new one",
  edit: "Replace it with the chosen rows",
  close: "Discard it",
};

function Kept({ store }: { store: Store }) {
  const { kept } = store.line.state.value;
  if (!kept) return null;
  return (
    <div class="bk-banner bk-is-warn" role="status">
      <Icon sign="warn" />
      <span class="bk-grow">
        <b>This message was not sent,</b> so it was kept.
      </span>
      <button
        type="button"
        class="bk-btn bk-small"
        onClick={() => {
          if (kept === "close") store.line.send({ type: "put_away", which: "compose", replace: true });
          else compose(store, kept, true);
        }}
      >
        {INSTEAD[kept]}
      </button>
    </div>
  );
}

/** Where a new message is written until its composer is there. */
function Ahead({ store }: { store: Store }) {
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    offerFocus(field.current);
  }, []);
  return (
    <div class="bk-pad" role="tabpanel" aria-label="Compose">
      <div class="bk-dim" role="status">
        The composer opens…
      </div>
      <textarea
        class="bk-area-input"
        rows={9}
        spellcheck={false}
        aria-label="The value, until the composer is open"
        ref={field}
        value={store.ahead}
        onInput={(event) => {
          store.ahead.value = event.currentTarget.value;
        }}
      />
    </div>
  );
}

export function ComposeTab({ store }: { store: Store }) {
  const now = store.line.state.value;
  const shown = store.parts.compose.shown.value;
  const { what, replace, sent } = store.composing.value;
  const stays = now.composing && shown && !replace && isUnsent(shown.line as ComposeLine);
  // what is typed into one that is replaced just now would be lost
  if (store.line.heard.value < sent && !stays)
    return what === "new" ? <Ahead store={store} /> : <Empty>The composer opens…</Empty>;
  if (!now.composing || !shown)
    return (
      <Empty>
        <b>No message is being written.</b>
        <button
          type="button"
          class="bk-btn"
          disabled={!now.topic}
          onClick={() => {
            compose(store, "new");
          }}
        >
          <Icon sign="plus" />
          New message
        </button>
      </Empty>
    );
  return (
    <div class="bk-companion bk-panel" role="tabpanel" aria-label="Compose">
      <Kept store={store} />
      <ComposeView
        key={shown.number}
        line={shown.line as ComposeLine}
        within
        ahead={{
          take() {
            const typed = store.ahead.peek();
            store.ahead.value = "";
            return typed;
          },
        }}
      />
    </div>
  );
}

export function LiveTab({ store }: { store: Store }) {
  const now = store.line.state.value;
  const shown = store.parts.live.shown.value;
  const follow = () => {
    store.line.send({ type: "follow" });
  };
  if (!now.following || !shown)
    return (
      <Empty>
        <b>Nothing is followed.</b>
        <button type="button" class="bk-btn" disabled={!now.topic} onClick={follow}>
          <Icon sign="live" />
          Follow live
        </button>
      </Empty>
    );
  return (
    <div class="bk-companion bk-panel" role="tabpanel" aria-label="Live">
      <TailView
        key={shown.number}
        line={shown.line as unknown as TailLine}
        within
        again={now.closed ? undefined : follow}
      />
    </div>
  );
}
