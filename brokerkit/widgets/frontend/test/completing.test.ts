import assert from "node:assert/strict";
import { test } from "node:test";

import { completed, withField } from "../src/parts/completing";

const FIELDS = ["id", "total", "customer", "customer.name", "items", "items.0.sku"].map((name) => ({
  name,
  kind: "",
  python: `value${name
    .split(".")
    .map((each) => (/^\d+$/.test(each) ? `[${each}]` : `["${each}"]`))
    .join("")}`,
}));
const names = (text: string, caret = text.length) =>
  completed(text, caret, FIELDS)?.fields.map(({ name }) => name);

test("a field is completed however it is begun", () => {
  for (const begun of [
    'value["to',
    "value['to",
    "value.to",
    "value[to",
    "to",
    "To",
    "1 < to",
    "not value.to",
  ])
    assert.deepEqual(names(begun), ["total"], begun);
  for (const begun of ['value["customer"]["n', "value['customer'].na", "value.customer.n"])
    assert.deepEqual(names(begun), ["customer.name"], begun);
  assert.deepEqual(names("value"), [...FIELDS.map(({ name }) => name)]);
  assert.deepEqual(names("sk"), ["items.0.sku"]);
});

test("what is no field that is being typed is left alone", () => {
  for (const text of [
    "",
    "value > 1",
    '"to',
    'value["id"] == "to',
    "and",
    "3",
    'value["total"]',
    "xyz",
    "a.to",
  ])
    assert.equal(names(text), undefined, text);
});

test("a field takes the place of what was typed of it, and of its ends", () => {
  const take = (text: string, caret = text.length) => {
    const found = completed(text, caret, FIELDS);
    assert.ok(found?.fields[0]);
    return withField(text, caret, found, found.fields[0]);
  };
  assert.deepEqual(take('value["to'), { text: 'value["total"]', caret: 14 });
  assert.deepEqual(take('1 < value["to"] < 9', 13), { text: '1 < value["total"] < 9', caret: 18 });
  assert.deepEqual(take("to > 5", 2), { text: 'value["total"] > 5', caret: 14 });
  assert.deepEqual(take("value.customer.n > 5", 16), { text: 'value["customer"]["name"] > 5', caret: 25 });
});
