import assert from "node:assert/strict";
import { test } from "node:test";

import { signal } from "@preact/signals";

import { nameOfWindow } from "../src/browse/window";
import { bothZones, fieldOf, leftOut, momentOf, typedPosition, written } from "../src/parts/moments";

import { Edits } from "../src/compose/edits";
import { answered, Numbers } from "../src/host/answers";
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

/** What a view is told by a kernel that answers when it likes. */
function slow() {
  const sent: ComposeDone[] = [];
  const heard = signal(0);
  return {
    sent,
    heard,
    answers: { sent: () => sent.length, heard },
    send: (each: ComposeDone) => sent.push(each),
  };
}

test("what is typed stays in sight until all that was sent with it is answered", () => {
  const { sent, heard, answers, send } = slow();
  const wrong = signal(false);
  const edits = new Edits(send, answers, () => wrong.value);
  assert.equal(edits.held("value"), undefined);
  edits.set("value", ["text", "a"]);
  edits.flush();
  edits.set("value", ["text", "ab"]);
  heard.value = sent.length; // the first one is answered: its echo is older than what stands here
  assert.deepEqual(edits.held("value"), ["text", "ab"]);
  edits.flush();
  assert.deepEqual(edits.held("value"), ["text", "ab"]);
  assert.equal(edits.any, true);
  heard.value = sent.length;
  assert.equal(edits.held("value"), undefined);
  // what cannot be sent is corrected where it stands
  wrong.value = true;
  edits.set("value", ["escaped", "\\x"]);
  edits.flush();
  heard.value = sent.length;
  assert.deepEqual(edits.held("value"), ["escaped", "\\x"]);
  wrong.value = false;
  assert.equal(edits.any, false);
});

test("a view knows which of its messages are answered, and takes no answer of another view for its own", () => {
  const numbers = new Numbers();
  const [first, second] = [numbers.numbered({ type: "hello" }), numbers.numbered({ type: "hello" })];
  assert.equal(numbers.sent(), 2);
  assert.equal(answered(numbers, 0), true);
  numbers.hear("another:2");
  numbers.hear(undefined);
  assert.equal(answered(numbers, 1), false);
  numbers.hear(first.nth);
  assert.deepEqual(
    [1, 2].map((each) => answered(numbers, each)),
    [true, false],
  );
  numbers.hear(second.nth);
  assert.equal(answered(numbers, 2), true);
});

test("what was typed last is sent before anything else is done", () => {
  const { sent, answers, send } = slow();
  const edits = new Edits(send, answers);
  edits.set("value", ["text", "a"]);
  edits.set("value", ["text", "ab"]);
  edits.set("topic", "orders");
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

test("a moment is said in the zone of the person and in UTC", () => {
  const at = Date.UTC(2026, 2, 29, 0, 59, 59, 7);
  assert.equal(written(at, "UTC"), "2026-03-29 00:59:59.007");
  // a second later, clocks there go forward
  assert.equal(
    bothZones(at, "Europe/Berlin"),
    "2026-03-29 01:59:59.007 Europe/Berlin (GMT+1)\n2026-03-29 00:59:59.007 UTC",
  );
  assert.match(bothZones(at + 1_000, "Europe/Berlin"), /^2026-03-29 03:00:00/);
  assert.equal(bothZones(at, "UTC"), "2026-03-29 00:59:59.007 UTC");
  assert.equal(bothZones(9e15), "");
  // the year before the first one is 0, which a field for dates cannot show
  const first = Date.parse("0001-01-01T00:00:00Z");
  assert.equal(written(first, "UTC"), "0001-01-01 00:00:00.000");
  assert.match(written(first, "America/New_York"), /^0000-12-31 /);
});

test("a time of the broker is known again, and a field means the same moment", () => {
  const at = Date.UTC(2026, 10, 28, 19, 59, 21, 444);
  assert.equal(momentOf("2026-11-28 19:59:21.444123 UTC"), at);
  assert.equal(momentOf("2026-11-28 19:59:21.444"), null);
  assert.equal(momentOf("2026-13-99 19:59:21 UTC"), null);
  assert.equal(fieldOf(at, true), "2026-11-28T19:59:21");
  assert.equal(typedPosition("2026-11-28T19:59:21", true), "2026-11-28T19:59:21Z");
  assert.equal(typedPosition(fieldOf(at, false), false), "2026-11-28T19:59:21Z");
  assert.equal(typedPosition("", true), "");
  assert.equal(typedPosition("0002-11-27T13:00:00", true), "0002-11-27T13:00:00Z");
});

test("a window has the name of its quick choice, or says its ends", () => {
  assert.equal(nameOfWindow({ start: "", end: "" }), "All that is kept");
  assert.equal(nameOfWindow({ start: "yesterday", end: "today" }), "Yesterday");
  assert.equal(nameOfWindow({ start: "-3h", end: "" }), "-3h to end");
});

test("of an hour that comes twice, the one is meant whose offset was there before", () => {
  const zone = "Europe/Berlin";
  const [first, second] = [Date.UTC(2026, 9, 25, 0, 30), Date.UTC(2026, 9, 25, 1, 30)];
  assert.equal(fieldOf(first, false, zone), fieldOf(second, false, zone));
  assert.notEqual(bothZones(first, zone).split("\n")[0], bothZones(second, zone).split("\n")[0]);
  assert.equal(typedPosition("2026-10-25T02:31", false, second, zone), "2026-10-25T01:31:00Z");
  assert.equal(typedPosition("2026-10-25T02:31", false, first, zone), "2026-10-25T00:31:00Z");
  assert.equal(typedPosition("2026-10-25T02:31:05", false, null, zone), "2026-10-25T00:31:05Z");
  assert.equal(typedPosition("2026-07-01T12:00", false, second, zone), "2026-07-01T10:00:00Z");
});

test("a time over which the clocks go forward is said to be left out", () => {
  const zone = "Europe/Berlin";
  assert.equal(leftOut("2026-03-29T02:30", zone), true);
  assert.equal(leftOut("2026-03-29T03:00", zone), false);
  assert.equal(leftOut("2026-10-25T02:30", zone), false);
  assert.equal(leftOut("", zone), false);
  const meant = Date.parse(typedPosition("2026-03-29T02:30", false, null, zone));
  assert.equal(fieldOf(meant, false, zone), "2026-03-29T03:30:00");
});
