import assert from "node:assert/strict";
import { test } from "node:test";

import { apart, axesOf, lineOf, nearest, PLOT, said } from "../src/browse/lag_lines";

const TIMES = [0, 30_000, 60_000, 120_000];
const AXES = axesOf(TIMES, [[0, 5, null, 90]], 434);

test("the axes hold all that is known, and a moment is as wide as a minute", () => {
  assert.deepEqual(AXES, { first: 0, last: 120_000, top: 100, right: 400 });
  assert.equal(axesOf([500_000], [[3]], 434).first, 440_000);
  assert.equal(axesOf([], [], 434).top, 1);
});

test("what is not known is a gap, not a zero", () => {
  const line = lineOf(TIMES, [0, null, 100, 50], AXES);
  assert.equal(line.match(/M/g)?.length, 2);
  assert.ok(line.startsWith(`M${String(PLOT.left)}.0 ${String(PLOT.lower)}.0M`));
  assert.equal(lineOf(TIMES, [null, null, null, null], AXES), "");
});

test("the moment that is looked at is the nearest", () => {
  assert.deepEqual(
    [0, 100, 220, 400].map((x) => nearest(TIMES, x, AXES)),
    [0, 1, 2, 3],
  );
});

test("names at the ends of lines keep apart and stay in the chart", () => {
  assert.deepEqual(apart([50, 50, 10]), [50, 61, 10]);
  const crowded = apart([PLOT.lower, PLOT.lower, PLOT.lower]);
  assert.ok(Math.max(...crowded) <= PLOT.lower);
  assert.equal(new Set(crowded).size, 3);
});

test("a chart says what it shows", () => {
  assert.equal(said(TIMES, [0, 5, null, 1]), "Lag 1 message, at most 5 in the last 120 s");
  assert.equal(said([], []), "The lag is not known yet");
});
