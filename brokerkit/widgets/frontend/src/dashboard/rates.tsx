// The topics with their rates: busy ones, or those found by words.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { Icon } from "../parts/icons";
import { Moment } from "../parts/moment";
import { Bdi } from "../parts/plain";
import { Segments } from "../parts/segments";
import { counted } from "../parts/words";
import type { RatesShown, TopicRates } from "../protocol";
import type { Line } from "./dashboard";
import { Spark } from "./spark";

const POINTS = 30;
const COLUMNS = [
  ["Topic", ""],
  ["In", "bk-number"],
  ["Lately", "bk-hide-xs"],
  ["Out", "bk-number"],
  ["Backlog", "bk-number"],
  ["Oldest unread", "bk-number bk-hide-xs"],
  ["Dead", "bk-number"],
  ["Slowest reader", "bk-hide-s"],
  ["Stored", "bk-number bk-hide-s"],
] as const;

function Row({ row, open }: { row: TopicRates; open: () => void }) {
  const quiet = row.oldest === "none";
  return (
    <tr>
      <td class="bk-cut">
        <button type="button" class="bk-link bk-name" title={`Open ${row.name}`} onClick={open}>
          <Bdi>{row.name}</Bdi>
        </button>
      </td>
      <td class="bk-number">{row.coming}</td>
      <td class="bk-hide-xs">
        <Spark points={row.points} most={POINTS} warn={row.behind} />
      </td>
      <td class="bk-number">{row.leaving}</td>
      <td class="bk-number">
        <span class={row.behind ? "bk-warn" : ""}>{row.backlog}</span>
      </td>
      <td class={`bk-number bk-hide-xs${quiet ? " bk-dim" : ""}`}>
        <Moment at={row.oldest_at}>{row.oldest}</Moment>
      </td>
      <td class="bk-number">{row.dead && <b class="bk-bad">{row.dead}</b>}</td>
      <td class="bk-cut bk-hide-s">
        <Bdi>{row.slowest}</Bdi>
      </td>
      <td class="bk-number bk-hide-s">{row.stored}</td>
    </tr>
  );
}

export function Rates({ line, shown }: { line: Line; shown: RatesShown | null }) {
  const words = useSignal("");
  const which = useSignal<"busy" | "all">("busy");
  const [text, all] = [words.value, which.value === "all"];
  useEffect(() => {
    line.send({ type: "find", text, all });
  }, [line, text, all]);
  const more = shown ? shown.total - shown.rows.length : 0;
  return (
    <section class="bk-card" aria-label="Topics">
      <div class="bk-card-head">
        <h3>Topics</h3>
        <span class="bk-grow" />
        <Segments
          label="Which topics"
          value={which.value}
          choices={[
            ["busy", `Busy ${String(shown?.busy ?? "")}`],
            ["all", `All ${String(shown?.all ?? "")}`],
          ]}
          onChoose={(value) => {
            which.value = value;
          }}
        />
        <span class="bk-in">
          <Icon sign="find" />
          <input
            aria-label="Find a topic"
            placeholder="Find a topic"
            spellcheck={false}
            onInput={(event) => {
              words.value = event.currentTarget.value;
            }}
          />
        </span>
      </div>
      <div class="bk-card-body">
        <table class="bk-table">
          <thead>
            <tr>
              {COLUMNS.map(([name, kind]) => (
                <th scope="col" key={name} class={kind}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {(shown?.rows ?? []).map((row) => (
              <Row
                key={row.n}
                row={row}
                open={() => {
                  line.send({ type: "topic", n: row.n, tab: "messages" });
                }}
              />
            ))}
          </tbody>
        </table>
        {shown?.rows.length === 0 && (
          <p class="bk-inset bk-dim">
            {text
              ? "No topic has these words."
              : shown.all
                ? "Nothing comes or waits. All shows every topic."
                : "There are no topics yet."}
          </p>
        )}
        {more > 0 && (
          <p class="bk-inset bk-dim">{`${counted(more, "topic")} more: find them by their names.`}</p>
        )}
      </div>
    </section>
  );
}
