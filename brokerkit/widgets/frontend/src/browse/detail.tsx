// The chosen message: its payload first, then its fields and headers, with steps along rows, positions and key.
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { toClipboard } from "../parts/call_bar";
import { Code } from "../parts/code";
import { offerFocus } from "../parts/focus";
import { Icon } from "../parts/icons";
import { Moment } from "../parts/moment";
import { momentOf } from "../parts/moments";
import { Bdi } from "../parts/plain";
import { notShown } from "../parts/words";
import type { Form, MessageShown, Step } from "../protocol";
import { PayloadView } from "./payload";
import { askForm, choose, formOf, type Store } from "./store";

const FORMS: readonly Form[] = ["tree", "text", "hex", "layers"];

function Forms({ store, focus }: { store: Store; focus: { current: (() => void) | null } }) {
  const tabs = useRef<HTMLDivElement>(null);
  focus.current = () => {
    offerFocus(tabs.current?.querySelector<HTMLElement>("[aria-selected=true]"));
  };
  const form = formOf(store);
  const ask = (wanted: Form) => {
    askForm(store, wanted);
  };
  return (
    <div
      class="bk-seg"
      role="tablist"
      aria-label="How the value is shown"
      ref={tabs}
      onKeyDown={(event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!by || !form) return;
        event.preventDefault();
        event.stopPropagation();
        const next = FORMS[(FORMS.indexOf(form) + by + FORMS.length) % FORMS.length] ?? "text";
        ask(next);
        tabs.current?.querySelector<HTMLElement>(`[data-form=${next}]`)?.focus();
      }}
    >
      {FORMS.map((name) => (
        <button
          type="button"
          role="tab"
          key={name}
          data-form={name}
          aria-selected={name === form}
          tabIndex={name === form ? 0 : -1}
          onClick={() => {
            ask(name);
          }}
        >
          {name[0]?.toUpperCase() + name.slice(1)}
        </button>
      ))}
    </div>
  );
}

function Pair({
  name,
  value,
  children,
}: {
  name: string;
  value: string;
  children?: preact.ComponentChildren;
}) {
  const at = momentOf(value);
  return (
    <>
      <dt>
        <Bdi>{name}</Bdi>
      </dt>
      <dd>
        <Moment at={at}>{value === "" ? <span class="bk-dim">""</span> : <Bdi>{value}</Bdi>}</Moment>
        {children}
      </dd>
    </>
  );
}

function Steps({ what, step }: { what: string; step: (by: Step["by"]) => void }) {
  return (
    <span class="bk-step">
      {([-1, 1] as const).map((by) => (
        <button
          type="button"
          key={by}
          class="bk-btn bk-quiet"
          aria-label={`${by < 0 ? "Previous" : "Next"} ${what}`}
          title={`${by < 0 ? "Previous" : "Next"} ${what}`}
          onClick={() => {
            step(by);
          }}
        >
          <Icon sign={by < 0 ? "up" : "down"} />
        </button>
      ))}
    </span>
  );
}

function Fields({ store, one }: { store: Store; one: MessageShown }) {
  const step = (along: Step["along"]) => (by: Step["by"]) => {
    choose(store, { type: "step", by, along });
  };
  return (
    <>
      <dl class="bk-pairs" aria-label="Fields">
        {one.fields.map(([name, value]) => (
          <Pair key={name} name={name} value={value}>
            {name === "position" && <Steps what="by position" step={step("partition")} />}
            {name === "key" && value !== "none" && <Steps what="with this key" step={step("key")} />}
          </Pair>
        ))}
      </dl>
      {one.attributes.length > 0 && (
        <>
          <div class="bk-cap bk-of-pairs">Headers</div>
          <dl class="bk-pairs" aria-label="Headers">
            {one.attributes.map(([name, value, kind], index) => (
              <Pair key={index} name={name} value={kind === "string" ? value : `${value} (${kind})`}>
                {["string", "bytes"].includes(kind) && (
                  <span class="bk-step-of">
                    <button
                      type="button"
                      class="bk-link bk-follow"
                      title="Find the messages with this header"
                      aria-label={`Find the messages with this ${name}`}
                      onClick={() => {
                        store.line.send({ type: "header", place: index });
                      }}
                    >
                      = filter
                    </button>
                    <Steps
                      what={`with this ${name}`}
                      step={(by) => {
                        choose(store, { type: "step", by, along: "header", header: index });
                      }}
                    />
                  </span>
                )}
              </Pair>
            ))}
            {one.more_attributes > 0 && <Pair name="more" value={notShown(one.more_attributes)} />}
          </dl>
        </>
      )}
    </>
  );
}

function Top({ store, one, close }: { store: Store; one: MessageShown; close: () => void }) {
  return (
    <div class="bk-top">
      <strong class="bk-mono bk-cut" title={one.title}>
        <Bdi>{one.title}</Bdi>
      </strong>
      <span class="bk-grow" />
      <Steps
        what="row"
        step={(by) => {
          choose(store, { type: "step", by, along: "rows" });
        }}
      />
      <button
        type="button"
        class="bk-btn bk-quiet bk-small bk-square"
        aria-label="Close the message"
        title="Close (Esc)"
        onClick={close}
      >
        <Icon sign="x" />
      </button>
    </div>
  );
}

interface Props {
  store: Store;
  /** Whether the keyboard is to go into the message once it is here. */
  enter: { current: boolean };
  focus: { current: (() => void) | null };
  leave: () => void;
}

export function Detail({ store, enter, focus, leave }: Props) {
  const { send } = store.line;
  const said = useSignal("");
  const one = store.message.value;
  const copied = store.copied.value;
  const heard = store.line.heard.value;
  useEffect(() => {
    said.value = "";
  }, [one, said]);
  useEffect(() => {
    if (!copied) return;
    // taken once: the clipboard is the user's again
    store.copied.value = null;
    void toClipboard(copied.text ?? copied.call, null).then((text) => {
      said.value = text === "copied" && copied.text === null ? "too long: its Python call was copied" : text;
    });
  }, [store, copied, said]);
  const part = store.payload.value;
  useLayoutEffect(() => {
    // the keyboard was to go into the message before it was here
    if (!one || !enter.current || heard < store.choosing.current.sent) return;
    enter.current = false;
    focus.current?.();
  });
  const close = () => {
    choose(store, null);
    leave();
  };
  if (!one) return null;
  return (
    <section
      class="bk-detail"
      aria-label="The chosen message"
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        leave();
      }}
    >
      <Top store={store} one={one} close={close} />
      <div class="bk-forms">
        <Forms store={store} focus={focus} />
        <span class="bk-dim bk-cut" title={one.decoder}>
          {[one.format || one.kind, one.size].filter(Boolean).join(" · ")}
        </span>
        <span class="bk-grow" />
        <span class="bk-dim" role="status">
          {said}
        </span>
        <button
          type="button"
          class="bk-btn bk-quiet bk-small bk-square"
          aria-label="Copy the value"
          title="Copy the value"
          onClick={() => {
            send({ type: "copy" });
          }}
        >
          <Icon sign="copy" />
        </button>
      </div>
      <div class="bk-body">
        {one.failure && (
          <div class="bk-failure">
            <Icon sign="bad" /> <span>Not decoded: {one.failure}</span>
          </div>
        )}
        <div class="bk-payload">{part && <PayloadView store={store} part={part} />}</div>
        <Fields store={store} one={one} />
      </div>
      <MessageCall store={store} />
    </section>
  );
}

function MessageCall({ store }: { store: Store }) {
  const said = useSignal("");
  const call = store.messageCall.value;
  return (
    <div class="bk-acts" role="group" aria-label="The Python call of this message">
      <code class="bk-mono bk-cut bk-grow" title={call}>
        <Code text={call} />
      </code>
      <span class="bk-dim" role="status">
        {said}
      </span>
      <button
        type="button"
        class="bk-btn bk-quiet bk-small"
        aria-label="Copy the Python call of this message"
        onClick={() => {
          void toClipboard(call, null).then((text) => {
            said.value = text;
          });
        }}
      >
        <Icon sign="copy" />
      </button>
    </div>
  );
}
