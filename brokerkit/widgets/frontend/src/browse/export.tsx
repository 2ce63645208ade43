// Rows as a file: which ones, in which format, and where it goes.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { toClipboard } from "../parts/call_bar";
import { download } from "../parts/download";
import { Icon } from "../parts/icons";
import { Menu } from "../parts/menu";
import { Segments } from "../parts/segments";
import { counted } from "../parts/words";
import type { Export as Order } from "../protocol";
import type { Store } from "./store";

const SUFFIXES: Record<Order["form"], string> = { csv: ".csv", jsonl: ".jsonl", parquet: ".parquet" };

/** A file name for a topic in a format. */
export function fileName(topic: string, form: Order["form"]): string {
  const name = topic.replace(/[^\w.-]+/g, "_").replace(/^[._]+|[._]+$/g, "");
  return (name.slice(0, 80) || "rows") + SUFFIXES[form];
}

function Choices({ store }: { store: Store }) {
  const now = store.line.state.value;
  const total = store.rows.value?.total ?? 0;
  const rows = useSignal<Order["rows"]>(now.marked > 1 ? "chosen" : "shown");
  const form = useSignal<Order["form"]>("csv");
  const to = useSignal<"downloads" | "path">("downloads");
  const path = useSignal<string | null>(null);
  const overwrite = useSignal(false);
  const said = useSignal("");
  const done = store.exported.value;
  const name = path.value ?? fileName(now.topic, form.value);
  const choices: [Order["rows"], string][] = [["shown", `${total.toLocaleString("en")} shown`]];
  if (now.marked) choices.unshift(["chosen", `${now.marked.toLocaleString("en")} chosen`]);
  if (now.search.more) choices.push(["matching", "all that match"]);
  return (
    <div class="bk-export">
      <span class="bk-dim">Rows</span>
      <Segments
        label="Which rows"
        value={rows.value}
        choices={choices}
        onChoose={(value) => {
          rows.value = value;
        }}
      />
      <span class="bk-dim">As</span>
      <Segments
        label="Format"
        value={form.value}
        choices={[
          ["csv", "CSV"],
          ["jsonl", "JSON lines"],
          ["parquet", "Parquet"],
        ]}
        onChoose={(value) => {
          form.value = value;
        }}
      />
      <span class="bk-dim">To</span>
      <Segments
        label="Where to"
        value={to.value}
        choices={[
          ["downloads", "downloads"],
          ["path", "a path of the kernel"],
        ]}
        onChoose={(value) => {
          to.value = value;
        }}
      />
      {to.value === "path" && (
        <>
          <span />
          <span class="bk-in">
            <input
              class="bk-mono bk-grow"
              aria-label="Path of the file"
              spellcheck={false}
              value={name}
              onInput={(event) => {
                path.value = event.currentTarget.value;
              }}
            />
          </span>
          <span />
          <label>
            <input
              type="checkbox"
              checked={overwrite}
              onChange={(event) => {
                overwrite.value = event.currentTarget.checked;
              }}
            />{" "}
            overwrite it if it exists
          </label>
        </>
      )}
      {rows.value === "matching" && (
        <>
          <span />
          <p class="bk-dim">The search goes on to the end first; the rows are shown, too.</p>
        </>
      )}
      <span />
      <span class="bk-line">
        <button
          type="button"
          class="bk-btn bk-fill"
          disabled={done?.state === "running"}
          onClick={() => {
            store.exported.value = { state: "running", text: "", call: "" };
            store.line.send({
              type: "export",
              rows: rows.peek(),
              form: form.peek(),
              path: to.peek() === "path" ? name : null,
              overwrite: overwrite.peek(),
            });
          }}
        >
          {rows.value === "chosen" ? `Export ${counted(now.marked, "row")}` : "Export"}
        </button>
        {done?.call && (
          <button
            type="button"
            class="bk-btn"
            onClick={() => {
              void toClipboard(done.call, null).then((text) => {
                said.value = text;
              });
            }}
          >
            Copy as Python
          </button>
        )}
        <span class="bk-dim" role="status">
          {said}
        </span>
      </span>
      <span />
      <span class={done?.state === "failed" ? "bk-bad bk-problem" : "bk-problem"} role="status">
        {done?.state === "running" ? "Exporting…" : done?.text}
      </span>
    </div>
  );
}

export function Export({ store }: { store: Store }) {
  const file = store.file.value;
  useEffect(() => {
    if (!file) return;
    store.file.value = null;
    download(file.name, file.data);
  }, [store, file]);
  if (!store.rows.value?.total) return null;
  return (
    <Menu
      label="Export"
      button={
        <>
          <Icon sign="export" />
          Export
        </>
      }
      class="bk-quiet bk-small"
      opened={store.exporting}
      onOpen={() => {
        store.exported.value = null;
      }}
    >
      {() => <Choices store={store} />}
    </Menu>
  );
}

const COPIES = [
  ["json", "as JSON"],
  ["python", "as Python"],
  ["command", "the query as a command line"],
] as const;

/** Copies the chosen rows. */
export function CopyRows({ store }: { store: Store }) {
  const said = useSignal("");
  const copied = store.copiedRows.value;
  useEffect(() => {
    if (copied === null) return;
    store.copiedRows.value = null;
    void toClipboard(copied, null).then((text) => {
      said.value = text;
      setTimeout(() => {
        said.value = "";
      }, 2000);
    });
  }, [store, copied, said]);
  return (
    <>
      <span class="bk-dim bk-nowrap" role="status">
        {said}
      </span>
      <Menu
        label="Copy the chosen rows"
        button={
          <>
            <Icon sign="copy" />
            Copy
          </>
        }
        class="bk-small"
      >
        {(close) =>
          COPIES.map(([form, text]) => (
            <button
              type="button"
              class="bk-item"
              key={form}
              onClick={() => {
                store.line.send({ type: "copy_rows", form });
                close();
              }}
            >
              {text}
            </button>
          ))
        }
      </Menu>
    </>
  );
}
