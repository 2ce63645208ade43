// The tail: its state, rate, filter and newest messages.
import { useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { AnswersOf } from "../host/answers";
import type { Connection } from "../host/connection";
import { CallBar } from "../parts/call_bar";
import { KernelBanner } from "../parts/kernel_banner";
import { Moment } from "../parts/moment";
import { momentOf } from "../parts/moments";
import { Marks } from "../parts/marks";
import { Bdi } from "../parts/plain";
import { notShown } from "../parts/words";
import type {
  FieldSeen,
  MessageInFull,
  TailDone,
  TailNote,
  TailRow,
  TailShown,
  TailState,
} from "../protocol";
import { Filter } from "./filter";
import { RateChart } from "./rate_chart";
import { inOrder, NOTHING, withMessage, type Shown } from "./rows";

export type Line = Connection<TailState, TailShown, TailDone>;
const MARKS: Record<string, string> = { following: "●", paused: "❚❚", waiting: "▲", stopped: "■" };
const COLUMNS = ["", "Time (UTC)", "Part.", "Offset", "Key", "Value", "Headers", "Size"];
const NUMBERS = ["Part.", "Offset", "Size"];

interface HeadProps {
  now: TailState;
  send: Line["send"];
  again: (() => void) | undefined;
}

function Head({ now, send, again }: HeadProps) {
  const status = now.running ? now.status : "stopped";
  return (
    <div class="bk-head">
      <strong class="bk-name">
        <Bdi>
          {now.topic} on {now.session}
        </Bdi>
      </strong>
      <Marks marks={now.marks} />
      <span class="bk-status" role="status" data-status={status}>
        {`${MARKS[status] ?? ""} ${now.text}`}
      </span>
      <span class="bk-grow" />
      <button
        type="button"
        class="bk-btn bk-fill"
        disabled={!now.running}
        onClick={() => {
          send({ type: now.paused ? "resume" : "pause" });
        }}
      >
        {now.paused ? "▶ Resume" : "❚❚ Pause"}
      </button>
      <button
        type="button"
        class="bk-btn"
        onClick={() => {
          send({ type: "clear" });
        }}
      >
        Clear
      </button>
      <button
        type="button"
        class="bk-btn"
        disabled={!now.running}
        onClick={() => {
          send({ type: "stop" });
        }}
      >
        Stop
      </button>
      {again && !now.running && (
        <button type="button" class="bk-btn bk-fill" onClick={again}>
          Start again
        </button>
      )}
    </div>
  );
}

function MessageRow({
  row,
  fresh,
  chosen,
  choose,
}: {
  row: TailRow;
  fresh: boolean;
  chosen: boolean;
  choose: () => void;
}) {
  return (
    <tr
      class={`${fresh ? "bk-new " : ""}${chosen ? "bk-on" : ""}`}
      tabIndex={0}
      aria-selected={chosen}
      onClick={choose}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose();
      }}
    >
      <td class="bk-fresh" aria-label={fresh ? "new" : undefined}>
        {fresh ? "+" : ""}
      </td>
      <td class="bk-num">
        <Moment at={row.at} inRow>
          {row.time}
        </Moment>
      </td>
      <td class="bk-number">{row.partition ?? ""}</td>
      <td class="bk-number">{row.offset ?? ""}</td>
      <td class="bk-key">
        <Bdi>{row.key ?? ""}</Bdi>
      </td>
      <td class="bk-value">
        {row.kind === "null" ? (
          <em>null</em>
        ) : (
          <Bdi>{(row.kind === "bytes" ? "bytes: " : "") + row.value}</Bdi>
        )}
      </td>
      <td class="bk-key">
        <Bdi>{row.attributes}</Bdi>
      </td>
      <td class="bk-number">{row.size}</td>
    </tr>
  );
}

function NoteRow({ note }: { note: TailNote }) {
  return (
    <tr class="bk-note">
      <td colSpan={COLUMNS.length}>
        ▲ <Moment at={note.at}>{note.time}</Moment> {` ${note.text}`}
      </td>
    </tr>
  );
}

const atEnd = (box: HTMLElement) => box.scrollHeight - box.scrollTop - box.clientHeight < 40;

function Rows({
  shown,
  chosen,
  choose,
}: {
  shown: ReadonlySignal<Shown>;
  chosen: Signal<number | null>;
  choose: (n: number) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const unseen = useSignal(0);
  const now = shown.value;
  useLayoutEffect(() => {
    if (!box.current) return;
    if (follows.current) box.current.scrollTop = box.current.scrollHeight;
    unseen.value = follows.current ? 0 : unseen.peek() + now.fresh.size;
  }, [now, unseen]);
  const lines = inOrder(now);
  return (
    <div class="bk-wrap">
      <div
        class="bk-scroll"
        tabIndex={0}
        role="region"
        aria-label="Messages, the newest last"
        ref={box}
        onScroll={(event) => {
          follows.current = atEnd(event.currentTarget);
          if (follows.current) unseen.value = 0;
        }}
      >
        <table class="bk-table">
          <thead>
            <tr>
              {COLUMNS.map((name) => (
                <th scope="col" key={name} class={NUMBERS.includes(name) ? "bk-number" : ""}>
                  {name || <span class="bk-unseen">Show</span>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {lines.map((line) =>
              "n" in line ? (
                <MessageRow
                  key={line.n}
                  row={line}
                  fresh={now.fresh.has(line.n)}
                  chosen={line.n === chosen.value}
                  choose={() => {
                    choose(line.n);
                  }}
                />
              ) : (
                <NoteRow key={`${line.time}${line.text}`} note={line} />
              ),
            )}
            {!lines.length && (
              <tr>
                <td colSpan={COLUMNS.length} class="bk-none">
                  No messages yet.
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
      <button
        type="button"
        class="bk-btn bk-fill bk-small bk-jump"
        hidden={!unseen.value}
        onClick={() => {
          if (box.current) box.current.scrollTop = box.current.scrollHeight;
        }}
      >
        {`↓ ${unseen.value.toLocaleString("en")} new`}
      </button>
    </div>
  );
}

function DetailView({ one, call }: { one: MessageInFull; call: string }) {
  const pairs: [string, string][] = [["key", one.key ?? "none"]];
  for (const [name, value, kind] of one.attributes)
    pairs.push([name, kind === "string" ? value : `${value} (${kind})`]);
  if (one.more_attributes) pairs.push(["more", notShown(one.more_attributes)]);
  const facts = [one.size, one.format, one.kind === "bytes" ? "bytes, escaped" : "", one.cut];
  return (
    <section class="bk-one" aria-label="Selected message">
      <div class="bk-head">
        <strong>
          <Bdi>{one.title}</Bdi>
        </strong>
        <span class="bk-dim">
          {one.time && (
            <>
              <Moment at={momentOf(one.time)}>{one.time}</Moment>
              {", "}
            </>
          )}
          {facts.filter(Boolean).join(", ")}
        </span>
      </div>
      {one.failure && (
        <div class="bk-head bk-bad">
          <Bdi>{`Not decoded: ${one.failure}`}</Bdi>
        </div>
      )}
      <dl class="bk-pairs">
        {pairs.map(([name, value], index) => (
          <PairLine key={index} name={name} value={value} />
        ))}
      </dl>
      <pre class="bk-pre" tabIndex={0}>
        {one.kind === "null" ? "null" : one.value}
      </pre>
      <CallBar label="The Python call that edits the selected message" call={call} />
    </section>
  );
}

function PairLine({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>
        <Bdi>{name}</Bdi>
      </dt>
      <dd>
        <Bdi>{value}</Bdi>
      </dd>
    </>
  );
}

interface Props {
  line: Line;
  /** Whether it is in a tab of the workbench, which shows banners and calls itself. */
  within?: boolean;
  /** Begins another one in place of one that was stopped. */
  again?: (() => void) | undefined;
}

export function TailView(props: Props) {
  return (
    <AnswersOf.Provider value={props.line}>
      <Following {...props} />
    </AnswersOf.Provider>
  );
}

function Following({ line, within = false, again }: Props) {
  const shown = useSignal(NOTHING);
  const chosen = useSignal<number | null>(null);
  const chart = useSignal<{ counts: number[]; seconds: number }>({ counts: [], seconds: 120 });
  const fields = useSignal<FieldSeen[]>([]);
  const detail = useSignal<{ one: MessageInFull | null; call: string }>({ one: null, call: "" });
  useEffect(() => {
    line.listen((message) => {
      if (message.type === "chart") chart.value = message;
      else if (message.type === "fields_seen") fields.value = message.fields;
      else if (message.type === "detail") detail.value = { one: message.detail, call: message.call };
      else {
        if (message.type === "snapshot") chosen.value = null;
        shown.value = withMessage(shown.peek(), message);
      }
    });
  }, [line, chart, detail, fields, shown, chosen]);
  const now = line.state.value;
  return (
    <div class="bk-plain">
      {!within && <KernelBanner line={line.line} />}
      <Head now={now} send={line.send} again={again} />
      <Filter now={now} line={line} fields={fields.value} />
      <div class="bk-rate">
        <RateChart {...chart.value} />
      </div>
      {now.problem && (
        <div class="bk-problem" role="alert">
          ▲ {now.problem}
        </div>
      )}
      <Rows
        shown={shown}
        chosen={chosen}
        choose={(n) => {
          chosen.value = chosen.peek() === n ? null : n;
          line.send({ type: "select", n: chosen.peek() });
        }}
      />
      {detail.value.one && <DetailView one={detail.value.one} call={detail.value.call} />}
      {!within && <CallBar label="The Python call of this tail" call={now.call} />}
      <div class="bk-dim">{now.effect}</div>
    </div>
  );
}
