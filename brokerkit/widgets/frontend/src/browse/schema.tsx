// The versions of the schema of a topic, and what each changed.
import { useSignal } from "@preact/signals";

import { Bdi } from "../parts/plain";
import { Segments } from "../parts/segments";
import { Card, Empty, Heads } from "./card";
import type { Store } from "./store";

const CLASSES: Record<string, string> = { "+": "bk-add", "-": "bk-del", "@": "bk-dim" };

export function SchemaTab({ store }: { store: Store }) {
  const shown = store.schema.value;
  const version = useSignal<number | null>(null);
  const part = useSignal<"text" | "difference">("text");
  if (!shown || shown.loading) return <Empty>Loading…</Empty>;
  const chosen = shown.versions.find((each) => each.version === version.value) ?? shown.versions.at(-1);
  const which = (
    <Segments
      label="Which schema"
      value={shown.key ? "key" : "value"}
      choices={[
        ["value", "Values"],
        ["key", "Keys"],
      ]}
      onChoose={(value) => {
        store.line.send({ type: "open", tab: "schema", key: value === "key" });
      }}
    />
  );
  if (!chosen)
    return (
      <Empty>
        {which}
        <p class="bk-dim">{shown.problem}</p>
      </Empty>
    );
  const text = part.value === "difference" ? chosen.difference || "Nothing changed." : chosen.text;
  return (
    <div class="bk-pad bk-wide-right">
      <Card title={<Bdi>{`Versions of ${shown.subject}`}</Bdi>} note={which}>
        <table class="bk-table bk-choosable">
          <Heads columns={[["Version"], ["Id"], ["Format"]]} />
          <tbody>
            {[...shown.versions].reverse().map((each) => (
              <tr
                key={each.version}
                class={each === chosen ? "bk-on" : ""}
                tabIndex={0}
                aria-selected={each === chosen}
                onClick={() => {
                  version.value = each.version;
                }}
                onKeyDown={(event) => {
                  if (event.key !== "Enter" && event.key !== " ") return;
                  event.preventDefault();
                  event.stopPropagation();
                  version.value = each.version;
                }}
              >
                <td>
                  <b>v{each.version}</b>
                </td>
                <td>{each.id}</td>
                <td>
                  <samp>{each.kind}</samp>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {shown.level && <p class="bk-inset bk-dim">Compatibility {shown.level}</p>}
      </Card>
      <Card
        title={`v${String(chosen.version)}`}
        note={
          <Segments
            label="What is shown of the version"
            value={part.value}
            choices={[
              ["text", "Text"],
              ["difference", "What it changed"],
            ]}
            onChoose={(value) => {
              part.value = value;
            }}
          />
        }
      >
        <pre class="bk-diff" tabIndex={0}>
          {text.split("\n").map((line, index) => (
            <div key={index} class={(part.value === "difference" && CLASSES[line[0] ?? ""]) || ""}>
              {line || " "}
            </div>
          ))}
        </pre>
      </Card>
    </div>
  );
}
