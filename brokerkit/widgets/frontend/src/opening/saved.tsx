// The saved connections: found by a word, and opened with a click.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { Icon } from "../parts/icons";
import { Bdi } from "../parts/plain";
import type { SavedLine } from "../protocol";
import type { Line } from "./opening";

/** The connections of which some column has every word. */
export function found(lines: readonly SavedLine[], words: string): SavedLine[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return lines.filter((line) => {
    const text = [line.name, line.system, line.address, ...line.marks].join(" ").toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

function Ask({ name, yes, no }: { name: string; yes: () => void; no: () => void }) {
  const keep = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    keep.current?.focus();
  }, []);
  return (
    <span
      class="bk-line bk-at-end"
      role="group"
      aria-label={`Delete ${name}?`}
      onClick={(event) => {
        event.stopPropagation();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        no();
      }}
    >
      <span class="bk-bad">Delete it, with its secret in the keyring?</span>
      <button type="button" class="bk-btn bk-small bk-danger-of" onClick={yes}>
        Delete
      </button>
      <button type="button" class="bk-btn bk-small" ref={keep} onClick={no}>
        Keep
      </button>
    </span>
  );
}

export function Saved({ line }: { line: Line }) {
  const now = line.state.value;
  const words = useSignal("");
  const chosen = useSignal("");
  const deleting = useSignal("");
  const kept = useRef("");
  const shown = found(now.connections, words.value);
  const first = chosen.value || now.connections[0]?.name;
  return (
    <section class="bk-card" aria-label="Saved connections">
      <div class="bk-card-head">
        <h3>Saved connections</h3>
        <span class="bk-grow" />
        {now.connections.length > 0 && (
          <span class="bk-in">
            <Icon sign="find" />
            <input
              aria-label="Find a saved connection"
              placeholder="Find"
              spellcheck={false}
              onInput={(event) => {
                words.value = event.currentTarget.value;
              }}
            />
          </span>
        )}
      </div>
      {shown.length === 0 ? (
        <p class="bk-inset bk-dim">
          {now.connections.length
            ? "No saved connection has these words."
            : "None yet. Type one below, and give it a name to save it as."}
        </p>
      ) : (
        <div class="bk-card-body bk-saved">
          <table class="bk-table bk-choosable">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">System</th>
                <th scope="col">Address</th>
                <th scope="col">Marks</th>
                <th scope="col" class="bk-hide-s">
                  Last used
                </th>
                <th scope="col">
                  <span class="bk-unseen">Open</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((each) => (
                <tr
                  key={each.name}
                  class={each.name === first ? "bk-on" : ""}
                  onClick={() => {
                    chosen.value = each.name;
                    line.send({ type: "show", name: each.name });
                  }}
                  onDblClick={() => {
                    line.send({ type: "open", name: each.name });
                  }}
                >
                  <td>
                    <b>
                      <Bdi>{each.name}</Bdi>
                    </b>
                  </td>
                  <td>{each.system}</td>
                  <td class="bk-mono bk-dim bk-problem">
                    <Bdi>{each.address}</Bdi>
                  </td>
                  <td>
                    <span class="bk-line">
                      {each.marks.map((mark) => (
                        <span class={`bk-mark${mark === "PRODUCTION" ? " bk-prod-mark" : ""}`} key={mark}>
                          {mark === "PRODUCTION" && <Icon sign="warn" />}
                          {mark}
                        </span>
                      ))}
                    </span>
                  </td>
                  <td class="bk-nowrap bk-hide-s">{each.used}</td>
                  <td class="bk-number bk-nowrap">
                    {deleting.value === each.name ? (
                      <Ask
                        name={each.name}
                        no={() => {
                          kept.current = each.name;
                          deleting.value = "";
                        }}
                        yes={() => {
                          deleting.value = "";
                          line.send({ type: "delete", name: each.name });
                        }}
                      />
                    ) : (
                      <span class="bk-line bk-at-end">
                        <button
                          type="button"
                          class={`bk-btn bk-small${each.name === first ? " bk-fill" : ""}`}
                          aria-label={`Open ${each.name}`}
                          disabled={now.opening !== ""}
                          onClick={(event) => {
                            event.stopPropagation();
                            line.send({ type: "open", name: each.name });
                          }}
                        >
                          Open
                        </button>
                        <button
                          type="button"
                          class="bk-btn bk-quiet bk-small bk-square"
                          aria-label={`Delete ${each.name}`}
                          ref={(node) => {
                            // back to where the question was asked, once
                            if (!node || kept.current !== each.name) return;
                            kept.current = "";
                            node.focus();
                          }}
                          title="Delete it from the saved connections"
                          onClick={(event) => {
                            event.stopPropagation();
                            deleting.value = each.name;
                          }}
                        >
                          <Icon sign="trash" />
                        </button>
                      </span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
