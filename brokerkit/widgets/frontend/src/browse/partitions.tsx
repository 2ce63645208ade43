// Where a topic is stored: its partitions, their copies, and how evenly they are filled.
import { Icon } from "../parts/icons";
import { Bar, Card, Empty, Heads, type Column } from "./card";
import type { Store } from "./store";

export function Partitions({ store }: { store: Store }) {
  const facts = store.facts.value;
  if (!facts) return <Empty>{store.factsProblem.value || "Loading…"}</Empty>;
  const { partitions } = facts;
  const has = (name: "leader" | "replicas" | "in_sync" | "size") => partitions.some((each) => each[name]);
  const stats = [
    ["Messages", facts.messages, false],
    ["Stored", facts.size, false],
    ["In sync", facts.in_sync, facts.lacking],
    ["Skew", facts.skew, false],
  ] as const;
  return (
    <div class="bk-pad">
      <div class="bk-stats">
        {stats.map(([name, value, warn]) =>
          value ? (
            <div key={name}>
              <span class="bk-cap">{name}</span>
              <b class={warn ? "bk-warn" : ""}>
                {warn && <Icon sign="warn" />} {value}
              </b>
            </div>
          ) : null,
        )}
      </div>
      {facts.hidden && <p class="bk-dim">{facts.hidden}</p>}
      <Card title="Partitions" note={facts.more > 0 ? `and ${String(facts.more)} more: s.describe(...)` : ""}>
        <table class="bk-table">
          <Heads
            columns={[
              ["Partition", true],
              ...(has("leader") ? ([["Leader"]] as Column[]) : []),
              ...(has("replicas") ? ([["Replicas"]] as Column[]) : []),
              ...(has("in_sync") ? ([["In sync"]] as Column[]) : []),
              ["First", true],
              ["End", true],
              ["Messages", true],
              ["Share"],
              ...(has("size") ? ([["Stored", true]] as Column[]) : []),
            ]}
          />
          <tbody>
            {partitions.map((each, index) => (
              <tr key={index}>
                <td class="bk-number">{each.partition}</td>
                {has("leader") && <td>{each.leader}</td>}
                {has("replicas") && <td>{each.replicas}</td>}
                {has("in_sync") && (
                  <td class={each.lacking ? "bk-warn" : ""}>
                    {each.lacking && <Icon sign="warn" label="not all are in sync" />} {each.in_sync}
                  </td>
                )}
                <td class="bk-number">{each.start}</td>
                <td class="bk-number">{each.end}</td>
                <td class="bk-number">{each.messages}</td>
                <td class="bk-share">
                  <Bar share={each.share} />
                </td>
                {has("size") && <td class="bk-number">{each.size}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </Card>
    </div>
  );
}
