// Whether somebody may see a view: its page is not hidden, and it is not scrolled away, folded or in another tab.

export interface Sight {
  readonly seen: boolean;
  close(): void;
}

/** Watches an element; `back` is called when it is seen again, with for how long it was not, in milliseconds. */
export function watchSight(element: Element, back: (away: number) => void): Sight {
  let within = true;
  let since: number | null = null;
  const seen = () => within && !document.hidden;
  const turn = () => {
    if (seen() === (since === null)) return;
    if (since === null) {
      since = performance.now();
      return;
    }
    const away = performance.now() - since;
    since = null;
    back(away);
  };
  const watcher = new IntersectionObserver((entries) => {
    within = entries.at(-1)?.isIntersecting ?? within;
    turn();
  });
  watcher.observe(element);
  document.addEventListener("visibilitychange", turn);
  return {
    get seen() {
      return seen();
    },
    close() {
      watcher.disconnect();
      document.removeEventListener("visibilitychange", turn);
    },
  };
}
