// A condition as it is typed: a text in the value, or Python that is completed with the fields seen.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import type { ConditionMode, FieldSeen } from "../protocol";
import "./condition.css";
import { completed, withField, type Completion } from "./completing";
import { hasFocus } from "./focus";
import { keptBelow } from "./place_below";
import { Bdi } from "./plain";
import { Segments } from "./segments";

interface Props {
  label: string;
  /** What the choice of text or Python is called. */
  modes: string;
  mode: ConditionMode;
  value: string;
  fields: readonly FieldSeen[];
  /** Asks for the fields. */
  ask: () => void;
  /** What they are found in: they are asked for again when it is another. */
  of?: unknown;
  onWrite: (text: string) => void;
  onMode: (mode: ConditionMode) => void;
  placeholder?: string | undefined;
  disabled?: boolean;
  handle?: { current: HTMLInputElement | null };
  onEnter?: () => void;
  /** What stands before the field. */
  children?: ComponentChildren;
}

interface ListProps {
  id: string;
  anchor: { current: HTMLInputElement | null };
  found: Completion;
  active: number;
  take: (field: FieldSeen) => void;
}

function Listed({ id, anchor, found, active, take }: ListProps) {
  const list = useRef<HTMLUListElement>(null);
  useLayoutEffect(() => {
    const [from, to] = [anchor.current, list.current];
    if (!from || !to) return undefined;
    // it would float where its field was
    return keptBelow(from, to);
  }, [anchor, found]);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    <ul class="bk-completions" role="listbox" id={id} aria-label="Fields seen" ref={list}>
      {found.fields.map((field, place) => (
        <li
          key={field.python}
          id={`${id}-${String(place)}`}
          role="option"
          aria-selected={place === active}
          // the field keeps the keyboard
          onPointerDown={(event) => {
            event.preventDefault();
            take(field);
          }}
        >
          <span class="bk-mono">
            <Bdi>{field.name}</Bdi>
          </span>
          <span class="bk-dim">{field.kind}</span>
        </li>
      ))}
    </ul>
  );
}

const EXAMPLE = 'value["total"] > 100';

export function Condition(props: Props) {
  const { mode, value, fields, onWrite, disabled = false } = props;
  const own = useRef<HTMLInputElement>(null);
  const input = props.handle ?? own;
  const id = useMemo(() => `bk-fields-${Math.random().toString(36).slice(2)}`, []);
  const caret = useSignal<number | null>(null);
  const active = useSignal(-1);
  const at = caret.value;
  const found = mode === "python" && at !== null ? completed(value, at, fields) : null;
  useEffect(() => {
    if (mode === "python" && input.current && hasFocus(input.current)) props.ask();
  }, [mode, props.of]);
  const close = () => {
    caret.value = null;
    active.value = -1;
  };
  const take = (field: FieldSeen) => {
    if (!found || at === null) return;
    const made = withField(value, at, found, field);
    onWrite(made.text);
    close();
    const { current } = input;
    if (!current) return;
    // at once: what is typed next belongs behind it
    current.value = made.text;
    current.focus();
    current.setSelectionRange(made.caret, made.caret);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const chosen = found?.fields[active.peek()];
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (found && by) {
      const count = found.fields.length + 1;
      active.value = ((active.peek() + 1 + by + count) % count) - 1;
    } else if (chosen && (event.key === "Enter" || event.key === "Tab")) take(chosen);
    else if (found && event.key === "Escape") close();
    else if (event.key === "Enter" && props.onEnter) props.onEnter();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      {props.children}
      <input
        class={mode === "python" ? "bk-mono" : ""}
        role="combobox"
        aria-label={props.label}
        aria-autocomplete="list"
        aria-expanded={found !== null}
        aria-controls={found ? id : undefined}
        aria-activedescendant={found && active.value >= 0 ? `${id}-${String(active.value)}` : undefined}
        placeholder={props.placeholder ?? (mode === "python" ? EXAMPLE : "a text in the value")}
        spellcheck={false}
        autocomplete="off"
        disabled={disabled}
        ref={input}
        value={value}
        onFocus={() => {
          if (mode === "python") props.ask();
        }}
        onBlur={close}
        onInput={(event) => {
          caret.value = event.currentTarget.selectionStart;
          active.value = -1;
          if (mode === "python" && !fields.length) props.ask();
          onWrite(event.currentTarget.value);
        }}
        onKeyDown={onKeyDown}
      />
      <Segments
        label={props.modes}
        value={mode}
        choices={[
          ["text", "Text"],
          ["python", "Python"],
        ]}
        disabled={disabled}
        onChoose={(wanted) => {
          props.onMode(wanted);
          if (wanted === "python") props.ask();
          input.current?.focus();
        }}
      />
      {found && <Listed id={id} anchor={input} found={found} active={active.value} take={take} />}
    </>
  );
}
