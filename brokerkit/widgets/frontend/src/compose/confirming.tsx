// The question for the topic's name before anything is published on production.
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

import { Field } from "../parts/plain";

interface Props {
  topic: string;
  onConfirm: (name: string) => void;
  onCancel: () => void;
}

export function ConfirmName({ topic, onConfirm, onCancel }: Props) {
  const typed = useSignal("");
  const name = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    name.current?.focus();
  }, []);
  return (
    <div class="bk-danger bk-head">
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
        disabled={typed.value !== topic}
        onClick={() => {
          onConfirm(typed.peek());
        }}
      >
        Publish
      </button>
      <button type="button" class="bk-btn" onClick={onCancel}>
        Cancel
      </button>
    </div>
  );
}
