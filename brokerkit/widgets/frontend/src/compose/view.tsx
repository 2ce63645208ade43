// The composer: a message as fields, what is wrong with it, and what became of it.
import { useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { AnswersOf, useHeld } from "../host/answers";
import type { Connection } from "../host/connection";
import { CallBar } from "../parts/call_bar";
import { KernelBanner } from "../parts/kernel_banner";
import { Marks } from "../parts/marks";
import { FrameTable } from "../parts/frame_table";
import { Field } from "../parts/plain";
import { Segments } from "../parts/segments";
import type { ComposeDone, ComposeSaid, ComposeState, JsonField, TypedBytes } from "../protocol";
import { download } from "../parts/download";
import { hasFocus, offerFocus } from "../parts/focus";
import { Bulk } from "./bulk";
import { Edits } from "./edits";
import { EditorLoader } from "./editor_module";
import { FileSender } from "./file_sender";
import { Headers } from "./headers";
import { Sending } from "./sending";
import { ValueEditor } from "./value_editor";

export type Line = Connection<ComposeState, ComposeSaid, ComposeDone>;
type Text = HTMLInputElement | HTMLTextAreaElement;
const MODES = { text: "text", escaped: "escaped", null: "none" };

/** What is kept of a composer while another tab is open. */
interface Kept {
  edits: Edits;
  files: FileSender;
  loader: EditorLoader;
}

const kept = new WeakMap<Line, Kept>();

function keptOf(line: Line): Kept {
  const { send } = line;
  const made = kept.get(line) ?? {
    edits: new Edits(send, line, () => line.state.peek().typed_wrong),
    files: new FileSender(send),
    loader: new EditorLoader(line.load, () => {
      send({ type: "module" });
    }),
  };
  kept.set(line, made);
  return made;
}

/** Whether something of it was not sent, as far as is known here. */
export function isUnsent(line: Line): boolean {
  return line.state.value.unsent || keptOf(line).edits.any;
}

interface HeadProps {
  now: ComposeState;
  edits: Edits;
  send: Line["send"];
  row: number;
  turn: (row: number) => void;
}

function Head({ now, edits, send, row, turn }: HeadProps) {
  const topic = useRef<HTMLInputElement>(null);
  const [to, keepTo] = useHeld(now.to);
  const [many, keepMany] = useHeld(now.bulk !== null);
  useLayoutEffect(() => {
    const input = topic.current;
    const held = edits.held("topic");
    if (input && (held !== undefined || !hasFocus(input))) write(input, held ?? now.topic);
  });
  return (
    <div class="bk-head">
      <Field label="Topic">
        <input
          class="bk-input"
          spellcheck={false}
          ref={topic}
          onInput={(event) => {
            edits.set("topic", event.currentTarget.value);
          }}
        />
      </Field>
      <Field label="on">
        <select
          class="bk-input"
          value={String(to)}
          onChange={(event) => {
            send({ type: "to", index: event.currentTarget.selectedIndex });
            keepTo(event.currentTarget.selectedIndex);
          }}
        >
          {now.sessions.map((name, index) => (
            <option key={index} value={String(index)}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      <Marks marks={now.marks} />
      <Segments
        label="How many messages"
        value={many ? "many" : "one"}
        choices={[
          ["one", now.count > 1 ? "One by one" : "One message"],
          ["many", "Many, from a file or frame"],
        ]}
        onChoose={(which) => {
          edits.flush();
          send({ type: "mode", many: which === "many" });
          keepMany(which === "many");
        }}
      />
      <span class="bk-grow" />
      {now.count > 1 && !now.bulk && (
        <>
          <button
            type="button"
            class="bk-btn"
            disabled={row === 0}
            onClick={() => {
              turn(row - 1);
            }}
          >
            ‹ Previous
          </button>
          <span class="bk-dim" role="status">
            {`message ${(row + 1).toLocaleString("en")} of ${now.count.toLocaleString("en")}`}
          </span>
          <button
            type="button"
            class="bk-btn"
            disabled={row >= now.count - 1}
            onClick={() => {
              turn(row + 1);
            }}
          >
            Next ›
          </button>
        </>
      )}
    </div>
  );
}

/** Write into a field what is not there yet; the caret stays. */
function write(field: Text, text: string): void {
  if (field.value === text) return;
  const { selectionStart, selectionEnd } = field;
  field.value = text;
  if (hasFocus(field)) field.setSelectionRange(selectionStart, selectionEnd);
}

/** A key or value: how it is written, and its text. What is being typed is not overwritten. */
function useTyped(name: "key" | "value", given: TypedBytes, edits: Edits) {
  const mode = useRef<HTMLSelectElement>(null);
  const text = useRef<Text>(null);
  /** Whether something was typed since the field got the keyboard. */
  const typing = useRef(false);
  useLayoutEffect(() => {
    if (!mode.current || !text.current) return;
    typing.current &&= hasFocus(text.current);
    const held = edits.held(name);
    if (!held && typing.current) return;
    const [how, written] = held ?? given;
    mode.current.value = how;
    write(text.current, written);
  });
  const edit = (typed: boolean) => {
    if (!mode.current || !text.current) return;
    typing.current = typed;
    if (typed && mode.current.value === "null") mode.current.value = "text";
    edits.set(name, [mode.current.value, text.current.value]);
  };
  return { mode, text, edit };
}

function Modes({
  typed,
  label,
  disabled,
}: {
  typed: ReturnType<typeof useTyped>;
  label: string;
  disabled: boolean;
}) {
  return (
    <select
      class="bk-input"
      aria-label={`${label}: how it is written`}
      ref={typed.mode}
      disabled={disabled}
      onChange={() => {
        typed.edit(false);
      }}
    >
      {Object.entries(MODES).map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  );
}

function Checks({ now }: { now: ComposeState }) {
  return (
    <ul class="bk-problems" aria-label="Checks" aria-live="polite">
      {now.problems.map(([level, text], index) => (
        <li key={index} data-level={level}>{`${level === "error" ? "✕ error" : "▲ warning"}: ${text}`}</li>
      ))}
      {!now.problems.length && <li>✓ {now.checked}</li>}
    </ul>
  );
}

/** One message, as fields. */
function One({
  line,
  edits,
  loader,
  fields,
  within,
  ahead,
}: {
  line: Line;
  edits: Edits;
  fields: ReadonlySignal<readonly JsonField[]>;
  loader: EditorLoader;
  within: boolean;
  ahead: { take: () => string } | undefined;
}) {
  const { send } = line;
  const now = line.state.value;
  const key = useTyped("key", now.key, edits);
  const value = useTyped("value", now.value, edits);
  const large = Boolean(now.large);
  const text = value.text;
  useLayoutEffect(() => {
    const { current } = text;
    if (!within || !current) return;
    const typed = ahead?.take();
    if (typed) {
      write(current, typed);
      value.edit(true);
    }
    // a new one is to be written: the keyboard is where that begins
    offerFocus(current);
    if (typed) current.setSelectionRange(typed.length, typed.length);
  }, [within, text]);
  return (
    <>
      <div class="bk-head">
        <Field label="Key">
          <input
            class="bk-input"
            spellcheck={false}
            aria-label="Key"
            ref={(node) => {
              key.text.current = node;
            }}
            onInput={() => {
              key.edit(true);
            }}
          />
        </Field>
        <Modes typed={key} label="Key" disabled={false} />
      </div>
      <Headers
        given={edits.held("attributes") ?? now.attributes}
        types={now.types}
        onEdit={(headers) => {
          edits.set("attributes", headers);
        }}
      />
      <div class="bk-head">
        <span class="bk-dim">Value</span>
        <Modes typed={value} label="Value" disabled={large} />
        <span class="bk-dim">{now.size}</span>
      </div>
      {large && <div class="bk-problem">{now.large}</div>}
      <ValueEditor
        loader={loader}
        edits={edits}
        plain={value.text}
        given={(edits.held("value") ?? now.value)[1]}
        placed={now.placed}
        fields={fields.value}
        of={`${String(now.to)} ${now.topic}`}
        ask={() => {
          send({ type: "fields" });
        }}
        hidden={large}
        onEdit={() => {
          value.edit(true);
        }}
        format={() => {
          send({ type: "format" });
        }}
      >
        {(elsewhere) => (
          <textarea
            class="bk-area-input"
            spellcheck={false}
            rows={9}
            aria-label="Value"
            hidden={large || elsewhere}
            ref={(node) => {
              value.text.current = node;
            }}
            onInput={() => {
              value.edit(true);
            }}
          />
        )}
      </ValueEditor>
      <Checks now={now} />
      <Sending
        now={now}
        dryRun={() => {
          edits.flush();
          send({ type: "dry run" });
        }}
        send={(confirm) => {
          edits.flush();
          send({ type: "send", confirm });
        }}
      />
      <FrameTable title="What would be sent" lines={now.plan} />
      <FrameTable title="Receipts" lines={now.receipts} />
    </>
  );
}

interface Props {
  line: Line;
  /** Whether it is in a tab of the workbench, which shows banners and calls itself. */
  within?: boolean;
  /** What was typed before it was there. */
  ahead?: { take: () => string };
}

export function ComposeView(props: Props) {
  return (
    <AnswersOf.Provider value={props.line}>
      <Composing {...props} />
    </AnswersOf.Provider>
  );
}

function Composing({ line, within = false, ahead }: Props) {
  const { send } = line;
  const { edits, files, loader } = keptOf(line);
  const fields = useSignal<readonly JsonField[]>([]);
  useEffect(() => {
    line.listen((message) => {
      if (message.type === "bulk received") void files.received(message.number, message.at);
      else if (message.type === "module") loader.take(message.text);
      else if (message.type === "fields_known") fields.value = message.fields;
      else download(message.name, message.data);
    });
    return () => {
      // another tab is opened: what was typed last is not lost
      edits.flush();
    };
  }, [line, edits, files, loader, fields]);
  const now = line.state.value;
  // what was typed is taken for known once it is answered
  void line.heard.value;
  // while another message is on its way, what is typed would be for the one that still stands here
  const [row, keepRow] = useHeld(now.row);
  return (
    <div
      class="bk-plain"
      onFocusOut={() => {
        // what is clicked next must find what was typed
        edits.flush();
      }}
    >
      {!within && <KernelBanner line={line.line} />}
      <Head
        now={now}
        edits={edits}
        send={send}
        row={row}
        turn={(to) => {
          edits.flush();
          send({ type: "row", row: to });
          keepRow(to);
        }}
      />
      {now.bulk ? (
        <>
          <Bulk now={now} bulk={now.bulk} send={send} files={files} />
          {now.said && <p role="status">{now.said}</p>}
        </>
      ) : (
        <fieldset class="bk-bare" disabled={row !== now.row}>
          <One line={line} edits={edits} loader={loader} fields={fields} within={within} ahead={ahead} />
        </fieldset>
      )}
      {!within && <CallBar label="The Python call of this composer" call={now.call} />}
    </div>
  );
}
