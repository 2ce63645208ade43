// The top of the workbench: where it is connected, what is open, what reading costs, and what is hidden.
import { Icon } from "../parts/icons";
import { Marks } from "../parts/marks";
import { Bdi } from "../parts/plain";
import type { BrowseState } from "../protocol";
import { compose, showTopics, type Store } from "./store";

function SideButton({ store }: { store: Store }) {
  const open = store.side.value;
  return (
    <button
      type="button"
      class="bk-btn bk-quiet bk-square"
      aria-label={open ? "Hide the list of topics" : "Show the list of topics"}
      aria-expanded={open}
      title={`${open ? "Hide" : "Show"} the list of topics ( [ )`}
      onClick={() => {
        showTopics(store, !open);
      }}
    >
      <Icon sign="side" />
    </button>
  );
}

function Back({ store, now }: { store: Store; now: BrowseState }) {
  if (!now.back) return null;
  return (
    <button
      type="button"
      class="bk-btn bk-quiet bk-square"
      aria-label={`Back to ${now.back}`}
      title={`Back to ${now.back}`}
      onClick={() => {
        store.line.send({ type: "back" });
      }}
    >
      <Icon sign="back" />
    </button>
  );
}

/** The name of the session, with its marks below. */
function Session({ now }: { now: BrowseState }) {
  return (
    <span class="bk-conn-of">
      <b class="bk-cut" title={now.session}>
        <Bdi>{now.session}</Bdi>
      </b>
      <Marks marks={now.marks} />
    </span>
  );
}

export function Connection({ store, now }: { store: Store; now: BrowseState }) {
  return (
    <div class="bk-conn">
      <SideButton store={store} />
      <Back store={store} now={now} />
      <Session now={now} />
    </div>
  );
}

export function Header({ store, now }: { store: Store; now: BrowseState }) {
  const facts = store.facts.value;
  return (
    <div class="bk-header">
      <span class="bk-crumb">
        <SideButton store={store} />
        <Back store={store} now={now} />
        <Session now={now} />
        <span class="bk-dim">/</span>
      </span>
      <section class="bk-title" aria-label="The chosen topic">
        <h2 class="bk-cut" title={now.topic}>
          <Bdi>{now.topic || "No topic is chosen"}</Bdi>
        </h2>
        {facts && (
          <span class="bk-dim bk-cut bk-hide-xs" title={facts.facts}>
            {facts.facts}
          </span>
        )}
        {facts?.lag && (
          <span class="bk-warn bk-cut" title={facts.lag}>
            <Bdi>{facts.lag}</Bdi>
          </span>
        )}
      </section>
      <span class={`bk-effect bk-hide-s ${now.harmless ? "bk-dim" : "bk-warn"}`} title={now.effect}>
        <Icon sign={now.harmless ? "check" : "warn"} />
        <span class="bk-hide-m">{now.harmless ? "Reading changes nothing" : "Reading has side effects"}</span>
      </span>
      {now.masks && (
        <span class="bk-mark" title={now.masks}>
          <Icon sign="mask" />
          masked
        </span>
      )}
      <button
        type="button"
        class="bk-btn"
        disabled={!now.topic}
        aria-label="New message"
        onClick={() => {
          compose(store, "new");
        }}
      >
        <Icon sign="plus" />
        <span class="bk-hide-s">New message</span>
      </button>
      <button
        type="button"
        class="bk-btn bk-quiet bk-square"
        aria-label="Keys"
        title="Keys ( ? )"
        onClick={() => {
          store.sheet.value = true;
        }}
      >
        <Icon sign="help" />
      </button>
    </div>
  );
}
