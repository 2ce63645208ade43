import assert from "node:assert/strict";
import { roomFor } from "../src/compose/editor_room";
import { test } from "node:test";

import { EditorLoader } from "../src/compose/editor_module";

const MODULE = { edit: () => assert.fail("not here") };

test("a page's own module is loaded once, and again only after a failure", async () => {
  let asked = 0;
  const load = () => {
    asked += 1;
    return asked === 1 ? Promise.reject(new Error("refused")) : Promise.resolve({ default: MODULE });
  };
  const loader = new EditorLoader(load, () => assert.fail("Python is not asked"));
  await assert.rejects(loader.get(), /refused/);
  assert.equal(await loader.get(), MODULE);
  assert.equal(await new EditorLoader(load, () => undefined).get(), MODULE);
  assert.equal(asked, 2);
});

test("an editor has the room that its panel leaves, within bounds", () => {
  assert.equal(roomFor(1_000, 200), 420);
  assert.equal(roomFor(600, 200), 280);
  assert.equal(roomFor(300, 200), 168);
});
