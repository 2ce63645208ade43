// Where the keyboard is. In a shadow root, the document knows the host of it only.

/** Whether the focus is in a node. */
export function hasFocus(node: Element): boolean {
  const root = node.getRootNode();
  const focused = root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
  return node.contains(focused);
}

/** Run an action once what was just changed is drawn, and before the next key. */
export function soon(action: () => void): void {
  // the drawing waits in the same queue, before it
  queueMicrotask(action);
}

const TYPED =
  "input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable=true], .cm-editor *";

/** The element that has the keyboard, also within shadow roots. */
function focused(): Element | null {
  let found = document.activeElement;
  while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
  return found;
}

/** Give a node the keyboard, unless somebody types elsewhere by now. */
export function offerFocus(node: { focus: () => void } | null | undefined): void {
  const now = focused();
  if (!node || now?.matches(TYPED)) return;
  node.focus();
}
