// The saved connections: found by a word, and opened with a click.
import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import { Icon } from "../parts/icons";
import { Moment } from "../parts/moment";
import { Marks } from "../parts/marks";
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

interface AskProps {
  line: SavedLine;
  yes: () => void;
  no: () => void;
}

function Ask({ line: { name, keyring }, yes, no }: AskProps) {
  const keep = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    keep.current?.focus();
  }, []);
  return (
    <div
      class="bk-line bk-wraps bk-at-end"
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
      <span class="bk-bad bk-wrap-any">
        Delete{" "}
        <b>
          <Bdi>{name}</Bdi>
        </b>
        {keyring && ", with its secret in the keyring"}?
      </span>
      <button type="button" class="bk-btn bk-small bk-danger-of" onClick={yes}>
        Delete
      </button>
      <button type="button" class="bk-btn bk-small" ref={keep} onClick={no}>
        Keep
      </button>
    </div>
  );
}

interface RowProps {
  line: SavedLine;
  first: boolean;
  busy: boolean;
  /** Whether it is asked now if it is to go. */
  asked: boolean;
  choose: () => void;
  open: () => void;
  remove: () => void;
  bin: (node: HTMLButtonElement | null) => void;
}

function Row({ line, first, busy, asked, choose, open, remove, bin }: RowProps) {
  return (
    <tr class={first ? "bk-on" : ""} onClick={choose} onDblClick={open}>
      <td class="bk-wrap-any">
        <b>
          <Bdi>{line.name}</Bdi>
        </b>
        <span class="bk-only-s">
          <span class="bk-mono bk-dim">
            <Bdi>{line.address}</Bdi>
          </span>
          <Marks marks={line.marks} />
        </span>
      </td>
      <td class="bk-hide-s">{line.system}</td>
      <td class="bk-mono bk-dim bk-wrap-any bk-hide-s">
        <Bdi>{line.address}</Bdi>
      </td>
      <td class="bk-hide-s">
        <Marks marks={line.marks} />
      </td>
      <td class="bk-nowrap bk-hide-s">
        <Moment at={line.used_at}>{line.used}</Moment>
      </td>
      <td class="bk-number bk-nowrap">
        {!asked && (
          <span class="bk-line bk-at-end">
            <button
              type="button"
              class={`bk-btn bk-small${first ? " bk-fill" : ""}`}
              aria-label={`Open ${line.name}`}
              disabled={busy}
              onClick={(event) => {
                event.stopPropagation();
                open();
              }}
            >
              Open
            </button>
            <button
              type="button"
              class="bk-btn bk-quiet bk-small bk-square"
              aria-label={`Delete ${line.name}`}
              ref={bin}
              title="Delete it from the saved connections"
              onClick={(event) => {
                event.stopPropagation();
                remove();
              }}
            >
              <Icon sign="trash" />
            </button>
          </span>
        )}
      </td>
    </tr>
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
                <th scope="col" class="bk-hide-s">
                  System
                </th>
                <th scope="col" class="bk-hide-s">
                  Address
                </th>
                <th scope="col" class="bk-hide-s">
                  Marks
                </th>
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
                <Fragment key={each.name}>
                  <Row
                    line={each}
                    first={each.name === first}
                    busy={now.opening !== ""}
                    asked={deleting.value === each.name}
                    choose={() => {
                      chosen.value = each.name;
                      line.send({ type: "show", name: each.name });
                    }}
                    open={() => {
                      line.send({ type: "open", name: each.name });
                    }}
                    remove={() => {
                      deleting.value = each.name;
                    }}
                    bin={(node) => {
                      // back to where the question was asked, once
                      if (!node || kept.current !== each.name) return;
                      kept.current = "";
                      node.focus();
                    }}
                  />
                  {deleting.value === each.name && (
                    <tr class="bk-asked">
                      <td colSpan={6}>
                        <Ask
                          line={each}
                          no={() => {
                            kept.current = each.name;
                            deleting.value = "";
                          }}
                          yes={() => {
                            deleting.value = "";
                            line.send({ type: "delete", name: each.name });
                          }}
                        />
                      </td>
                    </tr>
                  )}
                </Fragment>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
