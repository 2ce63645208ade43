// What can be done with the rows: which columns there are, and what is offered for the chosen ones.
import { useHeld } from "../host/answers";
import { Icon } from "../parts/icons";
import { Menu } from "../parts/menu";
import { Bdi } from "../parts/plain";
import { counted } from "../parts/words";
import type { Verb } from "../protocol";
import { NOTHING_TYPED, VERBS } from "./change";
import { CopyRows } from "./export";
import { choose, compose, type Store } from "./store";

export function Columns({ store }: { store: Store }) {
  const { send } = store.line;
  const now = store.line.state.value;
  const columns = store.rows.value?.columns ?? [];
  const [places, keep] = useHeld(
    columns.map((name) => now.columns.findIndex(([each]) => each === name)).filter((each) => each >= 0),
  );
  const sendShown = (index: number, on: boolean) => {
    const shown = on ? [...places, index] : places.filter((each) => each !== index);
    send({ type: "columns", shown });
    keep(shown);
  };
  return (
    <Menu
      label="Columns"
      button={
        <>
          <Icon sign="columns" />
          Columns
        </>
      }
      class="bk-quiet bk-small"
    >
      {() => (
        <>
          {now.columns.map(([name], index) => (
            <label class="bk-item" key={name}>
              <input
                type="checkbox"
                checked={places.includes(index)}
                disabled={places.length === 1 && places.includes(index)}
                title={places.length === 1 && places.includes(index) ? "One column stays" : undefined}
                onChange={(event) => {
                  sendShown(index, event.currentTarget.checked);
                }}
              />
              <Bdi>{name}</Bdi>
            </label>
          ))}
          <button
            type="button"
            class="bk-btn bk-small"
            onClick={() => {
              send({ type: "columns", shown: null });
            }}
          >
            Usual ones
          </button>
        </>
      )}
    </Menu>
  );
}

/** Plans a change of the chosen rows; where it cannot be made, it says why. */
function ChangeButton({ store, verb }: { store: Store; verb: Verb }) {
  const { name, sign } = VERBS[verb];
  const { lacks, held } = store.line.state.value;
  const lack = lacks[verb] ?? held[verb];
  return (
    <button
      type="button"
      class="bk-btn bk-small"
      aria-label={verb === "send" ? "Send to another topic" : `${name} the chosen rows`}
      disabled={Boolean(lack)}
      title={lack ?? (verb === "send" ? "Send them to another topic or session" : undefined)}
      onClick={() => {
        store.changing.value = verb;
        store.line.send({ type: "plan_change", verb, of: "rows", ...NOTHING_TYPED });
      }}
    >
      <Icon sign={sign} />
      <span class="bk-hide-c">{verb === "send" ? "Send to…" : name}</span>
    </button>
  );
}

export function Chosen({ store }: { store: Store }) {
  const { send } = store.line;
  const { marked, lacks, held } = store.line.state.value;
  if (!marked && !store.message.value) return null;
  const count = Math.max(1, marked);
  const why = Object.values({ ...lacks, ...held })[0];
  return (
    <div class="bk-chosen" role="toolbar" aria-label="The chosen rows">
      <b class="bk-nowrap" role="status">{`${counted(count, "row")} chosen`}</b>
      <span class="bk-dim bk-cut bk-grow" title={why}>
        {why}
      </span>
      <CopyRows store={store} />
      <button
        type="button"
        class="bk-btn bk-small"
        title="Edit and send again, also to another topic ( r )"
        onClick={() => {
          compose(store, "edit");
        }}
      >
        <Icon sign="edit" />
        Edit and resend
      </button>
      <ChangeButton store={store} verb="send" />
      <button
        type="button"
        class="bk-btn bk-small"
        aria-label="Compare two"
        disabled={marked < 2}
        title={marked < 2 ? "Choose a second row first: Ctrl and click" : "The first two, field by field"}
        onClick={() => {
          send({ type: "compare" });
        }}
      >
        <Icon sign="compare" />
        <span class="bk-hide-c">Compare two</span>
      </button>
      <ChangeButton store={store} verb="redrive" />
      <ChangeButton store={store} verb="move" />
      <ChangeButton store={store} verb="delete" />
      <button
        type="button"
        class="bk-btn bk-quiet bk-small bk-square"
        aria-label="Choose none"
        title="Choose none (Esc)"
        onClick={() => {
          choose(store, null);
        }}
      >
        <Icon sign="x" />
      </button>
    </div>
  );
}
