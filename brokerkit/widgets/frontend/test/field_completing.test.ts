import assert from "node:assert/strict";
import { test } from "node:test";

import { asJson, offered, placeOf } from "../src/editor/field_completing";

const FIELDS = [
  { path: ["total"], kind: "number" },
  { path: ["tags"], kind: "list" },
  { path: ["tags", 0, "name"], kind: "text" },
  { path: ["buyer"], kind: "object" },
  { path: ["buyer", "city"], kind: "text" },
];

/** The names that are offered where the text has a bar. */
function names(text: string, explicit = false): string[] {
  const pos = text.indexOf("|");
  const state = { doc: { toString: () => text.replace("|", "") } };
  const found = offered({ state, pos, explicit } as never, FIELDS);
  return found?.options.map(({ label }) => label) ?? [];
}

test("names are offered where a name is typed, and not where a value is", () => {
  assert.deepEqual(names('{"|'), ["total", "tags", "buyer"]);
  assert.deepEqual(names('{"to|"}'), ["total", "tags", "buyer"]);
  assert.deepEqual(names("{to|"), ["total", "tags", "buyer"]);
  assert.deepEqual(names("{|"), []);
  assert.deepEqual(names("{|", true), ["total", "tags", "buyer"]);
  for (const text of ['"|', '["|', '{"total": "|', '{"total"|', '{"total" |', '{"total": to|', "|"])
    assert.deepEqual(names(text, true), [], text);
});

test("those that the object has are left out, before and behind", () => {
  assert.deepEqual(names('{"total": {"x": [1, "a"]}, "|'), ["tags", "buyer"]);
  assert.deepEqual(names('{"|", "tags": [{"buyer": 1}], "total": 2}, "buyer": 3'), ["buyer"]);
});

test("objects in objects and lists have their own names", () => {
  assert.deepEqual(names('{"buyer": {"|'), ["city"]);
  assert.deepEqual(names('{"tags": [{"name": "a"}, {"|'), ["name"]);
  assert.deepEqual(names('{"other": {"|'), []);
});

test("what stands around may be broken", () => {
  assert.deepEqual(names('{"total" 3, "buyer": {"|\n  "total": 1}'), ["city"]);
  assert.deepEqual(names('}}]{"|'), ["total", "tags", "buyer"]);
  assert.equal(placeOf('{"a\\"|', 5)?.quoted, true);
});

test("names of strangers hide nothing", () => {
  assert.equal(asJson('a"b'), 'a\\"b');
  assert.equal(asJson("a\u202eb\u0000\u2028"), "a\\u202eb\\u0000\\u2028");
  assert.equal(asJson("größe"), "größe");
  for (const name of ["\u{e0041}", "\u202e", "\ud800"]) assert.equal(JSON.parse(`"${asJson(name)}"`), name);
});
