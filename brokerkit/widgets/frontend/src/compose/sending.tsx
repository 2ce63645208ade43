// The buttons that send, and the question before it on production.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";

import { Field } from "../parts/plain";
import type { ComposeState } from "../protocol";

interface Props {
  now: ComposeState;
  dryRun: () => void;
  send: (confirm: string | null) => void;
}

export function Sending({ now, dryRun, send }: Props) {
  const asking = useSignal(false);
  const typed = useSignal("");
  const button = useRef<HTMLButtonElement>(null);
  const name = useRef<HTMLInputElement>(null);
  const wrong = now.count === 1 && now.problems.some(([level]) => level === "error");
  const ask = () => {
    asking.value = true;
    requestAnimationFrame(() => name.current?.focus());
  };
  const done = (confirm: string | null) => {
    asking.value = false;
    typed.value = "";
    send(confirm);
  };
  return (
    <>
      <div class="bk-dim">{now.refused ? `Not offered: ${now.refused}.` : now.effect}</div>
      <div class="bk-head">
        <button type="button" class="bk-btn" onClick={dryRun}>
          Dry run
        </button>
        <button
          type="button"
          class="bk-btn bk-fill"
          ref={button}
          disabled={Boolean(now.refused) || wrong || now.sent}
          title={now.sent ? "All of it was confirmed. Edit it to send it again" : undefined}
          onClick={(event) => {
            if (event.detail > 1) return; // a double click sends once
            if (now.confirm) ask();
            else done(null);
          }}
        >
          {now.count > 1 ? `Send all ${now.count.toLocaleString("en")}` : "Send"}
        </button>
        <span role="status">{now.said}</span>
      </div>
      <div class="bk-danger bk-head" hidden={!asking.value}>
        <Field label="▲ Marked as production. Type the topic's name to publish:">
          <input
            class="bk-input"
            spellcheck={false}
            autocomplete="off"
            ref={name}
            value={typed}
            onInput={(event) => {
              typed.value = event.currentTarget.value;
            }}
          />
        </Field>
        <button
          type="button"
          class="bk-btn bk-fill"
          disabled={typed.value !== now.topic}
          onClick={() => {
            done(typed.peek());
          }}
        >
          Publish
        </button>
        <button
          type="button"
          class="bk-btn"
          onClick={() => {
            asking.value = false;
            button.current?.focus();
          }}
        >
          Cancel
        </button>
      </div>
    </>
  );
}
