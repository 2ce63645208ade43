import assert from "node:assert/strict";
import { test } from "node:test";

import { Edits } from "../src/compose/edits";
import { forHost } from "../src/host/keys";
import { brightness } from "../src/host/theme";
import { counted, niceTop, short, utc } from "../src/parts/words";
import type { ComposeDone } from "../src/protocol";

test("one is singular", () => {
  assert.equal(counted(1, "message"), "1 message");
  assert.equal(counted(0, "message"), "0 messages");
  assert.equal(counted(12_500, "message"), "12,500 messages");
});

test("numbers and times are short", () => {
  assert.equal(short(950), "950");
  assert.equal(short(1_540), "1.54k");
  assert.equal(short(20_000_000), "20M");
  assert.equal(niceTop(0), 1);
  assert.equal(niceTop(251), 500);
  assert.equal(utc(0), "1970-01-01 00:00:00");
});

test("what can be seen through has no brightness", () => {
  assert.equal(brightness("rgba(0, 0, 0, 0)"), null);
  assert.ok((brightness("rgb(255, 255, 255)") ?? 0) > 0.99);
  assert.equal(brightness("color(srgb 0 0 0)"), 0);
});

test("what was typed last is sent before anything else is done", () => {
  const sent: ComposeDone[] = [];
  const edits = new Edits((message) => sent.push(message));
  edits.set("value", ["text", "a"]);
  edits.set("value", ["text", "ab"]);
  edits.topic("orders");
  assert.equal(edits.pending, true);
  edits.flush();
  assert.deepEqual(sent, [
    { type: "topic", text: "orders" },
    { type: "edit", value: ["text", "ab"] },
  ]);
  edits.flush();
  assert.equal(sent.length, 2);
});

test("the host keeps saving and running, and gets no single letter", () => {
  const key = (
    name: string,
    held: Partial<Record<"ctrlKey" | "metaKey" | "altKey" | "shiftKey", boolean>> = {},
  ) => forHost({ key: name, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });
  assert.equal(key("x"), false);
  assert.equal(key("ArrowDown", { shiftKey: true }), false);
  assert.equal(key("s", { ctrlKey: true }), true);
  assert.equal(key("Enter", { shiftKey: true }), true);
});
