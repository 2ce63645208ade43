// A JSON value as a tree that is loaded level by level. What a field holds becomes a filter with one click.
import { Icon } from "../parts/icons";
import { Bdi } from "../parts/plain";
import type { TreeItem } from "../protocol";
import { keyOf, toggled } from "./branches";
import type { Store } from "./store";
import { treeKey } from "./tree_keys";

interface ActionsProps {
  store: Store;
  path: number[];
  leaf: boolean;
  /** Whether it is in a list, whose places are no columns. */
  listed: boolean;
}

function Actions({ store, path, leaf, listed }: ActionsProps) {
  const act = (what: "column" | "filter" | "path") => () => {
    store.line.send({ type: "field", path, what });
  };
  return (
    <span class="bk-do">
      {leaf && !listed && (
        <button type="button" tabIndex={-1} title="Show it as a column" onClick={act("column")}>
          + column
        </button>
      )}
      {leaf && (
        <button type="button" tabIndex={-1} title="Find the messages with this value" onClick={act("filter")}>
          = filter
        </button>
      )}
      <button type="button" tabIndex={-1} title="Copy the Python that reads this field" onClick={act("path")}>
        path
      </button>
    </span>
  );
}

interface NodeProps {
  store: Store;
  item: TreeItem;
  path: number[];
  listed: boolean;
}

function Node({ store, item, path, listed }: NodeProps) {
  const depth = path.length;
  const key = keyOf(path);
  const { branches, open } = store.tree.value;
  const branch = branches[key];
  const isOpen = item.more && open.has(key);
  const toggle = () => {
    store.tree.value = toggled(store.tree.peek(), key);
    if (!isOpen && !branch) store.line.send({ type: "payload", form: "tree", path, first: 0 });
  };
  const rest = branch ? branch.total - branch.items.length : 0;
  return (
    <div
      role="treeitem"
      aria-expanded={item.more ? isOpen : undefined}
      aria-level={depth + 1}
      class="bk-node"
      tabIndex={depth ? -1 : 0}
    >
      <div class="bk-leaf" style={{ "--bk-depth": depth }}>
        {item.more ? (
          <button
            type="button"
            class="bk-fold"
            tabIndex={-1}
            aria-label={`${isOpen ? "Close" : "Open"} ${item.name || "the value"}`}
            onClick={toggle}
          >
            <Icon sign={isOpen ? "down" : "right"} />
          </button>
        ) : (
          <span class="bk-fold" />
        )}
        {item.name !== "" && (
          <span class="bk-json-name">
            <Bdi>{item.name}</Bdi>:{" "}
          </span>
        )}
        <span class={`bk-json bk-json-${item.kind}`}>
          <Bdi>{item.text}</Bdi>
        </span>
        {path.length > 0 && (
          <Actions
            store={store}
            path={path}
            leaf={!["object", "array"].includes(item.kind)}
            listed={listed}
          />
        )}
      </div>
      {isOpen && branch && (
        <div role="group">
          {branch.items.map((child, index) => (
            <Node
              key={index}
              store={store}
              item={child}
              path={[...path, index]}
              listed={listed || item.kind === "array"}
            />
          ))}
          {rest > 0 && (
            <button
              type="button"
              class="bk-link"
              style={{ "--bk-depth": depth + 1 }}
              onClick={() => {
                store.line.send({ type: "payload", form: "tree", path, first: branch.items.length });
              }}
            >
              {`${rest.toLocaleString("en")} more`}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function itemsOf(tree: HTMLElement): HTMLElement[] {
  return [...tree.querySelectorAll<HTMLElement>("[role=treeitem]")];
}

export function Tree({ store }: { store: Store }) {
  const { root } = store.tree.value;
  if (!root) return null;
  return (
    <div
      class="bk-tree"
      role="tree"
      aria-label="The value as a tree"
      onFocusIn={(event) => {
        const item = (event.target as HTMLElement).closest<HTMLElement>("[role=treeitem]");
        for (const each of itemsOf(event.currentTarget)) each.tabIndex = each === item ? 0 : -1;
        for (const each of event.currentTarget.querySelectorAll<HTMLElement>(".bk-do button"))
          each.tabIndex = each.closest("[role=treeitem]") === item ? 0 : -1;
      }}
      onKeyDown={(event) => {
        const tree = event.currentTarget;
        const from = event.target as HTMLElement;
        if (event.key === "Enter" && from.matches("button")) return;
        const items = itemsOf(tree);
        const lines = items.map((each) => ({
          depth: Number(each.ariaLevel),
          open: each.ariaExpanded === null ? null : each.ariaExpanded === "true",
        }));
        const at = items.findIndex((each) => each === from.closest("[role=treeitem]"));
        const next = treeKey(lines, at, event.key);
        if (!next) return;
        event.preventDefault();
        event.stopPropagation();
        const item = items[next.to];
        item?.focus();
        if (next.toggle) item?.querySelector<HTMLElement>(".bk-fold")?.click();
      }}
    >
      <Node store={store} item={root} path={[]} listed={root.kind === "array"} />
    </div>
  );
}
