// The keyboard stays in the widget: where what had it is drawn no more, the host would take the next keys.

function canHave(node: EventTarget | undefined): node is HTMLElement {
  return node instanceof HTMLElement && node.isConnected && node.hasAttribute("tabindex");
}

/** Keep the keyboard in a node; returns what ends it. */
export function keepFocus(node: HTMLElement): () => void {
  let path: EventTarget[] = [];
  const nobody = () => {
    const root = node.getRootNode() as Document | ShadowRoot;
    return !root.activeElement || root.activeElement === document.body;
  };
  const check = () => {
    const [had] = path;
    if (!(had instanceof Node) || had.isConnected || !node.isConnected) return;
    const around = path.slice(0, path.indexOf(node));
    path = [];
    if (!nobody()) return;
    const next = around.find(canHave) ?? node.querySelector<HTMLElement>(".bk-panel");
    if (!next) return;
    if (!next.hasAttribute("tabindex")) {
      next.tabIndex = -1;
      next.addEventListener(
        "blur",
        () => {
          next.removeAttribute("tabindex");
        },
        { once: true },
      );
    }
    next.focus({ preventScroll: true });
  };
  const came = (event: FocusEvent) => {
    path = event.composedPath();
  };
  const left = () => {
    // some browsers say so of what is just taken away, too
    queueMicrotask(() => {
      check();
      const [had] = path;
      if (had instanceof Node && had.isConnected && nobody()) path = [];
    });
  };
  const watcher = new MutationObserver(check);
  watcher.observe(node, { childList: true, subtree: true });
  node.addEventListener("focusin", came);
  node.addEventListener("focusout", left);
  return () => {
    watcher.disconnect();
    node.removeEventListener("focusin", came);
    node.removeEventListener("focusout", left);
  };
}
