// Where something small floats: below what it belongs to, or above it where there is no room.
const GAP = 4;

/** Places an element with a fixed position, whatever its containing block is. */
export function placeBelow(anchor: Element, floating: HTMLElement): void {
  Object.assign(floating.style, { left: "0px", top: "0px" });
  const from = anchor.getBoundingClientRect();
  const own = floating.getBoundingClientRect();
  const view = document.documentElement;
  const below = from.bottom + GAP;
  const fits = below + own.height <= view.clientHeight || from.top < own.height + GAP;
  const y = fits ? below : from.top - GAP - own.height;
  const x = Math.max(GAP, Math.min(from.left, view.clientWidth - own.width - GAP));
  // a container of queries is the containing block of what is fixed in it
  Object.assign(floating.style, {
    left: `${String(x - own.left)}px`,
    top: `${String(y - own.top)}px`,
  });
}

/** Places an element below another one whatever is scrolled or resized, until what it returns is called. */
export function keptBelow(anchor: Element, floating: HTMLElement): () => void {
  const place = () => {
    placeBelow(anchor, floating);
  };
  const scrolled = (event: Event) => {
    if (!event.composedPath().includes(floating)) place();
  };
  const watcher = new ResizeObserver(place);
  for (const each of [anchor, floating]) watcher.observe(each);
  document.addEventListener("scroll", scrolled, true);
  addEventListener("resize", place);
  place();
  return () => {
    watcher.disconnect();
    document.removeEventListener("scroll", scrolled, true);
    removeEventListener("resize", place);
  };
}
