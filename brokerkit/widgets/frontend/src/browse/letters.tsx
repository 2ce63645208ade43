// The tab of dead letters: why they were given up, which ones are chosen, and sending them again.
import { useSignal } from "@preact/signals";

import { useHeld } from "../host/answers";
import { Icon } from "../parts/icons";
import { Moment } from "../parts/moment";
import { Bdi } from "../parts/plain";
import { Segments } from "../parts/segments";
import { TypedName } from "../parts/typed_name";
import type { LetterGroup, LettersBy, LettersShown } from "../protocol";
import { Bar, Card, Empty, Heads, type Column } from "./card";
import { Plan, Receipts } from "./change";
import { LetterList, OneLetter } from "./letter_list";
import { Tick } from "./tick";
import type { Store } from "./store";

const BY = [
  ["reason", "By reason"],
  ["consumer", "By consumer"],
  ["hour", "By hour"],
] as const;
const NAMES: Record<LettersBy, [head: string, none: string]> = {
  reason: ["Reason", "No reason given"],
  consumer: ["Consumer", "Not known"],
  hour: ["Hour", "Not known"],
};

function look(store: Store, naming: string): void {
  store.line.send({ type: "letters", naming, give_back: false, confirm: null });
}

/** Takes the dead letters and gives them back; on production, once the name of the topic is typed. */
function Take({ store, shown, done }: { store: Store; shown: LettersShown; done?: () => void }) {
  const typed = useSignal("");
  return (
    <span class="bk-line bk-wraps">
      {shown.confirm && (
        <TypedName
          ask="type the topic"
          label="The name of the topic, to take its dead letters"
          name={shown.confirm}
          typed={typed.value}
          type={(text) => {
            typed.value = text;
          }}
          production
        />
      )}
      <button
        type="button"
        class="bk-btn"
        disabled={
          store.line.state.value.closed ||
          shown.loading ||
          (shown.confirm !== "" && typed.value !== shown.confirm)
        }
        onClick={() => {
          const confirm = shown.confirm ? typed.peek() : null;
          store.line.send({ type: "letters", naming: shown.naming, give_back: true, confirm });
          done?.();
        }}
      >
        Take them and give them back
      </button>
    </span>
  );
}

/** The rule by which topics of dead letters are found. */
function Rule({ store, naming }: { store: Store; naming: string }) {
  const typed = useSignal(naming);
  return (
    <form
      class="bk-line"
      onSubmit={(event) => {
        event.preventDefault();
        look(store, typed.peek());
      }}
    >
      <span class="bk-in">
        <input
          class="bk-mono"
          aria-label="The rule for the names of topics of dead letters"
          placeholder="dlq.{topic}"
          spellcheck={false}
          value={typed}
          onInput={(event) => {
            typed.value = event.currentTarget.value;
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter") return;
            event.preventDefault();
            event.stopPropagation();
            look(store, typed.peek());
          }}
        />
      </span>
      <button type="submit" class="bk-btn" disabled={store.line.state.value.closed}>
        Look there
      </button>
    </form>
  );
}

function Head({ store, shown }: { store: Store; shown: LettersShown }) {
  const ruling = useSignal(false);
  const taking = useSignal(false);
  const [chosen, keep] = useHeld(shown.by);
  return (
    <div class="bk-bar-head">
      <b class="bk-nowrap">{shown.head}</b>
      <span class="bk-dim bk-cut" title={shown.where}>
        <Moment at={shown.at}>
          <Bdi>{shown.where}</Bdi>
        </Moment>
      </span>
      {ruling.value ? (
        <Rule store={store} naming={shown.naming} />
      ) : (
        <button
          type="button"
          class="bk-link"
          onClick={() => {
            ruling.value = true;
          }}
        >
          Change the rule
        </button>
      )}
      <span class="bk-grow" />
      <Segments
        label="What they are counted by"
        value={chosen}
        choices={BY}
        onChoose={(by) => {
          store.line.send({ type: "letters_by", by });
          keep(by);
        }}
      />
      {taking.value && (
        <Take
          store={store}
          shown={shown}
          done={() => {
            taking.value = false;
          }}
        />
      )}
      <button
        type="button"
        class="bk-btn bk-quiet bk-square"
        aria-label="Read the dead letters again"
        title="Read them again"
        disabled={store.line.state.value.closed}
        onClick={() => {
          if (shown.taking) taking.value = !taking.peek();
          else look(store, shown.naming);
        }}
      >
        <Icon sign="sync" />
      </button>
    </div>
  );
}

function Group({
  store,
  shown,
  group,
  place,
}: {
  store: Store;
  shown: LettersShown;
  group: LetterGroup;
  place: number;
}) {
  const on = shown.open === place;
  const open = () => {
    store.line.send({ type: "letters_of", group: on ? null : place, first: 0 });
  };
  const consumers = shown.groups.some((each) => each.consumer) && shown.by !== "consumer";
  return (
    <tr
      class={`${on ? "bk-on " : ""}${group.chosen ? "bk-part" : ""}`}
      tabIndex={0}
      aria-selected={on}
      title={on ? "List all of them" : "List these"}
      onClick={open}
      onKeyDown={(event) => {
        if (event.key === " ")
          store.line.send({
            type: "choose_letters",
            generation: shown.generation,
            group: place,
            row: null,
            on: group.chosen < group.size,
          });
        else if (event.key === "Enter") open();
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <td class="bk-ticked">
        <Tick
          label={`Choose the ${group.count} of ${group.name || NAMES[shown.by][1]}`}
          on={group.chosen === group.size}
          some={group.chosen > 0}
          choose={(wanted) => {
            store.line.send({
              type: "choose_letters",
              generation: shown.generation,
              group: place,
              row: null,
              on: wanted,
            });
          }}
        />
      </td>
      <td class="bk-wrap-any">
        {group.name ? (
          <b>
            <Bdi>{group.name}</Bdi>
          </b>
        ) : (
          <span class="bk-dim">{NAMES[shown.by][1]}</span>
        )}
      </td>
      {described(shown) && (
        <td class="bk-dim bk-long" title={group.described}>
          <Bdi>{group.described}</Bdi>
        </td>
      )}
      <td class="bk-number">{group.count}</td>
      <td class="bk-hist-of">
        <Bar share={group.share} bad />
      </td>
      <td class="bk-nowrap">
        <Moment at={group.at} inRow>
          {group.span}
        </Moment>
      </td>
      <td class="bk-hide-narrow bk-long">
        <Bdi>{[group.origin, consumers ? group.consumer : ""].filter(Boolean).join(", ")}</Bdi>
      </td>
    </tr>
  );
}

function described(shown: LettersShown): boolean {
  return shown.groups.some((each) => each.described);
}

function Groups({ store, shown }: { store: Store; shown: LettersShown }) {
  const heads: Column[] = [
    [""],
    [NAMES[shown.by][0]],
    ...(described(shown) ? ([["Description"]] as Column[]) : []),
    ["Count", true],
    [" "],
    ["First to newest"],
    ["From", false, "bk-hide-narrow"],
  ];
  return (
    <Card
      title={shown.by === "reason" ? "Reasons" : shown.by === "consumer" ? "Consumers" : "Hours"}
      note={`${shown.chosen.toLocaleString("en")} of ${shown.all.toLocaleString("en")} chosen`}
    >
      <table class="bk-table bk-choosable bk-groups">
        <Heads columns={heads} />
        <tbody>
          {shown.groups.map((group, place) => (
            <Group key={place} store={store} shown={shown} group={group} place={place} />
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Nothing({ store, shown }: { store: Store; shown: LettersShown }) {
  if (shown.taking && !shown.read)
    return (
      <Empty>
        <Icon sign="warn" />
        <b>Reading dead letters takes them for a moment.</b>
        <p>{shown.taking}</p>
        {shown.problem && <p class="bk-problem">{shown.problem}</p>}
        <Take store={store} shown={shown} />
      </Empty>
    );
  return (
    <Empty>
      <Icon sign="check" />
      <b>No dead letters</b>
      <p class="bk-problem">{shown.problem || `Looked ${shown.where}.`}</p>
      <Rule store={store} naming={shown.naming} />
    </Empty>
  );
}

export function LettersTab({ store }: { store: Store }) {
  const shown = store.letters.value;
  const change = store.change.value;
  if (!shown || (shown.loading && !shown.read)) return <Empty>Reading the dead letters…</Empty>;
  const carried = change?.of === "letters" && change.carried ? change : null;
  if (!shown.all && !carried) return <Nothing store={store} shown={shown} />;
  return (
    <>
      <Head store={store} shown={shown} />
      <div class="bk-pad" role="tabpanel" aria-label="Dead letters">
        <div class="bk-cards">
          <div class="bk-cards-column">
            {carried && (
              <Card
                title="Receipts"
                note={carried.running ? "" : <Moment at={carried.at}>{carried.head}</Moment>}
              >
                <div class="bk-reset">
                  <Receipts store={store} shown={carried} />
                </div>
              </Card>
            )}
            {shown.all > 0 && <Groups store={store} shown={shown} />}
            {shown.all > 0 && <LetterList store={store} shown={shown} />}
          </div>
          {shown.all > 0 && (
            <div class="bk-cards-column">
              <Card title="Redrive: the plan">
                <div class="bk-reset">
                  <Plan
                    store={store}
                    verb="redrive"
                    of="letters"
                    chosen={shown.chosen}
                    origin="where each came from"
                  />
                </div>
              </Card>
              {shown.letter && (
                <OneLetter
                  key={shown.letter.row}
                  store={store}
                  letter={shown.letter}
                  generation={shown.generation}
                />
              )}
            </div>
          )}
        </div>
      </div>
    </>
  );
}
