// Whether an element can be seen: what is asked again and again is asked for only while somebody looks.
import { useEffect } from "preact/hooks";

/** Calls an action at once and then every so many seconds, while an element is in sight. */
export function useWhileInSight(
  node: { current: Element | null },
  action: () => void,
  seconds: number,
  on: boolean,
): void {
  useEffect(() => {
    const element = node.current;
    if (!on || !element) return undefined;
    let seen = false;
    let timer: ReturnType<typeof setInterval> | undefined;
    const turn = () => {
      const wanted = seen && document.visibilityState === "visible";
      if (wanted === (timer !== undefined)) return;
      clearInterval(timer);
      timer = undefined;
      if (!wanted) return;
      action();
      timer = setInterval(action, 1_000 * seconds);
    };
    const watcher = new IntersectionObserver((entries) => {
      seen = entries.at(-1)?.isIntersecting ?? false;
      turn();
    });
    watcher.observe(element);
    document.addEventListener("visibilitychange", turn);
    return () => {
      watcher.disconnect();
      document.removeEventListener("visibilitychange", turn);
      clearInterval(timer);
    };
  }, [node, action, seconds, on]);
}
