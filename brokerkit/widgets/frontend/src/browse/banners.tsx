// What has happened to the kernel, the session or the broker: what still works, and the one thing to do.
import type { ComponentChildren } from "preact";

import { Icon, type Sign } from "../parts/icons";
import { SILENT } from "../parts/kernel_banner";
import type { BrowseState } from "../protocol";
import type { Store } from "./store";

function Banner(props: { level: "bad" | "warn"; sign: Sign; children: ComponentChildren }) {
  return (
    <div class={`bk-banner bk-is-${props.level}`} role={props.level === "bad" ? "alert" : "status"}>
      <Icon sign={props.sign} />
      {props.children}
    </div>
  );
}

export function Banners({ store, now }: { store: Store; now: BrowseState }) {
  const line = store.line.line.value;
  if (line === "dead")
    return (
      <Banner level="bad" sign="bad">
        <span class="bk-grow">
          <b>{store.line.ended ? "The program has ended." : "The kernel has stopped."}</b> What you see is the
          last state; nothing here can be read or sent.{" "}
          {store.line.ended ?? "Run the cell again: Shift+Enter."}
        </span>
      </Banner>
    );
  return (
    <>
      {line !== "open" && (
        <Banner level="warn" sign="warn">
          <span class="bk-grow">
            <b>The kernel does not answer.</b> {SILENT[line]}
          </span>
        </Banner>
      )}
      {now.closed ? (
        <Banner level="warn" sign="lock">
          <span class="bk-grow">
            <b>This session was closed.</b> The rows stay, and can be copied; reading needs a new session:
            connect again, and run the cell.
          </span>
        </Banner>
      ) : (
        now.problem && (
          <Banner level="bad" sign="bad">
            <span class="bk-grow bk-problem">{now.problem}</span>
            {now.lost && (
              <button
                type="button"
                class="bk-btn bk-small"
                onClick={() => {
                  store.line.send({ type: "again" });
                }}
              >
                <Icon sign="sync" />
                Try again
              </button>
            )}
          </Banner>
        )
      )}
    </>
  );
}
