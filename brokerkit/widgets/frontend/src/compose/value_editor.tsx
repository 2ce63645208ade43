// The value as a plain field, or in an editor once that is wanted and could be loaded.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import type { JsonField, Mark } from "../protocol";
import { hasFocus, offerFocus } from "../parts/focus";
import type { Edits } from "./edits";
import type { Editor, EditorLoader } from "./editor_module";
import { keepInRoom } from "./editor_room";

type Plain = HTMLInputElement | HTMLTextAreaElement;

interface Props {
  loader: EditorLoader;
  edits: Edits;
  /** The plain field, which always has the text. */
  plain: { current: Plain | null };
  /** The text as Python has it. */
  given: string;
  placed: readonly Mark[];
  /** The fields that are completed. */
  fields: readonly JsonField[];
  /** Where the value goes: its fields are asked for again when that is another place. */
  of: string;
  ask: () => void;
  hidden: boolean;
  onEdit: () => void;
  format: () => void;
  children: (shown: boolean) => ComponentChildren;
}

export function ValueEditor({
  loader,
  edits,
  plain,
  given,
  placed,
  fields,
  of,
  ask,
  hidden,
  onEdit,
  format,
  children,
}: Props) {
  const wanted = useSignal(false);
  const loading = useSignal(false);
  const why = useSignal("");
  const place = useRef<HTMLDivElement>(null);
  const leave = useRef<HTMLButtonElement>(null);
  const editor = useRef<Editor | null>(null);
  const edit = useRef(onEdit);
  edit.current = onEdit;
  const shown = useSignal(false);
  const on = wanted.value && !hidden;
  useEffect(() => {
    const node = place.current;
    if (!on || !node) return undefined;
    let ended = false;
    loading.value = true;
    why.value = "";
    loader
      .get()
      .then(({ edit: begin }) => {
        if (ended) return;
        // its styles stay in it, and no policy of a page is against them there
        const root = node.shadowRoot ?? node.attachShadow({ mode: "open" });
        editor.current = begin({
          root,
          parent: root as unknown as HTMLElement,
          label: "Value as JSON",
          text: plain.current?.value ?? "",
          caret: plain.current?.selectionStart ?? 0,
          onWrite: (text) => {
            if (!plain.current) return;
            plain.current.value = text;
            edit.current();
          },
          onLeave: () => {
            leave.current?.focus();
          },
        });
        // whoever typed into another field meanwhile goes on there
        const typedHere = plain.current !== null && hasFocus(plain.current);
        shown.value = true;
        if (typedHere) editor.current.focus();
        else offerFocus(editor.current);
      })
      .catch((error: unknown) => {
        if (ended) return;
        wanted.value = false;
        why.value = `The editor cannot be loaded here: ${error instanceof Error ? error.message : String(error)}`;
      })
      .finally(() => {
        loading.value = false;
      });
    return () => {
      ended = true;
      editor.current?.close();
      editor.current = null;
      shown.value = false;
    };
  }, [on, loader, plain, loading, shown, wanted, why]);
  useEffect(() => (shown.value && place.current ? keepInRoom(place.current) : undefined), [shown.value]);
  useEffect(() => {
    if (shown.value) ask();
  }, [shown.value, of]);
  useLayoutEffect(() => {
    editor.current?.complete(fields);
  }, [shown.value, fields]);
  useLayoutEffect(() => {
    const now = editor.current;
    if (!now) return;
    // the plain field has it, too, but may get it after this
    if (!now.focused) now.set(given);
    if (now.text === given && !edits.held("value")) now.mark(placed);
  });
  return (
    <>
      <div class="bk-head">
        <button
          type="button"
          class="bk-btn bk-small"
          aria-pressed={wanted.value}
          disabled={hidden || loading.value}
          ref={leave}
          onClick={() => {
            wanted.value = !wanted.peek();
          }}
        >
          {loading.value ? "Loading…" : "JSON editor"}
        </button>
        <button
          type="button"
          class="bk-btn bk-small"
          disabled={hidden}
          title="A line for each member; numbers and texts stay as they are"
          onClick={() => {
            edits.flush();
            format();
          }}
        >
          Format
        </button>
        <span class="bk-dim" role="status">
          {why.value || (shown.value ? "Esc leaves it; names of fields seen are completed" : "")}
        </span>
      </div>
      {children(shown.value)}
      <div
        class="bk-value-editor"
        hidden={!on}
        ref={place}
        onKeyDown={(event) => {
          // single keys of the workbench are text here
          event.stopPropagation();
        }}
      />
      {!shown.value && placed.length > 0 && (
        <ul class="bk-problems" aria-label="Where">
          {placed.map((each, index) => (
            <li key={index}>
              <button
                type="button"
                class="bk-link"
                onClick={() => {
                  plain.current?.focus();
                  plain.current?.setSelectionRange(each.start, each.end);
                }}
              >
                {each.text}
              </button>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
