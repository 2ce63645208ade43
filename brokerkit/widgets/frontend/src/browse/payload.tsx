// A payload as tree, text, hex or layers; a long one by pages.
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { Bdi } from "../parts/plain";
import type { MessageShown, Payload } from "../protocol";
import type { Store } from "./store";
import { narrowed } from "./hex";
import { Tree } from "./tree";

/** So wide, a line of hex has sixteen bytes, else eight. */
const WIDE = 528;

function Hex({ text }: { text: string }) {
  const own = useRef<HTMLPreElement>(null);
  const [wide, setWide] = useState(false);
  useLayoutEffect(() => {
    const node = own.current;
    if (!node) return undefined;
    const measure = () => {
      setWide(node.clientWidth >= WIDE);
    };
    const watcher = new ResizeObserver(measure);
    watcher.observe(node);
    measure();
    return () => {
      watcher.disconnect();
    };
  }, []);
  return (
    <pre class="bk-pre bk-hex" tabIndex={0} ref={own}>
      {wide ? text : narrowed(text)}
    </pre>
  );
}

function Pages({ store, part }: { store: Store; part: Payload }) {
  const { form, first = 0, next = null, total = 0 } = part;
  if (!first && next === null) return null;
  const go = (to: number) => () => {
    store.line.send({ type: "payload", form, first: to });
  };
  const unit = form === "hex" || part.bytes ? "bytes" : "characters";
  const [from, until, all] = [first, next ?? total, total].map((each) => each.toLocaleString("en"));
  return (
    <div class="bk-line bk-pages">
      {first > 0 && (
        <button type="button" class="bk-btn bk-small" onClick={go(0)}>
          « Start
        </button>
      )}
      {next !== null && (
        <button type="button" class="bk-btn bk-small" onClick={go(next)}>
          Further ›
        </button>
      )}
      <span class="bk-dim">{`${unit} ${from ?? ""} to ${until ?? ""} of ${all ?? ""}`}</span>
    </div>
  );
}

function Layers({ part }: { part: Payload }) {
  return (
    <div class="bk-layers">
      {part.layers?.length ? (
        <table class="bk-table">
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col" class="bk-number">
                Bytes
              </th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {part.layers.map(([name, bytes, evidence], index) => (
              <tr key={index}>
                <td>
                  <samp>
                    <Bdi>{name}</Bdi>
                  </samp>
                </td>
                <td class="bk-number">{bytes}</td>
                <td>
                  <Bdi>{evidence}</Bdi>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      <pre class="bk-pre">{part.text}</pre>
      {part.rejected?.length ? (
        <>
          <div class="bk-cap">Rejected</div>
          <dl class="bk-pairs">
            {part.rejected.map(([name, reason], index) => (
              <Rejected key={index} name={name} reason={reason} />
            ))}
          </dl>
        </>
      ) : null}
    </div>
  );
}

function Rejected({ name, reason }: { name: string; reason: string }) {
  return (
    <>
      <dt>
        <Bdi>{name}</Bdi>
      </dt>
      <dd>
        <Bdi>{reason}</Bdi>
      </dd>
    </>
  );
}

/** What is said where there is no byte to show; undefined where there is one. */
function nothingIn(part: Payload, kind: MessageShown["kind"] | undefined): string | undefined {
  if (part.form !== "text" && part.form !== "hex") return undefined;
  if (kind === "null")
    return "Tombstone: there is no value. Where a topic is compacted, it deletes the messages with its key.";
  return part.total === 0 ? "Empty: the value has 0 bytes." : undefined;
}

export function PayloadView({ store, part }: { store: Store; part: Payload }) {
  if (part.problem) return <div class="bk-note-of">{part.problem}</div>;
  const nothing = nothingIn(part, store.message.value?.kind);
  if (nothing) return <div class="bk-note-of">{nothing}</div>;
  if (part.form === "tree") return <Tree store={store} />;
  if (part.form === "layers") return <Layers part={part} />;
  return (
    <>
      {part.form === "hex" ? (
        <Hex text={part.text ?? ""} />
      ) : (
        <pre class="bk-pre" tabIndex={0}>
          {part.text}
        </pre>
      )}
      <Pages store={store} part={part} />
    </>
  );
}
