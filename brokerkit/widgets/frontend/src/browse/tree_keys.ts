// What the arrow keys do in a tree, as in the tree views of other programs.

/** One line of a tree that is in view: how deep it is, and whether it is open; null where it has nothing in it. */
export interface TreeLine {
  depth: number;
  open: boolean | null;
}

/** The line that a key leads to, and whether that line is opened or closed; null for other keys. */
export function treeKey(lines: TreeLine[], at: number, key: string): { to: number; toggle: boolean } | null {
  const line = lines[at];
  if (!line) return null;
  const go = (to: number) => ({ to: Math.max(0, Math.min(lines.length - 1, to)), toggle: false });
  switch (key) {
    case "ArrowDown":
      return go(at + 1);
    case "ArrowUp":
      return go(at - 1);
    case "Home":
      return go(0);
    case "End":
      return go(lines.length - 1);
    case "ArrowRight":
      if (line.open === false) return { to: at, toggle: true };
      return line.open && (lines[at + 1]?.depth ?? 0) > line.depth ? go(at + 1) : go(at);
    case "ArrowLeft":
      if (line.open) return { to: at, toggle: true };
      for (let outer = at - 1; outer >= 0; outer -= 1)
        if ((lines[outer]?.depth ?? 0) < line.depth) return go(outer);
      return go(at);
    case "Enter":
      return line.open === null ? null : { to: at, toggle: true };
    default:
      return null;
  }
}
