// The lag of the chosen subscription over the last minutes: all of it, or by partition.
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { Icon } from "../parts/icons";
import { Moment } from "../parts/moment";
import { Bdi } from "../parts/plain";
import { Segments } from "../parts/segments";
import { short } from "../parts/words";
import type { LagShown } from "../protocol";
import { Card } from "./card";
import { apart, axesOf, lineOf, nearest, PLOT, said, xOf, yOf } from "./lag_lines";
import "./lag.css";

const DASHES = ["", "6 3", "2 3", "9 3 2 3", "1 4", "12 4"];

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}

interface Drawn {
  name: string;
  points: (number | null)[];
}

function Chart({ shown, drawn }: { shown: LagShown; drawn: Drawn[] }) {
  const svg = useRef<SVGSVGElement>(null);
  const [width, setWidth] = useState(640);
  const looked = useSignal<number | null>(null);
  useLayoutEffect(() => {
    const node = svg.current;
    if (!node) return undefined;
    const watcher = new ResizeObserver(() => {
      setWidth(Math.max(200, node.clientWidth));
    });
    watcher.observe(node);
    return () => {
      watcher.disconnect();
    };
  }, []);
  const { times } = shown;
  const axes = axesOf(
    times,
    drawn.map(({ points }) => points),
    width,
  );
  const ends = apart(drawn.map(({ points }) => yOf(points.at(-1) ?? 0, axes)));
  const at = looked.value === null ? null : Math.min(looked.value, times.length - 1);
  const moment = at === null ? undefined : times[at];
  const look = (place: number | null) => {
    looked.value = place === null ? null : Math.max(0, Math.min(times.length - 1, place));
  };
  return (
    <>
      <svg
        class="bk-chart bk-lag"
        ref={svg}
        viewBox={`0 0 ${String(width)} ${String(PLOT.height)}`}
        height={PLOT.height}
        preserveAspectRatio="none"
        role="img"
        tabindex={0}
        aria-label={`${said(times, shown.total)}. Arrow keys look at one moment.`}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          look(nearest(times, ((event.clientX - box.left) * width) / Math.max(1, box.width), axes));
        }}
        onPointerLeave={() => {
          look(null);
        }}
        onBlur={() => {
          look(null);
        }}
        onKeyDown={(event) => {
          const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
          if (!by) return;
          event.preventDefault();
          event.stopPropagation();
          look((at ?? times.length) + by);
        }}
      >
        {[axes.top, axes.top / 2, 0].map((lag) => (
          <g key={lag}>
            <line class="bk-grid" x1={PLOT.left} x2={axes.right} y1={yOf(lag, axes)} y2={yOf(lag, axes)} />
            <text class="bk-axis-of" x={PLOT.left - 5} y={yOf(lag, axes) + 3} text-anchor="end">
              {short(lag)}
            </text>
          </g>
        ))}
        {moment !== undefined && (
          <line
            class="bk-looked"
            x1={xOf(moment, axes)}
            x2={xOf(moment, axes)}
            y1={PLOT.top}
            y2={PLOT.lower}
          />
        )}
        {drawn.map(({ name, points }, place) => (
          <g key={name}>
            <path
              class={`bk-stroke${shown.growing ? " bk-warn" : ""}`}
              d={lineOf(times, points, axes)}
              stroke-dasharray={DASHES[place % DASHES.length]}
            />
            {times.length === 1 && points[0] !== null && (
              <circle class="bk-dot" cx={axes.right} cy={yOf(points[0] ?? 0, axes)} r={2.5} />
            )}
            {name && (
              <text class="bk-axis-of" x={axes.right + 4} y={(ends[place] ?? 0) + 3}>
                {name}
              </text>
            )}
          </g>
        ))}
      </svg>
      <div class="bk-axis bk-lag-axis">
        <Moment at={axes.first}>{clock(axes.first)}</Moment>
        <span class="bk-grow" />
        <span role="status" class="bk-cut">
          {moment !== undefined && (
            <>
              <Moment at={moment}>{clock(moment)}</Moment>
              {" UTC: "}
              {drawn
                .map(({ name, points }) =>
                  [name, (points[at ?? 0] ?? null)?.toLocaleString("en") ?? "not known"].join(" ").trim(),
                )
                .join(", ")}
            </>
          )}
        </span>
        <span class="bk-grow" />
        <Moment at={axes.last}>{`${clock(axes.last)} UTC`}</Moment>
      </div>
    </>
  );
}

export function LagCard({ shown, name }: { shown: LagShown | null; name: string }) {
  const by = useSignal<"total" | "partitions">("total");
  const mine = shown?.subscription === name && shown.times.length > 0 ? shown : null;
  const lines = mine?.lines ?? [];
  const partitions = by.value === "partitions" && lines.length > 0;
  const drawn: Drawn[] = partitions
    ? lines.map(({ partition, points }) => ({ name: `p${partition}`, points }))
    : [{ name: "", points: mine?.total ?? [] }];
  return (
    <Card
      title={<Bdi>{`${name}: lag`}</Bdi>}
      note={
        <span class="bk-line">
          <span class={mine?.growing ? "bk-warn" : ""} role="status">
            {mine?.growing && <Icon sign="warn" label="Growing" />} {mine?.head}
          </span>
          {lines.length > 1 && (
            <Segments
              label="Which lag"
              value={by.value}
              choices={[
                ["total", "Total"],
                ["partitions", "By partition"],
              ]}
              onChoose={(wanted) => {
                by.value = wanted;
              }}
            />
          )}
        </span>
      }
    >
      {mine ? <Chart shown={mine} drawn={drawn} /> : <p class="bk-inset bk-dim">Looking…</p>}
      <div class="bk-lag-notes">
        {shown?.problem && <p class="bk-bad bk-problem">{`The last look failed: ${shown.problem}`}</p>}
        {partitions && mine && mine.more > 0 && (
          <p class="bk-dim">{`The ${String(lines.length)} with most lag; ${String(mine.more)} more have no line.`}</p>
        )}
        <p class="bk-dim">{shown?.cost}</p>
        {mine && <code class="bk-mono bk-cut">{mine.call}</code>}
      </div>
    </Card>
  );
}
