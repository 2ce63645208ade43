import assert from "node:assert/strict";
import { test } from "node:test";

import { signal } from "@preact/signals";

import { grown, NOTHING, toggled } from "../src/browse/branches";
import { newPart } from "../src/browse/companions";
import { fitting, labelOf, leastWidth, moved, template, valueColumns } from "../src/browse/columns";
import { leaveClosed } from "../src/browse/store";
import { narrowed } from "../src/browse/hex";
import { nameOf, tabAfter, tabsOf } from "../src/browse/tabs";
import { turned } from "../src/browse/topics";
import { treeKey } from "../src/browse/tree_keys";
import { EMPTY, merged } from "../src/browse/typed_query";
import type { ComposeState, Tab, TopicLine } from "../src/protocol";
import { lookOf } from "../src/parts/receipt";
import { heightOf, placeOf, scrollTo, TALLEST, topOf, wanted } from "../src/parts/window_of";

const leaf = (name: string, more = false) => ({ name, kind: more ? "object" : "number", text: name, more });

test("a tree grows by what is opened, and a new root replaces it", () => {
  const root = { ...leaf("", true) };
  const top = { path: [], first: 0, total: 3, items: [leaf("a"), leaf("b", true)] };
  const first = grown(NOTHING, { form: "tree", root, children: top });
  const more = grown(first, { form: "tree", children: { path: [], first: 2, total: 3, items: [leaf("c")] } });
  assert.equal(more.branches[""]?.items.length, 3);
  const deep = grown(more, { form: "tree", children: { path: [1], first: 0, total: 1, items: [leaf("d")] } });
  assert.equal(toggled(deep, "1").open.has("1"), true);
  assert.equal(toggled(toggled(deep, "1"), "1").open.has("1"), false);
  assert.deepEqual(Object.keys(grown(deep, { form: "tree", root, children: null }).branches), []);
});

test("columns have short names, and one of them takes the room that is left", () => {
  assert.equal(labelOf("value.who.name"), ".who.name");
  assert.equal(labelOf("publish_time"), "Time (UTC)");
  assert.equal(template(["offset", "value"], { offset: 50 }), "50px minmax(140px, 1fr)");
  assert.equal(leastWidth(["offset", "value"], { offset: 50 }), 190);
  assert.deepEqual(fitting(["key", "value", "attributes"], true, 800), [0, 1]);
  assert.deepEqual(fitting(["key", "value", "attributes"], true, 560), [1]);
  assert.deepEqual(fitting(["key", "value", "attributes"], false, 800), [0, 1, 2]);
  assert.deepEqual(valueColumns(["key", "value.a", "value.b", "attributes"]), { first: 1, count: 2 });
  assert.equal(valueColumns(["key"]).count, 0);
});

test("a column is dropped before the one to the left and behind the one to the right", () => {
  assert.deepEqual(moved(["a", "b", "c"], "c", "a"), ["c", "a", "b"]);
  assert.deepEqual(moved(["a", "b", "c"], "a", "c"), ["b", "c", "a"]);
  assert.deepEqual(moved(["a", "b", "c"], "b", "b"), ["a", "b", "c"]);
});

test("any number of rows is scrolled from the first to the last", () => {
  for (const total of [3, 1_000, 5_000_000]) {
    const box = { total, rowHeight: 26, scrolled: 0, seen: 400 };
    assert.equal(topOf(box), 0);
    assert.ok(heightOf(box) <= TALLEST);
    const end = { ...box, scrolled: Math.max(0, heightOf(box) - 400) };
    const { first, count } = wanted(end);
    assert.ok(first + count >= total, String(total));
    assert.ok(placeOf(end, first) <= heightOf(box));
    const target = scrollTo(box, total - 1);
    if (total > 15) assert.ok(target !== null && topOf({ ...box, scrolled: target }) > total - 20);
    else assert.equal(target, null);
  }
});

test("a row that is in view is not scrolled to", () => {
  const box = { total: 100, rowHeight: 26, scrolled: 260, seen: 260 };
  assert.equal(scrollTo(box, 12), null);
  assert.equal(scrollTo(box, 3), 78);
  assert.equal(scrollTo(box, 30), 546);
});

test("what is typed stays, and only what Python changed is replaced", () => {
  const before = { topic: "orders", form: EMPTY };
  const typed = { ...EMPTY, where: "late", key: "c1" };
  const more = merged(typed, before, { topic: "orders", form: { ...EMPTY, limit: "200" } });
  assert.deepEqual(more, { ...typed, limit: "200" });
  const filter = merged(typed, before, {
    topic: "orders",
    form: { ...EMPTY, mode: "python", where: "value > 1" },
  });
  assert.deepEqual([filter.mode, filter.where, filter.key], ["python", "value > 1", "c1"]);
  assert.deepEqual(merged(typed, before, { topic: "other", form: EMPTY }), EMPTY);
});

test("what is typed after it was sent is not replaced by the answer to what was sent", () => {
  const before = { topic: "orders", form: EMPTY };
  const typed = { ...EMPTY, key: "c12", where: "late" };
  const late = { topic: "orders", form: { ...EMPTY, key: "c1", mode: "python" as const, end: "today" } };
  const key = merged(typed, before, late, (name) => name === "key");
  assert.deepEqual([key.key, key.mode, key.where, key.end], ["c12", "python", "", "today"]);
  // a filter belongs to how it is written
  const where = merged(typed, before, late, (name) => name === "where");
  assert.deepEqual([where.key, where.mode, where.where], ["c1", "text", "late"]);
  const other = merged(typed, before, { ...late, topic: "other" }, (name) => name === "where");
  assert.deepEqual([other.key, other.where], ["c1", "late"]);
});

test("the arrow keys, Home and End lead from tab to tab", () => {
  assert.equal(tabAfter("messages", "ArrowRight"), "partitions");
  assert.equal(tabAfter("messages", "ArrowLeft"), "live");
  assert.equal(tabAfter("live", "ArrowRight"), "messages");
  assert.deepEqual([tabAfter("schema", "Home"), tabAfter("schema", "End")], ["messages", "live"]);
  assert.equal(tabAfter("schema", "x"), undefined);
});

test("the arrow keys move in a tree, open and close", () => {
  const lines = [
    { depth: 1, open: true },
    { depth: 2, open: false },
    { depth: 2, open: true },
    { depth: 3, open: null },
  ];
  const moved = (at: number, key: string) => treeKey(lines, at, key);
  assert.deepEqual(moved(0, "ArrowRight"), { to: 1, toggle: false });
  assert.deepEqual(moved(1, "ArrowRight"), { to: 1, toggle: true });
  assert.deepEqual(moved(3, "ArrowRight"), { to: 3, toggle: false });
  assert.deepEqual(moved(3, "ArrowLeft"), { to: 2, toggle: false });
  assert.deepEqual(moved(2, "ArrowLeft"), { to: 2, toggle: true });
  assert.deepEqual(moved(1, "ArrowLeft"), { to: 0, toggle: false });
  assert.deepEqual([moved(3, "ArrowDown")?.to, moved(0, "ArrowUp")?.to], [3, 0]);
  assert.deepEqual([moved(1, "End")?.to, moved(3, "Home")?.to], [3, 0]);
  assert.deepEqual(
    [moved(1, "Enter"), moved(3, "Enter"), moved(0, "x")],
    [{ to: 1, toggle: true }, null, null],
  );
});

test("a system without dead letters has no tab for them", () => {
  assert.ok(tabsOf({ lacks: {} }).includes("letters"));
  const tabs = tabsOf({ lacks: { redrive: "there are none" } });
  assert.ok(!tabs.includes("letters"));
  assert.equal(tabAfter("schema", "ArrowRight", tabs), "compose");
  assert.equal(nameOf("letters"), "Dead letters");
});

test("confirmed, failed and unknown differ in sign and colour", () => {
  const looks = ["confirmed", "failed", "unknown"].map(lookOf);
  assert.equal(new Set(looks.map(({ sign }) => sign)).size, 3);
  assert.equal(new Set(looks.map((each) => each.class)).size, 3);
});

test("what is said to a composer is for no other one, and a replaced one is not shown again", () => {
  const sent: unknown[] = [];
  const line = {
    line: signal("open" as const),
    send: (message: unknown) => sent.push(message),
  } as unknown as Parameters<typeof newPart>[0];
  const part = newPart(line, "compose");
  const take = (number: number, call: string) => {
    part.take({ type: "companion", which: "compose", number, state: { call } as ComposeState });
  };
  take(1, "first");
  const first = part.shown.peek();
  take(2, "second");
  take(1, "first again");
  assert.equal(part.shown.peek()?.number, 2);
  assert.deepEqual(part.shown.peek()?.line.state.value, { call: "second" });
  first?.line.send({ type: "edit", value: ["text", "typed last"] });
  assert.equal((sent[0] as { number: number }).number, 1);
  assert.deepEqual(first?.line.state.value, { call: "first" });
});

test("the tab of a composer that was closed is left, and that of one that is kept is not", () => {
  const state = signal({ composing: true, following: true });
  const tab = signal<Tab>("compose");
  leaveClosed(state, tab);
  state.value = { composing: true, following: false };
  assert.equal(tab.value, "compose");
  state.value = { composing: false, following: false };
  assert.equal(tab.value, "messages");
  tab.value = "live";
  state.value = { composing: true, following: false };
  assert.equal(tab.value, "live");
});

test("the arrow keys open and close branches of topics, and lead to the branch around", () => {
  const row = (up: number, branch: number, open = false) => ({ up, branch, open }) as TopicLine;
  assert.deepEqual(turned(row(0, 6), "ArrowRight"), { open: true });
  assert.deepEqual(turned(row(0, 6, true), "ArrowRight"), { by: 1 });
  assert.deepEqual(turned(row(0, 6, true), "ArrowLeft"), { open: false });
  // the branch around may be far above what was loaded
  assert.deepEqual(turned(row(30_000, 0), "ArrowLeft"), { by: -30_000 });
  assert.deepEqual(turned(row(4, 9), "ArrowLeft"), { by: -4 });
  assert.equal(turned(row(0, 0), "ArrowLeft"), null);
  assert.equal(turned(row(0, 0), "ArrowRight"), null);
});

test("hex has eight bytes a line where there is less room, and no byte is lost", () => {
  const bytes = "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f";
  const wide = [
    `00000800  ${bytes}  0123456789abcdef`,
    `00000810  ${"41 42 43 44 45 46 47 48 49".padEnd(47)}  ABCDEFGHI`,
    `00000820  ${"4a".padEnd(47)}  J`,
  ];
  assert.deepEqual(narrowed(wide.join("\n")).split("\n"), [
    `00000800  ${bytes.slice(0, 23)}  01234567`,
    `00000808  ${bytes.slice(24)}  89abcdef`,
    "00000810  41 42 43 44 45 46 47 48  ABCDEFGH",
    `00000818  ${"49".padEnd(23)}  I`,
    `00000820  ${"4a".padEnd(23)}  J`,
  ]);
  assert.equal(narrowed(`00000000  ${"41".padEnd(47)}  A`), `00000000  ${"41".padEnd(23)}  A`);
});
