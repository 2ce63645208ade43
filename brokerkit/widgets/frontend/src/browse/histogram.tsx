// Bars over time. Dragging, or the arrow keys with Shift, choose a stretch; Enter makes it the window.
import { useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";

import { Moment } from "../parts/moment";
import { counted, short, utc } from "../parts/words";
import type { Counts } from "../protocol";
import type { Store } from "./store";

const WIDTH = 1200;
const HEIGHT = 30;

interface Stretch {
  from: number;
  to: number;
}

const ordered = ({ from, to }: Stretch): [number, number] => [Math.min(from, to), Math.max(from, to)];

const sum = (counts: number[]): number => counts.reduce((a, b) => a + b, 0);

function said(data: Counts, chosen: Stretch | null): string {
  if (!chosen) return `${counted(sum(data.counts), "message")}, ${data.source}`;
  const [low, high] = ordered(chosen);
  const count = sum(data.counts.slice(low, high + 1));
  return `${utc(data.edges[low] ?? 0)} to ${utc(data.edges[high + 1] ?? 0)} UTC: ${counted(count, "message")}`;
}

function Chart({
  data,
  chosen,
  onWindow,
}: {
  data: Counts;
  chosen: ReturnType<typeof useSignal<Stretch | null>>;
  onWindow: () => void;
}) {
  const dragging = useRef(false);
  const picture = useRef<SVGSVGElement>(null);
  const bars = data.counts.length;
  const step = WIDTH / Math.max(1, bars);
  const most = Math.max(1, ...data.counts);
  const bucket = (event: PointerEvent) => {
    const place = (event.currentTarget as Element).getBoundingClientRect();
    const share = (event.clientX - place.left) / Math.max(1, place.width);
    return Math.max(0, Math.min(bars - 1, Math.floor(share * bars)));
  };
  const brush = chosen.value && ordered(chosen.value);
  return (
    <svg
      class="bk-histogram"
      ref={picture}
      viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`}
      preserveAspectRatio="none"
      role="img"
      tabindex={0}
      aria-label={`${data.label}, ${data.source}. Arrow keys with Shift choose a stretch, Enter sets the window.`}
      onPointerDown={(event) => {
        dragging.current = true;
        const at = bucket(event);
        chosen.value = { from: at, to: at };
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (dragging.current && chosen.peek())
          chosen.value = { from: chosen.peek()?.from ?? 0, to: bucket(event) };
      }}
      onPointerUp={() => {
        if (dragging.current) onWindow();
        dragging.current = false;
      }}
      onKeyDown={(event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        const old = chosen.peek();
        if (by) {
          const to = Math.max(0, Math.min(bars - 1, (old?.to ?? -1) + by));
          chosen.value = { from: event.shiftKey && old ? old.from : to, to };
        } else if (event.key === "Enter") onWindow();
        else if (event.key === "Escape" && old) chosen.value = null;
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      {brush && (
        <rect
          class="bk-brush"
          x={brush[0] * step}
          width={(brush[1] - brush[0] + 1) * step}
          y={0}
          height={HEIGHT}
        />
      )}
      {data.counts.map((count, index) => {
        const height = count ? Math.max(1.5, (HEIGHT * count) / most) : 0;
        return (
          <rect
            class="bk-bar-of"
            key={index}
            x={index * step + step * 0.1}
            width={step * 0.8}
            y={HEIGHT - height}
            height={height}
          />
        );
      })}
    </svg>
  );
}

export function Histogram({ store }: { store: Store }) {
  const { send } = store.line;
  const now = store.line.state.value;
  const data = store.histogram.value;
  const chosen = useSignal<Stretch | null>(null);
  useSignalEffect(() => {
    void store.histogram.value;
    chosen.value = null;
  });
  const setWindow = () => {
    if (!data || !chosen.peek()) return;
    const [low, high] = ordered(chosen.peek() as Stretch);
    send({ type: "window", start: data.edges[low] ?? null, end: data.edges[high + 1] ?? null });
  };
  const draws = data !== null && data.counts.length > 0;
  const [first, last] = [data?.edges[0], data?.edges.at(-1)];
  return (
    <section class="bk-hist" aria-label="Messages over time">
      {draws && <Chart data={data} chosen={chosen} onWindow={setWindow} />}
      <div class="bk-axis">
        {draws && (
          <span class="bk-nowrap">
            <Moment at={first ?? null}>{utc(first ?? 0)}</Moment>
            {`, up to ${short(Math.max(...data.counts))} a bar`}
          </span>
        )}
        <span class="bk-grow" />
        <span class="bk-cut" role="status">
          {data ? said(data, chosen.value) : ""}
        </span>
        {chosen.value && (
          <button type="button" class="bk-link" onClick={setWindow}>
            Set window
          </button>
        )}
        {now.form && (now.form.start || now.form.end) && (
          <button
            type="button"
            class="bk-link"
            onClick={() => {
              send({ type: "window", start: null, end: null });
            }}
          >
            Whole topic
          </button>
        )}
        <button
          type="button"
          class="bk-link"
          disabled={!now.topic}
          onClick={() => {
            send({ type: "histogram", of: "topic" });
          }}
        >
          Topic over time
        </button>
        <button
          type="button"
          class="bk-link"
          disabled={!now.topic}
          onClick={() => {
            send({ type: "histogram", of: "rows" });
          }}
        >
          Rows over time
        </button>
        <span class="bk-grow" />
        {draws && (
          <Moment at={last ?? null} class="bk-nowrap">
            {utc(last ?? 0)}
          </Moment>
        )}
      </div>
    </section>
  );
}
