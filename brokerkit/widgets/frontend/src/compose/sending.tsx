// The buttons that send, and the question before it on production.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";

import type { ComposeState } from "../protocol";
import { ConfirmName } from "./confirming";

interface Props {
  now: ComposeState;
  dryRun: () => void;
  send: (confirm: string | null) => void;
}

export function Sending({ now, dryRun, send }: Props) {
  const asking = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  const wrong = now.count === 1 && now.problems.some(([level]) => level === "error");
  const done = (confirm: string | null) => {
    asking.value = false;
    send(confirm);
  };
  return (
    <div class="bk-sending">
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
            if (now.confirm) asking.value = true;
            else done(null);
          }}
        >
          {now.count > 1 ? `Send all ${now.count.toLocaleString("en")}` : "Send"}
        </button>
        <span role="status">{now.said}</span>
      </div>
      {asking.value && (
        <ConfirmName
          topic={now.topic}
          onConfirm={done}
          onCancel={() => {
            asking.value = false;
            button.current?.focus();
          }}
        />
      )}
    </div>
  );
}
