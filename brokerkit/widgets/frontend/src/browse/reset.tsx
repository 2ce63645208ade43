// Moving a subscription: where to, the plan, the confirmation, and what became of it.
import { useSignal } from "@preact/signals";

import { Icon } from "../parts/icons";
import { Bdi } from "../parts/plain";
import { Segments } from "../parts/segments";
import { TypedName } from "../parts/typed_name";
import type { ResetShown, SubscriptionShown } from "../protocol";
import { Card, Heads, type Column } from "./card";
import type { Store } from "./store";

const PLACES = [
  ["-1h", "1 h ago"],
  ["earliest", "Earliest"],
  ["latest", "Latest"],
  ["", "Other…"],
] as const;

function Plan({ shown }: { shown: ResetShown }) {
  return (
    <>
      {shown.summary && <p>{`${shown.summary[0]?.toUpperCase() ?? ""}${shown.summary.slice(1)}.`}</p>}
      <ul class="bk-notes">
        {shown.notes.map((note, index) => (
          <li key={index} class="bk-warn">
            <Icon sign="warn" /> <Bdi>{note}</Bdi>
          </li>
        ))}
      </ul>
      <div class="bk-short">
        <table class="bk-table">
          <Heads
            columns={[
              ["Partition", true],
              [shown.done ? "Before" : "Now", true],
              ["After", true],
              [shown.done ? "Planned lag" : "Lag", true],
              shown.done ? ["Status"] : (["Change of lag", true] as Column),
            ]}
          />
          <tbody>
            {shown.rows.map((each, index) => (
              <tr key={index}>
                <td class="bk-number">{each.partition}</td>
                <td class="bk-number">{each.before}</td>
                <td class="bk-number">
                  <b>{each.after}</b>
                </td>
                <td class="bk-number">{each.lag}</td>
                {shown.done ? (
                  <td class={STATUS[each.status]?.[1]} title={each.error}>
                    <span class="bk-nowrap">
                      <Icon sign={STATUS[each.status]?.[0] ?? "info"} /> {each.status}
                    </span>{" "}
                    {each.error}
                  </td>
                ) : (
                  <td class="bk-number">{each.again}</td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

const STATUS: Record<string, ["check" | "bad" | "warn", string]> = {
  done: ["check", "bk-good"],
  accepted: ["check", "bk-good"],
  differs: ["warn", "bk-warn"],
  failed: ["bad", "bk-bad"],
};

export function ResetCard({ store, one }: { store: Store; one: SubscriptionShown }) {
  const { send } = store.line;
  const chosen = useSignal<string>("");
  const typed = useSignal("");
  const name = useSignal("");
  const reset = store.reset.value;
  const shown = reset?.subscription === one.name ? reset : null;
  const { closed } = store.line.state.value;
  const plan = (to: string) => {
    if (closed) return;
    name.value = "";
    send({ type: "plan_reset", to });
  };
  return (
    <Card
      title="Reset"
      note={
        shown?.done
          ? "what became of it"
          : closed
            ? "this session was closed"
            : "nothing is moved before you confirm it"
      }
    >
      <div class="bk-reset">
        <div class="bk-line bk-wraps">
          <span class="bk-dim">Move it to</span>
          <Segments
            label="Where to"
            disabled={closed}
            value={chosen.value}
            choices={PLACES}
            onChoose={(to) => {
              chosen.value = to;
              if (to) plan(to);
            }}
          />
        </div>
        {chosen.value === "" && (
          <form
            class="bk-line"
            onSubmit={(event) => {
              event.preventDefault();
              plan(typed.peek());
            }}
          >
            <span class="bk-in bk-grow">
              <input
                class="bk-mono bk-grow"
                aria-label="Where to move the subscription"
                placeholder="-15min, yesterday 13:00, an offset, {0: 17}"
                spellcheck={false}
                value={typed}
                onInput={(event) => {
                  typed.value = event.currentTarget.value;
                }}
                onKeyDown={(event) => {
                  if (event.key !== "Enter") return;
                  // the host must not take Enter for its own
                  event.preventDefault();
                  event.stopPropagation();
                  plan(typed.peek());
                }}
              />
            </span>
            <button type="submit" class="bk-btn" disabled={closed}>
              Plan
            </button>
          </form>
        )}
        {shown?.running && <p class="bk-dim">Working…</p>}
        {shown?.problem && <p class="bk-bad bk-problem">{shown.problem}</p>}
        {shown && shown.rows.length > 0 && <Plan shown={shown} />}
        {shown && shown.rows.length > 0 && !shown.done && (
          <div class="bk-line bk-wraps">
            {shown.confirm && (
              <TypedName
                ask="type the subscription"
                name={shown.typed}
                typed={name.value}
                type={(text) => {
                  name.value = text;
                }}
                production
              />
            )}
            <button
              type="button"
              class="bk-btn bk-fill"
              disabled={
                closed ||
                Boolean(shown.refused) ||
                shown.running ||
                (shown.confirm && name.value !== shown.typed)
              }
              onClick={() => {
                send({ type: "carry_out_reset", confirm: shown.confirm ? name.peek() : null });
              }}
            >
              <Bdi>{`Reset ${shown.subscription}`}</Bdi>
            </button>
            {shown.refused && <span class="bk-dim">{shown.refused}</span>}
          </div>
        )}
      </div>
    </Card>
  );
}
