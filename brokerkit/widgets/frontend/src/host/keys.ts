// Keys that the host must not take for its own: JupyterLab's commands are single letters, too, and cut cells.
const MARK = "data-lm-suppress-shortcuts";

/** Whether a key is for the host: it saves with Ctrl+S and runs the cell with Shift+Enter. */
export function forHost(
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">,
): boolean {
  return event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
}

/** Keep single keys from the host while the focus is in a node; returns what ends it. */
export function keepKeys(node: HTMLElement): () => void {
  // the host listens at the document, so this must come before
  const before = (event: KeyboardEvent) => {
    const path = event.composedPath();
    if (!path.includes(node)) return;
    // the host looks at the focused element first, and no further where that has a command
    for (const each of [node, path[0]])
      if (each instanceof Element) each.toggleAttribute(MARK, !forHost(event));
  };
  window.addEventListener("keydown", before, true);
  return () => {
    window.removeEventListener("keydown", before, true);
  };
}
