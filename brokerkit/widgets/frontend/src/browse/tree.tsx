// A JSON value as a tree that is loaded level by level. What a field holds becomes a filter with one click.
import { Icon } from "../parts/icons";
import { Bdi } from "../parts/plain";
import type { TreeItem } from "../protocol";
import { keyOf, toggled } from "./branches";
import type { Store } from "./store";

function Actions({ store, path, leaf, top }: { store: Store; path: number[]; leaf: boolean; top: string }) {
  const act = (what: "column" | "filter" | "path") => () => {
    store.line.send({ type: "field", path, what });
  };
  return (
    <span class="bk-do">
      {leaf && (
        <button type="button" title={`Show ${top} as a column`} onClick={act("column")}>
          + column{path.length > 1 && <Bdi> {top.slice(0, 24)}</Bdi>}
        </button>
      )}
      {leaf && (
        <button type="button" title="Find the messages with this value" onClick={act("filter")}>
          = filter
        </button>
      )}
      <button type="button" title="Copy the Python that reads this field" onClick={act("path")}>
        path
      </button>
    </span>
  );
}

/** `top` is the name of the field of the first level that it belongs to: columns are those. */
function Node({ store, item, path, top }: { store: Store; item: TreeItem; path: number[]; top: string }) {
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
    <div role="treeitem" aria-expanded={item.more ? isOpen : undefined} class="bk-node">
      <div class="bk-leaf" style={{ "--bk-depth": depth }}>
        {item.more ? (
          <button
            type="button"
            class="bk-fold"
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
          <Actions store={store} path={path} leaf={!["object", "array"].includes(item.kind)} top={top} />
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
              top={depth ? top : child.name}
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

export function Tree({ store }: { store: Store }) {
  const { root } = store.tree.value;
  if (!root) return null;
  return (
    <div class="bk-tree" role="tree" aria-label="The value as a tree">
      <Node store={store} item={root} path={[]} top="" />
    </div>
  );
}
