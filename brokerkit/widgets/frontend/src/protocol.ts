// Made from brokerkit/widgets/protocol by `python -m tests.widgets.protocol_types`.

export type ConditionMode = "text" | "python";

/** A field of the values that are shown; `python` reads it from a decoded `value`. */
export interface FieldSeen {
  name: string;
  python: string;
  kind: string;
}

/** The fields of the values that are shown: rows of the messages, or dead letters. */
export interface AskFields {
  type: "fields";
  of: "rows" | "letters";
}

/** The fields of the values that are shown. */
export interface FieldsSeen {
  type: "fields_seen";
  of: "rows" | "letters";
  fields: FieldSeen[];
}

/** The condition of a change that is being typed. */
export interface TryChange {
  type: "try_change";
  of: "rows" | "letters";
  mode: "text" | "python";
  where: string;
}

/** How many of the chosen messages a condition leaves, and how many stay. */
export interface TriedChange {
  type: "tried_change";
  text: string;
}

/** The formats to read values and keys as from now on. */
export interface ChooseFormats {
  type: "formats";
  decode: string;
  decode_key: string;
}

export type PayloadKind = "text" | "bytes" | "null";

/** What a tail shows besides its rows. */
export interface TailState {
  topic: string;
  session: string;
  marks: string[];
  status: string;
  running: boolean;
  text: string;
  problem: string;
  paused: boolean;
  key: string;
  mode: "text" | "python";
  where: string;
  function: string;
  filtered: boolean;
  filter_errors: string;
  formats: string[];
  key_formats: string[];
  decode: string;
  decode_key: string;
  counts: string;
  call: string;
  effect: string;
}

/** One message in a line. */
export interface TailRow {
  n: number;
  time: string;
  at: number | null;
  partition: number | null;
  offset: number | string | null;
  key: string | null;
  value: string;
  kind: "text" | "bytes" | "null";
  size: string;
  attributes: string;
}

/** A gap, before the row with the number `before`. */
export interface TailNote {
  text: string;
  before: number;
  time: string;
  at: number;
}

/** One message of a tail. */
export interface MessageInFull {
  title: string;
  time: string;
  key: string | null;
  kind: "text" | "bytes" | "null";
  size: string;
  format: string;
  failure: string;
  value: string;
  cut: string;
  attributes: [string, string, string][];
  more_attributes: number;
}

/** New rows, or all of them in place of those shown. */
export interface TailRows {
  type: "rows" | "snapshot";
  rows: TailRow[];
  notes: TailNote[];
  most: number;
}

/** How many messages came in each of the last seconds, the oldest first. */
export interface TailChart {
  type: "chart";
  counts: number[];
  seconds: number;
}

/** The selected message; None for none. */
export interface TailDetail {
  type: "detail";
  detail: MessageInFull | null;
  call: string;
}

/** A click without more to say. */
export interface TailAction {
  type: "hello" | "here" | "pause" | "resume" | "clear" | "stop";
}

/** The filter as it is typed. */
export interface TailFilter {
  type: "filter";
  mode: "text" | "python";
  where: string;
  key: string;
}

/** The number of the row to select; None for none. */
export interface TailSelect {
  type: "select";
  n: number | null;
}

export type TailShown = TailRows | TailChart | TailDetail | FieldsSeen;

export type TailDone = TailAction | TailFilter | TailSelect | AskFields | ChooseFormats;

export type BulkRole = "field" | "key" | "key and field" | "value" | "header" | "partition" | "time" | "left out";

export type BulkType = "" | "text" | "integer" | "number" | "decimal comma" | "boolean" | "time";

export type BulkHeader = "" | "yes" | "no";

/** A column, its first value, what it becomes, the name and type there, and what else it is (`also`). */
export interface BulkColumn {
  column: string;
  first: string;
  role: "field" | "key" | "key and field" | "value" | "header" | "partition" | "time" | "left out";
  name: string;
  type: "" | "text" | "integer" | "number" | "decimal comma" | "boolean" | "time";
  also: string;
}

/** A line that is no message, or whose message was not stored; no line where rows have numbers. */
export interface BulkLine {
  line: string;
  column: string;
  status: string;
  problem: string;
}

/** A row as it would be sent. */
export interface BulkPreview {
  row: number;
  line: string;
  parts: [string, string][];
}

/** All that is shown of many messages; `source` is empty before there is a file. */
export interface BulkShown {
  source: string;
  facts: string[];
  csv: boolean;
  delimiter: string;
  header: "" | "yes" | "no";
  frames: string[];
  columns: BulkColumn[];
  roles: ("field" | "key" | "key and field" | "value" | "header" | "partition" | "time" | "left out")[];
  types: ("" | "text" | "integer" | "number" | "decimal comma" | "boolean" | "time")[];
  receiving: string;
  checking: boolean;
  total: number;
  ready: number;
  bad: number;
  lines: BulkLine[];
  preview: BulkPreview | null;
  subjects: string[];
  subject: string;
  versions: number[];
  version: number | null;
  schemas_said: string;
  rate: string;
  journal: string;
  dry_run: string;
  running: boolean;
  done: number;
  stopping: boolean;
  counts: [string, number][];
  receipts: BulkLine[];
  left: number;
  again: boolean;
  said: string;
  problem: string;
}

/** A click without more to say. */
export interface BulkAction {
  type: "bulk stop" | "bulk forget" | "bulk cancel" | "bulk dry run" | "bulk save bad";
}

/** One message, or many. */
export interface BulkMode {
  type: "mode";
  many: boolean;
}

/** A file that will come in parts. */
export interface BulkFile {
  type: "bulk file";
  number: number;
  name: string;
  size: number;
}

/** The next part of a file, in base64. */
export interface BulkPart {
  type: "bulk part";
  number: number;
  at: number;
  data: string;
}

/** A frame of the notebook, by its name. */
export interface BulkFrame {
  type: "bulk frame";
  name: string;
}

/** What a column becomes, or how CSV is read, the rate, the journal, or the schema (none writes JSON). */
export interface BulkChoice {
  type: "bulk set";
  column?: number;
  role?: "field" | "key" | "key and field" | "value" | "header" | "partition" | "time" | "left out";
  name?: string;
  kind?: "" | "text" | "integer" | "number" | "decimal comma" | "boolean" | "time";
  delimiter?: string;
  header?: "" | "yes" | "no";
  rate?: string;
  journal?: string;
  subject?: string;
  version?: number;
}

/** Another row to preview. */
export interface BulkRow {
  type: "bulk row";
  row: number;
}

/** Send, or `again` what is left; with the topic's name where production asks for it. */
export interface BulkSend {
  type: "bulk send";
  confirm: string | null;
  again: boolean;
}

export type BulkDone = BulkAction | BulkMode | BulkFile | BulkPart | BulkFrame | BulkChoice | BulkRow | BulkSend;

/** So much of a file has arrived; -1 refuses it. */
export interface BulkReceived {
  type: "bulk received";
  number: number;
  at: number;
}

/** A file for the browser's downloads, in base64. */
export interface BulkSaved {
  type: "bulk saved";
  name: string;
  data: string;
}

export type TypedBytes = [string, string];

export type TypedHeader = [string, string, string, string];

/** A problem of a value, and where it is in its text: from one place to another, and the line. */
export interface Mark {
  start: number;
  end: number;
  line: number;
  text: string;
}

/** All that a composer shows. */
export interface ComposeState {
  topic: string;
  sessions: string[];
  marks: string[];
  to: number;
  count: number;
  row: number;
  key: [string, string];
  value: [string, string];
  large: string;
  size: string;
  attributes: [string, string, string, string][];
  types: string[];
  typed_wrong: boolean;
  problems: [string, string][];
  placed: Mark[];
  checked: string;
  schema: boolean;
  refused: string;
  confirm: boolean;
  effect: string;
  unsent: boolean;
  sent: boolean;
  said: string;
  plan: Record<string, string>[];
  receipts: Record<string, string>[];
  call: string;
  bulk: BulkShown | null;
}

/** A click without more to say. */
export interface ComposeAction {
  type: "hello" | "here" | "dry run" | "module" | "format" | "fields";
}

/** The source of the editor, which a view asks for when it is needed. */
export interface EditorModule {
  type: "module";
  text: string;
}

/** A field that a value may have: the names that lead to it, with 0 for a member of a list. */
export interface JsonField {
  path: (string | number)[];
  kind: string;
}

/** The fields that values of the topic have, as far as is known. */
export interface FieldsKnown {
  type: "fields_known";
  fields: JsonField[];
}

/** The fields that were typed into. */
export interface ComposeEdit {
  type: "edit";
  key?: [string, string];
  value?: [string, string];
  attributes?: [string, string, string, string][];
}

/** Another topic. */
export interface ComposeTopic {
  type: "topic";
  text: string;
}

/** Another session, by its place. */
export interface ComposeTo {
  type: "to";
  index: number;
}

/** Another message of several. */
export interface ComposeRow {
  type: "row";
  row: number;
}

/** Send; with the topic's name where production asks for it. */
export interface ComposeSend {
  type: "send";
  confirm: string | null;
}

export type ComposeDone = ComposeAction | ComposeEdit | ComposeTopic | ComposeTo | ComposeRow | ComposeSend | BulkAction | BulkMode | BulkFile | BulkPart | BulkFrame | BulkChoice | BulkRow | BulkSend;

export type ComposeSaid = BulkReceived | BulkSaved | EditorModule | FieldsKnown;

/** One partition; `share` is its part of the largest, from 0 to 1. */
export interface PartitionLine {
  partition: string;
  leader: string;
  replicas: string;
  in_sync: string;
  lacking: boolean;
  start: string;
  end: string;
  messages: string;
  share: number;
  size: string;
}

/** One setting, in units that a person reads and as the system has it. */
export interface SettingLine {
  name: string;
  text: string;
  value: string;
  changed: boolean | null;
}

/** What is known of the chosen topic; `more` counts what is not listed. */
export interface TopicFacts {
  name: string;
  facts: string;
  lag: string;
  hidden: string;
  messages: string;
  size: string;
  in_sync: string;
  lacking: boolean;
  skew: string;
  partitions: PartitionLine[];
  subscriptions: number;
  settings: SettingLine[];
  details: [string, string][];
  changed: number;
  more: number;
}

/** The chosen topic; None before it is known, or where `problem` says why it is not. */
export interface Described {
  type: "described";
  topic: TopicFacts | null;
  problem: string;
}

/** One subscription of the topic. */
export interface SubscriptionLine {
  name: string;
  kind: string;
  state: string;
  members: string;
  lag: string;
  share: number;
  in_flight: string;
  oldest: string;
  oldest_at: number | null;
}

/** How far a subscription has come in one partition. */
export interface ProgressLine {
  partition: string;
  committed: string;
  end: string;
  lag: string;
  share: number;
  oldest: string;
  oldest_at: number | null;
}

/** One subscription in full; `members` is None where the system does not say. */
export interface SubscriptionShown {
  name: string;
  head: string;
  progress: ProgressLine[];
  members: [string, string, string][] | null;
  settings: [string, string][];
}

/** Who reads the topic. */
export interface Subscriptions {
  type: "subscriptions";
  loading: boolean;
  rows: SubscriptionLine[];
  chosen: SubscriptionShown | null;
  problem: string;
  more: number;
}

/** What a reset does to one partition; `again` is how many more are to be read. */
export interface ResetLine {
  partition: string;
  before: string;
  after: string;
  lag: string;
  again: string;
  status: string;
  error: string;
}

/** The plan of a reset, or its receipts where it is `done`; `typed` is the name as it is to be typed. */
export interface ResetShown {
  type: "reset";
  subscription: string;
  typed: string;
  to: string;
  running: boolean;
  done: boolean;
  rows: ResetLine[];
  summary: string;
  notes: string[];
  problem: string;
  refused: string;
  confirm: boolean;
  call: string;
}

/** One version of a schema; `difference` is what it changed, as a unified diff. */
export interface SchemaVersion {
  version: number;
  id: string;
  kind: string;
  text: string;
  difference: string;
}

/** The schema of the topic's values or keys. */
export interface Schema {
  type: "schema";
  loading: boolean;
  key: boolean;
  subject: string;
  level: string;
  versions: SchemaVersion[];
  problem: string;
}

/** Look at the lag again: the tab of subscriptions is in sight. */
export interface LookAtLag {
  type: "lag";
}

/** The lag of one partition at each of the times; None where it is not known. */
export interface LagLine {
  partition: string;
  points: (number | null)[];
}

/** A subscription's lag now, its part of the largest, and the last ones from 0 to 100. */
export interface LagRow {
  name: string;
  lag: string;
  share: number;
  points: number[];
}

/** The lag of the subscriptions while their tab is in sight. */
export interface LagShown {
  type: "lag";
  rows: LagRow[];
  subscription: string;
  described: string;
  times: number[];
  total: (number | null)[];
  lines: LagLine[];
  progress: ProgressLine[];
  more: number;
  head: string;
  growing: boolean;
  every: number;
  cost: string;
  problem: string;
  call: string;
}

export type Which = "compose" | "live";

/** The state of the composer or the tail; another one has another number. */
export interface Companion {
  type: "companion";
  which: "compose" | "live";
  number: number;
  state: ComposeState | TailState;
}

/** A message to the view of the tail. */
export interface CompanionSaid {
  type: "said";
  which: "compose" | "live";
  number: number;
  message: TailRows | TailChart | TailDetail | FieldsSeen;
}

/** One that is new: its tab opens. */
export interface CompanionOpened {
  type: "opened";
  which: "compose" | "live";
  number: number;
}

/** What the view of the one with the number says; it is not for the one that replaced it. */
export interface CompanionDone {
  type: "companion";
  which: "compose" | "live";
  number: number;
  message: ComposeAction | ComposeEdit | ComposeTopic | ComposeTo | ComposeRow | ComposeSend | BulkAction | BulkMode | BulkFile | BulkPart | BulkFrame | BulkChoice | BulkRow | BulkSend | TailAction | TailFilter | TailSelect | AskFields | ChooseFormats;
}

export type ExportRows = "chosen" | "shown" | "matching";

export type ExportForm = "csv" | "jsonl" | "parquet";

export type CopyForm = "json" | "python" | "command";

/** Rows to write to a path of the kernel's machine, or to download where that is None. */
export interface Export {
  type: "export";
  rows: "chosen" | "shown" | "matching";
  form: "csv" | "jsonl" | "parquet";
  path: string | null;
  overwrite: boolean;
}

/** For the clipboard: the chosen rows as JSON or as Python calls, or the query as a command line. */
export interface CopyRows {
  type: "copy_rows";
  form: "json" | "python" | "command";
}

/** An export has begun, or failed with a problem. */
export interface Exporting {
  type: "exporting";
  problem: string;
}

/** What was exported, and the Python call for it; `data` is a file to download, in base64. */
export interface Exported {
  type: "exported";
  text: string;
  call: string;
  name: string;
  data: string;
}

/** The chosen rows, or the query, for the clipboard. */
export interface CopiedRows {
  type: "copied_rows";
  text: string;
}

/** The fields of a query that are kept; `name` is empty for one that was used. */
export interface KeptFilter {
  name: string;
  newest: boolean;
  mode: "text" | "python";
  where: string;
  key: string;
  header: string;
  partitions: string;
  start: string;
  end: string;
}

/** The filters that are kept; `note` says why those that are used are not. */
export interface FiltersShown {
  type: "filters";
  saved: KeptFilter[];
  used: KeptFilter[];
  note: string;
}

/** Keep the query as it is typed under a name. */
export interface SaveFilter {
  type: "save_filter";
  name: string;
  filter: KeptFilter;
}

/** Forget a filter; without a name, those that were used. */
export interface DeleteFilter {
  type: "delete_filter";
  name: string;
}

export type Verb = "redrive" | "move" | "delete" | "send";

export type ChangeOf = "letters" | "rows";

/** Plan a change of chosen rows, as it is typed; `session` is the token of another one to send to. */
export interface PlanChange {
  type: "plan_change";
  verb: "redrive" | "move" | "delete" | "send";
  of: "letters" | "rows";
  to: string;
  session: string;
  rate: string;
  keep: boolean;
  most: string;
  mode: "text" | "python";
  where: string;
}

/** Carry out the plan with a number, or `again` what is left; with its topic where it is asked for. */
export interface CarryOutChange {
  type: "carry_out_change";
  number: number;
  again: boolean;
  confirm: string | null;
}

/** Stop the change that is carried out, or put its receipts away. */
export interface ChangeAction {
  type: "stop_change" | "forget_change";
}

/** How many messages a topic has now, and then. */
export interface ChangePlace {
  name: string;
  now: string;
  after: string;
}

/** One message: what became of it or would become of it, from where, to where, and what is said of it. */
export interface ChangeLine {
  status: string;
  source: string;
  target: string;
  said: string;
}

/** A plan, or the receipts where it is `done`; `typed` is the name as it is to be typed. */
export interface ChangeShown {
  number: number;
  verb: "redrive" | "move" | "delete" | "send";
  of: "letters" | "rows";
  form: [string, string, string, boolean, string, "text" | "python", string];
  sessions: [string, string][];
  asked: boolean;
  running: boolean;
  carried: boolean;
  done: boolean;
  count: number;
  places: ChangePlace[];
  checks: [string, string][];
  lines: ChangeLine[];
  more: number;
  counts: [string, number][];
  left: number;
  share: number;
  head: string;
  at: number | null;
  problem: string;
  refused: string;
  confirm: boolean;
  typed: string;
  call: string;
}

/** The plan or the receipts of the topic; None for none. */
export interface Changed {
  type: "change";
  change: ChangeShown | null;
}

export type LettersBy = "reason" | "consumer" | "hour";

/** Read the dead letters: with a rule for the names of their topics, or by taking them and giving back. */
export interface LookForLetters {
  type: "letters";
  naming: string;
  give_back: boolean;
  confirm: string | null;
}

/** Count them by something else. */
export interface GroupLetters {
  type: "letters_by";
  by: "reason" | "consumer" | "hour";
}

/** List the letters of one group from the `first` on; all for no group. */
export interface OpenLetters {
  type: "letters_of";
  group: number | null;
  first: number;
}

/** Choose a group, one letter or all of them; or choose them no more. */
export interface ChooseLetters {
  type: "choose_letters";
  generation: string;
  group: number | null;
  row: number | null;
  on: boolean;
}

/** Show one letter in full; None for none. */
export interface ShowLetter {
  type: "letter";
  generation: string;
  row: number | null;
}

/** Send another text for the value of a letter; None for what it was. */
export interface EditLetter {
  type: "edit_letter";
  generation: string;
  row: number;
  text: string | null;
}

/** Dead letters that have something in common, and their span in ms since 1970. */
export interface LetterGroup {
  name: string;
  described: string;
  count: string;
  share: number;
  span: string;
  at: number[];
  origin: string;
  consumer: string;
  chosen: number;
  size: number;
}

/** One dead letter. */
export interface LetterLine {
  row: number;
  time: string;
  at: number | null;
  place: string;
  reason: string;
  origin: string;
  deliveries: string;
  redriven: string;
  value: string;
  kind: string;
  chosen: boolean;
  edited: boolean;
}

/** One dead letter in full; `text` is None where its value cannot be edited, and `why` says why. */
export interface LetterShown {
  row: number;
  title: string;
  fields: [string, string][];
  attributes: [string, string, string][];
  text: string | null;
  edited: boolean;
  why: string;
}

/** The dead letters of the topic; `naming` is the rule that was typed. */
export interface LettersShown {
  type: "letters";
  generation: string;
  loading: boolean;
  read: boolean;
  all: number;
  head: string;
  where: string;
  at: number | null;
  naming: string;
  taking: string;
  confirm: string;
  by: "reason" | "consumer" | "hour";
  groups: LetterGroup[];
  open: number | null;
  first: number;
  total: number;
  rows: LetterLine[];
  tries: boolean;
  chosen: number;
  letter: LetterShown | null;
  problem: string;
}

export type Form = "tree" | "text" | "hex" | "layers";

export type RowKind = "text" | "bytes" | "null" | "failed";

/** One message in a line; a cell is None where there is no value. `said` stands in place of a value. */
export interface Row {
  place: number;
  id: string | null;
  cells: (string | null)[];
  marked: boolean;
  kind: "text" | "bytes" | "null" | "failed";
  format: string;
  size: string;
  said: string;
  again: string;
  time: number | null;
  gap: string;
}

/** A part of the rows. */
export interface Rows {
  type: "rows";
  first: number;
  total: number;
  version: number;
  rows: Row[];
  columns: string[];
  numeric: boolean[];
  usual: boolean;
}

/** The place of the current row; `turn` is the click or key that this answers. */
export interface Chosen {
  type: "selection";
  place: number | null;
  turn: string;
}

/** One member of an object or array. */
export interface TreeItem {
  name: string;
  kind: string;
  text: string;
  more: boolean;
}

/** Members of one object or array, from the `first` on. */
export interface TreePart {
  path: number[];
  first: number;
  total: number;
  items: TreeItem[];
}

/** A part of a payload in one form. */
export interface Payload {
  form: "tree" | "text" | "hex" | "layers";
  problem?: string;
  root?: TreeItem;
  children?: TreePart | null;
  text?: string;
  first?: number;
  next?: number | null;
  total?: number;
  bytes?: boolean;
  layers?: [string, string, string][];
  rejected?: [string, string][];
}

/** One message in full. */
export interface MessageShown {
  id: string | null;
  title: string;
  fields: [string, string][];
  attributes: [string, string, string][];
  more_attributes: number;
  kind: string;
  size: string;
  decoder: string;
  format: string;
  failure: string;
  payload: Payload;
}

/** The current message; None for none. */
export interface Detail {
  type: "detail";
  message: MessageShown | null;
  call: string;
}

/** A part of the payload of the current message. */
export interface PayloadPart {
  type: "payload";
  payload: Payload;
}

/** The payload for the clipboard; None where it is too long, so that the call is copied. */
export interface Copied {
  type: "copied";
  text: string | null;
  call: string;
}

/** Two messages, field by field: name, left, right, and whether they are equal. */
export interface ComparedRows {
  type: "compared";
  rows: ([string, string | null, string | null, boolean])[];
}

export type Tab = "messages" | "partitions" | "subscriptions" | "configuration" | "schema" | "letters" | "compose" | "live";

export type Kept = "" | "new" | "edit" | "close";

/** A side effect that must be chosen where no look is free. */
export interface EffectChoice {
  value: string;
  text: string;
  needs_subscription: boolean;
}

/** The fields of a query as they are typed; `function` is a filter that was set in code. */
export interface QueryForm {
  newest: boolean;
  limit: string;
  partitions: string;
  key: string;
  header: string;
  mode: "text" | "python";
  where: string;
  function: boolean;
  start: string;
  end: string;
  decode: string;
  decode_key: string;
}

/** How far a search has come; `share` is what was read of all, from 0 to 1. */
export interface SearchState {
  status: string;
  text: string;
  errors: string;
  share: number | null;
  running: boolean;
  more: string;
  all: string;
  backwards: boolean;
}

/** What a browser shows besides rows and messages. */
export interface BrowseState {
  session: string;
  marks: string[];
  effect: string;
  harmless: boolean;
  masks: string;
  choices: EffectChoice[];
  confirm: boolean;
  closed: boolean;
  lost: boolean;
  topic: string;
  form: QueryForm | null;
  expand: boolean;
  problem: string;
  search: SearchState;
  call: string;
  fixed_call: string;
  columns: [string, boolean][];
  sort: [number | null, boolean] | null;
  marked: number;
  newest_on_top: boolean;
  composing: boolean;
  kept: "" | "new" | "edit" | "close";
  following: boolean;
  formats: string[];
  key_formats: string[];
  lacks: Record<string, string>;
  held: Record<string, string>;
  first_tab?: "messages" | "partitions" | "subscriptions" | "configuration" | "schema" | "letters" | "compose" | "live";
  back?: string;
}

/** One topic of the list, or a branch of the tree; `messages` is short, `exactly` is not. */
export interface TopicLine {
  n: number;
  name: string;
  label: string;
  depth: number;
  up: number;
  branch: number;
  size_of: number;
  open: boolean;
  messages: string;
  exactly: string;
  size: string;
  backlog: string;
  dead: string;
  internal: boolean;
  chosen: boolean;
}

/** A part of the list of topics; its numbers are good for this generation. */
export interface Topics {
  type: "topics";
  first: number;
  total: number;
  found: number;
  all: number;
  separator: string;
  generation: number;
  rows: TopicLine[];
  asked: number | null;
}

/** Counts between edges, in milliseconds since 1970. */
export interface Counts {
  edges: number[];
  counts: number[];
  source: string;
  label: string;
}

/** Messages over time. */
export interface HistogramShown {
  type: "histogram";
  histogram: Counts | null;
}

/** What a filter that is being typed does to the rows shown. */
export interface Tried {
  type: "tried";
  text: string;
}

/** What a position means that is being typed, or what is wrong with it; `at` is in ms since 1970. */
export interface Meant {
  text: string;
  at: number | null;
  wrong: string;
}

/** What the two ends of a range mean; `asked` is that of the question. */
export interface RangeMeant {
  type: "meant";
  asked: number;
  start: Meant;
  end: Meant;
}

/** The Python call of a tab. */
export interface Calls {
  type: "call";
  tab: "messages" | "partitions" | "subscriptions" | "configuration" | "schema" | "letters" | "compose" | "live";
  call: string;
}

export type BrowseShown = Topics | Rows | Chosen | Detail | PayloadPart | Copied | ComparedRows | HistogramShown | Tried | RangeMeant | Described | Subscriptions | Schema | Calls | Companion | CompanionSaid | CompanionOpened | Exporting | Exported | CopiedRows | ResetShown | LettersShown | FiltersShown | Changed | LagShown | FieldsSeen | TriedChange;

/** A click without more to say. */
export interface BrowseAction {
  type: "hello" | "here" | "refresh" | "stop" | "again" | "unselect" | "copy" | "compare" | "follow" | "back" | "filters";
}

/** Compose a new message, or one that starts with the chosen rows; `replace` gives up what is not sent. */
export interface Compose {
  type: "compose";
  what: "new" | "edit";
  replace: boolean;
}

/** Close the composer or the tail; `replace` gives up what is not sent. */
export interface PutAway {
  type: "put_away";
  which: "compose" | "live";
  replace: boolean;
}

/** Read on, up to a limit raised by as many rows, or to the end. */
export interface GoOn {
  type: "continue";
  all: boolean;
}

/** A part of the topics whose names hold these words. */
export interface AskTopics {
  type: "topics";
  first: number;
  count: number;
  text: string;
  sort: string;
  internal: boolean;
  tree: boolean;
  backlogs: boolean;
  asked: number;
}

/** Open or close a branch of the tree: so much of the name of the topic with a number. */
export interface OpenBranch {
  type: "branch";
  n: number;
  branch: number;
  open: boolean;
  generation: number;
}

/** The topic with a number. */
export interface ChooseTopic {
  type: "topic";
  n: number;
  generation: number;
}

/** A query as it is typed; `kept` keeps the filter that was set in code. */
export interface AskQuery {
  type: "query";
  newest: boolean;
  limit: string;
  partitions: string;
  key: string;
  header: string;
  mode: "text" | "python";
  where: string;
  start: string;
  end: string;
  decode: string;
  decode_key: string;
  kept: boolean;
  effect: string | null;
  subscription: string | null;
  confirm: string | null;
}

/** A part of the rows. */
export interface AskRows {
  type: "rows";
  first: number;
  count: number;
}

/** The place of the column that was clicked. */
export interface SortBy {
  type: "sort";
  column: number;
}

/** The columns to show, by their places among all, in order; None for the usual ones. */
export interface ShowColumns {
  type: "columns";
  shown: number[] | null;
}

/** Whether JSON fields are columns. */
export interface Expand {
  type: "expand";
  on: boolean;
}

/** A click on a row: it alone, it too, or the range up to it; `id` is None for rows out of view. */
export interface Select {
  type: "select";
  place: number;
  id: string | null;
  how: "one" | "toggle" | "range";
  turn: string;
}

/** A part of the payload. */
export interface AskPayload {
  type: "payload";
  form: "tree" | "text" | "hex" | "layers";
  path?: number[];
  first?: number;
}

/** The message above (-1) or below (1), or before and after along its partition, key or one header. */
export interface Step {
  type: "step";
  by: -1 | 1;
  along: "rows" | "partition" | "key" | "header";
  header?: number;
}

/** Find the messages with the same value of the header at a place. */
export interface FollowHeader {
  type: "header";
  place: number;
}

/** The histogram of the topic or of the rows found. */
export interface AskHistogram {
  type: "histogram";
  of: "topic" | "rows";
}

/** A window of time, in milliseconds since 1970; None for the ends of the topic. */
export interface SetWindow {
  type: "window";
  start: number | null;
  end: number | null;
}

/** A filter that is being typed. */
export interface Try {
  type: "try";
  mode: "text" | "python";
  where: string;
}

/** The ends of a range that are being typed; the answer repeats `asked`. */
export interface AskRange {
  type: "range";
  start: string;
  end: string;
  asked: number;
}

/** A tab that is shown now. */
export interface OpenTab {
  type: "open";
  tab: "messages" | "partitions" | "subscriptions" | "configuration" | "schema" | "letters" | "compose" | "live";
  key: boolean;
}

/** The subscription in a line. */
export interface ShowSubscription {
  type: "subscription";
  place: number | null;
}

/** Plan to move the chosen subscription to a position as it is typed. */
export interface PlanReset {
  type: "plan_reset";
  to: string;
}

/** Carry out the plan; with the subscription's name where production asks for it. */
export interface CarryOutReset {
  type: "carry_out_reset";
  confirm: string | null;
}

/** What to do with a field of the value: show it as a column, filter by its value, or copy its path. */
export interface FieldAction {
  type: "field";
  path: number[];
  what: "column" | "filter" | "path";
}

export type BrowseDone = BrowseAction | GoOn | Compose | PutAway | CompanionDone | Export | CopyRows | PlanReset | CarryOutReset | LookForLetters | GroupLetters | OpenLetters | ChooseLetters | ShowLetter | EditLetter | PlanChange | CarryOutChange | ChangeAction | AskTopics | OpenBranch | ChooseTopic | AskQuery | AskRows | SortBy | ShowColumns | Expand | Select | AskPayload | Step | AskHistogram | SetWindow | Try | AskRange | OpenTab | ShowSubscription | FieldAction | SaveFilter | DeleteFilter | FollowHeader | LookAtLag | AskFields | TryChange;

export type StepStatus = "ok" | "failed" | "not offered" | "not tried";

export type SignIn = "none" | "password" | "token";

export type SecretAt = "typed" | "keyring" | "env";

/** A saved connection, without secrets; `keyring` says whether the keyring keeps one for it. */
export interface SavedLine {
  name: string;
  keyring: boolean;
  system: string;
  address: string;
  marks: string[];
  used: string;
  used_at: number | null;
}

/** A system that the form offers; `whole` says that a token is all it needs besides the address. */
export interface SystemChoice {
  scheme: string;
  title: string;
  example: string;
  whole: boolean;
}

/** A system of which a private server can be started. */
export interface SandboxChoice {
  name: string;
  title: string;
}

/** A step of the diagnosis of what is typed; `mend` is the option that mends it. */
export interface CheckedStep {
  name: string;
  status: "ok" | "failed" | "not offered" | "not tried";
  detail: string;
  mend: string;
}

/** What the first screen shows; `opening` names what is being opened, and `saved` what was saved. */
export interface OpeningState {
  screen: "open";
  connections: SavedLine[];
  systems: SystemChoice[];
  sandboxes: SandboxChoice[];
  steps: CheckedStep[];
  checking: boolean;
  wrong: string;
  opening: string;
  saved: string;
  problem: string;
  call: string;
  code: string;
}

/** A new connection as it is typed. The secret is never sent back. */
export interface ConnectionForm {
  system: string;
  servers: string;
  sign_in: "none" | "password" | "token";
  user: string;
  secret: string;
  secret_at: "typed" | "keyring" | "env";
  options: string;
  production: boolean;
  read_only: boolean;
}

/** A click without more to say. */
export interface OpeningAction {
  type: "hello" | "here";
}

/** The form was edited; `connecting` says whether to sign in, too. */
export interface CheckForm {
  type: "check";
  form: ConnectionForm;
  connecting: boolean;
}

/** Open what is typed. */
export interface ConnectForm {
  type: "connect";
  form: ConnectionForm;
}

/** Save what is typed under a name. */
export interface SaveForm {
  type: "save";
  form: ConnectionForm;
  name: string;
}

/** Open a saved connection. */
export interface OpenSaved {
  type: "open";
  name: string;
}

/** Show the calls of a saved connection. */
export interface ShowCall {
  type: "show";
  name: string;
}

/** Delete a saved connection: it was confirmed. */
export interface DeleteSaved {
  type: "delete";
  name: string;
}

/** Start a private server with example data. */
export interface StartSandbox {
  type: "sandbox";
  name: string;
}

export type OpeningDone = OpeningAction | CheckForm | ConnectForm | SaveForm | OpenSaved | ShowCall | DeleteSaved | StartSandbox;

/** One figure at the top; `points` are its last values, from 0 to 100. */
export interface Figure {
  name: string;
  value: string;
  note: string;
  level: "" | "warn" | "bad";
  points: number[];
}

/** Something that needs a look: a sentence about a subject, and the tab of a topic that shows more. */
export interface Concern {
  sign: "warn" | "dead" | "bad";
  subject: string;
  text: string;
  n: number;
  tab: "messages" | "partitions" | "subscriptions" | "configuration" | "schema" | "letters" | "compose" | "live";
  action: string;
  at: number | null;
}

/** What a dashboard shows besides its topics. */
export interface DashboardState {
  screen: "dashboard";
  session: string;
  marks: string[];
  facts: string;
  refreshed: string;
  refreshed_at: number | null;
  every: number;
  running: boolean;
  paused: boolean;
  closed: boolean;
  problem: string;
  figures: Figure[];
  concerns: Concern[];
  notes: string[];
  call: string;
}

/** A topic in a line; its number is good as long as the dashboard. */
export interface TopicRates {
  n: number;
  name: string;
  coming: string;
  points: number[];
  leaving: string;
  backlog: string;
  behind: boolean;
  oldest: string;
  oldest_at: number | null;
  dead: string;
  slowest: string;
  stored: string;
}

/** The topics that were asked for; `busy` and `all` count those with traffic or backlog, and all. */
export interface RatesShown {
  type: "rates";
  rows: TopicRates[];
  total: number;
  busy: number;
  all: number;
}

/** The topics that were asked for; `busy` and `all` count those with traffic or backlog, and all. */
export interface DashboardShown {
  type: "rates";
  rows: TopicRates[];
  total: number;
  busy: number;
  all: number;
}

/** A click without more to say. */
export interface DashboardAction {
  type: "hello" | "here" | "pause" | "resume" | "stop" | "refresh";
}

/** Which topics to show. */
export interface FindRates {
  type: "find";
  text: string;
  all: boolean;
}

/** Look every so many seconds from now on. */
export interface SetEvery {
  type: "every";
  seconds: number;
}

/** Show a topic in the workbench. */
export interface OpenTopic {
  type: "topic";
  n: number;
  tab: "messages" | "partitions" | "subscriptions" | "configuration" | "schema" | "letters" | "compose" | "live";
}

export type DashboardDone = DashboardAction | FindRates | SetEvery | OpenTopic;
