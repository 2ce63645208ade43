// The sheet of keys behind `?`.
import { useLayoutEffect, useRef } from "preact/hooks";

const KEYS = [
  ["/", "find a topic"],
  ["f", "filter"],
  ["↑ ↓", "row before, after"],
  ["Shift+↑ ↓", "choose a range"],
  ["Space", "choose a row too"],
  ["Enter", "open the message"],
  ["j k", "next, previous message"],
  ["t x l", "tree, hex, layers"],
  ["← →", "close, open in the tree"],
  ["g", "go on reading"],
  ["c", "copy the Python call"],
  ["n", "new message"],
  ["e", "export"],
  ["r", "edit and resend"],
  ["1 … 8", "tabs"],
  ["[", "list of topics"],
  [".", "stop reading"],
  ["Esc", "one step back"],
  ["?", "this sheet"],
] as const;

export function KeySheet({ close }: { close: () => void }) {
  const sheet = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const node = sheet.current;
    const root = node?.getRootNode() as Document | ShadowRoot | undefined;
    const before = root?.activeElement;
    node?.focus();
    return () => {
      // the keyboard goes back to where it was
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <div
      class="bk-sheet"
      role="dialog"
      aria-modal="true"
      aria-label="Keys"
      tabIndex={-1}
      ref={sheet}
      onKeyDown={(event) => {
        if (event.key !== "Escape" && event.key !== "?") return;
        event.preventDefault();
        event.stopPropagation();
        close();
      }}
    >
      <h3>Keys</h3>
      <dl>
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <button type="button" class="bk-btn" onClick={close}>
        Close
      </button>
    </div>
  );
}
