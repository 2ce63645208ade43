// A file goes to Python in parts, each once the one before has arrived.
import assert from "node:assert/strict";
import { test } from "node:test";

import { FileSender, base64 } from "../src/compose/file_sender";
import type { BulkFile, BulkPart } from "../src/protocol";

function dropped(size: number): { sender: FileSender; sent: (BulkFile | BulkPart)[]; bytes: Uint8Array } {
  const sent: (BulkFile | BulkPart)[] = [];
  const sender = new FileSender((message) => sent.push(message));
  const bytes = Uint8Array.from({ length: size }, (_, place) => place % 251);
  sender.begin(Object.assign(new Blob([bytes]), { name: "some.csv" }));
  return { sender, sent, bytes };
}

void test("all bytes arrive, in parts that are bounded", async () => {
  const { sender, sent, bytes } = dropped(600_000);
  const number = sent[0]?.number ?? 0;
  assert.deepEqual(sent[0], { type: "bulk file", number, name: "some.csv", size: 600_000 });
  let got = Buffer.alloc(0);
  await sender.received(number, 0);
  while (got.length < bytes.length) {
    const part = sent.at(-1) as BulkPart;
    assert.equal(part.at, got.length);
    assert.ok(part.data.length <= 350_000);
    got = Buffer.concat([got, Buffer.from(part.data, "base64")]);
    await sender.received(number, got.length);
  }
  assert.deepEqual(new Uint8Array(got), bytes);
  assert.equal(sent.length, 4);
});

void test("a refused file and one that was replaced send nothing more", async () => {
  const { sender, sent } = dropped(10);
  const first = sent[0]?.number ?? 0;
  sender.begin(Object.assign(new Blob(["x"]), { name: "other.csv" }));
  assert.notEqual(sent[1]?.number, first);
  await sender.received(first, 0);
  await sender.received(sent[1]?.number ?? 0, -1);
  await sender.received(sent[1]?.number ?? 0, 0);
  assert.equal(sent.length, 2);
});

void test("base64 is that of any bytes", () => {
  const bytes = Uint8Array.from({ length: 20_000 }, (_, place) => place % 256);
  assert.equal(base64(bytes), Buffer.from(bytes).toString("base64"));
});
