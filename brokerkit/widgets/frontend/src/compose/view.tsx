// The composer: a message as fields, what is wrong with it, and what became of it.
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import type { Connection } from "../host/connection";
import { CallBar } from "../parts/call_bar";
import { KernelBanner } from "../parts/kernel_banner";
import { Marks } from "../parts/marks";
import { FrameTable } from "../parts/frame_table";
import { Field } from "../parts/plain";
import { Segments } from "../parts/segments";
import type { ComposeDone, ComposeSaid, ComposeState, TypedBytes } from "../protocol";
import { download } from "../parts/download";
import { hasFocus } from "../parts/focus";
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

function Head({ now, edits, send }: { now: ComposeState; edits: Edits; send: Line["send"] }) {
  const topic = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    const input = topic.current;
    if (input && !edits.topicPending && !hasFocus(input)) input.value = now.topic;
  });
  const step = (by: number) => {
    send({ type: "row", row: now.row + by });
  };
  return (
    <div class="bk-head">
      <Field label="Topic">
        <input
          class="bk-input"
          spellcheck={false}
          ref={topic}
          onInput={(event) => {
            edits.topic(event.currentTarget.value);
          }}
        />
      </Field>
      <Field label="on">
        <select
          class="bk-input"
          value={String(now.to)}
          onChange={(event) => {
            send({ type: "to", index: event.currentTarget.selectedIndex });
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
        value={now.bulk ? "many" : "one"}
        choices={[
          ["one", now.count > 1 ? "One by one" : "One message"],
          ["many", "Many, from a file or frame"],
        ]}
        onChoose={(which) => {
          edits.flush();
          send({ type: "mode", many: which === "many" });
        }}
      />
      <span class="bk-grow" />
      {now.count > 1 && !now.bulk && (
        <>
          <button
            type="button"
            class="bk-btn"
            disabled={now.row === 0}
            onClick={() => {
              step(-1);
            }}
          >
            ‹ Previous
          </button>
          <span class="bk-dim" role="status">
            {`message ${(now.row + 1).toLocaleString("en")} of ${now.count.toLocaleString("en")}`}
          </span>
          <button
            type="button"
            class="bk-btn"
            disabled={now.row >= now.count - 1}
            onClick={() => {
              step(1);
            }}
          >
            Next ›
          </button>
        </>
      )}
    </div>
  );
}

/** A key or value: how it is written, and its text. What is being typed is not overwritten. */
function useTyped(name: "key" | "value", given: TypedBytes, edits: Edits) {
  const mode = useRef<HTMLSelectElement>(null);
  const text = useRef<Text>(null);
  useLayoutEffect(() => {
    if (!mode.current || !text.current || edits.pending || hasFocus(text.current)) return;
    const [how, written] = given;
    mode.current.value = how;
    if (text.current.value !== written) text.current.value = written;
  });
  const edit = (typed: boolean) => {
    if (!mode.current || !text.current) return;
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
  within,
}: {
  line: Line;
  edits: Edits;
  loader: EditorLoader;
  within: boolean;
}) {
  const { send } = line;
  const now = line.state.value;
  const key = useTyped("key", now.key, edits);
  const value = useTyped("value", now.value, edits);
  const large = Boolean(now.large);
  const text = value.text;
  useEffect(() => {
    // a new one is to be written: the keyboard is where that begins
    if (within) text.current?.focus();
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
        given={now.attributes}
        types={now.types}
        held={() => edits.pending}
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
        given={now.value[1]}
        placed={now.placed}
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

/** `within` is whether it is in a tab of the workbench, which shows banners and calls itself. */
export function ComposeView({ line, within = false }: { line: Line; within?: boolean }) {
  const { send } = line;
  const edits = useMemo(() => new Edits(send), [send]);
  const files = useMemo(() => new FileSender(send), [send]);
  const loader = useMemo(
    () =>
      new EditorLoader(line.load, () => {
        send({ type: "module" });
      }),
    [line, send],
  );
  useEffect(() => {
    line.listen((message) => {
      if (message.type === "bulk received") void files.received(message.number, message.at);
      else if (message.type === "module") loader.take(message.text);
      else download(message.name, message.data);
    });
    return () => {
      // another tab is opened: what was typed last is not lost
      edits.flush();
    };
  }, [line, edits, files, loader]);
  const now = line.state.value;
  return (
    <div
      class="bk-plain"
      onFocusOut={() => {
        // what is clicked next must find what was typed
        edits.flush();
      }}
    >
      {!within && <KernelBanner line={line.line} />}
      <Head now={now} edits={edits} send={send} />
      {now.bulk ? (
        <>
          <Bulk now={now} bulk={now.bulk} send={send} files={files} />
          {now.said && <p role="status">{now.said}</p>}
        </>
      ) : (
        <One line={line} edits={edits} loader={loader} within={within} />
      )}
      {!within && <CallBar label="The Python call of this composer" call={now.call} />}
    </div>
  );
}
