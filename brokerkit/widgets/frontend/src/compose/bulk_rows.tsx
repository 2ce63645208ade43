// Which rows are ready, which are bad and why, and how one of them would be sent.
import { useHeld } from "../host/answers";
import { Icon } from "../parts/icons";
import { Bdi } from "../parts/plain";
import { lookOf } from "../parts/receipt";
import { counted } from "../parts/words";
import type { BulkLine, BulkShown } from "../protocol";

function Lines({ lines, label }: { lines: BulkLine[]; label: string }) {
  const columns = lines.some(({ column }) => column);
  return (
    <table class="bk-table" aria-label={label}>
      <thead>
        <tr>
          <th scope="col" class="bk-number">
            Line
          </th>
          <th scope="col">{columns ? "Column" : "Receipt"}</th>
          <th scope="col">{columns ? "Problem" : "What happened"}</th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line, index) => {
          const look = lookOf(line.status === "left out" ? "failed" : line.status);
          return (
            <tr key={index}>
              <td class="bk-number">{line.line}</td>
              <td class={columns ? "bk-mono" : look.class}>
                {columns ? (
                  <Bdi>{line.column}</Bdi>
                ) : (
                  <>
                    <Icon sign={look.sign} /> {line.status}
                  </>
                )}
              </td>
              <td class={`bk-wrap-any ${look.class}`}>
                <Bdi>{line.problem}</Bdi>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

export function BulkRows({ bulk, onSave }: { bulk: BulkShown; onSave: () => void }) {
  return (
    <section class="bk-box" aria-label="Rows">
      <div class="bk-box-head">
        <h3>Rows</h3>
        <span class="bk-line" role="status">
          {bulk.checking ? (
            <span class="bk-dim">Checking every row…</span>
          ) : (
            <>
              <span class={bulk.ready ? "bk-good" : "bk-dim"}>
                <Icon sign="check" /> {`${bulk.ready.toLocaleString("en")} ready`}
              </span>
              {bulk.bad > 0 && (
                <span class="bk-bad">
                  <Icon sign="x" /> {`${bulk.bad.toLocaleString("en")} left out`}
                </span>
              )}
            </>
          )}
        </span>
        <span class="bk-grow" />
        {bulk.bad > 0 && (
          <button type="button" class="bk-link" onClick={onSave}>
            {`Save the ${bulk.bad.toLocaleString("en")} as CSV`}
          </button>
        )}
      </div>
      {bulk.lines.length > 0 && (
        <div class="bk-box-body">
          <Lines lines={bulk.lines} label="Bad lines" />
          {bulk.bad > bulk.lines.length && (
            <p class="bk-dim">{`and ${(bulk.bad - bulk.lines.length).toLocaleString("en")} more`}</p>
          )}
        </div>
      )}
    </section>
  );
}

export function BulkPreview({ bulk, onRow }: { bulk: BulkShown; onRow: (row: number) => void }) {
  const shown = bulk.preview;
  const [row, keep] = useHeld(shown?.row ?? 0);
  if (!shown) return null;
  const turn = (to: number) => {
    onRow(to);
    keep(to);
  };
  return (
    <section class="bk-box" aria-label="Preview">
      <div class="bk-box-head">
        <h3>{`Preview of ${shown.line}`}</h3>
        <span class="bk-grow" />
        <button
          type="button"
          class="bk-btn bk-small bk-square"
          aria-label="Previous row"
          disabled={row === 0}
          onClick={() => {
            turn(row - 1);
          }}
        >
          <Icon sign="back" />
        </button>
        <button
          type="button"
          class="bk-btn bk-small bk-square"
          aria-label="Next row"
          disabled={row >= bulk.total - 1}
          onClick={() => {
            turn(row + 1);
          }}
        >
          <Icon sign="right" />
        </button>
      </div>
      <dl class="bk-pairs">
        {shown.parts.map(([name, text], index) => (
          <>
            <dt key={`name ${String(index)}`}>
              <Bdi>{name}</Bdi>
            </dt>
            <dd key={index} class={name === "left out" ? "bk-bad" : undefined}>
              <span>
                <Bdi>{text}</Bdi>
              </span>
            </dd>
          </>
        ))}
      </dl>
    </section>
  );
}

export function BulkReceipts({ bulk }: { bulk: BulkShown }) {
  if (!bulk.receipts.length) return null;
  return (
    <section class="bk-box" aria-label="Receipts">
      <div class="bk-box-head">
        <h3>{`${counted(bulk.receipts.length, "receipt")} of rows that were not confirmed`}</h3>
      </div>
      <div class="bk-box-body">
        <Lines lines={bulk.receipts} label="Receipts" />
      </div>
    </section>
  );
}
