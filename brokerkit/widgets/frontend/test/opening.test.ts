import assert from "node:assert/strict";
import { test } from "node:test";

import { signal } from "@preact/signals";

import { SocketModel } from "../src/alone/page";
import { edited, empty, lacking, mended, ways } from "../src/opening/form";
import { found } from "../src/opening/saved";

const systems = [
  { scheme: "kafka", title: "Kafka", example: "localhost:9092", whole: false },
  { scheme: "servicebus", title: "Service Bus", example: "shop.servicebus.windows.net", whole: true },
];
const line = {
  keyring: false,
  name: "shop",
  system: "Kafka",
  address: "host:9092",
  marks: ["PRODUCTION"],
  used: "",
  used_at: null,
};

test("an address with a scheme names its system", () => {
  const form = empty({ systems });
  assert.equal(form.system, "kafka");
  assert.equal(edited(form, { servers: "servicebus://n" }, { systems }).system, "servicebus");
  assert.equal(edited(form, { servers: "other://n" }, { systems }).system, "kafka");
  assert.equal(edited(form, { servers: "host:1" }, { systems }).system, "kafka");
});

test("what is missing keeps Connect off", () => {
  const form = { ...empty({ systems }), servers: " " };
  assert.match(lacking(form), /address/);
  const named = { ...form, servers: "h" };
  assert.equal(lacking(named), "");
  assert.match(lacking({ ...named, sign_in: "password" }), /user/);
  assert.match(lacking({ ...named, sign_in: "password", user: "u" }), /secret/);
  assert.equal(lacking({ ...named, sign_in: "password", user: "u", secret: "s" }), "");
});

test("each system has its ways to sign in", () => {
  assert.deepEqual(
    ways({ systems }, "servicebus").map(([value]) => value),
    ["none", "token"],
  );
  assert.equal(ways({ systems }, "kafka").length, 3);
});

test("saved connections are found by words of any column", () => {
  assert.equal(found([line], "kaf 9092 prod").length, 1);
  assert.equal(found([line], "kaf nats").length, 0);
  assert.equal(found([line], "").length, 1);
});

test("a page over a socket tells what a notebook tells", () => {
  const sent: string[] = [];
  const said: unknown[] = [];
  const started = signal(0);
  const socket = { readyState: 1, send: (text: unknown) => sent.push(String(text)) };
  const model = new SocketModel(socket as never, () => started.value++);
  model.take(JSON.stringify({ state: { n: 1 } }));
  model.on("change:state", () => said.push(model.get()));
  model.on("msg:custom", (value: unknown) => said.push(value));
  model.on("comm_live_update", () => said.push("ended"));
  model.take(JSON.stringify({ state: { n: 2 } }));
  model.take(JSON.stringify({ message: { type: "here" } }));
  model.end();
  assert.equal(started.value, 1);
  assert.deepEqual(said, [{ n: 2 }, { type: "here" }, "ended"]);
  model.send({ type: "hello" });
  assert.deepEqual(sent, ['{"type":"hello"}']);
  socket.readyState = 3;
  assert.throws(() => model.send({ type: "hello" }));
});

test("what mends the connection is added to the options, or takes the place of what is wrong", () => {
  const tls = "security.protocol=SASL_SSL";
  assert.equal(mended("", tls), tls);
  assert.equal(mended("client.id=me", tls), `${tls}, client.id=me`);
  assert.equal(mended("security.protocol=PLAINTEXT, client.id=me", tls), `${tls}, client.id=me`);
  assert.equal(mended("client.id=me, security_protocol=PLAINTEXT", tls), `client.id=me, ${tls}`);
  const quoted = 'client.id="a, security.protocol=b", x="say ""no, security.protocol=c"""';
  assert.equal(mended(quoted, tls), `${tls}, ${quoted}`);
  assert.equal(mended(`${quoted}, security.protocol="PLAIN,TEXT" , y=1`, tls), `${quoted}, ${tls}, y=1`);
  assert.equal(mended('security.protocol="open, y=1', tls), `${tls}, y=1`);
});
