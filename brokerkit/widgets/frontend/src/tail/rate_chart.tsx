// How many messages came in each of the last seconds.
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { niceTop, short } from "../parts/words";

const HEIGHT = 72;
const USUAL_WIDTH = 640;
const LEFT = 46;
const TOP = 8;
const LOWER = HEIGHT - 16;

export function described(counts: number[], unit = "messages a second"): string {
  const now = counts.at(-1);
  if (now === undefined) return `no ${unit} yet`;
  const most = Math.max(...counts).toLocaleString("en");
  return `${now.toLocaleString("en")} ${unit} now, at most ${most} in the last ${String(counts.length)} s`;
}

function area(counts: number[], top: number, seconds: number, right: number) {
  const step = (right - LEFT) / Math.max(1, seconds - 1);
  const first = right - step * (counts.length - 1);
  const line = counts
    .map((count, index) => {
      const y = LOWER - ((LOWER - TOP) * count) / top;
      return `${(first + step * index).toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
  return {
    line,
    shape: `${first.toFixed(1)},${String(LOWER)} ${line} ${String(right)},${String(LOWER)}`,
  };
}

export function RateChart({ counts, seconds }: { counts: number[]; seconds: number }) {
  const svg = useRef<SVGSVGElement>(null);
  const [width, setWidth] = useState(USUAL_WIDTH);
  useLayoutEffect(() => {
    const node = svg.current;
    if (!node) return undefined;
    const measure = () => {
      setWidth(Math.max(200, node.clientWidth));
    };
    const watcher = new ResizeObserver(measure);
    watcher.observe(node);
    measure();
    return () => {
      watcher.disconnect();
    };
  }, []);
  const right = width - 6;
  const shown = counts.slice(-seconds);
  const top = niceTop(Math.max(0, ...shown));
  const drawn = area(shown, top, seconds, right);
  const middle = (TOP + LOWER) / 2;
  const label = described(shown);
  return (
    <svg
      class="bk-chart"
      ref={svg}
      viewBox={`0 0 ${String(width)} ${String(HEIGHT)}`}
      height={HEIGHT}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      {[TOP, middle, LOWER].map((y) => (
        <line class="bk-grid" key={y} x1={LEFT} x2={right} y1={y} y2={y} />
      ))}
      {[
        [top, TOP],
        [0, LOWER],
      ].map(([value = 0, y = 0]) => (
        <text class="bk-axis-of" key={y} x={LEFT - 5} y={y + 3} text-anchor="end">
          {short(value)}
        </text>
      ))}
      {(
        [
          [seconds, "start"],
          [Math.floor(seconds / 2), "middle"],
          [0, "end"],
        ] as const
      ).map(([back, anchor]) => (
        <text
          class="bk-axis-of"
          key={anchor}
          x={right - ((right - LEFT) * back) / seconds}
          y={LOWER + 12}
          text-anchor={anchor}
        >
          {back === 0 ? "now" : `${String(back)} s ago`}
        </text>
      ))}
      {shown.length > 0 && <polygon class="bk-area" points={drawn.shape} />}
      {shown.length > 0 && <polyline class="bk-stroke" points={drawn.line} />}
    </svg>
  );
}
