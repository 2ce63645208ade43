// Where many messages come from: a file that is dropped or chosen, or a frame of the notebook.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";

import { HeldSelect } from "../parts/held_select";
import { Icon } from "../parts/icons";
import { Bdi } from "../parts/plain";
import type { BulkDone, BulkHeader, BulkShown } from "../protocol";

const SEPARATORS: [string, string][] = [
  ["", "found out"],
  [",", "comma"],
  [";", "semicolon"],
  ["\t", "tab"],
  ["|", "bar"],
];

const HEADERS: [BulkHeader, string][] = [
  ["", "found out"],
  ["yes", "has names"],
  ["no", "is a row"],
];

interface Props {
  bulk: BulkShown;
  send: (message: BulkDone) => void;
  onFile: (file: File) => void;
}

/** What the values are written with: JSON, or a version of a subject of the registry. */
export function BulkSchema({ bulk, send }: Omit<Props, "onFile">) {
  const locked = bulk.running || bulk.again || Boolean(bulk.receiving);
  if (!bulk.source || (!bulk.subjects.length && !bulk.schemas_said)) return null;
  return (
    <div class="bk-line bk-wraps" role="group" aria-label="What the values are written with">
      {bulk.subjects.length > 0 && (
        <label class="bk-in">
          <span class="bk-dim">Values as</span>
          <HeldSelect
            label="The subject of the registry"
            value={bulk.subject}
            disabled={locked}
            onChoose={(chosen) => {
              send({ type: "bulk set", subject: chosen });
            }}
          >
            <option value="">JSON, without a schema</option>
            {bulk.subjects.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </HeldSelect>
        </label>
      )}
      {bulk.subject && (
        <label class="bk-in">
          <span class="bk-dim">Version</span>
          <HeldSelect
            label="The version of the subject"
            value={String(bulk.version)}
            disabled={locked}
            onChoose={(chosen) => {
              send({ type: "bulk set", subject: bulk.subject, version: Number(chosen) });
            }}
          >
            {bulk.versions.map((each, index) => (
              <option key={each} value={String(each)}>
                {index ? String(each) : `${String(each)} (newest)`}
              </option>
            ))}
          </HeldSelect>
        </label>
      )}
      {bulk.schemas_said && (
        <span class="bk-dim bk-wrap-any">
          <Bdi>{bulk.schemas_said}</Bdi>
        </span>
      )}
    </div>
  );
}

export function BulkSource({ bulk, send, onFile }: Props) {
  const over = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  const locked = bulk.running;
  return (
    <div
      class={over.value ? "bk-drop bk-over" : "bk-drop"}
      role="group"
      aria-label="Where the messages come from"
      onDragOver={(event) => {
        if (locked || !event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        event.stopPropagation();
        over.value = true;
      }}
      onDragLeave={() => {
        over.value = false;
      }}
      onDrop={(event) => {
        over.value = false;
        const file = event.dataTransfer?.files[0];
        if (locked || !file) return;
        event.preventDefault();
        event.stopPropagation();
        onFile(file);
      }}
    >
      <Icon sign="export" />
      <span class="bk-grow" role="status">
        {bulk.receiving || (bulk.checking && !bulk.source && "Reading…")}
        {!bulk.receiving && bulk.source && (
          <>
            <b class="bk-mono">
              <Bdi>{bulk.source}</Bdi>
            </b>{" "}
            <span class="bk-dim">{bulk.facts.join(" · ")}</span>
          </>
        )}
        {!bulk.receiving && !bulk.source && !bulk.checking && (
          <b>Drop a file here: CSV of any separator, JSON lines or Parquet.</b>
        )}
      </span>
      {bulk.receiving && (
        <button
          type="button"
          class="bk-btn"
          onClick={() => {
            send({ type: "bulk cancel" });
          }}
        >
          Cancel
        </button>
      )}
      {bulk.csv && !bulk.receiving && (
        <>
          <label class="bk-in">
            <span class="bk-dim">Separator</span>
            <HeldSelect
              label="What separates the fields"
              value={bulk.delimiter}
              disabled={locked || bulk.again}
              onChoose={(chosen) => {
                send({ type: "bulk set", delimiter: chosen });
              }}
            >
              {SEPARATORS.map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </HeldSelect>
          </label>
          <label class="bk-in">
            <span class="bk-dim">First line</span>
            <HeldSelect
              label="What the first line is"
              value={bulk.header}
              disabled={locked || bulk.again}
              onChoose={(chosen) => {
                send({ type: "bulk set", header: chosen as BulkHeader });
              }}
            >
              {HEADERS.map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </HeldSelect>
          </label>
        </>
      )}
      <button
        type="button"
        class="bk-btn"
        disabled={locked}
        onClick={() => {
          input.current?.click();
        }}
      >
        {bulk.source ? "Another file" : "Choose a file"}
      </button>
      <input
        type="file"
        hidden
        aria-label="A file with messages"
        accept=".csv,.tsv,.txt,.jsonl,.ndjson,.json,.parquet,.pq"
        ref={input}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) onFile(file);
        }}
      />
      {bulk.frames.length > 0 && (
        <label class="bk-in">
          <span class="bk-dim">or take</span>
          <select
            aria-label="A frame of the notebook"
            value=""
            disabled={locked}
            onChange={(event) => {
              const name = event.currentTarget.value;
              event.currentTarget.value = "";
              if (name) send({ type: "bulk frame", name });
            }}
          >
            <option value="">a frame</option>
            {bulk.frames.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}
