import assert from "node:assert/strict";
import { test } from "node:test";

import { signal } from "@preact/signals";

import { rhythms } from "../src/dashboard/dashboard";
import { pathOf } from "../src/dashboard/spark";
import type { BrowseState, DashboardState } from "../src/protocol";
import { statesOf } from "../src/screens/screens";

test("the newest value is at the right end", () => {
  assert.equal(pathOf([0, 100], 2), "M0.0 16.0L96.0 2.0");
  assert.match(pathOf([0, 50, 100], 30), /L96\.0 2\.0$/);
  assert.equal(pathOf([5], 30), "");
});

test("a rhythm that is set in code can be chosen, too", () => {
  assert.ok(rhythms(7).includes(7));
  assert.deepEqual(rhythms(5), rhythms(10));
});

test("a screen keeps its last state while another one is shown", () => {
  const dashboard = { screen: "dashboard", every: 1 } as DashboardState;
  const browse = { topic: "orders" } as BrowseState;
  const isDashboard = (each: object): each is DashboardState => "screen" in each;
  const state = signal<DashboardState | BrowseState>(dashboard);
  const kept = statesOf(state, isDashboard);
  assert.ok(kept);
  state.value = browse;
  assert.equal(kept.value, dashboard);
  state.value = { ...dashboard, every: 2 };
  assert.equal(kept.value.every, 2);
  state.value = browse;
  assert.equal(kept.value.every, 2);
  assert.equal(statesOf(state, isDashboard), null);
});
