import assert from "node:assert/strict";
import { test } from "node:test";

import type { TailNote, TailRow } from "../src/protocol";
import { described } from "../src/tail/rate_chart";
import { inOrder, NOTHING, withMessage } from "../src/tail/rows";

const row = (n: number): TailRow => ({
  n,
  time: "",
  at: 0,
  partition: 0,
  offset: n,
  key: null,
  value: "",
  kind: "text",
  size: "",
  attributes: "",
});
const note = (before: number, text: string): TailNote => ({ before, text, time: "", at: 0 });
const message = (type: "rows" | "snapshot", rows: TailRow[], notes: TailNote[] = [], most = 3) => ({
  type,
  rows,
  notes,
  most,
});

test("only the newest rows are kept, and the new ones are known", () => {
  const first = withMessage(NOTHING, message("snapshot", [row(1), row(2)]));
  assert.equal(first.fresh.size, 0);
  const second = withMessage(first, message("rows", [row(3), row(4)]));
  assert.deepEqual(
    second.rows.map(({ n }) => n),
    [2, 3, 4],
  );
  assert.deepEqual([...second.fresh], [3, 4]);
});

test("a note stands before its row, and the newest of those that left stays on top", () => {
  const notes = [note(1, "gap a"), note(2, "gap b"), note(4, "gap c")];
  const shown = withMessage(NOTHING, message("snapshot", [row(3), row(4)], notes));
  const lines = inOrder(shown).map((line) => ("n" in line ? line.n : line.text));
  assert.deepEqual(lines, ["gap b", 3, "gap c", 4]);
});

test("a rate is said in words", () => {
  assert.equal(described([]), "no messages a second yet");
  assert.equal(described([0, 1500, 250]), "250 messages a second now, at most 1,500 in the last 3 s");
});
