// The Python call of what is shown, to be copied.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";

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

export function CallBar({ label, call }: { label: string; call: string }) {
  const code = useRef<HTMLElement>(null);
  const said = useSignal("");
  const copy = async () => {
    said.value = await toClipboard(call, code.current);
    setTimeout(() => {
      said.value = "";
    }, 2000);
  };
  return (
    <div class="bk-call" role="group" aria-label={label}>
      <code class="bk-code bk-mono" ref={code}>
        {call}
      </code>
      <button type="button" class="bk-btn" aria-label="Copy the Python call" onClick={() => void copy()}>
        Copy
      </button>
      <span class="bk-dim" role="status">
        {said}
      </span>
    </div>
  );
}
