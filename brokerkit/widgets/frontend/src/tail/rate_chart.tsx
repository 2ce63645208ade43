// How many messages came in each of the last seconds.
import { niceTop, short } from "../parts/words";

const WIDTH = 640;
const HEIGHT = 72;
const INNER = { left: 46, top: 8, right: WIDTH - 6, lower: HEIGHT - 16 };

export function described(counts: number[], unit = "messages a second"): string {
  const now = counts.at(-1);
  if (now === undefined) return `no ${unit} yet`;
  const most = Math.max(...counts).toLocaleString("en");
  return `${now.toLocaleString("en")} ${unit} now, at most ${most} in the last ${String(counts.length)} s`;
}

function area(counts: number[], top: number, seconds: number) {
  const step = (INNER.right - INNER.left) / Math.max(1, seconds - 1);
  const first = INNER.right - step * (counts.length - 1);
  const line = counts
    .map((count, index) => {
      const y = INNER.lower - ((INNER.lower - INNER.top) * count) / top;
      return `${(first + step * index).toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
  return {
    line,
    shape: `${first.toFixed(1)},${String(INNER.lower)} ${line} ${String(INNER.right)},${String(INNER.lower)}`,
  };
}

export function RateChart({ counts, seconds }: { counts: number[]; seconds: number }) {
  const shown = counts.slice(-seconds);
  const top = niceTop(Math.max(0, ...shown));
  const drawn = area(shown, top, seconds);
  const middle = (INNER.top + INNER.lower) / 2;
  const label = described(shown);
  return (
    <svg class="bk-chart" viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`} role="img" aria-label={label}>
      <title>{label}</title>
      {[INNER.top, middle, INNER.lower].map((y) => (
        <line class="bk-grid" key={y} x1={INNER.left} x2={INNER.right} y1={y} y2={y} />
      ))}
      {[
        [top, INNER.top],
        [0, INNER.lower],
      ].map(([value = 0, y = 0]) => (
        <text class="bk-axis-of" key={y} x={INNER.left - 5} y={y + 3} text-anchor="end">
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
          x={INNER.right - ((INNER.right - INNER.left) * back) / seconds}
          y={INNER.lower + 12}
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
