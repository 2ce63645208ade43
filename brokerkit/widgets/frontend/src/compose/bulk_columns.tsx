// What each column becomes: a field, the key, the value, a header, or nothing.
import { DraftInput } from "../parts/draft_input";
import { HeldSelect } from "../parts/held_select";
import { Bdi } from "../parts/plain";
import type { BulkChoice, BulkColumn, BulkRole, BulkShown, BulkType } from "../protocol";

interface Props {
  bulk: BulkShown;
  onSet: (choice: Omit<BulkChoice, "type">) => void;
}

function Line({
  place,
  one,
  bulk,
  onSet,
}: Props & {
  place: number;
  one: BulkColumn;
}) {
  const locked = bulk.running || bulk.again || Boolean(bulk.receiving);
  const field = one.role === "field" || one.role === "key and field";
  const named = field || one.role === "header";
  return (
    <tr class={one.role === "left out" ? "bk-dim" : undefined}>
      <th scope="row" class="bk-mono">
        <Bdi>{one.column}</Bdi>
      </th>
      <td class="bk-cut">{one.first ? <Bdi>{one.first}</Bdi> : <span class="bk-dim">(empty)</span>}</td>
      <td>
        <HeldSelect
          class="bk-select"
          label={`What ${one.column} becomes`}
          value={one.role}
          disabled={locked}
          onChoose={(chosen) => {
            onSet({ column: place, role: chosen as BulkRole });
          }}
        >
          {bulk.roles.map((role) => (
            <option key={role} value={role}>
              {role === "left out" ? "leave out" : role}
            </option>
          ))}
        </HeldSelect>
        {one.also && (
          <span class="bk-dim">
            {" "}
            <Bdi>{one.also}</Bdi>
          </span>
        )}
      </td>
      <td>
        {named && (
          <DraftInput
            label={`The name of ${one.column} there`}
            value={one.name}
            disabled={locked}
            onSet={(text) => {
              onSet({ column: place, name: text });
            }}
          />
        )}
      </td>
      <td>
        {field && one.type && (
          <HeldSelect
            class="bk-select"
            label={`What the cells of ${one.column} are`}
            value={one.type}
            disabled={locked}
            onChoose={(chosen) => {
              onSet({ column: place, kind: chosen as BulkType });
            }}
          >
            {bulk.types.map((type) => (
              <option key={type} value={type}>
                {type}
              </option>
            ))}
          </HeldSelect>
        )}
      </td>
    </tr>
  );
}

export function BulkColumns({ bulk, onSet }: Props) {
  const left = bulk.columns.filter(({ role }) => role === "left out").length;
  return (
    <section class="bk-box" aria-label="Columns">
      <div class="bk-box-head">
        <h3>Columns</h3>
        <span class="bk-dim">{left ? `${String(left)} left out` : ""}</span>
      </div>
      <div class="bk-box-body">
        <table class="bk-table">
          <thead>
            <tr>
              {["Column", "First row", "Becomes", "Name there", "Written as"].map((name) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {bulk.columns.map((one, place) => (
              <Line key={place} place={place} one={one} bulk={bulk} onSet={onSet} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
