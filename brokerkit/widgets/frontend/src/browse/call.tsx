// The Python call of the tab that is shown.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";

import { toClipboard } from "../parts/call_bar";
import { Code } from "../parts/code";
import { Icon } from "../parts/icons";
import { Segments } from "../parts/segments";
import { companionCall } from "./companions";
import type { Store } from "./store";

export function Call({ store, copy }: { store: Store; copy: { current: (() => void) | null } }) {
  const now = store.line.state.value;
  const code = useRef<HTMLElement>(null);
  const fixed = useSignal(false);
  const said = useSignal("");
  const tab = store.tab.value;
  const messages = tab === "messages";
  const different = messages && now.fixed_call !== now.call;
  const call = messages
    ? fixed.value && different
      ? now.fixed_call
      : now.call
    : tab === "compose" || tab === "live"
      ? companionCall(store, tab)
      : (tab === "subscriptions" && store.reset.value?.call) || (store.calls.value[tab] ?? "");
  copy.current = () => {
    void toClipboard(call, code.current).then((text) => {
      said.value = text;
      setTimeout(() => {
        said.value = "";
      }, 2000);
    });
  };
  return (
    <div class="bk-call" role="group" aria-label="The Python call that gives these rows">
      <span class="bk-cap">Python</span>
      <code class="bk-mono bk-cut bk-grow" ref={code} title={call}>
        <Code text={call} />
      </code>
      {different && (
        <Segments
          label="Which call"
          value={fixed.value ? "rows" : "query"}
          choices={[
            ["query", "this query"],
            ["rows", "exactly these rows"],
          ]}
          onChoose={(value) => {
            fixed.value = value === "rows";
          }}
        />
      )}
      <span class="bk-dim" role="status">
        {said}
      </span>
      <button
        type="button"
        class="bk-btn bk-small"
        aria-label="Copy the Python call"
        onClick={() => copy.current?.()}
      >
        <Icon sign="copy" />
        Copy
      </button>
    </div>
  );
}
