// What is said where no click arrives.
import type { ReadonlySignal } from "@preact/signals";

import type { Line } from "../host/connection";

export const SILENT = {
  silent: "It runs another cell, or has stopped. What you click is done when it answers again.",
  lost: "If it runs no other cell, it has stopped: run the cell again (Shift+Enter).",
};

interface Props {
  line: ReadonlySignal<Line>;
  ended?: string | undefined;
}

export function KernelBanner({ line, ended }: Props) {
  if (line.value === "open") return null;
  if (line.value === "silent" || line.value === "lost")
    return (
      <div class="bk-banner bk-is-warn" role="status">
        <span>
          <b>The kernel does not answer.</b> {SILENT[line.value]}
        </span>
      </div>
    );
  return (
    <div class="bk-banner bk-is-bad" role="alert">
      <span>
        <b>{ended ? "The program has ended." : "The kernel has stopped."}</b> What you see is the last state;
        nothing here can be read or sent. {ended ?? "Run the cell again: Shift+Enter."}
      </span>
    </div>
  );
}
