// The points of a chart of lag over time, and what they say.
import { counted, niceTop } from "../parts/words";

export const PLOT = { height: 132, left: 46, top: 8, lower: 116 };

export interface Axes {
  first: number;
  last: number;
  top: number;
  right: number;
}

/** The ends of both axes. A chart of a moment is as wide as one of a minute. */
export function axesOf(times: readonly number[], lines: readonly (number | null)[][], width: number): Axes {
  const last = times.at(-1) ?? 0;
  const known = lines.flat().filter((each) => each !== null);
  return {
    first: Math.min(times[0] ?? 0, last - 60_000),
    last,
    top: niceTop(Math.max(1, ...known)),
    right: width - 34,
  };
}

export function xOf(at: number, { first, last, right }: Axes): number {
  return PLOT.left + ((right - PLOT.left) * (at - first)) / Math.max(1, last - first);
}

export function yOf(lag: number, { top }: Axes): number {
  return PLOT.lower - ((PLOT.lower - PLOT.top) * lag) / top;
}

/** The path of a line; where a value is not known there is a gap. */
export function lineOf(times: readonly number[], points: readonly (number | null)[], axes: Axes): string {
  let pen = "M";
  return points
    .map((lag, place) => {
      if (lag === null) {
        pen = "M";
        return "";
      }
      const step = `${pen}${xOf(times[place] ?? 0, axes).toFixed(1)} ${yOf(lag, axes).toFixed(1)}`;
      pen = "L";
      return step;
    })
    .join("");
}

/** The place of the time that is nearest to a share of the chart's width. */
export function nearest(times: readonly number[], x: number, axes: Axes): number {
  let best = 0;
  times.forEach((at, place) => {
    if (Math.abs(xOf(at, axes) - x) < Math.abs(xOf(times[best] ?? 0, axes) - x)) best = place;
  });
  return best;
}

/** The ends of lines from top to bottom, so far from each other that their names can be read. */
export function apart(ends: readonly number[], least = 11): number[] {
  const order = ends.map((_, place) => place).sort((a, b) => (ends[a] ?? 0) - (ends[b] ?? 0));
  const placed = [...ends];
  let before = -Infinity;
  for (const place of order) {
    before = Math.max(ends[place] ?? 0, before + least);
    placed[place] = before;
  }
  const over = Math.max(0, before - PLOT.lower);
  return placed.map((y) => y - over);
}

/** What a chart says to those who do not see it. */
export function said(times: readonly number[], total: readonly (number | null)[]): string {
  const known = total.filter((each) => each !== null);
  if (!known.length) return "The lag is not known yet";
  const seconds = Math.round(((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1_000);
  const most = Math.max(...known).toLocaleString("en");
  return `Lag ${counted(known.at(-1) ?? 0, "message")}, at most ${most} in the last ${String(seconds)} s`;
}
