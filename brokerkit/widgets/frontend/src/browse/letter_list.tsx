// The dead letters one by one: chosen, looked at and edited.
import { useSignal } from "@preact/signals";

import { useEffect, useRef } from "preact/hooks";

import { Icon } from "../parts/icons";
import { Moment } from "../parts/moment";
import { momentOf } from "../parts/moments";
import { Bdi } from "../parts/plain";
import type { LetterLine, LetterShown, LettersShown } from "../protocol";
import { Card, Heads, type Column } from "./card";
import { Tick } from "./tick";
import type { Store } from "./store";

interface LineProps {
  store: Store;
  line: LetterLine;
  shown: boolean;
  tries: boolean;
  generation: string;
}

function Line({ store, line, shown, tries, generation }: LineProps) {
  const open = () => {
    store.line.send({ type: "letter", generation, row: shown ? null : line.row });
  };
  const choose = (on: boolean) => {
    store.line.send({ type: "choose_letters", generation, group: null, row: line.row, on });
  };
  return (
    <tr
      class={shown ? "bk-on" : ""}
      tabIndex={0}
      aria-selected={shown}
      onClick={open}
      onKeyDown={(event) => {
        if (event.key === "Enter") open();
        else if (event.key === " ") choose(!line.chosen);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <td class="bk-ticked">
        <Tick label="Choose this dead letter" on={line.chosen} choose={choose} />
      </td>
      <td class="bk-mono bk-nowrap">
        <Moment at={line.at} inRow>
          {line.time}
        </Moment>
      </td>
      <td class="bk-mono bk-nowrap">{line.place}</td>
      <td class="bk-long" title={line.reason}>
        <Bdi>{line.reason}</Bdi>
      </td>
      <td class="bk-mono bk-long bk-hide-narrow" title={line.origin}>
        <Bdi>{line.origin}</Bdi>
      </td>
      {tries && (
        <td class="bk-number">
          {[line.deliveries, line.redriven && `+${line.redriven}`].filter(Boolean).join(" ")}
        </td>
      )}
      <td class={`bk-mono bk-long${line.kind === "text" ? "" : " bk-dim"}`}>
        {line.edited && <Icon sign="edit" label="Edited" class="bk-alt" />} <Bdi>{line.value}</Bdi>
      </td>
    </tr>
  );
}

export function LetterList({ store, shown }: { store: Store; shown: LettersShown }) {
  const { send } = store.line;
  const group = shown.open === null ? undefined : shown.groups[shown.open];
  const last = shown.first + shown.rows.length;
  const turn = (first: number) => () => {
    send({ type: "letters_of", group: shown.open, first });
  };
  const all = group ? group.chosen === group.size : shown.chosen === shown.all;
  return (
    <Card
      title={group ? <Bdi>{`Dead letters: ${group.name || "no reason given"}`}</Bdi> : "Dead letters"}
      note={
        shown.total > shown.rows.length ? (
          <span class="bk-line">
            {`${(shown.first + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${shown.total.toLocaleString("en")}`}
            <button
              type="button"
              class="bk-btn bk-small bk-square"
              aria-label="Those before"
              disabled={!shown.first}
              onClick={turn(Math.max(0, shown.first - 100))}
            >
              <Icon sign="up" />
            </button>
            <button
              type="button"
              class="bk-btn bk-small bk-square"
              aria-label="Those after"
              disabled={last >= shown.total}
              onClick={turn(last)}
            >
              <Icon sign="down" />
            </button>
          </span>
        ) : (
          "click one to look at it and edit it"
        )
      }
    >
      <div class="bk-tall">
        <table class="bk-table bk-choosable bk-letters">
          <Heads
            columns={[
              [
                <Tick
                  label="Choose all that are listed"
                  on={all}
                  some={Boolean(group ? group.chosen : shown.chosen)}
                  choose={(on) => {
                    send({
                      type: "choose_letters",
                      generation: shown.generation,
                      group: shown.open,
                      row: null,
                      on,
                    });
                  }}
                />,
              ],
              ["Time (UTC)"],
              ["Position"],
              ["Reason"],
              ["From", false, "bk-hide-narrow"],
              ...(shown.tries ? ([["Tries", true]] as Column[]) : []),
              ["Value"],
            ]}
          />
          <tbody>
            {shown.rows.map((line) => (
              <Line
                key={line.row}
                store={store}
                line={line}
                shown={line.row === shown.letter?.row}
                tries={shown.tries}
                generation={shown.generation}
              />
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

/** One dead letter, and its value as it is to be sent. */
export function OneLetter({
  store,
  letter,
  generation,
}: {
  store: Store;
  letter: LetterShown;
  generation: string;
}) {
  const typed = useSignal(letter.text ?? "");
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    end.current?.scrollIntoView({ block: "nearest" });
  }, []);
  const edit = (text: string | null) => {
    store.line.send({ type: "edit_letter", generation, row: letter.row, text });
  };
  return (
    <Card
      title={
        <span class="bk-mono">
          <Bdi>{letter.title}</Bdi>
        </span>
      }
      note={
        letter.edited ? (
          <span class="bk-alt">
            <Icon sign="edit" /> edited
          </span>
        ) : (
          ""
        )
      }
    >
      <div class="bk-reset" ref={end}>
        {letter.text === null ? (
          <p class="bk-dim">{`It is sent as it is: ${letter.why}.`}</p>
        ) : (
          <>
            <textarea
              class="bk-editor"
              aria-label="The value to send"
              spellcheck={false}
              rows={5}
              value={typed}
              onInput={(event) => {
                typed.value = event.currentTarget.value;
              }}
            />
            <div class="bk-line">
              <button
                type="button"
                class="bk-btn"
                disabled={typed.value === letter.text}
                onClick={() => {
                  edit(typed.peek());
                }}
              >
                Send this instead
              </button>
              {letter.edited && (
                <button
                  type="button"
                  class="bk-btn bk-quiet"
                  onClick={() => {
                    edit(null);
                  }}
                >
                  As it was
                </button>
              )}
            </div>
          </>
        )}
      </div>
      <dl class="bk-pairs">
        {letter.fields.map(([name, value]) => (
          <Pair key={name} name={name} value={value} />
        ))}
      </dl>
      {letter.attributes.length > 0 && (
        <>
          <div class="bk-cap bk-of-pairs">Headers</div>
          <dl class="bk-pairs" aria-label="Headers">
            {letter.attributes.map(([name, value, kind], index) => (
              <Pair key={index} name={name} value={kind === "string" ? value : `${value} (${kind})`} />
            ))}
          </dl>
        </>
      )}
    </Card>
  );
}

function Pair({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>
        <Bdi>{name}</Bdi>
      </dt>
      <dd>
        <Moment at={momentOf(value)}>
          <Bdi>{value}</Bdi>
        </Moment>
      </dd>
    </>
  );
}
