// Light or dark, by what is behind the widget: hosts name their themes differently, or not at all.

/** The brightness of a CSS colour from 0 to 1; null for one that can be seen through. */
export function brightness(colour: string): number | null {
  const [red, green, blue, alpha = 1] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  if (red === undefined || green === undefined || blue === undefined || alpha < 0.5) return null;
  const scale = colour.startsWith("color(") ? 1 : 255;
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / scale;
}

/** The element around another one, also where that is a shadow root. */
function above(node: Element): Element | null {
  if (node.parentElement) return node.parentElement;
  const root = node.getRootNode();
  return root instanceof ShadowRoot ? root.host : null;
}

function behind(node: Element): "light" | "dark" {
  for (let each = above(node); each; each = above(each)) {
    const found = brightness(getComputedStyle(each).backgroundColor);
    if (found !== null) return found < 0.5 ? "dark" : "light";
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Set `data-theme` on a node, now and when the host changes its theme; returns what ends it. */
export function followTheme(node: HTMLElement): () => void {
  const set = () => {
    node.dataset["theme"] = behind(node);
  };
  const watcher = new MutationObserver(set);
  for (const each of [document.documentElement, document.body])
    watcher.observe(each, {
      attributes: true,
      attributeFilter: ["class", "style", "data-theme", "data-jp-theme-light"],
    });
  set();
  requestAnimationFrame(set);
  return () => {
    watcher.disconnect();
  };
}
