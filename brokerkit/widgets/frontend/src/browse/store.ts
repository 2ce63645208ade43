// What a browser shows: its state, the last message of each kind, and what only the view knows.
import { effect, signal, type ReadonlySignal, type Signal } from "@preact/signals";

import { answered } from "../host/answers";
import type { Connection } from "../host/connection";
import type {
  BrowseDone,
  BrowseShown,
  BrowseState,
  ChangeShown,
  ComparedRows,
  Counts,
  FieldSeen,
  FieldsSeen,
  FiltersShown,
  Form,
  LagShown,
  LettersShown,
  MessageShown,
  Payload,
  QueryForm,
  RangeMeant,
  ResetShown,
  Rows,
  Schema,
  Select,
  Step,
  Subscriptions,
  Tab,
  TopicFacts,
  Topics,
  Verb,
  Which,
} from "../protocol";
import { grown, NOTHING, type Loaded } from "./branches";
import { newPart, type Part } from "./companions";
import { EMPTY, type Known } from "./typed_query";
import { NO_EFFECT, type Effect } from "./side_effects";

export type Line = Connection<BrowseState, BrowseShown, BrowseDone>;

export interface Store {
  line: Line;
  tab: Signal<Tab>;
  /** How many messages were sent when a tab was opened here last. */
  opened: { current: number };
  topics: Signal<Topics | null>;
  rows: Signal<Rows | null>;
  /** Whether a message is chosen by what was clicked or pressed last, and how many messages were sent with it. */
  choosing: { current: { some: boolean; sent: number } };
  /** The form of the payload that was asked for last, and how many messages were sent with it. */
  asking: Signal<{ form: Form; sent: number } | null>;
  /** What was asked of the composer last, and how many messages were sent with it. */
  composing: Signal<{ what: "new" | "edit"; replace: boolean; sent: number }>;
  /** What is typed before a change is planned, by topic and change. */
  plans: Map<string, Signal<unknown>>;
  /** How many messages were sent when the list of topics was opened or closed here last. */
  sided: { current: number };
  /** What was typed before the composer was there. */
  ahead: Signal<string>;
  /** The place of the row that has the keyboard; -1 for none. */
  active: Signal<number>;
  message: Signal<MessageShown | null>;
  messageCall: Signal<string>;
  payload: Signal<Payload | null>;
  tree: Signal<Loaded>;
  compared: Signal<ComparedRows["rows"] | null>;
  histogram: Signal<Counts | null>;
  tried: Signal<string>;
  /** The fields that complete a condition. */
  fields: Signal<Record<FieldsSeen["of"], FieldSeen[]>>;
  /** What the condition of a change does to the chosen messages. */
  triedChange: Signal<string>;
  meant: Signal<RangeMeant | null>;
  facts: Signal<TopicFacts | null>;
  /** Why the facts could not be loaded. */
  factsProblem: Signal<string>;
  subscriptions: Signal<Subscriptions | null>;
  lag: Signal<LagShown | null>;
  reset: Signal<ResetShown | null>;
  filters: Signal<FiltersShown | null>;
  schema: Signal<Schema | null>;
  letters: Signal<LettersShown | null>;
  /** The plan of a change of messages, or its receipts. */
  change: Signal<ChangeShown | null>;
  /** What is planned in a dialog over the messages; null for none. */
  changing: Signal<Verb | null>;
  /** Whether the panel of the export is open. */
  exporting: Signal<boolean>;
  calls: Signal<Partial<Record<Tab, string>>>;
  parts: Record<Which, Part>;
  /** The query as it is typed, and what Python said of it last. */
  form: Signal<QueryForm>;
  known: { current: Known };
  /** How many messages were sent when each field of the query was written last. */
  touched: Partial<Record<keyof QueryForm, number>>;
  effect: Signal<Effect>;
  side: Signal<boolean>;
  /** As it was dragged; null for the usual one. */
  sideWidth: Signal<number | null>;
  detailSize: Signal<number | null>;
  widths: Signal<Record<string, number>>;
  sheet: Signal<boolean>;
  /** What became of the last export, and a file to be downloaded. */
  exported: Signal<{ state: "running" | "failed" | "done"; text: string; call: string } | null>;
  file: Signal<{ name: string; data: string } | null>;
  copiedRows: Signal<string | null>;
  copied: Signal<{ text: string | null; call: string } | null>;
  /** The answer to a click before the last one is not shown. */
  turn: (place: number) => string;
}

export function newStore(line: Line): Store {
  const view = Math.random().toString(36).slice(2);
  let turns = 0;
  const store: Store = {
    line,
    tab: signal<Tab>(line.state.peek().first_tab ?? "messages"),
    opened: { current: 0 },
    choosing: { current: { some: false, sent: 0 } },
    asking: signal(null),
    composing: signal({ what: "new", replace: false, sent: 0 }),
    plans: new Map(),
    sided: { current: 0 },
    ahead: signal(""),
    topics: signal(null),
    rows: signal(null),
    active: signal(-1),
    message: signal(null),
    messageCall: signal(""),
    payload: signal(null),
    tree: signal(NOTHING),
    compared: signal(null),
    histogram: signal(null),
    tried: signal(""),
    fields: signal({ rows: [], letters: [] }),
    triedChange: signal(""),
    meant: signal(null),
    facts: signal(null),
    factsProblem: signal(""),
    subscriptions: signal(null),
    lag: signal(null),
    reset: signal(null),
    filters: signal(null),
    schema: signal(null),
    letters: signal(null),
    change: signal(null),
    changing: signal(null),
    exporting: signal(false),
    calls: signal({}),
    parts: { compose: newPart(line, "compose"), live: newPart(line, "live") },
    form: signal(EMPTY),
    touched: {},
    known: { current: { topic: "", form: EMPTY } },
    effect: signal(NO_EFFECT),
    side: signal(true),
    sideWidth: signal(null),
    detailSize: signal(null),
    widths: signal({}),
    sheet: signal(false),
    exported: signal(null),
    file: signal(null),
    copiedRows: signal(null),
    copied: signal(null),
    turn(place) {
      store.active.value = place;
      return `${view}:${String(++turns)}`;
    },
  };
  leaveClosed(line.state, store.tab, () => answered(line, store.opened.current));
  line.listen((message) => {
    if (message.type === "selection") {
      const [who, turn] = message.turn.split(":");
      if (who !== view || Number(turn) >= turns) store.active.value = message.place ?? -1;
    } else take(store, message);
  });
  return store;
}

/** Leave the tab of a composer or tail that was closed. */
export function leaveClosed(
  state: ReadonlySignal<Pick<BrowseState, "composing" | "following">>,
  tab: Signal<Tab>,
  /** Whether what Python says is not older than the tab that is open. */
  current: () => boolean = () => true,
): void {
  let before = { compose: false, live: false };
  effect(() => {
    const now = { compose: state.value.composing, live: state.value.following };
    const open = tab.peek();
    if ((open === "compose" || open === "live") && before[open] && !now[open] && current())
      tab.value = "messages";
    before = now;
  });
}

/** Compose a new message, or one that starts with the chosen rows, in its tab. */
export function compose(store: Store, what: "new" | "edit", replace = false): void {
  store.line.send({ type: "compose", what, replace });
  store.composing.value = { what, replace, sent: store.line.sent() };
  openTab(store, "compose");
}

/** Open a tab; what Python opened before it was told of this does not. */
export function openTab(store: Store, tab: Tab): void {
  store.tab.value = tab;
  store.opened.current = store.line.sent();
}

/** Open or close the list of topics. */
export function showTopics(store: Store, on: boolean): void {
  store.side.value = on;
  store.sided.current = store.line.sent();
}

/** Choose a message, or none, by what is sent. */
export function choose(store: Store, message: Select | Step | null): void {
  if (!message) store.active.value = -1;
  store.line.send(message ?? { type: "unselect" });
  store.choosing.current = { some: message !== null, sent: store.line.sent() };
}

/** Whether a message is chosen, as Python will say once it has answered what was clicked or pressed. */
export function isChosen(store: Store): boolean {
  const { some, sent } = store.choosing.current;
  return answered(store.line, sent) ? store.message.peek() !== null : some;
}

/** Ask for the payload in a form. */
export function askForm(store: Store, form: Form): void {
  store.line.send({ type: "payload", form, first: 0 });
  store.asking.value = { form, sent: store.line.sent() };
}

/** The form of the payload that is shown, or will be. */
export function formOf(store: Store): Form | undefined {
  const asked = store.asking.value;
  return asked && store.line.heard.value < asked.sent ? asked.form : store.payload.value?.form;
}

function takePayload(store: Store, part: Payload | null): void {
  store.payload.value = part;
  if (part?.form === "tree") store.tree.value = grown(store.tree.peek(), part);
}

function take(store: Store, message: Exclude<BrowseShown, { type: "selection" }>): void {
  switch (message.type) {
    case "topics":
      store.topics.value = message;
      break;
    case "rows":
      store.rows.value = message;
      break;
    case "detail":
      store.compared.value = null;
      store.copied.value = null;
      store.message.value = message.message;
      store.messageCall.value = message.call;
      takePayload(store, message.message?.payload ?? null);
      break;
    case "payload":
      takePayload(store, message.payload);
      break;
    case "copied":
      store.copied.value = message;
      break;
    case "compared":
      store.compared.value = message.rows;
      break;
    case "histogram":
      store.histogram.value = message.histogram;
      break;
    case "meant":
      store.meant.value = message;
      break;
    case "fields_seen":
      store.fields.value = { ...store.fields.peek(), [message.of]: message.fields };
      break;
    case "tried_change":
      store.triedChange.value = message.text;
      break;
    case "tried":
      store.tried.value = message.text;
      break;
    case "described":
      store.facts.value = message.topic;
      store.factsProblem.value = message.problem;
      break;
    case "subscriptions":
      store.subscriptions.value = message;
      break;
    case "filters":
      store.filters.value = message;
      break;
    case "lag":
      store.lag.value = message;
      break;
    case "reset":
      store.reset.value = message;
      break;
    case "letters":
      store.letters.value = message;
      break;
    case "change":
      store.change.value = message.change;
      break;
    case "schema":
      store.schema.value = message;
      break;
    case "companion":
    case "said":
      store.parts[message.which].take(message);
      break;
    case "exporting":
      store.exported.value = {
        state: message.problem ? "failed" : "running",
        text: message.problem,
        call: "",
      };
      break;
    case "exported":
      store.exported.value = { state: "done", text: message.text, call: message.call };
      if (message.data) store.file.value = { name: message.name, data: message.data };
      break;
    case "copied_rows":
      store.copiedRows.value = message.text;
      break;
    case "opened":
      if (answered(store.line, store.opened.current)) store.tab.value = message.which;
      break;
    case "call":
      store.calls.value = { ...store.calls.peek(), [message.tab]: message.call };
  }
}
