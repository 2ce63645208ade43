// The filter and the formats of a tail. What is being typed is not overwritten by what Python says.
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { Condition } from "../parts/condition";
import { hasFocus } from "../parts/focus";
import { Formats } from "../parts/formats";
import { later } from "../parts/later";
import { Field } from "../parts/plain";
import type { FieldSeen, TailFilter, TailState } from "../protocol";
import type { Line } from "./view";

interface Props {
  now: TailState;
  send: Line["send"];
  fields: readonly FieldSeen[];
}

export function Filter({ now, send, fields }: Props) {
  const typed = useSignal<Omit<TailFilter, "type">>({ mode: now.mode, where: now.where, key: now.key });
  const where = useRef<HTMLInputElement>(null);
  const key = useRef<HTMLInputElement>(null);
  const attempt = useMemo(
    () =>
      later(() => {
        send({ type: "filter", ...typed.peek() });
      }, 350),
    [send, typed],
  );
  useLayoutEffect(() => {
    const kept = typed.peek();
    const busy = where.current && hasFocus(where.current);
    typed.value = {
      // how nothing is written is the choice of the person
      mode: busy || !now.where ? kept.mode : now.mode,
      where: busy ? kept.where : now.where,
      key: key.current && hasFocus(key.current) ? kept.key : now.key,
    };
  }, [now.mode, now.where, now.key, typed]);
  const set = (part: Partial<Omit<TailFilter, "type">>) => {
    typed.value = { ...typed.peek(), ...part };
    attempt();
  };
  return (
    <div class="bk-head">
      <span class="bk-field">
        <span class="bk-dim" aria-hidden="true">
          Only where
        </span>
        <span class="bk-in bk-only">
          <Condition
            label="Only where"
            modes="How the condition is written"
            mode={typed.value.mode}
            value={typed.value.where}
            fields={fields}
            ask={() => {
              send({ type: "fields", of: "rows" });
            }}
            disabled={!now.running}
            handle={where}
            onWrite={(text) => {
              set({ where: text });
            }}
            onMode={(mode) => {
              set({ mode });
            }}
          />
        </span>
      </span>
      <Field label="Key is">
        <input
          type="search"
          class="bk-input"
          placeholder="any key"
          spellcheck={false}
          disabled={!now.running}
          ref={key}
          value={typed.value.key}
          onInput={(event) => {
            set({ key: event.currentTarget.value });
          }}
        />
      </Field>
      <Formats
        formats={now.formats}
        keyFormats={now.key_formats}
        decode={now.decode}
        decode_key={now.decode_key}
        disabled={!now.running}
        choose={(changed) => {
          send({ type: "formats", decode: now.decode, decode_key: now.decode_key, ...changed });
        }}
      />
      <span class="bk-dim">{now.counts}</span>
      <span class="bk-dim" role="status">
        {[now.function, now.filter_errors].filter(Boolean).join("; ")}
      </span>
    </div>
  );
}
