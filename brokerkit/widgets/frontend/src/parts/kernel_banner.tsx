// What is said where no click arrives.
import type { ReadonlySignal } from "@preact/signals";

import type { Line } from "../host/connection";

export function KernelBanner({ line }: { line: ReadonlySignal<Line> }) {
  if (line.value === "open") return null;
  if (line.value === "silent")
    return (
      <div class="bk-banner bk-warn" role="status">
        <span>
          <b>The kernel does not answer.</b> It runs another cell, or has stopped. What you click is done when
          it answers again.
        </span>
      </div>
    );
  return (
    <div class="bk-banner bk-bad" role="alert">
      <span>
        <b>The kernel has stopped.</b> What you see is the last state; nothing here can be read or sent. Run
        the cell again: Shift+Enter.
      </span>
    </div>
  );
}
