// The filter and the formats of a tail. What is being typed is not overwritten by what Python says.
import { signal, type Signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

import { useHeld } from "../host/answers";
import { Condition } from "../parts/condition";
import { hasFocus } from "../parts/focus";
import { Formats } from "../parts/formats";
import { later } from "../parts/later";
import { Field } from "../parts/plain";
import type { FieldSeen, TailFilter, TailState } from "../protocol";
import type { Line } from "./view";

interface Props {
  now: TailState;
  line: Line;
  fields: readonly FieldSeen[];
}

type Typed = Omit<TailFilter, "type">;

/** What is typed, also while another tab is open, and when it was sent. */
class Draft {
  readonly typed: Signal<Typed>;
  readonly attempt;
  private sent: number | null = 0;

  constructor(line: Line) {
    const { mode, where, key } = line.state.peek();
    this.typed = signal({ mode, where, key });
    this.attempt = later(() => {
      line.send({ type: "filter", ...this.typed.peek() });
      this.sent = line.sent();
    }, 350);
  }

  set(part: Partial<Typed>): void {
    this.typed.value = { ...this.typed.peek(), ...part };
    this.sent = null;
    this.attempt();
  }

  /** Whether Python knows it, of whose answers so many came. */
  known(heard: number): boolean {
    return this.sent !== null && heard >= this.sent;
  }
}

const drafts = new WeakMap<Line, Draft>();

function draftOf(line: Line): Draft {
  const made = drafts.get(line) ?? new Draft(line);
  drafts.set(line, made);
  return made;
}

export function Filter({ now, line, fields }: Props) {
  const { send } = line;
  const draft = draftOf(line);
  const { typed } = draft;
  const heard = line.heard.value;
  const [formats, keep] = useHeld({ decode: now.decode, decode_key: now.decode_key });
  const where = useRef<HTMLInputElement>(null);
  const key = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    const kept = typed.peek();
    if (!draft.known(heard)) return;
    const busy = where.current && hasFocus(where.current);
    typed.value = {
      // how nothing is written is the choice of the person
      mode: busy || !now.where ? kept.mode : now.mode,
      where: busy ? kept.where : now.where,
      key: key.current && hasFocus(key.current) ? kept.key : now.key,
    };
  }, [now.mode, now.where, now.key, typed, draft, heard]);
  const set = (part: Partial<Typed>) => {
    draft.set(part);
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
        {...formats}
        disabled={!now.running}
        choose={(changed) => {
          send({ type: "formats", ...formats, ...changed });
          keep({ ...formats, ...changed });
        }}
      />
      <span class="bk-dim">{now.counts}</span>
      <span class="bk-dim" role="status">
        {[now.function, now.filter_errors].filter(Boolean).join("; ")}
      </span>
    </div>
  );
}
