// The window of time to read: quick choices, a calendar for both ends, and what they mean.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { Icon } from "../parts/icons";
import { later } from "../parts/later";
import { Menu } from "../parts/menu";
import { bothZones, fieldOf, ownZone, typedPosition } from "../parts/moments";
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

function Meaning({ shown }: { shown: Meant | undefined }) {
  if (!shown || (!shown.text && !shown.wrong)) return <span class="bk-dim bk-under" />;
  if (shown.wrong)
    return (
      <span class="bk-bad bk-under" role="alert">
        <Icon sign="bad" /> {shown.wrong}
      </span>
    );
  return <span class="bk-dim bk-under bk-meant">{shown.at === null ? shown.text : bothZones(shown.at)}</span>;
}

interface EndProps {
  label: string;
  value: string;
  shown: Meant | undefined;
  utc: boolean;
  set: (value: string) => void;
  done: () => void;
}

function End({ label, value, shown, utc, set, done }: EndProps) {
  const at = shown?.at ?? null;
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
        <span class="bk-in">
          <input
            type="datetime-local"
            step={1}
            aria-label={`${label}: date and time, ${utc ? "UTC" : ownZone()}`}
            value={at === null ? "" : fieldOf(at, utc)}
            onChange={(event) => {
              set(typedPosition(event.currentTarget.value, utc));
            }}
          />
        </span>
      </span>
      <Meaning shown={shown} />
    </>
  );
}

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
  const ask = useMemo(
    () =>
      later(() => {
        send({ type: "range", ...range.peek() });
      }, 150),
    [send, range],
  );
  useEffect(() => {
    send({ type: "range", ...range.peek() });
    return () => {
      ask.drop();
    };
  }, [send, range, ask]);
  const set = (part: Partial<Range>) => {
    range.value = { ...range.peek(), ...part };
    ask();
  };
  const take = (wanted: Range) => {
    close();
    use(wanted);
  };
  const meant = store.meant.value;
  const wrong = Boolean(meant?.start.wrong) || Boolean(meant?.end.wrong);
  const done = () => {
    if (!wrong) take(range.peek());
  };
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
