// The window of time to read: quick choices, a calendar for both ends, and what they mean.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { Icon } from "../parts/icons";
import { later } from "../parts/later";
import { Menu } from "../parts/menu";
import { bothZones, fieldOf, leftOut, ownZone, typedPosition } from "../parts/moments";
import { Segments } from "../parts/segments";
import type { Meant, QueryForm } from "../protocol";
import type { Store } from "./store";

type Range = Pick<QueryForm, "start" | "end">;

export const QUICK: readonly (readonly [string, Range])[] = [
  ["Last 15 min", { start: "-15min", end: "" }],
  ["Last hour", { start: "-1h", end: "" }],
  ["Last 24 h", { start: "-1d", end: "" }],
  ["Last 7 days", { start: "-7d", end: "" }],
  ["Today", { start: "today", end: "" }],
  ["Yesterday", { start: "yesterday", end: "today" }],
  ["All that is kept", { start: "", end: "" }],
];

/** The name of a window as its button says it. */
export function nameOfWindow({ start, end }: Range): string {
  const quick = QUICK.find(([, range]) => range.start === start && range.end === end);
  if (quick) return quick[0];
  return `${start || "beginning"} to ${end || "end"}`;
}

function Meaning({ shown, skipped }: { shown: Meant | undefined; skipped: string }) {
  if (!shown || (!shown.text && !shown.wrong)) return <span class="bk-dim bk-under" />;
  if (shown.wrong)
    return (
      <span class="bk-bad bk-under" role="alert">
        <Icon sign="bad" /> {shown.wrong}
      </span>
    );
  return (
    <span class="bk-dim bk-under bk-meant">
      {skipped && `The clocks of ${ownZone()} leave out ${skipped}. Meant is:\n`}
      {shown.at === null ? shown.text : bothZones(shown.at)}
    </span>
  );
}

interface CalendarProps {
  label: string;
  judged: boolean;
  at: number | null;
  utc: boolean;
  skipped: Signal<string>;
  set: (value: string) => void;
  done: () => void;
}

/** A field for date and time. It belongs to who types in it: what is typed stays until it is left. */
function Calendar({ label, judged, at, utc, skipped, set, done }: CalendarProps) {
  const field = useRef<HTMLInputElement>(null);
  const typing = useRef(false);
  const typed = useRef<number | null | undefined>(undefined);
  const show = (moment: number | null) => {
    if (field.current) field.current.value = moment === null ? "" : fieldOf(moment, utc);
  };
  useLayoutEffect(() => {
    // the answer to an earlier question is not what stands here
    if (typing.current || !judged) return;
    typed.current = undefined;
    show(at);
  }, [at, utc, judged]);
  return (
    <span class="bk-in">
      <input
        type="datetime-local"
        step={1}
        max="9999-12-31T23:59:59"
        aria-label={`${label}: date and time, ${utc ? "UTC" : ownZone()}`}
        ref={field}
        onBlur={() => {
          if (typing.current) show(typed.current === undefined ? at : typed.current);
          typing.current = false;
        }}
        onInput={({ currentTarget: { value, validity } }) => {
          typing.current = true;
          // while a part of it is missing, there is no value
          if (validity.badInput) return;
          const meant = typedPosition(value, utc, typed.current ?? at);
          typed.current = meant ? Date.parse(meant) : null;
          skipped.value = !utc && leftOut(value) ? value.replace("T", " ") : "";
          set(meant);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          event.stopPropagation();
          done();
        }}
      />
    </span>
  );
}

interface EndProps {
  label: string;
  judged: boolean;
  value: string;
  shown: Meant | undefined;
  utc: boolean;
  set: (value: string) => void;
  done: () => void;
}

function End({ label, judged, value, shown, utc, set, done }: EndProps) {
  const at = shown?.at ?? null;
  const skipped = useSignal("");
  return (
    <>
      <span class="bk-dim">{label}</span>
      <span class="bk-line">
        <span class={`bk-in bk-grow${shown?.wrong ? " bk-wrong" : ""}`}>
          <input
            class="bk-mono bk-grow"
            aria-label={`${label}: a place or a time`}
            placeholder={label === "From" ? "beginning" : "end"}
            spellcheck={false}
            value={value}
            onInput={(event) => {
              skipped.value = "";
              set(event.currentTarget.value);
            }}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              event.preventDefault();
              event.stopPropagation();
              done();
            }}
          />
        </span>
        <Calendar label={label} judged={judged} at={at} utc={utc} skipped={skipped} set={set} done={done} />
      </span>
      <Meaning shown={shown} skipped={skipped.value} />
    </>
  );
}

/** How many windows were asked about, by all views of this page: an answer names its question. */
let questions = 0;

interface Props {
  store: Store;
  form: Range;
  disabled: boolean;
  use: (range: Range) => void;
}

function Panel({ store, form, use, close }: Omit<Props, "disabled"> & { close: () => void }) {
  const { send } = store.line;
  const range = useSignal<Range>({ start: form.start, end: form.end });
  const utc = useSignal(true);
  const asked = useSignal(0);
  const waiting = useRef(false);
  const ask = useMemo(
    () =>
      later(() => {
        send({ type: "range", ...range.peek(), asked: asked.peek() });
      }, 150),
    [send, range, asked],
  );
  useEffect(() => {
    asked.value = ++questions;
    send({ type: "range", ...range.peek(), asked: asked.peek() });
    return () => {
      ask.drop();
    };
  }, [send, range, ask, asked]);
  const set = (part: Partial<Range>) => {
    range.value = { ...range.peek(), ...part };
    asked.value = ++questions;
    waiting.current = false;
    ask();
  };
  const take = (wanted: Range) => {
    close();
    use(wanted);
  };
  const meant = store.meant.value;
  const judged = meant?.asked === asked.value;
  const wrong = judged && Boolean(meant.start.wrong || meant.end.wrong);
  // what is typed is read once it is known to be a window
  const done = () => {
    waiting.current = !judged;
    if (!judged) ask.now();
    else if (!wrong) take(range.peek());
  };
  useEffect(() => {
    if (judged && waiting.current) done();
  }, [judged]);
  const zone = ownZone();
  return (
    <div class="bk-window">
      <div class="bk-window-quick">
        {QUICK.map(([name, wanted]) => (
          <button
            type="button"
            class="bk-item"
            key={name}
            onClick={() => {
              take(wanted);
            }}
          >
            {name}
          </button>
        ))}
      </div>
      <div class="bk-window-exact">
        {zone !== "UTC" && (
          <Segments
            label="The zone of the calendar"
            value={utc.value ? "utc" : "own"}
            choices={[
              ["utc", "UTC"],
              ["own", zone],
            ]}
            onChoose={(value) => {
              utc.value = value === "utc";
            }}
          />
        )}
        <End
          label="From"
          judged={judged}
          value={range.value.start}
          shown={meant?.start}
          utc={utc.value}
          set={(start) => {
            set({ start });
          }}
          done={done}
        />
        <End
          label="To"
          judged={judged}
          value={range.value.end}
          shown={meant?.end}
          utc={utc.value}
          set={(end) => {
            set({ end });
          }}
          done={done}
        />
        <span class="bk-line">
          <button type="button" class="bk-btn bk-fill" disabled={wrong} onClick={done}>
            Read this window
          </button>
          <span class="bk-dim">The end is not part of it.</span>
        </span>
      </div>
    </div>
  );
}

export function Window({ store, form, disabled, use }: Props) {
  return (
    <Menu
      label="The window to read"
      class="bk-small bk-window-button"
      button={
        <>
          <Icon sign="clock" />
          <span class="bk-cut">{disabled ? "Window" : nameOfWindow(form)}</span>
        </>
      }
    >
      {(close) =>
        disabled ? (
          <p class="bk-inset bk-dim">Choose a topic that can be read from a place first.</p>
        ) : (
          <Panel store={store} form={form} use={use} close={close} />
        )
      }
    </Menu>
  );
}
