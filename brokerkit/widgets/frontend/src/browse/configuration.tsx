// The settings of a topic, in units that a person reads; those that differ from the default are marked.
import { useSignal } from "@preact/signals";

import { Icon } from "../parts/icons";
import { Bdi } from "../parts/plain";
import { Segments } from "../parts/segments";
import { counted } from "../parts/words";
import { Card, Empty, Heads, PairTable } from "./card";
import type { Store } from "./store";

export function Configuration({ store }: { store: Store }) {
  const facts = store.facts.value;
  const words = useSignal("");
  const which = useSignal<"all" | "changed">("all");
  if (!facts) return <Empty>{store.factsProblem.value || "Loading…"}</Empty>;
  const { settings, details } = facts;
  const known = settings.some(({ changed }) => changed !== null);
  const found = settings.filter(
    ({ name, text, changed }) =>
      (which.value === "all" || changed) &&
      `${name} ${text}`.toLowerCase().includes(words.value.toLowerCase()),
  );
  return (
    <div class="bk-pad">
      {settings.length > 0 && (
        <div class="bk-line">
          <span class="bk-in">
            <Icon sign="find" />
            <input
              type="search"
              aria-label="Find a setting"
              placeholder="Find a setting"
              spellcheck={false}
              onInput={(event) => {
                words.value = event.currentTarget.value;
              }}
            />
          </span>
          {known && (
            <Segments
              label="Which settings"
              value={which.value}
              choices={[
                ["changed", `Changed ${String(facts.changed)}`],
                ["all", `All ${String(settings.length)}`],
              ]}
              onChoose={(value) => {
                which.value = value;
              }}
            />
          )}
        </div>
      )}
      {settings.length > 0 && (
        <Card title="Settings" note={counted(found.length, "setting")}>
          <table class="bk-table bk-settings">
            <Heads columns={[["Setting"], ["Value"], ["As the system has it"]]} />
            <tbody>
              {found.map((each) => (
                <tr key={each.name} class={each.changed ? "bk-changed" : ""}>
                  <td class="bk-mono">
                    {each.changed && <Icon sign="edit" label="differs from the default" />}{" "}
                    <Bdi>{each.name}</Bdi>
                  </td>
                  <td>{each.changed ? <b>{each.text}</b> : <Bdi>{each.text}</Bdi>}</td>
                  <td class="bk-mono bk-dim">
                    <Bdi>{each.value}</Bdi>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Card>
      )}
      {details.length > 0 && (
        <Card title="What else the system says">
          <PairTable pairs={details} />
        </Card>
      )}
      {!settings.length && !details.length && <Empty>The system says nothing of its configuration.</Empty>}
    </div>
  );
}
