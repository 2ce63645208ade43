// Two messages side by side, field by field.
import { useSignal } from "@preact/signals";

import { Icon } from "../parts/icons";
import { Bdi } from "../parts/plain";
import type { ComparedRows } from "../protocol";
import type { Store } from "./store";

function Value({ text, of }: { text: string | null; of: string }) {
  return <td class={of}>{text === null ? <em>missing</em> : <Bdi>{text}</Bdi>}</td>;
}

interface Props {
  store: Store;
  rows: ComparedRows["rows"];
  /** Give the keyboard back to the rows. */
  leave: () => void;
}

/** It has the place of the rows, whose width it needs. */
export function Compared({ store, rows, leave }: Props) {
  const only = useSignal(true);
  const close = () => {
    store.compared.value = null;
    leave();
  };
  const different = rows.filter(([, , , same]) => !same).length;
  const shown = rows.filter(([, , , same]) => !only.value || !same);
  return (
    <section
      class="bk-detail"
      aria-label="Two messages compared"
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        close();
      }}
    >
      <div class="bk-top">
        <button type="button" class="bk-btn bk-quiet bk-small" onClick={close}>
          <Icon sign="back" />
          Back to the rows
        </button>
        <strong>{`${String(different)} of ${String(rows.length)} fields differ`}</strong>
        <label class="bk-dim">
          <input
            type="checkbox"
            checked={only}
            onChange={(event) => {
              only.value = event.currentTarget.checked;
            }}
          />{" "}
          differences only
        </label>
      </div>
      <div class="bk-body">
        <table class="bk-table bk-compare">
          <thead>
            <tr>
              {["", "Field", "First", "Second"].map((name) => (
                <th scope="col" key={name}>
                  {name || <span class="bk-unseen">Equal</span>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map(([name, left, right, same], index) => (
              <tr key={index} class={same ? "" : "bk-different"}>
                <td aria-label={same ? "same" : "different"}>{same ? "=" : "≠"}</td>
                <th scope="row">
                  <Bdi>{name}</Bdi>
                </th>
                <Value text={left} of="bk-left" />
                <Value text={right} of="bk-right" />
              </tr>
            ))}
          </tbody>
        </table>
        {shown.length === 0 && <p class="bk-inset bk-dim">They are equal in every field.</p>}
      </div>
    </section>
  );
}
