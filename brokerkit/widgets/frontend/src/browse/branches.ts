// The parts of a JSON tree that have been loaded, by their paths.
import type { Payload, TreeItem } from "../protocol";

export interface Branch {
  items: TreeItem[];
  total: number;
}

export interface Loaded {
  root: TreeItem | null;
  branches: Record<string, Branch>;
  /** The paths of the objects and arrays that are open. */
  open: ReadonlySet<string>;
}

export const NOTHING: Loaded = { root: null, branches: {}, open: new Set([""]) };

export const keyOf = (path: number[]): string => path.join("/");

/** The tree with what a message adds to it: a root replaces everything. */
export function grown(tree: Loaded, part: Payload): Loaded {
  const { children } = part;
  const before = part.root ? { ...NOTHING, root: part.root } : tree;
  if (!children) return before;
  const key = keyOf(children.path);
  const known = before.branches[key]?.items.slice(0, children.first) ?? [];
  const branch = { items: [...known, ...children.items], total: children.total };
  return { ...before, branches: { ...before.branches, [key]: branch } };
}

/** The tree with one object or array opened or closed. */
export function toggled(tree: Loaded, key: string): Loaded {
  const open = new Set(tree.open);
  if (!open.delete(key)) open.add(key);
  return { ...tree, open };
}
