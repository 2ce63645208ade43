// Two messages side by side, field by field.
import { useSignal } from "@preact/signals";

import { Icon } from "../parts/icons";
import { Bdi } from "../parts/plain";
import type { ComparedRows } from "../protocol";
import type { Store } from "./store";

function Value({ text, of }: { text: string | null; of: string }) {
  return <td class={of}>{text === null ? <em>missing</em> : <Bdi>{text}</Bdi>}</td>;
}

export function Compared({ store, rows }: { store: Store; rows: ComparedRows["rows"] }) {
  const only = useSignal(true);
  const different = rows.filter(([, , , same]) => !same).length;
  const shown = rows.filter(([, , , same]) => !only.value || !same);
  return (
    <section class="bk-detail" aria-label="Two messages compared">
      <div class="bk-top">
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
        <span class="bk-grow" />
        <button
          type="button"
          class="bk-btn bk-quiet bk-small bk-square"
          aria-label="Close"
          onClick={() => {
            store.compared.value = null;
          }}
        >
          <Icon sign="x" />
        </button>
      </div>
      <div class="bk-body">
        <table class="bk-table bk-compare">
          <thead>
            <tr>
              {["", "field", "first", "second"].map((name) => (
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
      </div>
    </section>
  );
}
