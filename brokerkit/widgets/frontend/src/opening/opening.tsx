// The view of `bk.open()`: what a newcomer sees first.
import { useEffect } from "preact/hooks";

import type { Connection } from "../host/connection";
import { CallBar } from "../parts/call_bar";
import { Icon } from "../parts/icons";
import { KernelBanner } from "../parts/kernel_banner";
import { Menu } from "../parts/menu";
import type { BrowseShown, OpeningDone, OpeningState } from "../protocol";
import { NewConnection } from "./new_connection";
import { Saved } from "./saved";
import "./opening.css";

export type Line = Connection<OpeningState, BrowseShown, OpeningDone>;

function LookAround({ line }: { line: Line }) {
  const now = line.state.value;
  const [first, ...others] = now.sandboxes;
  const start = (name: string) => {
    line.send({ type: "sandbox", name });
  };
  return (
    <section class="bk-card" aria-label="Just look around">
      <div class="bk-card-head">
        <h3>Just look around</h3>
      </div>
      <div class="bk-inset">
        <p class="bk-above">
          A private broker on this machine with a small shop in it: orders, payments, clicks, a reader that
          lags, and dead letters. It ends with the session.
        </p>
        <span class="bk-line bk-wraps">
          {first && (
            <button
              type="button"
              class="bk-btn bk-fill"
              disabled={now.opening !== ""}
              onClick={() => {
                start(first.name);
              }}
            >
              <Icon sign="box" />
              Start {first.title} sandbox
            </button>
          )}
          <Menu label="Another system" button="Another system">
            {(close) =>
              others.map((each) => (
                <button
                  type="button"
                  class="bk-item"
                  key={each.name}
                  disabled={now.opening !== ""}
                  onClick={() => {
                    close();
                    start(each.name);
                  }}
                >
                  {each.title}
                </button>
              ))
            }
          </Menu>
        </span>
      </div>
    </section>
  );
}

export function Opening({ line }: { line: Line }) {
  const now = line.state.value;
  useEffect(() => {
    // nothing but states comes to this screen
    line.listen(() => undefined);
  }, [line]);
  return (
    <div class="bk bk-panel">
      <div class="bk-frame bk-opening">
        <KernelBanner line={line.line} ended={line.ended} />
        <div class="bk-header">
          <div class="bk-title">
            <h2>Open a broker</h2>
            <span class="bk-dim bk-cut">Nothing is stored in the notebook; secrets stay in the keyring</span>
          </div>
        </div>
        {now.opening && (
          <div class="bk-banner" role="status">
            <progress aria-label="Opening" />
            <span>Opening {now.opening}…</span>
          </div>
        )}
        {now.problem && (
          <div class="bk-banner bk-is-bad" role="alert">
            <Icon sign="bad" />
            <span class="bk-problem">{now.problem}</span>
          </div>
        )}
        <div class="bk-pad">
          <Saved line={line} />
          <div class="bk-cards">
            <NewConnection line={line} />
            <div class="bk-column">
              <LookAround line={line} />
              <section class="bk-card" aria-label="In code">
                <div class="bk-card-head">
                  <h3>In code</h3>
                </div>
                <pre class="bk-pre bk-inset">{now.code}</pre>
              </section>
            </div>
          </div>
        </div>
        <CallBar label="The Python call that opens this" call={now.call} foot />
      </div>
    </div>
  );
}
