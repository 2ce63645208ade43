// The headers of a message, one line each.
import { useRef, useState } from "preact/hooks";

import { hasFocus, soon } from "../parts/focus";
import type { TypedHeader } from "../protocol";

const MODES = ["text", "escaped"];

interface Numbered {
  id: number;
  header: TypedHeader;
}

function replaced(header: TypedHeader, place: number, text: string): TypedHeader {
  const made: TypedHeader = [...header];
  made[place] = text;
  return made;
}

export function Headers({
  given,
  types,
  onEdit,
}: {
  given: TypedHeader[];
  types: string[];
  onEdit: (headers: TypedHeader[]) => void;
}) {
  const counter = useRef(0);
  const numbered = (headers: TypedHeader[]) => headers.map((header) => ({ id: counter.current++, header }));
  const box = useRef<HTMLDivElement>(null);
  const known = useRef("");
  const told = useRef("");
  const [rows, setRows] = useState<Numbered[]>([]);
  const wanted = JSON.stringify(given);
  const typing = box.current !== null && hasFocus(box.current);
  if (wanted !== known.current && !typing) {
    known.current = wanted;
    // what only repeats what was typed here takes away no line that was added since
    if (wanted !== told.current) setRows(numbered(given));
  }
  const change = (next: Numbered[]) => {
    const headers = next.map(({ header }) => header);
    setRows(next);
    told.current = JSON.stringify(headers);
    onEdit(headers);
  };
  const edit = (id: number, place: number, text: string) => {
    change(rows.map((row) => (row.id === id ? { id, header: replaced(row.header, place, text) } : row)));
  };
  return (
    <>
      <div class="bk-head">
        <span class="bk-dim">Headers</span>
        <button
          type="button"
          class="bk-btn"
          onClick={() => {
            setRows([...rows, ...numbered([["", "text", "", "string"]])]);
            soon(() => box.current?.lastElementChild?.querySelector("input")?.focus());
          }}
        >
          + Header
        </button>
      </div>
      <div class="bk-stack bk-field" ref={box}>
        {rows.map(({ id, header: [name, mode, text, kind] }) => (
          <div class="bk-head" key={id}>
            <input
              class="bk-input"
              aria-label="Header name"
              placeholder="name"
              value={name}
              onInput={(event) => {
                edit(id, 0, event.currentTarget.value);
              }}
            />
            <select
              class="bk-input"
              aria-label="Header: how it is written"
              value={mode}
              onChange={(event) => {
                edit(id, 1, event.currentTarget.value);
              }}
            >
              {MODES.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
            <input
              class="bk-input"
              aria-label="Header value"
              placeholder="value"
              value={text}
              onInput={(event) => {
                edit(id, 2, event.currentTarget.value);
              }}
            />
            <select
              class="bk-input"
              aria-label="Header type"
              value={kind}
              onChange={(event) => {
                edit(id, 3, event.currentTarget.value);
              }}
            >
              {[...new Set([...types, kind])].map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
            <button
              type="button"
              class="bk-btn"
              aria-label="Remove this header"
              onClick={() => {
                change(rows.filter((row) => row.id !== id));
              }}
            >
              Remove
            </button>
          </div>
        ))}
      </div>
    </>
  );
}
