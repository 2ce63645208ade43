// Cards and tables of the tabs of a topic.
import type { ComponentChildren } from "preact";

import { Bdi } from "../parts/plain";

export function Bar({ share, warn = false, bad = false }: { share: number; warn?: boolean; bad?: boolean }) {
  return (
    <div class={`bk-bar${warn ? " bk-warn" : ""}${bad ? " bk-is-bad" : ""}`}>
      <i style={{ width: `${String(Math.round(100 * share))}%` }} />
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="bk-empty">{children}</div>;
}

export type Column = [name: ComponentChildren, numeric?: boolean, extra?: string];

export function Heads({ columns }: { columns: Column[] }) {
  return (
    <thead>
      <tr>
        {columns.map(([name, numeric, extra], place) => (
          <th
            scope="col"
            key={typeof name === "string" ? name : place}
            class={[numeric ? "bk-number" : "", extra].filter(Boolean).join(" ")}
          >
            {typeof name === "string" && !name.trim() ? <span class="bk-unseen">More</span> : name}
          </th>
        ))}
      </tr>
    </thead>
  );
}

/** Names with their values, a line each. */
export function PairTable({ pairs }: { pairs: readonly (readonly [string, string])[] }) {
  return (
    <table class="bk-table">
      <tbody>
        {pairs.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">
              <Bdi>{name}</Bdi>
            </th>
            <td class="bk-wrap-any">
              <Bdi>{value}</Bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Card({
  title,
  note,
  children,
}: {
  title: ComponentChildren;
  note?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="bk-card">
      <div class="bk-card-head">
        <h3 title={typeof title === "string" ? title : undefined}>{title}</h3>
        <span class="bk-grow" />
        <span class="bk-dim">{note}</span>
      </div>
      <div class="bk-card-body">{children}</div>
    </section>
  );
}
