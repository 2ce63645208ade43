// How high the editor may be, so that the checks and Send below it stay in sight.

const LEAST = 168;
const MOST = 420;
/** What the checks, a sentence and the buttons need. */
const BELOW = 120;

/** The height for an editor that begins `above` pixels below the top of a panel. */
export function roomFor(panel: number, above: number): number {
  return Math.round(Math.max(LEAST, Math.min(MOST, panel - above - BELOW)));
}

/** Keep an editor as high as the panel that scrolls it has room; returns what ends that. */
export function keepInRoom(place: HTMLElement): () => void {
  const panel = scrolling(place);
  if (!panel) return () => undefined;
  const fit = () => {
    const above = place.getBoundingClientRect().top - panel.getBoundingClientRect().top + panel.scrollTop;
    place.style.setProperty("--bk-editor-most", `${String(roomFor(panel.clientHeight, above))}px`);
  };
  const observer = new ResizeObserver(fit);
  observer.observe(panel);
  // what is above it may grow, such as by a header
  if (panel.firstElementChild) observer.observe(panel.firstElementChild);
  fit();
  return () => {
    observer.disconnect();
  };
}

function scrolling(node: HTMLElement): HTMLElement | null {
  for (let each = node.parentElement; each; each = each.parentElement) {
    if (["auto", "scroll"].includes(getComputedStyle(each).overflowY)) return each;
    if (each.classList.contains("bk")) return null;
  }
  return null;
}
