// Changing messages: what is asked for, the plan, the confirmation, and the receipts.
import { signal, useSignal, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";

import { Condition } from "../parts/condition";
import { Icon, type Sign } from "../parts/icons";
import { later } from "../parts/later";
import { Moment } from "../parts/moment";
import { Bdi } from "../parts/plain";
import { TypedName } from "../parts/typed_name";
import type { ChangeShown, PlanChange, Verb } from "../protocol";
import { Checks, Counts, Lines, Places } from "./receipts";
import type { Store } from "./store";

export const VERBS: Record<Verb, { name: string; sign: Sign; doing: string }> = {
  redrive: { name: "Redrive", sign: "again", doing: "Redriving" },
  move: { name: "Move", sign: "move", doing: "Moving" },
  delete: { name: "Delete", sign: "trash", doing: "Deleting" },
  send: { name: "Send", sign: "send", doing: "Sending" },
};

type Typed = Pick<PlanChange, "to" | "session" | "rate" | "keep" | "most" | "mode" | "where">;

/** What is typed before anything was planned. */
export const NOTHING_TYPED: Typed = {
  to: "",
  session: "",
  rate: "",
  keep: false,
  most: "3",
  mode: "python",
  where: "",
};

interface FieldsProps {
  store: Store;
  of: PlanChange["of"];
  verb: Verb;
  typed: Typed;
  sessions: ChangeShown["sessions"];
  origin: string;
  change: (part: Partial<Typed>) => void;
  plan: () => void;
}

function Line({ verb, typed, origin, change, plan }: FieldsProps) {
  return (
    <span class="bk-in">
      <input
        class="bk-mono bk-grow"
        aria-label={verb === "redrive" ? "Back to" : "The topic to send them to"}
        placeholder={verb === "redrive" ? origin : "the name of a topic"}
        spellcheck={false}
        autocomplete="off"
        value={typed.to}
        onInput={(event) => {
          change({ to: event.currentTarget.value });
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          // the host must not take Enter for its own
          event.preventDefault();
          event.stopPropagation();
          plan();
        }}
      />
    </span>
  );
}

/** The condition of which chosen messages are sent, with what it leaves. */
function OnlyWhere({ store, of, typed, change, plan }: FieldsProps) {
  const { send } = store.line;
  const { mode, where } = typed;
  const attempt = useMemo(
    () =>
      later((condition: Pick<Typed, "mode" | "where">) => {
        send({ type: "try_change", of, ...condition });
      }, 250),
    [send, of],
  );
  const set = (part: Partial<Pick<Typed, "mode" | "where">>) => {
    change(part);
    attempt({ mode, where, ...part });
  };
  useEffect(
    () => () => {
      store.triedChange.value = "";
    },
    [store],
  );
  const tried = where.trim() ? store.triedChange.value : "";
  return (
    <span>
      <span class="bk-in bk-only">
        <Condition
          label="Only where"
          modes="How the condition is written"
          mode={mode}
          value={where}
          fields={store.fields.value[of]}
          of={of === "letters" ? store.letters.value : store.rows.value?.version}
          ask={() => {
            send({ type: "fields", of });
          }}
          onWrite={(text) => {
            set({ where: text });
          }}
          onMode={(wanted) => {
            set({ mode: wanted });
          }}
          onEnter={plan}
        />
      </span>
      <span class={`bk-tried ${tried.startsWith("✕") ? "bk-bad" : "bk-dim"}`} role="status">
        {tried}
      </span>
    </span>
  );
}

function Fields(props: FieldsProps) {
  const { verb, typed, sessions, change } = props;
  if (verb === "delete") return null;
  return (
    <div class="bk-fields">
      <span class="bk-dim">{verb === "redrive" ? "Back to" : "To"}</span>
      <Line {...props} />
      {verb === "redrive" && (
        <>
          <span class="bk-dim bk-of-only">Only where</span>
          <OnlyWhere {...props} />
        </>
      )}
      {verb === "send" && sessions.length > 1 && (
        <>
          <span class="bk-dim">Session</span>
          <select
            class="bk-select"
            aria-label="The session to send them to"
            value={typed.session}
            onChange={(event) => {
              change({ session: event.currentTarget.value });
            }}
          >
            {sessions.map(([token, name]) => (
              <option key={token} value={token}>
                {name}
              </option>
            ))}
          </select>
        </>
      )}
      {verb !== "send" && (
        <>
          <span class="bk-dim">At most</span>
          <span class="bk-line">
            <span class="bk-in bk-narrow">
              <input
                class="bk-grow"
                aria-label="At most so many per second"
                placeholder="no limit"
                value={typed.rate}
                onInput={(event) => {
                  change({ rate: event.currentTarget.value });
                }}
              />
            </span>
            <span class="bk-dim">per second</span>
          </span>
        </>
      )}
      {verb === "redrive" && (
        <>
          <span class="bk-dim">Headers</span>
          <label>
            <input
              type="checkbox"
              checked={!typed.keep}
              onChange={(event) => {
                change({ keep: !event.currentTarget.checked });
              }}
            />{" "}
            drop dead-letter headers, add bk-redriven
          </label>
          <span class="bk-dim">Refused</span>
          <span class="bk-line">
            <span class="bk-dim">after</span>
            <span class="bk-in bk-few">
              <input
                class="bk-grow"
                aria-label="Refused after so many redrives"
                inputMode="numeric"
                value={typed.most}
                onInput={(event) => {
                  change({ most: event.currentTarget.value });
                }}
              />
            </span>
            <span class="bk-dim">redrives</span>
          </span>
        </>
      )}
    </div>
  );
}

function Confirm({ store, shown, again }: { store: Store; shown: ChangeShown; again: boolean }) {
  const typed = useSignal("");
  const count = again ? shown.left : shown.count;
  const verb = VERBS[shown.verb];
  const refused = shown.refused || store.line.state.value.held[shown.verb];
  const name = `${again ? "Resume" : verb.name} ${count.toLocaleString("en")}`;
  useLayoutEffect(() => {
    typed.value = "";
  }, [shown.verb, shown.typed, again, typed]);
  return (
    <div class="bk-line bk-wraps">
      {shown.confirm && !refused && (
        <TypedName
          ask={shown.verb === "delete" ? "Type the topic" : "type the topic"}
          label="The name of the topic, to confirm it"
          name={shown.typed}
          typed={typed.value}
          type={(text) => {
            typed.value = text;
          }}
          production={shown.verb !== "delete"}
        />
      )}
      <button
        type="button"
        class={`bk-btn ${shown.verb === "delete" ? "bk-danger-of" : "bk-fill"}`}
        disabled={
          Boolean(refused) || shown.running || !count || (shown.confirm && typed.value !== shown.typed)
        }
        onClick={(event) => {
          if (event.detail > 1) return; // a double click does it once
          const confirm = shown.confirm ? typed.peek() : null;
          store.line.send({ type: "carry_out_change", number: shown.number, again, confirm });
        }}
      >
        <Icon sign={again ? "again" : verb.sign} />
        {name}
      </button>
      {refused && <span class="bk-dim bk-wrap-any">{refused}</span>}
    </div>
  );
}

export function Progress({ store, shown }: { store: Store; shown: ChangeShown }) {
  return (
    <div class="bk-line" role="status">
      <span>{`${VERBS[shown.verb].doing} ${shown.head}`}</span>
      <progress class="bk-grow" max={1} value={shown.share} aria-label="How much is done" />
      <button
        type="button"
        class="bk-btn bk-small"
        onClick={() => {
          store.line.send({ type: "stop_change" });
        }}
      >
        <Icon sign="stop" />
        Stop
      </button>
    </div>
  );
}

/** What became of a change, and going on with what is left. */
export function Receipts({ store, shown }: { store: Store; shown: ChangeShown }) {
  return (
    <>
      {shown.running ? (
        <Progress store={store} shown={shown} />
      ) : (
        <div class="bk-line bk-wraps bk-sum" role="status">
          <Counts counts={shown.counts} />
          {shown.left > 0 && shown.lines.length < shown.left && (
            <span class="bk-dim">{`${shown.left.toLocaleString("en")} left`}</span>
          )}
        </div>
      )}
      {shown.problem && <p class="bk-warn bk-problem">{shown.problem}</p>}
      <Lines change={shown} />
      {shown.left > 0 && <Confirm store={store} shown={shown} again />}
    </>
  );
}

/** The fields as Python says what a plan is for. */
export function asTyped({ to, session, rate, keep, most, mode, where }: Typed): ChangeShown["form"] {
  return [to.trim(), session, rate.trim(), keep, most.trim(), mode, where];
}

/** What is typed for a change: it stays while something else is shown. */
function typedOf(store: Store, of: PlanChange["of"], verb: Verb): Signal<Typed> {
  const name = JSON.stringify([store.line.state.value.topic, of, verb]);
  const kept = store.plans.get(name) ?? signal<Typed>(NOTHING_TYPED);
  store.plans.set(name, kept);
  return kept as Signal<Typed>;
}

interface Props {
  store: Store;
  verb: Verb;
  of: PlanChange["of"];
  /** How many messages are chosen. */
  chosen: number;
  origin: string;
}

/** The fields of a change, and its plan. */
export function Plan({ store, verb, of, chosen, origin }: Props) {
  const typed = typedOf(store, of, verb);
  const shown = store.change.value;
  const mine = shown && shown.verb === verb && shown.of === of && !shown.carried ? shown : null;
  const plan = () => {
    store.line.send({ type: "plan_change", verb, of, ...typed.peek() });
  };
  const now = typed.value;
  const nowhere = !now.to.trim() && ["move", "send"].includes(verb);
  const held = store.line.state.value.held[verb];
  const same = mine !== null && JSON.stringify(mine.form) === JSON.stringify(asTyped(now));
  const planned = same && mine.asked && !mine.running && !mine.problem;
  return (
    <>
      <Fields
        store={store}
        of={of}
        verb={verb}
        typed={now}
        sessions={shown?.sessions ?? []}
        origin={origin}
        change={(part) => {
          typed.value = { ...typed.peek(), ...part };
        }}
        plan={plan}
      />
      {planned && (
        <>
          <Places places={mine.places} />
          <Checks checks={mine.checks} />
          <Lines change={mine} />
        </>
      )}
      {mine?.running && <p class="bk-dim">Working…</p>}
      {same && mine.problem && <p class="bk-bad bk-problem">{mine.problem}</p>}
      {planned ? (
        <Confirm store={store} shown={mine} again={false} />
      ) : (
        <div class="bk-line bk-wraps">
          <button
            type="button"
            class="bk-btn"
            disabled={Boolean(held) || !chosen || mine?.running === true || nowhere}
            onClick={plan}
          >
            Dry run
          </button>
          {held ? (
            <span class="bk-dim bk-wrap-any">{held}</span>
          ) : (
            <>
              {!chosen && <span class="bk-dim">Choose messages first.</span>}
              {chosen > 0 && nowhere && <span class="bk-dim">Say to which topic first.</span>}
              {chosen > 0 && mine?.refused && <span class="bk-dim bk-wrap-any">{mine.refused}</span>}
            </>
          )}
        </div>
      )}
    </>
  );
}

/** A plan over the messages, and then its receipts. */
export function ChangeDialog({ store }: { store: Store }) {
  const verb = store.changing.value;
  const shown = store.change.value;
  const now = store.line.state.value;
  const close = () => {
    store.changing.value = null;
    typedOf(store, "rows", verb ?? "send").value = NOTHING_TYPED;
    store.line.send({ type: "forget_change" });
  };
  if (!verb) return null;
  const carried = shown?.of === "rows" && shown.verb === verb && shown.carried;
  const count = Math.max(1, now.marked);
  const rows = `${count.toLocaleString("en")} row${count === 1 ? "" : "s"}`;
  return (
    <div
      class="bk-sheet bk-changing"
      role="dialog"
      aria-modal="true"
      aria-label={`${VERBS[verb].name} chosen rows`}
      tabIndex={-1}
      ref={(node) => {
        if (node && !node.contains((node.getRootNode() as Document | ShadowRoot).activeElement)) node.focus();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        close();
      }}
    >
      <div class="bk-line">
        <h3>{carried ? `${VERBS[verb].name}: the receipts` : `${VERBS[verb].name} ${rows}: the plan`}</h3>
        <span class="bk-grow" />
        {carried && (
          <span class="bk-dim bk-cut">{!shown.running && <Moment at={shown.at}>{shown.head}</Moment>}</span>
        )}
        <button
          type="button"
          class="bk-btn bk-quiet bk-small bk-square"
          aria-label="Close the plan"
          title="Close (Esc)"
          onClick={close}
        >
          <Icon sign="x" />
        </button>
      </div>
      <p class="bk-dim bk-cut">
        <Bdi>{`of ${now.topic}`}</Bdi>
      </p>
      {carried ? (
        <Receipts store={store} shown={shown} />
      ) : (
        <Plan key={verb} store={store} verb={verb} of="rows" chosen={count} origin="where each came from" />
      )}
      {shown && shown.of === "rows" && shown.call && (
        <code class="bk-mono bk-cut" title={shown.call}>
          {shown.call}
        </code>
      )}
    </div>
  );
}
