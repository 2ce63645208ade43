import assert from "node:assert/strict";
import { test } from "node:test";

import { fieldsOf, keptOf, summary } from "../src/browse/filters";
import { EMPTY } from "../src/browse/typed_query";

test("a filter is kept without what only the table needs", () => {
  const kept = keptOf({ ...EMPTY, where: "paid", limit: "7", function: true }, "mine");
  assert.equal(kept.name, "mine");
  assert.ok(!("limit" in kept) && !("function" in kept));
  assert.deepEqual(fieldsOf(kept)["function"], false);
  assert.ok(!("name" in fieldsOf(kept)));
});

test("a filter is one line", () => {
  assert.equal(summary(keptOf(EMPTY)), "everything");
  assert.equal(
    summary(keptOf({ ...EMPTY, where: "paid", key: "c1", start: "-15min", newest: false })),
    "paid · key c1 · from -15min · oldest first",
  );
});
