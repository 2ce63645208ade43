// Where the keyboard is. In a shadow root, the document knows the host of it only.

/** Whether the focus is in a node. */
export function hasFocus(node: Element): boolean {
  const root = node.getRootNode();
  const focused = root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
  return node.contains(focused);
}
