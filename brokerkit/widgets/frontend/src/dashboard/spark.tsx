// A few values as a small line.
const WIDTH = 96;
const HEIGHT = 18;

/** The path of values from 0 to 100, the newest at the right end; empty for fewer than two. */
export function pathOf(points: readonly number[], most: number): string {
  if (points.length < 2) return "";
  const step = WIDTH / Math.max(1, most - 1);
  const first = WIDTH - step * (points.length - 1);
  return points
    .map((value, place) => {
      const y = HEIGHT - 2 - ((HEIGHT - 4) * value) / 100;
      return `${place ? "L" : "M"}${(first + step * place).toFixed(1)} ${y.toFixed(1)}`;
    })
    .join("");
}

export function Spark({ points, most, warn = false }: { points: number[]; most: number; warn?: boolean }) {
  return (
    <svg
      class={`bk-spark${warn ? " bk-warn" : ""}`}
      viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`}
      aria-hidden="true"
    >
      <path d={pathOf(points, most)} />
    </svg>
  );
}
