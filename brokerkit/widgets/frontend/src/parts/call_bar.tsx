// The Python call of what is shown, to be copied.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";

import { Code } from "./code";
import { Icon } from "./icons";

export async function toClipboard(text: string, shown: Element | null): Promise<string> {
  try {
    await navigator.clipboard.writeText(text);
    return "copied";
  } catch {
    const chosen = getSelection();
    if (!shown || !chosen) return "the clipboard cannot be used here";
    const range = document.createRange();
    range.selectNodeContents(shown);
    chosen.removeAllRanges();
    chosen.addRange(range);
    return "press Ctrl+C";
  }
}

interface Props {
  label: string;
  call: string;
  /** Whether it is the foot of a screen: one line, with the button at its end. */
  foot?: boolean;
}

export function CallBar({ label, call, foot = false }: Props) {
  const code = useRef<HTMLElement>(null);
  const said = useSignal("");
  const copy = async () => {
    said.value = await toClipboard(call, code.current);
    setTimeout(() => {
      said.value = "";
    }, 2000);
  };
  const answer = (
    <span class="bk-dim" role="status">
      {said}
    </span>
  );
  return (
    <div class="bk-call" role="group" aria-label={label}>
      {foot && <span class="bk-cap">Python</span>}
      <code class={foot ? "bk-mono bk-cut bk-grow" : "bk-code bk-mono"} ref={code} title={call}>
        <Code text={call} />
      </code>
      {foot && answer}
      <button
        type="button"
        class={`bk-btn${foot ? " bk-small" : ""}`}
        aria-label="Copy the Python call"
        onClick={() => void copy()}
      >
        {foot && <Icon sign="copy" />}
        Copy
      </button>
      {!foot && answer}
    </div>
  );
}
